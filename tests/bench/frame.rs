//! From a key to a drawn frame, with a thousand and with ten thousand rollouts, and the bytes of the first frame.
#![allow(
    missing_docs,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use divan::Bencher;
use ratatui::{Terminal, layout::Size};
use rolldeck::{
    backend::{Cursor, RolloutsPage, Tagged},
    clock,
    domain::{Rollout, RolloutId},
    tui::{
        ContextChoice, Options,
        app::App,
        capability::{Capability, Depth, Glyphs},
        intent::Intent,
        keymap::Keymap,
        message::{Answer, Input, Message, Moment},
        terminal::Painter,
        theme::Theme,
        update::update,
        view,
    },
};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn main() {
    for (width, height) in SIZES {
        for rollouts in [12, 1_000] {
            let mut desk = Desk::new(rollouts, (width, height));
            println!("first frame at {width}x{height} with {rollouts} rollouts: {} bytes", desk.frame());
        }
    }
    for (width, height) in SIZES {
        let mut desk = Desk::new(12, (width, height));
        desk.frame();
        let mut detail = desk.opened();
        let (first, quiet) = (detail.frame(), detail.frame());
        let mut slice = |minutes| {
            detail.watch(judged(minutes));
            detail.frame()
        };
        let slices: Vec<usize> = (1..=5).map(&mut slice).collect();
        println!(
            "eight indicators in detail at {width}x{height}: first frame {first} bytes, the same again {quiet}, \
             each of five new slices {slices:?}"
        );
    }
    divan::main();
}

/// The rollout that is looked at, with eight judged indicators whose newest slice is so many minutes after the
/// beginning: half an hour of slices of a minute each.
fn judged(minutes: i64) -> Rollout {
    let begin: DateTime<Utc> = "2026-03-26T11:30:00Z".parse().expect("an instant");
    let sli = |n: u32| {
        let point = |at: i64| {
            // Values that wander as measured ones do, the same in every run.
            let x = (at as f64 * 0.7 + f64::from(n)).sin() * 0.001;
            serde_json::json!({"at": begin + TimeDelta::minutes(at), "canary": 0.012 + x, "baseline": 0.01,
                "difference": 0.002 + x, "interval": {"low": x, "high": 0.004 + x}})
        };
        let series: Vec<serde_json::Value> = (minutes..minutes + 30).map(point).collect();
        let samples = 18_000 + minutes * 1000;
        serde_json::json!({"name": format!("indicator-{n}"), "unit": "ratio", "direction": "higher_is_worse",
            "family": "availability", "critical": n == 0, "required": true, "method": "sequence",
            "canary": {"value": 0.012, "samples": samples}, "baseline": {"value": 0.01, "samples": samples * 9},
            "difference": 0.002, "ratio": 1.2, "interval": {"low": 0.0, "high": 0.004}, "limit": 0.005,
            "verdict": "pass", "why": format!("1.2% against 1.0%, {samples} requests"), "telemetry": "ok",
            "observed_at": begin + TimeDelta::minutes(minutes + 30), "series": series})
    };
    let mut value = serde_json::to_value(rollout(1)).expect("JSON");
    value["slis"] = (0..8).map(sli).collect();
    serde_json::from_value(value).expect("a rollout")
}

/// A rollout as the API's JSON has it, so that the benchmark is a client like any other.
fn rollout(n: usize) -> Rollout {
    let id: RolloutId = format!("dc-{}/change-{n:05}", n % 40).parse().expect("a name");
    let phase = ["progressing", "paused", "awaiting_promotion", "degraded", "completed"][n % 5];
    let stage = |name: &str, state: &str| {
        serde_json::json!({"name": name, "state": state, "selects": "10 sites",
            "exposure": {"percent": 10.0, "units": 4, "units_total": 40},
            "entered_at": null, "hold_until": null, "finished_at": null})
    };
    serde_json::from_value(serde_json::json!({
        "target": id.target, "name": id.name, "driver": "fleet", "revision": "r1", "phase": phase,
        "message": "12 of 40 units of the stage are healthy", "strategy": "staged",
        "stable": {"version": "4.11.3", "snapshot": null}, "candidate": {"version": "4.12.0", "snapshot": null},
        "exposure": {"percent": 10.0, "units": 4, "units_total": 40},
        "stages": [stage("canary", "passed"), stage("batch", "progressing"), stage("fleet", "waiting")],
        "current_stage": "batch", "blockers": [], "slis": [],
        "verdict": {"label": "no_data", "score": null, "why": "nothing is reported"},
        "freeze": null, "next": null, "owner": "team-picking", "correlation_id": "c",
        "created_at": "2026-03-26T10:00:00Z", "updated_at": "2026-03-26T11:00:00Z", "observed_at": null,
    }))
    .expect("a rollout")
}

struct Desk {
    app: App,
    theme: Theme,
    terminal: Terminal<Painter>,
    elapsed: Duration,
}

impl Desk {
    fn new(rollouts: usize, size: (u16, u16)) -> Self {
        let options = Options {
            connect: Arc::new(|_: &str| Err("none".to_owned())),
            contexts: vec![ContextChoice {
                name: "bench".into(),
                protected: false,
                place: "here".into(),
                reached_by: Vec::new(),
            }],
            current: "bench".into(),
            read_only: false,
            open: None,
            follow: None,
            theme: None,
            keymap: None,
            user_dir: None,
            color: None,
            glyphs: None,
            clock: clock::system(),
            filters: std::collections::BTreeMap::new(),
            notices: Vec::new(),
            preferences: rolldeck::tui::Preferences::default(),
        };
        let capability = Capability {
            depth: Depth::Ansi16,
            depth_why: String::new(),
            glyphs: Glyphs::Unicode,
            glyphs_why: String::new(),
            full_screen: true,
        };
        let elapsed = Duration::from_secs(10);
        let wall = "2026-03-26T12:00:00Z".parse().expect("an instant");
        let mut app = App::new(&options, Arc::new(Keymap::load(None, None).0), Moment { wall, elapsed }, size);
        drop(app.start());
        let terminal = Terminal::new(Painter::new(Size { width: size.0, height: size.1 })).expect("a painter");
        let mut desk = Self { app, theme: Theme::built_in("dark", &capability), terminal, elapsed };
        let page = RolloutsPage::All {
            rollouts: (0..rollouts).map(rollout).collect(),
            cursor: Cursor("c".into()),
            as_of: wall,
            carriers: vec![],
        };
        desk.send(Message::Answer(1, Box::new(Answer::View(Ok(page)))));
        desk
    }

    /// The same desk with the detail view of a judged rollout.
    fn opened(mut self) -> Self {
        let id = judged(0).id();
        self.send(Message::Input(Input::Intent(Intent::CommandLine)));
        self.write(&format!("open {id}"));
        self.send(Message::Input(Input::Intent(Intent::Open)));
        self.watch(judged(0));
        self
    }

    fn write(&mut self, text: &str) {
        for letter in text.chars() {
            self.send(Message::Input(Input::Edit(tui_input::InputRequest::InsertChar(letter))));
        }
    }

    fn watch(&mut self, rollout: Rollout) {
        let answer = Answer::Rollout(rollout.id(), Ok(Tagged::Fresh(Box::new(rollout), "tag".into())));
        self.send(Message::Answer(1, Box::new(answer)));
    }

    fn send(&mut self, message: Message) {
        self.elapsed += Duration::from_millis(40);
        let wall = "2026-03-26T12:00:00Z".parse().expect("an instant");
        drop(update(&mut self.app, message, Moment { wall, elapsed: self.elapsed }));
    }

    /// Draws a frame; says how many bytes it writes.
    fn frame(&mut self) -> usize {
        self.app.take_dirty();
        let (app, theme) = (&self.app, &self.theme);
        let Ok(_) = self.terminal.draw(|frame| view::draw(app, theme, frame));
        self.terminal.backend_mut().take_frame().map_or(0, |frame| frame.len())
    }
}

#[divan::bench(args = [1_000, 10_000])]
fn key_to_frame(bencher: Bencher<'_, '_>, rollouts: usize) {
    let mut desk = Desk::new(rollouts, (120, 40));
    desk.frame();
    let mut down = true;
    bencher.bench_local(move || {
        down = !down;
        desk.send(Message::Input(Input::Intent(if down { Intent::Down } else { Intent::Up })));
        desk.frame()
    });
}

#[divan::bench(args = [1_000, 10_000])]
fn filter_key_to_frame(bencher: Bencher<'_, '_>, rollouts: usize) {
    let mut desk = Desk::new(rollouts, (120, 40));
    desk.send(Message::Input(Input::Intent(Intent::Filter)));
    bencher.bench_local(move || {
        for request in [tui_input::InputRequest::InsertChar('7'), tui_input::InputRequest::DeletePrevChar] {
            desk.send(Message::Input(Input::Edit(request)));
            desk.frame();
        }
    });
}

/// Types a word to its end and rubs it out again, a letter at a time.
fn letter_to_frame(bencher: Bencher<'_, '_>, mut desk: Desk, word: &str) {
    let word: Vec<char> = word.chars().collect();
    let mut at = 0;
    bencher.bench_local(move || {
        let request = match word.get(at) {
            Some(letter) => tui_input::InputRequest::InsertChar(*letter),
            None => tui_input::InputRequest::DeletePrevChar,
        };
        at = (at + 1) % (word.len() * 2);
        desk.send(Message::Input(Input::Edit(request)));
        desk.frame()
    });
}

/// A letter more and a letter less of a filter.
#[divan::bench(args = [1_000, 10_000])]
fn filter_word_letter_to_frame(bencher: Bencher<'_, '_>, rollouts: usize) {
    let mut desk = Desk::new(rollouts, (120, 40));
    desk.send(Message::Input(Input::Intent(Intent::Filter)));
    letter_to_frame(bencher, desk, "dc-7/chg007 prog");
}

/// A letter of the command line where each rollout could follow.
#[divan::bench(args = [1_000, 10_000])]
fn completion_letter_to_frame(bencher: Bencher<'_, '_>, rollouts: usize) {
    let mut desk = Desk::new(rollouts, (120, 40));
    desk.send(Message::Input(Input::Intent(Intent::CommandLine)));
    desk.write("open ");
    letter_to_frame(bencher, desk, "dc-7/chg007");
}

#[divan::bench(args = [1_000, 10_000])]
fn one_change_to_frame(bencher: Bencher<'_, '_>, rollouts: usize) {
    let mut desk = Desk::new(rollouts, (120, 40));
    let mut n = 0_u64;
    bencher.bench_local(move || {
        n += 1;
        let mut changed = rollout(7);
        changed.message = format!("change {n}").as_str().into();
        let page = RolloutsPage::Changed {
            changed: vec![changed],
            removed: vec![],
            cursor: Cursor("c".into()),
            as_of: "2026-03-26T12:00:00Z".parse().expect("an instant"),
            carriers: vec![],
        };
        desk.send(Message::Answer(1, Box::new(Answer::View(Ok(page)))));
        desk.frame()
    });
}

/// A slice of eight indicators comes in, in the detail view with four charts.
#[divan::bench]
fn one_slice_to_frame(bencher: Bencher<'_, '_>) {
    let mut desk = Desk::new(12, (120, 40)).opened();
    let slices: Vec<Rollout> = (0..10).map(judged).collect();
    let mut n = 0;
    bencher.bench_local(move || {
        n += 1;
        desk.watch(slices[n % slices.len()].clone());
        desk.frame()
    });
}
