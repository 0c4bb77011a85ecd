//! Every program the same way, one after the other, and how Rolldeck does against the best of the others.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustix::process::Signal;

use super::{
    Wanted,
    figures::{at_share, median, ms, number, print_table},
    peers::{self, Contender},
    session::{End, GAP, Link, Session, Way},
    standin::{Fleet, StandIn},
};

/// All figures are taken at this size.
pub const SIZE: (u16, u16) = (120, 40);
/// How long a program may take to be ready.
pub const READY_WITHIN: Duration = Duration::from_secs(30);

/// What was measured of one program.
#[derive(Debug, Default)]
struct Measured {
    first_byte: Vec<Duration>,
    first_frame: Vec<Duration>,
    first_bytes: usize,
    bytes: f64,
    bursts: f64,
    cpu: f64,
    rss: f64,
    keys: Vec<Duration>,
    missed: usize,
    ends: Vec<(&'static str, End)>,
}

/// Measures and prints.
pub fn measure(wanted: &Wanted) {
    let (peers, missing) = peers::found();
    let fleet = StandIn::start(Fleet { rollouts: 9, changes: 0 });
    let ours = [rolldeck(wanted, &fleet.url, 9), demo(wanted)];
    let mut done: Vec<(&str, Measured)> = Vec::new();
    for contender in ours.iter().chain(&peers) {
        match one(wanted, contender) {
            Ok(measured) => done.push((contender.name, measured)),
            Err(why) => println!("{} could not be measured: {why}", contender.name),
        }
    }
    println!("\nbeside, {}x{}; not installed: {}", SIZE.0, SIZE.1, missing.join(", "));
    print(&done, ours.len());
}

/// The dashboard on a stand-in.
pub fn rolldeck(wanted: &Wanted, url: &str, rollouts: usize) -> Contender {
    let program = wanted.program.display().to_string();
    Contender {
        name: "rolldeck",
        command: vec![program, "--server".to_owned(), url.to_owned()],
        env: wanted.env(),
        ready: format!(" {rollouts} rollout"),
        keys: ["j", "k"],
        quit: "q",
    }
}

/// The dashboard with a whole control plane and a simulated fleet in its process.
pub fn demo(wanted: &Wanted) -> Contender {
    let program = wanted.program.display().to_string();
    Contender {
        name: "demo",
        command: vec![program, "demo".to_owned()],
        env: wanted.env(),
        ready: " rollouts: ".to_owned(),
        keys: ["j", "k"],
        quit: "q",
    }
}

/// Starts a program and waits for its first complete frame.
pub fn begin(contender: &Contender, size: (u16, u16), link: Link) -> Result<(Session, Duration), String> {
    let mut session = Session::start(&contender.command, &contender.env, size, link)?;
    let ready = &contender.ready;
    let shown = session.pump(READY_WITHIN, |screen, _| !screen.is_held() && screen.text().contains(ready.as_str()));
    match shown {
        Some(shown) => {
            let took = shown.due - session.started;
            Ok((session, took))
        }
        None => Err(format!("{ready:?} did not come; the screen is\n{}", session.screen.text())),
    }
}

fn one(wanted: &Wanted, contender: &Contender) -> Result<Measured, String> {
    let mut measured = Measured::default();
    let ways = [
        (contender.quit, Way::Key(contender.quit)),
        ("TERM", Way::Signal(Signal::TERM)),
        ("HUP", Way::Signal(Signal::HUP)),
        ("closed", Way::Close),
    ];
    let starts = wanted.times(12, 4) as usize;
    for run in 0..starts {
        let mut contender = contender.clone();
        contender.env.extend(wanted.env());
        let (mut session, took) = begin(&contender, SIZE, Link::NONE)?;
        let first = session.log.first().map(|(at, _)| *at - session.started).unwrap_or_default();
        measured.first_byte.push(first);
        measured.first_frame.push(took);
        if run == 0 {
            session.quiet(GAP * 3, Duration::from_millis(300));
            measured.first_bytes = session.written();
            steady(wanted, &mut session, &mut measured);
            pressed(wanted, &contender, &mut session, &mut measured);
        } else {
            session.pump(Duration::from_millis(300), |_, _| false);
        }
        if let Some((name, way)) = ways.get(run) {
            let end = session.end(*way, Duration::from_secs(3));
            measured.ends.push((if run == 0 { "key" } else { name }, end));
        }
    }
    Ok(measured)
}

/// Nobody touches anything.
fn steady(wanted: &Wanted, session: &mut Session, measured: &mut Measured) {
    session.pump(Duration::from_secs(2), |_, _| false);
    away_from_the_minute(session, u64::from(wanted.times(20, 5)));
    let (mark, bytes, before) = (session.log.len(), session.written(), session.usage());
    let span = Duration::from_secs(u64::from(wanted.times(20, 5)));
    session.pump(span, |_, _| false);
    let after = session.usage();
    let seconds = span.as_secs_f64();
    measured.bytes = (session.written() - bytes) as f64 / seconds;
    measured.bursts = session.bursts_since(mark) as f64 / seconds;
    measured.cpu = ms(after.cpu.saturating_sub(before.cpu)) / seconds;
    measured.rss = after.rss as f64 / 1024.0;
}

/// Waits until so many seconds fit before the clock's next minute, which is shown and costs its bytes.
pub fn away_from_the_minute(session: &mut Session, seconds: u64) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let into = since.as_secs() % 60;
    if into + seconds >= 59 {
        session.pump(Duration::from_secs(61 - into), |_, _| false);
    }
}

fn pressed(wanted: &Wanted, contender: &Contender, session: &mut Session, measured: &mut Measured) {
    let mut chance = StdRng::seed_from_u64(7);
    for n in 0..wanted.times(100, 20) {
        let pause = Duration::from_millis(chance.random_range(20..150));
        session.pump(pause, |_, _| false);
        session.quiet(GAP * 3, Duration::from_millis(300));
        match session.press(contender.keys[n as usize % 2], Duration::from_secs(2)) {
            Some(took) => measured.keys.push(took),
            None => measured.missed += 1,
        }
    }
}

fn print(done: &[(&str, Measured)], ours: usize) {
    let mut rows = vec![vec!["figure".to_owned()]];
    rows[0].extend(done.iter().map(|(name, _)| (*name).to_owned()));
    rows[0].extend(["best peer".to_owned(), "ratio".to_owned()]);
    let mut row = |name: &str, value: &dyn Fn(&Measured) -> Option<f64>| {
        let values: Vec<Option<f64>> = done.iter().map(|(_, measured)| value(measured)).collect();
        let best = values.iter().skip(ours).flatten().copied().min_by(f64::total_cmp);
        let mut cells = vec![name.to_owned()];
        cells.extend(values.iter().map(|value| value.map_or("-".to_owned(), number)));
        cells.push(best.map_or("-".to_owned(), number));
        let ratio = values.first().copied().flatten().zip(best).filter(|(_, best)| *best > 0.0);
        cells.push(ratio.map_or("-".to_owned(), |(own, best)| format!("{}x", number(own / best))));
        rows.push(cells);
    };
    row("first byte, ms (median)", &|m| median(&m.first_byte).map(ms));
    row("first frame, ms (median)", &|m| median(&m.first_frame).map(ms));
    row("first frame, ms (least)", &|m| m.first_frame.iter().min().copied().map(ms));
    row("first frame, bytes", &|m| Some(m.first_bytes as f64));
    row("untouched, bytes/s", &|m| Some(m.bytes));
    row("untouched, bursts/s", &|m| Some(m.bursts));
    row("untouched, ms of CPU/s", &|m| Some(m.cpu));
    row("memory, MiB", &|m| Some(m.rss));
    row("key, ms (median)", &|m| median(&m.keys).map(ms));
    row("key, ms (p99)", &|m| at_share(&m.keys, 0.99).map(ms));
    row("keys without an answer", &|m| Some(m.missed as f64));
    for way in ["key", "TERM", "HUP", "closed"] {
        row(&format!("left by {way}, ms"), &|m| {
            let end = m.ends.iter().find(|(name, _)| *name == way)?;
            end.1.took.map(ms)
        });
    }
    for way in ["key", "TERM", "HUP"] {
        let left = |m: &Measured| {
            let (_, end) = m.ends.iter().find(|(name, _)| *name == way)?;
            end.left_on.as_ref().map(Vec::len)
        };
        row(&format!("modes left on by {way}"), &|m| left(m).map(|count| count as f64));
    }
    print_table(&rows);
    for (name, measured) in done {
        for (way, end) in &measured.ends {
            if let Some(left) = end.left_on.as_ref().filter(|left| !left.is_empty()) {
                println!("  {name} left by {way}: {}", left.join(", "));
            }
            if end.took.is_none() {
                println!("  {name} did not end by {way} within 3 s");
            }
        }
    }
}
