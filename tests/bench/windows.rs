//! Ten thousand windows against a thousand places: what is open now, and when the windows next change.
#![allow(
    missing_docs,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use rolldeck::{
    domain::{
        Effect, Initiator, LaneName, Operation, Place, RolloutName, SafeText, Schedule, SiteName, StageName,
        TargetName, Window,
    },
    window::{self, Calendar},
};

const WINDOWS: usize = 10_000;
const PLACES: usize = 1_000;
const TIMES: usize = 15;

struct Unit {
    target: TargetName,
    rollout: RolloutName,
    site: SiteName,
    lane: LaneName,
    stage: StageName,
    labels: BTreeMap<String, SafeText>,
}

impl Unit {
    fn new(number: usize) -> Self {
        let name = "every name here is one";
        Self {
            target: format!("dc-{}", number % 20).parse().expect(name),
            rollout: format!("change-{}", number % 50).parse().expect(name),
            site: format!("site-{number:04}").parse().expect(name),
            lane: ["main", "test"][number % 2].parse().expect(name),
            stage: ["canary", "batch", "fleet"][number % 3].parse().expect(name),
            labels: [("ring", number % 5), ("region", number % 12)]
                .map(|(key, value)| (key.to_owned(), SafeText::new(value.to_string())))
                .into(),
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            target: &self.target,
            rollout: Some(&self.rollout),
            site: Some(&self.site),
            lane: Some(&self.lane),
            stage: Some(&self.stage),
            labels: Some(&self.labels),
        }
    }
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("an instant")
}

fn window(number: usize, scope: &str, schedule: bool) -> Window {
    let zone = ["Europe/Oslo", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"][number % 4];
    let start = Utc.with_ymd_and_hms(2026, 1, 5, 0, 0, 0).single().expect("an instant").naive_utc();
    let minutes = |number: usize| TimeDelta::minutes(i64::try_from(number).expect("a small number"));
    let start = start + minutes(number % 1440);
    Window {
        id: SafeText::new(format!("w-{number:05}")),
        revision: 1,
        effect: if number.is_multiple_of(50) { Effect::Allow } else { Effect::Deny },
        scope: scope.parse().expect("a scope"),
        reason: SafeText::new("the busiest week of the year"),
        from: now() - TimeDelta::hours(1),
        until: Some(now() + minutes(60 + number)),
        schedule: schedule.then(|| Schedule {
            zone: SafeText::new(zone),
            start,
            end: Some(start + TimeDelta::hours(8)),
            duration: None,
            rrule: Some(SafeText::new(["FREQ=DAILY", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR,SA,SU"][number % 2])),
            rdate: Vec::new(),
            exdate: Vec::new(),
        }),
        enabled: true,
        created_by: SafeText::new("ines"),
        ..Window::default()
    }
}

/// What of the windows' scopes tells them apart.
fn scope(kind: &str, number: usize) -> String {
    match kind {
        "a site each" => format!("site=site-{:04}", number % PLACES),
        "a group of sites each" => format!("site=site-{:03}*", number % 100),
        "a label, a lane and a stage" => {
            format!(
                "label:ring={},label:region={},lane=test,stage=batch,rollout=change-{}",
                number % 5,
                number % 12,
                number % 50
            )
        }
        "a search (*-00?7) in a target" => format!("target=dc-{},site=*-{:02}?7", number % 20, number % 100),
        "everything" => "*".to_owned(),
        _ => match number % 4 {
            0 => format!("site=site-{:04}", number % PLACES),
            1 => format!("dc-{},site=site-{:02}*", number % 20, number % 100),
            2 => format!("target=dc-{},label:ring={},stage=canary,rollout=change-*", number % 20, number % 5),
            _ => format!("rollout=change-{},site=*{}", number % 50, number % 10),
        },
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn measured<T>(mut work: impl FnMut() -> T) -> Duration {
    let times = (0..TIMES).map(|_| {
        let begin = Instant::now();
        black_box(work());
        begin.elapsed()
    });
    median(times.collect())
}

fn main() {
    let units: Vec<Unit> = (0..PLACES).map(Unit::new).collect();
    println!("{WINDOWS} windows, {PLACES} places, median of {TIMES}");
    println!(
        "{:<36} {:>7} {:>8} {:>12} {:>12} {:>12}",
        "what tells the windows apart", "active", "freezes", "is it open", "all freezes", "build"
    );
    for (kind, schedule) in [
        ("a site each", false),
        ("a group of sites each", false),
        ("a label, a lane and a stage", false),
        ("a search (*-00?7) in a target", false),
        ("everything", false),
        ("a mixture", false),
        ("a mixture", true),
    ] {
        let windows: Vec<Window> = (0..WINDOWS).map(|number| window(number, &scope(kind, number), schedule)).collect();
        let begin = Instant::now();
        let calendar = Calendar::new(windows, now());
        let build = begin.elapsed();
        let active = calendar.active().count();
        let (operation, initiator) = (Operation::Promote, Initiator::Human);
        let open = measured(|| {
            units.iter().filter(|unit| calendar.freeze(&unit.place(), operation, initiator).is_none()).count()
        });
        let total: usize = units.iter().map(|unit| calendar.freezes(&unit.place(), operation, initiator).len()).sum();
        // Ten million answers are not asked for.
        let all = (total < 1_000_000).then(|| {
            measured(|| {
                units.iter().map(|unit| calendar.freezes(&unit.place(), operation, initiator).len()).sum::<usize>()
            })
        });
        println!(
            "{:<36} {active:>7} {total:>8} {:>12} {:>12} {:>12}",
            format!("{kind}{}", if schedule { ", daily in zones" } else { "" }),
            format!("{open:.2?}"),
            all.map_or("-".to_owned(), |all| format!("{all:.2?}")),
            format!("{build:.2?}"),
        );
    }
    let windows: Vec<Window> = (0..WINDOWS).map(|number| window(number, &scope("", number), true)).collect();
    let mut calendar = Calendar::new(windows.clone(), now());
    println!("\nthe next transition: {:.2?}", measured(|| calendar.next_transition()));
    let mut steps = Vec::new();
    for _ in 0..1000 {
        let Some(next) = calendar.next_transition() else { break };
        let begin = Instant::now();
        black_box(calendar.advance(next));
        steps.push(begin.elapsed());
    }
    println!("to go on to it: {:.2?} (median of {})", median(steps.clone()), steps.len());
    let year = (now(), now() + TimeDelta::days(365));
    println!("a year of spans of one window: {:.2?}", measured(|| window::spans(&windows[1], year.0, year.1, 10_000)));
    let place = units[1].place();
    println!(
        "the next change of a place, with {WINDOWS} windows: {:.2?}",
        measured(|| window::next_change(&windows, &place, Operation::Promote, Initiator::Human, now()))
    );
}
