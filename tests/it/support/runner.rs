//! The whole dashboard in this process: the real loop, app, effects and frames, on keys that a test sends
//! and a screen that reads what a terminal would get.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures_util::stream;
use ratatui::layout::Size;
use rolldeck::{
    backend::Backend,
    clock,
    tui::{
        ContextChoice, Options,
        capability::{Capability, Depth, Glyphs, Wishes},
        dashboard::run_on,
        run::{Io, RunError},
        terminal::{Multiplexer, Sink},
    },
};
use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

/// A running dashboard.
pub struct Runner {
    events: UnboundedSender<Event>,
    screen: Paper,
    task: JoinHandle<Result<(), RunError>>,
}

#[derive(Clone)]
struct Paper(Arc<Mutex<vt100::Parser>>);

impl Sink for Paper {
    fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().process(frame);
        Ok(())
    }
}

impl Runner {
    /// Starts it on a backend, on a screen of this size, without colours.
    pub fn start(backend: Arc<dyn Backend>, width: u16, height: u16) -> Self {
        let place = backend.place();
        let options = Options {
            connect: Arc::new(move |_| Ok(Arc::clone(&backend))),
            contexts: vec![ContextChoice { name: "test".to_owned(), protected: false, place, reached_by: Vec::new() }],
            current: "test".to_owned(),
            read_only: false,
            follow: None,
            open: None,
            theme: None,
            keymap: None,
            user_dir: None,
            color: Some(Depth::Mono),
            glyphs: Some(Glyphs::Ascii),
            clock: clock::system(),
            filters: std::collections::BTreeMap::new(),
            notices: Vec::new(),
            preferences: rolldeck::tui::Preferences::default(),
        };
        let capability = Capability::of(|_| None, Wishes { depth: Some(Depth::Mono), glyphs: Some(Glyphs::Ascii) });
        let (events, queue) = unbounded_channel();
        let parser = vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0);
        let screen = Paper(Arc::new(Mutex::new(parser)));
        let io = Io {
            events: Box::pin(stream::unfold(queue, async |mut queue| {
                queue.recv().await.map(|event| (Ok(event), queue))
            })),
            sink: Box::new(screen.clone()),
            size: Box::new(move || Size { width, height }),
            multiplexer: Multiplexer::None,
            answers: None,
            hyperlinks: None,
            session: None,
        };
        let task = tokio::spawn(async move { run_on(options, &capability, io).await });
        Self { events, screen, task }
    }

    /// Types characters; line breaks are Enter, `\x1b` is Esc.
    pub fn keys(&self, keys: &str) {
        for c in keys.chars() {
            let (code, modifiers) = match c {
                '\n' | '\r' => (KeyCode::Enter, KeyModifiers::NONE),
                '\t' => (KeyCode::Tab, KeyModifiers::NONE),
                '\x1b' => (KeyCode::Esc, KeyModifiers::NONE),
                c if c.is_uppercase() => (KeyCode::Char(c), KeyModifiers::SHIFT),
                c => (KeyCode::Char(c), KeyModifiers::NONE),
            };
            self.events.send(Event::Key(KeyEvent::new(code, modifiers))).unwrap();
        }
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.screen.0.lock().unwrap().screen().contents()
    }

    /// Waits until a text is on the screen.
    pub async fn wait_for(&self, text: &str) {
        let wait = async {
            while !self.screen().contains(text) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let came = tokio::time::timeout(super::pty::SOON, wait).await;
        assert!(came.is_ok(), "{text:?} did not come; the screen is\n{}", self.screen());
    }

    /// Leaves, and waits for the end.
    pub async fn leave(self) {
        self.keys("q");
        tokio::time::timeout(super::pty::SOON, self.task).await.unwrap().unwrap().unwrap();
    }
}
