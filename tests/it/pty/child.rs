//! A small program around the real loop and the real terminal. It runs in a process of its own: this test
//! binary, started once more in a pseudo-terminal, with the name of the behaviour in the environment.

use std::time::Duration;

use ratatui::{Frame, text::Text};
use rolldeck::{
    clock,
    tui::{
        intent::Intent,
        keymap::{ContextName, Keymap},
        message::{Command, Input, Message, Moment, TerminalRequest},
        run::{Io, Program, RunError, drive},
        terminal::Session,
    },
};

pub const BEHAVIOUR: &str = "ROLLDECK_TEST_BEHAVIOUR";

/// Shows the last input.
struct Last {
    text: String,
    dirty: bool,
    behaviour: String,
}

impl Program for Last {
    fn start(&mut self) -> Vec<Command> {
        Vec::new()
    }
    fn contexts(&self) -> Vec<ContextName> {
        vec![ContextName::Global]
    }
    fn update(&mut self, message: Message, _: Moment) -> Vec<Command> {
        self.dirty |= !matches!(message, Message::Painted);
        match message {
            Message::Input(Input::Intent(Intent::Quit)) => return vec![Command::Quit],
            Message::Input(Input::Intent(Intent::Redraw)) => return vec![Command::Redraw],
            Message::Input(Input::Intent(Intent::Suspend)) => return vec![Command::Suspend],
            Message::Input(Input::Intent(Intent::Newest)) => match self.behaviour.as_str() {
                "panic" => panic!("something is wrong in the loop"),
                "task" => {
                    tokio::spawn(async { panic!("something is wrong in a task") });
                }
                "stuck" => loop {
                    std::thread::sleep(Duration::from_secs(1));
                },
                _ => {}
            },
            Message::Input(Input::Intent(Intent::Raw)) => {
                let about = vec!["what it is for".to_owned()];
                return vec![Command::Edit { key: "k1".to_owned(), text: "as it was".to_owned(), about }];
            }
            Message::Input(Input::Intent(Intent::Copy)) => {
                let copy = TerminalRequest::Clipboard("dc-west/pick-assist".to_owned());
                return vec![Command::Terminal(copy), Command::Terminal(TerminalRequest::Bell)];
            }
            Message::Edited(key, Ok(text)) => self.text = format!("<{key}: {}>", text.escape_debug()),
            Message::Edited(key, Err(why)) => self.text = format!("<{key} not: {why}>"),
            Message::Input(Input::Intent(intent)) => self.text = format!("<{}>", intent.id()),
            Message::Input(Input::Paste(text)) => self.text = format!("<paste {}>", text.escape_debug()),
            Message::Resized { width, height } => self.text = format!("<{width}x{height}>"),
            Message::Resumed => self.text = "<resumed>".to_owned(),
            _ => {}
        }
        Vec::new()
    }
    fn deadline(&self) -> Option<Duration> {
        None
    }
    fn is_dirty(&self) -> bool {
        self.dirty
    }
    fn draw(&mut self, frame: &mut Frame<'_>) {
        self.dirty = false;
        let filler = "every cell is written when everything is painted ".repeat(200);
        let text = if self.behaviour == "full" { format!("{} {filler}", self.text) } else { self.text.clone() };
        frame.render_widget(
            ratatui::widgets::Paragraph::new(Text::raw(text)).wrap(ratatui::widgets::Wrap { trim: true }),
            frame.area(),
        );
    }
}

#[test]
#[ignore = "it is the program that other tests run in a terminal"]
fn child() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let session = Session::enter().unwrap();
        let (sender, messages) = tokio::sync::mpsc::channel(8);
        let program = Last { text: "<ready>".to_owned(), dirty: true, behaviour };
        let resolver = Keymap::load(None, None).0.resolver();
        let result = drive(program, drop, messages, resolver, clock::system(), Io::terminal(session).unwrap()).await;
        drop(sender);
        result
    });
    match result {
        Ok(()) => std::process::exit(0),
        Err(RunError::Ended(ended)) => std::process::exit(ended.code),
        Err(error) => panic!("{error}"),
    }
}
