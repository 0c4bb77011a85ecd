//! What the dashboard must reach, figure by figure.

use std::time::{Duration, Instant};

use super::{
    Wanted,
    beside::{away_from_the_minute, begin, demo, rolldeck},
    figures::{Held, at_share, median, ms},
    peers::{self, Contender},
    session::{GAP, Link, Session},
    standin::{self, Fleet, StandIn},
};

const WIDE: (u16, u16) = (120, 40);
const NARROW: (u16, u16) = (80, 24);
const HUGE: (u16, u16) = (200, 60);
/// What is typed into the filter, and rubbed out again.
const WORD: &str = "change-00042";

fn open(contender: &Contender, size: (u16, u16), link: Link) -> Option<Session> {
    match begin(contender, size, link) {
        Ok((session, _)) => Some(session),
        Err(why) => {
            println!("{}: {why}", contender.name);
            None
        }
    }
}

/// The first frame, in bytes at every size, and in time beside bottom's of the same minute.
pub fn first(wanted: &Wanted) -> Held {
    let mut held = Held::default();
    let fleet = StandIn::start(Fleet { rollouts: 40, changes: 0 });
    let contender = rolldeck(wanted, &fleet.url, 40);
    for size in [NARROW, WIDE, HUGE] {
        let Some(mut session) = open(&contender, size, Link::NONE) else { continue };
        session.quiet(GAP * 3, Duration::from_millis(100));
        let bytes = session.written() as f64;
        held.at_most(format!("first frame at {}x{}", size.0, size.1), Some(bytes), "bytes", 8192.0);
    }
    let (peers, _) = peers::found();
    let bottom = peers.iter().find(|peer| peer.name == "bottom");
    let few = StandIn::start(Fleet { rollouts: 9, changes: 0 });
    let (remote, with_demo) = (rolldeck(wanted, &few.url, 9), demo(wanted));
    let mut times: [Vec<Duration>; 3] = std::array::from_fn(|_| Vec::new());
    // In turn, so that whatever else the machine does is the same for all.
    for _ in 0..wanted.times(15, 5) {
        for (index, contender) in [Some(&remote), Some(&with_demo), bottom].into_iter().enumerate() {
            let Some(contender) = contender else { continue };
            let mut contender = contender.clone();
            contender.env.extend(wanted.env());
            if let Ok((_, took)) = begin(&contender, WIDE, Link::NONE) {
                times[index].push(took);
            }
        }
    }
    let [remote, with_demo, bottom] = times.map(|times| median(&times).map(ms));
    match bottom {
        Some(bottom) => {
            held.say("first frame of bottom", format!("{bottom:.1} ms"));
            held.at_most("first frame against a server", remote, "ms", bottom * 1.5);
            held.at_most("first frame of demo", with_demo, "ms", bottom * 4.0);
        }
        None => {
            held.say(
                "first frame against a server (no bottom here)",
                remote.map_or("none".into(), |t| format!("{t:.1} ms")),
            );
            held.say("first frame of demo", with_demo.map_or("none".into(), |t| format!("{t:.1} ms")));
        }
    }
    held
}

/// Bytes a second of a session that is left alone for so long.
fn steady(session: &mut Session, seconds: u64) -> (f64, f64, u64) {
    session.pump(Duration::from_secs(2), |_, _| false);
    away_from_the_minute(session, seconds);
    let (mark, bytes, ticks) = (session.log.len(), session.written(), session.usage().ticks);
    session.pump(Duration::from_secs(seconds), |_, _| false);
    let span = seconds as f64;
    let bytes = (session.written() - bytes) as f64 / span;
    (bytes, session.bursts_since(mark) as f64 / span, session.usage().ticks - ticks)
}

/// Bytes a second: idle, of a busy overview, of four charts.
pub fn busy(wanted: &Wanted) -> Held {
    let mut held = Held::default();
    let seconds = u64::from(wanted.times(40, 12));
    let still = StandIn::start_silent(9);
    if let Some(mut session) = open(&rolldeck(wanted, &still.url, 9), WIDE, Link::NONE) {
        let (bytes, _, ticks) = steady(&mut session, seconds);
        held.at_most("idle", Some(bytes), "bytes/s", 0.0);
        held.at_most(format!("idle, ticks of CPU in {seconds} s"), Some(ticks as f64), "ticks", 1.0);
    }
    let lively = StandIn::start(Fleet { rollouts: 9, changes: 9 });
    if let Some(mut session) = open(&rolldeck(wanted, &lively.url, 9), NARROW, Link::NONE) {
        let (bytes, bursts, ticks) = steady(&mut session, seconds);
        held.at_most("overview 80x24, all 9 rollouts change every second", Some(bytes), "bytes/s", 400.0);
        held.say("  bursts a second, ticks of CPU", format!("{bursts:.1}, {ticks}"));
    }
    let mut detail = rolldeck(wanted, &lively.url, 9);
    detail.command.push(format!("dc-01/{}", standin::name(1)));
    detail.ready = "indicator-3".to_owned();
    for size in [NARROW, WIDE] {
        if let Some(mut session) = open(&detail, size, Link::NONE) {
            let (bytes, bursts, _) = steady(&mut session, seconds);
            let what = format!("detail {}x{} with four live charts, new values every second", size.0, size.1);
            held.at_most(what, Some(bytes), "bytes/s", 1536.0);
            held.say("  bursts a second", format!("{bursts:.1}"));
        }
    }
    if let Some(mut session) = open(&demo(wanted), NARROW, Link::NONE) {
        let (bytes, bursts, _) = steady(&mut session, seconds);
        held.at_most("overview 80x24 of the demo", Some(bytes), "bytes/s", 400.0);
        held.say("  bursts a second", format!("{bursts:.1}"));
        session.send("\r");
        let (bytes, bursts, _) = steady(&mut session, seconds);
        held.at_most("detail 80x24 of the demo", Some(bytes), "bytes/s", 1536.0);
        held.say("  bursts a second", format!("{bursts:.1}"));
    }
    held
}

/// From a key to a changed screen, and the filter letter by letter.
pub fn keys(wanted: &Wanted) -> Held {
    let mut held = Held::default();
    for (rollouts, changes) in [(10, 0), (1_000, 0), (10_000, 0), (10_000, 20)] {
        let fleet = StandIn::start(Fleet { rollouts, changes });
        let Some(mut session) = open(&rolldeck(wanted, &fleet.url, rollouts), WIDE, Link::NONE) else { continue };
        session.pump(Duration::from_secs(2), |_, _| false);
        let while_ = if changes > 0 { format!(", {changes} change a second") } else { String::new() };
        let mut took = Vec::new();
        let before = session.usage().cpu;
        for n in 0..wanted.times(300, 60) {
            session.pump(Duration::from_millis(40), |_, _| false);
            let key = ["j", "k"][n as usize % 2];
            took.extend(session.press(key, Duration::from_secs(2)));
        }
        let cpu = session.usage().cpu.saturating_sub(before);
        report(&mut held, &format!("key, {rollouts} rollouts{while_}"), &took, cpu);
        let before = session.usage().cpu;
        let (mut letters, mut each) = (Vec::new(), Vec::new());
        for _ in 0..wanted.times(12, 3) {
            session.press("/", Duration::from_secs(2));
            let typed = (1..=WORD.len()).map(|end| (&WORD[end - 1..end], end));
            let rubbed_out = (0..WORD.len()).rev().map(|end| ("\x7f", end));
            for (key, end) in typed.chain(rubbed_out) {
                session.pump(Duration::from_millis(40), |_, _| false);
                if let Some(took) = session.press(key, Duration::from_secs(2)) {
                    letters.push(took);
                    each.push((end, took));
                }
            }
            session.press("\r", Duration::from_secs(2));
        }
        let cpu = session.usage().cpu.saturating_sub(before);
        report(&mut held, &format!("filter, a letter, {rollouts} rollouts{while_}"), &letters, cpu);
        each.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        let slowest: Vec<_> =
            each.iter().take(5).map(|(end, took)| format!("{:?} {:.1} ms", &WORD[..*end], ms(*took))).collect();
        held.say("  slowest, by what is filtered then", slowest.join(", "));
    }
    held
}

/// What was waited for, and what the program did meanwhile: the one without the other was spent by the machine.
fn report(held: &mut Held, what: &str, took: &[Duration], cpu: Duration) {
    held.at_most(format!("{what}: median of {}", took.len()), median(took).map(ms), "ms", 3.0);
    held.at_most(format!("{what}: p99"), at_share(took, 0.99).map(ms), "ms", 16.0);
    held.say(
        "  CPU for each, what came in meanwhile included",
        format!("{:.2} ms", ms(cpu) / took.len().max(1) as f64),
    );
}

/// Resident memory of the dashboard on a server.
pub fn memory(wanted: &Wanted) -> Held {
    let mut held = Held::default();
    for (rollouts, changes, most) in
        [(10, 0, 16.0), (100, 0, 16.0), (1_000, 0, 40.0), (10_000, 0, 40.0), (10_000, 20, 40.0)]
    {
        let fleet = StandIn::start(Fleet { rollouts, changes });
        let Some(mut session) = open(&rolldeck(wanted, &fleet.url, rollouts), WIDE, Link::NONE) else { continue };
        session.pump(Duration::from_secs(u64::from(wanted.times(15, 5))), |_, _| false);
        let usage = session.usage();
        let what = format!("memory with {rollouts} rollouts, {changes} change a second");
        held.at_most(what, Some(usage.rss as f64 / 1024.0), "MiB", most);
        let [peak, anonymous] = [usage.peak, usage.anonymous].map(|kib| kib as f64 / 1024.0);
        let list = StandIn::bytes(rollouts) as f64 / 1_048_576.0;
        held.say(
            "  most ever; not of files; threads; the list as JSON",
            format!("{peak:.1}; {anonymous:.1} MiB; {}; {list:.1} MiB", usage.threads),
        );
    }
    held
}

/// Somebody types for a minute at the far end of a slow link, faster than it carries what a key changes.
pub fn slow(wanted: &Wanted) -> Held {
    let mut held = Held::default();
    let fleet = StandIn::start(Fleet { rollouts: 1_000, changes: 0 });
    let contender = rolldeck(wanted, &fleet.url, 1_000);
    for (rate, buffer) in [(2_400.0, 4_096), (2_400.0, 65_536), (9_600.0, 65_536)] {
        let Ok((mut session, first)) = begin(&contender, NARROW, Link::slow(rate, buffer)) else { continue };
        let what = format!("{rate} bytes/s, 150 ms, {} KiB on the link", buffer / 1024);
        held.say(format!("{what}: first frame"), format!("{:.0} ms", ms(first)));
        session.pump(session.behind() + Duration::from_secs(1), |_, _| false);
        let typed = type_away(&mut session, Duration::from_secs(u64::from(wanted.times(60, 20))));
        held.at_most("  frames behind while typing, at most", Some(typed.behind as f64), "frames", 2.0);
        held.say(
            "  keys; seconds of output on the link, at most",
            format!("{}; {:.1} s", typed.keys, typed.longest.as_secs_f64()),
        );
        let third = typed.answers.len() / 3;
        let medians: Vec<f64> =
            typed.answers.chunks(third.max(1)).take(3).filter_map(|part| median(part).map(ms)).collect();
        let last = medians.get(2).copied();
        held.at_most(
            format!(
                "  key to screen, median in each third of the time ({})",
                medians.iter().map(|m| format!("{m:.0}")).collect::<Vec<_>>().join(", ")
            ),
            last,
            "ms",
            medians.first().copied().unwrap_or(0.0) * 1.5 + 200.0,
        );
        held.say("  keys without an answer", typed.unanswered.to_string());
    }
    held
}

#[derive(Debug, Default)]
struct Typed {
    keys: usize,
    answers: Vec<Duration>,
    unanswered: usize,
    /// Most frames that had left the program and were not on the screen.
    behind: usize,
    /// Most output on the link.
    longest: Duration,
}

/// Moves the selection down five times a second, whether the screen follows or not.
fn type_away(session: &mut Session, span: Duration) -> Typed {
    let order = standin::order(1_000);
    let mut typed = Typed::default();
    let mut sent: Vec<Instant> = Vec::new();
    let mut answered = 0;
    let begun = Instant::now();
    let beat = Duration::from_millis(200);
    loop {
        let typing = begun.elapsed() < span;
        if !typing && (answered == sent.len() || begun.elapsed() > span + Duration::from_secs(40)) {
            break;
        }
        if typing {
            session.send("j");
            sent.push(Instant::now());
        }
        let until = Instant::now() + beat;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let mut on = None;
            let shown = session.pump(left.min(Duration::from_millis(20)), |screen, _| {
                on = (!screen.is_held()).then(|| selected(&screen.text())).flatten();
                on.is_some()
            });
            typed.behind = typed.behind.max(session.frames_behind());
            typed.longest = typed.longest.max(session.behind());
            let position = on.and_then(|name| order.iter().position(|n| *n == name)).unwrap_or(0);
            if let Some(shown) = shown {
                while answered < position.min(sent.len()) {
                    typed.answers.push(shown.due.saturating_duration_since(sent[answered]));
                    answered += 1;
                }
            }
        }
    }
    typed.keys = sent.len();
    typed.unanswered = sent.len() - answered;
    typed
}

/// The number of the selected rollout on the screen.
fn selected(text: &str) -> Option<usize> {
    let line = text.lines().find(|line| line.starts_with('>'))?;
    let digits = line.split_once("change-")?.1.get(..5)?;
    digits.parse().ok()
}
