use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use futures_util::stream;
use ratatui::text::Text;
use tokio::sync::mpsc::{Sender, UnboundedSender, channel, unbounded_channel};

use super::*;
use crate::{
    clock,
    tui::{intent::Intent, keymap::Keymap},
};

/// Shows what it was told, and leaves on `q`.
#[derive(Default)]
struct Diary {
    lines: Vec<String>,
    dirty: bool,
    drawn: Arc<Mutex<usize>>,
    deadline: Option<Duration>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Program for Diary {
    fn start(&mut self) -> Vec<Command> {
        self.dirty = true;
        vec![Command::Refresh]
    }
    fn contexts(&self) -> Vec<ContextName> {
        vec![ContextName::Global]
    }
    fn update(&mut self, message: Message, _: Moment) -> Vec<Command> {
        let line = match message {
            Message::Painted => {
                self.seen.lock().unwrap().push(format!("painted {}", self.lines.len()));
                return Vec::new();
            }
            Message::Input(Input::Intent(Intent::Quit)) => return vec![Command::Quit],
            Message::Input(Input::Intent(Intent::Redraw)) => return vec![Command::Redraw],
            Message::Input(Input::Intent(intent)) => intent.id().to_owned(),
            Message::Input(Input::Paste(text)) => format!("paste {}", text.len()),
            Message::Resized { width, height } => format!("{width}x{height}"),
            Message::Deadline => {
                self.deadline = None;
                "deadline".to_owned()
            }
            other => format!("{other:?}"),
        };
        self.seen.lock().unwrap().push(line.clone());
        self.lines.push(line);
        self.dirty = true;
        Vec::new()
    }
    fn deadline(&self) -> Option<Duration> {
        self.deadline
    }
    fn is_dirty(&self) -> bool {
        self.dirty
    }
    fn draw(&mut self, frame: &mut Frame<'_>) {
        self.dirty = false;
        *self.drawn.lock().unwrap() += 1;
        let last = self.lines.iter().rev().take(8).rev().cloned().collect::<Vec<_>>().join("\n");
        frame.render_widget(Text::raw(last), frame.area());
    }
}

/// A terminal that can stop reading.
#[derive(Clone, Default)]
struct Paper {
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    stopped: Arc<AtomicBool>,
}

impl Sink for Paper {
    fn write_frame(&mut self, frame: &[u8]) -> io::Result<()> {
        while self.stopped.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        self.frames.lock().unwrap().push(frame.to_vec());
        Ok(())
    }
}

struct Desk {
    events: UnboundedSender<Event>,
    messages: Sender<Message>,
    paper: Paper,
    size: Arc<Mutex<Size>>,
    drawn: Arc<Mutex<usize>>,
    seen: Arc<Mutex<Vec<String>>>,
    performed: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Desk {
    fn with(program: Diary) -> Self {
        let (events, queue) = unbounded_channel();
        let (messages, receiver) = channel(64);
        let (paper, performed) = (Paper::default(), Arc::new(Mutex::new(Vec::new())));
        let size = Arc::new(Mutex::new(Size { width: 30, height: 10 }));
        let (drawn, seen) = (Arc::clone(&program.drawn), Arc::clone(&program.seen));
        let (shared_size, shared_performed) = (Arc::clone(&size), Arc::clone(&performed));
        let io = Io {
            events: Box::pin(stream::unfold(queue, async |mut queue| {
                queue.recv().await.map(|event| (Ok(event), queue))
            })),
            sink: Box::new(paper.clone()),
            size: Box::new(move || *shared_size.lock().unwrap()),
            multiplexer: Multiplexer::None,
            answers: None,
            hyperlinks: None,
            session: None,
        };
        let perform = move |command: Command| shared_performed.lock().unwrap().push(format!("{command:?}"));
        let resolver = Keymap::load(None, None).0.resolver();
        let task = tokio::spawn(drive(program, perform, receiver, resolver, clock::system(), io));
        Self { events, messages, paper, size, drawn, seen, performed, task }
    }

    fn press(&self, c: char) {
        self.events.send(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))).unwrap();
    }

    fn screen(&self) -> String {
        let mut parser = vt100::Parser::new(10.try_into().unwrap(), 30.try_into().unwrap(), 0);
        for frame in self.paper.frames.lock().unwrap().iter() {
            parser.process(frame);
        }
        parser.screen().contents()
    }

    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let wait = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(5), wait).await;
        assert!(in_time.is_ok(), "{what}: {:?}\n{}", self.seen.lock().unwrap(), self.screen());
    }

    fn frames(&self) -> usize {
        self.paper.frames.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_key_is_answered_on_the_screen_and_leaving_ends_the_loop() {
    let desk = Desk::with(Diary::default());
    desk.press('j');
    desk.until("the key", |desk| desk.screen().contains("down")).await;
    assert_eq!(*desk.performed.lock().unwrap(), ["Refresh"]);
    desk.press('q');
    desk.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn nothing_is_drawn_or_written_while_nothing_happens() {
    let desk = Desk::with(Diary::default());
    desk.until("the first frame", |desk| desk.seen.lock().unwrap().contains(&"painted 0".to_owned())).await;
    let before = (desk.frames(), *desk.drawn.lock().unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((desk.frames(), *desk.drawn.lock().unwrap()), before);
}

#[tokio::test]
async fn a_burst_costs_few_frames_and_its_end_is_shown() {
    let desk = Desk::with(Diary::default());
    for _ in 0..500 {
        desk.messages.send(Message::Resumed).await.unwrap();
    }
    desk.press('G');
    desk.until("the end", |desk| desk.screen().contains("bottom")).await;
    assert!(desk.frames() < 20, "{} frames", desk.frames());
}

#[tokio::test]
async fn a_terminal_that_does_not_read_gets_the_newest_state_when_it_reads_again() {
    let desk = Desk::with(Diary::default());
    desk.until("the first frame", |desk| desk.seen.lock().unwrap().contains(&"painted 0".to_owned())).await;
    desk.paper.stopped.store(true, Ordering::SeqCst);
    for c in "jkjkjkjk".chars() {
        desk.press(c);
        let count = desk.seen.lock().unwrap().len();
        desk.until("a key is taken in all the same", |desk| desk.seen.lock().unwrap().len() >= count).await;
    }
    desk.press('G');
    desk.until("keys are taken", |desk| desk.seen.lock().unwrap().contains(&"bottom".to_owned())).await;
    let before = desk.frames();
    desk.paper.stopped.store(false, Ordering::SeqCst);
    desk.until("the newest state", |desk| desk.screen().contains("bottom")).await;
    assert!(desk.frames() - before <= 2, "frames were queued");
}

#[tokio::test]
async fn it_is_told_when_a_change_is_on_the_screen_and_only_then() {
    let desk = Desk::with(Diary::default());
    desk.until("the first frame", |desk| desk.seen.lock().unwrap().contains(&"painted 0".to_owned())).await;
    desk.paper.stopped.store(true, Ordering::SeqCst);
    desk.press('j');
    desk.until("the key", |desk| desk.seen.lock().unwrap().contains(&"down".to_owned())).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!desk.seen.lock().unwrap().contains(&"painted 1".to_owned()));
    desk.paper.stopped.store(false, Ordering::SeqCst);
    desk.until("the frame", |desk| desk.seen.lock().unwrap().contains(&"painted 1".to_owned())).await;
}

#[tokio::test]
async fn a_storm_of_sizes_costs_one_repaint_at_the_last_of_them() {
    let desk = Desk::with(Diary::default());
    desk.until("the first frame", |desk| desk.seen.lock().unwrap().contains(&"painted 0".to_owned())).await;
    for width in 31..60 {
        *desk.size.lock().unwrap() = Size { width, height: 10 };
        desk.events.send(Event::Resize(width, 10)).unwrap();
    }
    desk.until("the size", |desk| desk.seen.lock().unwrap().contains(&"59x10".to_owned())).await;
    let sizes = desk.seen.lock().unwrap().iter().filter(|line| line.contains("x10")).count();
    assert_eq!(sizes, 1);
}

#[tokio::test]
async fn a_deadline_comes_once_and_a_paste_is_one_bounded_input() {
    let desk = Desk::with(Diary { deadline: Some(Duration::from_millis(20)), ..Diary::default() });
    desk.until("the deadline", |desk| desk.screen().contains("deadline")).await;
    desk.events.send(Event::Paste("é".repeat(PASTE_MAX))).unwrap();
    desk.until("the paste", |desk| desk.screen().contains(&format!("paste {PASTE_MAX}"))).await;
    let deadlines = desk.seen.lock().unwrap().iter().filter(|line| *line == "deadline").count();
    assert_eq!(deadlines, 1);
}

#[tokio::test]
async fn a_redraw_writes_every_cell_again() {
    let desk = Desk::with(Diary::default());
    desk.press('j');
    desk.until("the key", |desk| desk.screen().contains("down")).await;
    desk.events.send(Event::Key(KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL))).unwrap();
    desk.until("the repaint", |desk| {
        let frames = desk.paper.frames.lock().unwrap();
        let last = String::from_utf8_lossy(frames.last().unwrap()).into_owned();
        last.contains("\u{1b}[2J") && last.contains("down")
    })
    .await;
}
