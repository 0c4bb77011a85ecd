//! The present by the index is what each window says for itself, whatever was put, lifted and passed.

use chrono::{TimeDelta, TimeZone as _};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{LaneName, RolloutName, Schedule, SiteName, StageName, TargetName, window::Lifted},
    window::{freezes_at, next_change, spans},
};

fn t(hour: i64) -> DateTime<Utc> {
    // A Monday, two weeks before clocks change in Europe.
    Utc.with_ymd_and_hms(2026, 10, 12, 0, 0, 0).unwrap() + TimeDelta::hours(hour)
}

fn window(id: &str, effect: Effect, scope: &str, from: i64, until: Option<i64>) -> Window {
    Window {
        id: SafeText::new(id),
        revision: 1,
        effect,
        scope: scope.parse().unwrap(),
        reason: SafeText::new("pilot week"),
        from: t(from),
        until: until.map(t),
        enabled: true,
        created_by: SafeText::new("ines"),
        created_at: t(-100),
        ..Window::default()
    }
}

/// Owned names of a place.
#[derive(Debug)]
struct Names {
    target: TargetName,
    rollout: Option<RolloutName>,
    site: Option<SiteName>,
    lane: Option<LaneName>,
    stage: Option<StageName>,
    labels: BTreeMap<String, SafeText>,
}

impl Names {
    fn target(target: &str) -> Self {
        Self {
            target: target.parse().unwrap(),
            rollout: None,
            site: None,
            lane: None,
            stage: None,
            labels: BTreeMap::new(),
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            target: &self.target,
            rollout: self.rollout.as_ref(),
            site: self.site.as_ref(),
            lane: self.lane.as_ref(),
            stage: self.stage.as_ref(),
            labels: Some(&self.labels),
        }
    }
}

fn told(freezes: &[Freeze]) -> Vec<&str> {
    freezes.iter().map(|freeze| freeze.window.as_str()).collect()
}

const HUMAN: (Operation, Initiator) = (Operation::Promote, Initiator::Human);

/// An hour, and what closes then, until which hour.
type Expected<'a> = (i64, &'a [(&'a str, Option<i64>)]);

#[test]
fn windows_that_allow_close_together_while_none_of_them_holds() {
    let shop = Names::target("shop");
    let other = Names::target("other");
    let mut calendar = Calendar::new(
        vec![
            window("w-a", Effect::Allow, "shop", 10, Some(12)),
            window("w-b", Effect::Allow, "shop", 20, Some(30)),
            Window { overridable: Overridable::TwoPerson, ..window("w-c", Effect::Allow, "sh*", 25, Some(40)) },
            window("w-deny", Effect::Deny, "shop", 22, Some(24)),
        ],
        t(0),
    );
    let cases: &[Expected<'_>] = &[
        // Closed until the first of them opens, in its name.
        (0, &[("w-a", Some(10))]),
        (10, &[]),
        (12, &[("w-b", Some(20))]),
        (20, &[]),
        // Where they are open, what denies closes.
        (22, &[("w-deny", Some(24))]),
        (24, &[]),
        (30, &[]),
        // All of them are over for good, so nothing closes any more.
        (40, &[]),
    ];
    for (hour, expected) in cases {
        calendar.advance(t(*hour));
        let freezes = calendar.freezes(&shop.place(), HUMAN.0, HUMAN.1);
        let named: Vec<_> = freezes.iter().map(|freeze| (freeze.window.as_str(), freeze.until)).collect();
        let expected: Vec<_> = expected.iter().map(|(id, until)| (*id, until.map(t))).collect();
        assert_eq!(named, expected, "at {hour}");
        assert!(calendar.freezes(&other.place(), HUMAN.0, HUMAN.1).is_empty(), "no window is about it");
    }
    calendar.advance(t(15));
    let freeze = calendar.freeze(&shop.place(), HUMAN.0, HUMAN.1).unwrap();
    assert_eq!((freeze.effect, freeze.since, freeze.until), (Effect::Allow, t(12), Some(t(20))));
    assert_eq!(freeze.overridable, Overridable::TwoPerson, "each of them would have to let it pass");
    // Before any of them held, it is closed since the first of them was made.
    calendar.advance(t(0));
    assert_eq!(calendar.freeze(&shop.place(), HUMAN.0, HUMAN.1).unwrap().since, t(-100));
}

#[test]
fn a_window_holds_only_what_and_whom_it_names_and_not_when_it_is_off() {
    let shop = Names::target("shop");
    let nightly =
        Window { initiators: vec![Initiator::Automation], ..window("w-night", Effect::Deny, "shop", 0, None) };
    let starts = Window { actions: vec![Operation::Start], ..window("w-start", Effect::Deny, "shop", 0, Some(9)) };
    let off = Window { enabled: false, ..window("w-off", Effect::Deny, "shop", 0, None) };
    let allow_off = Window { enabled: false, ..window("w-allow", Effect::Allow, "shop", 50, Some(60)) };
    let calendar = Calendar::new(vec![nightly, starts, off, allow_off], t(1));
    for (operation, initiator, expected) in [
        (Operation::Promote, Initiator::Human, &[][..]),
        (Operation::Start, Initiator::Human, &["w-start"]),
        (Operation::Advance, Initiator::Automation, &["w-night"]),
        (Operation::Start, Initiator::Automation, &["w-night", "w-start"]),
        (Operation::FlagChange, Initiator::Agent, &[]),
    ] {
        let freezes = calendar.freezes(&shop.place(), operation, initiator);
        assert_eq!(told(&freezes), expected, "{operation} by {}", initiator.as_str());
    }
    assert_eq!(calendar.state_of(calendar.get("w-off").unwrap()), WindowState::Disabled);
    assert_eq!(calendar.next_of("w-off"), None);
}

#[test]
fn hours_that_nobody_can_read_any_more_close_until_their_end_and_not_for_ever() {
    let shop = Names::target("shop");
    let schedule = Schedule {
        zone: SafeText::new("Mars/Olympus"),
        start: t(20).naive_utc(),
        end: Some(t(30).naive_utc()),
        duration: None,
        rrule: None,
        rdate: Vec::new(),
        exdate: Vec::new(),
    };
    let unread = Window { schedule: Some(schedule), ..window("w-hours", Effect::Allow, "shop", 20, Some(30)) };
    let mut calendar = Calendar::new(vec![unread], t(0));
    for (hour, expected, next) in [(0, &["w-hours"][..], Some(t(30))), (25, &["w-hours"], Some(t(30))), (30, &[], None)]
    {
        calendar.advance(t(hour));
        assert_eq!(told(&calendar.freezes(&shop.place(), HUMAN.0, HUMAN.1)), expected, "{hour}");
        assert_eq!(calendar.next_transition(), next, "{hour}");
    }
}

#[test]
fn what_is_put_removed_lifted_or_changed_counts_at_once() {
    let shop = Names::target("shop");
    let mut calendar = Calendar::empty(t(0));
    let first = window("w-1", Effect::Deny, "shop", 0, Some(10));
    calendar.put(first.clone());
    assert_eq!((calendar.len(), calendar.next_transition()), (1, Some(t(10))));
    calendar.put(Window { revision: 2, scope: "other".parse().unwrap(), ..first.clone() });
    assert!(calendar.freezes(&shop.place(), HUMAN.0, HUMAN.1).is_empty());
    calendar.put(Window { revision: 3, until: Some(t(5)), ..first.clone() });
    assert_eq!(calendar.next_transition(), Some(t(5)));
    assert!(!calendar.advance(t(4)));
    let lifted = Lifted { at: t(4), by: SafeText::new("omar"), reason: SafeText::new("the pilot is over") };
    calendar.put(Window { lifted: Some(lifted), ..first.clone() });
    assert!(calendar.freezes(&shop.place(), HUMAN.0, HUMAN.1).is_empty());
    assert_eq!(calendar.next_transition(), None);
    assert_eq!(calendar.state_of(calendar.get("w-1").unwrap()), WindowState::Lifted);
    // One that is not in it is asked itself.
    assert_eq!(calendar.state_of(&first), WindowState::Active);
    calendar.put(first);
    assert!(calendar.advance(t(10)));
    assert!(!calendar.advance(t(11)));
    // A clock that is set back brings back what had been over.
    assert!(calendar.advance(t(9)));
    assert_eq!(told(&calendar.freezes(&shop.place(), HUMAN.0, HUMAN.1)), ["w-1"]);
    assert_eq!(calendar.remove("w-1").map(|window| window.revision), Some(1));
    assert_eq!(calendar.remove("w-1"), None);
    assert!(calendar.is_empty() && calendar.next_transition().is_none() && calendar.iter().next().is_none());
}

const SCOPES: [&str; 14] = [
    "*",
    "shop",
    "sh*",
    "other",
    "site=sea-1",
    "site=sea-*",
    "site=*-1,shop",
    "site=sea-1,site=par-1",
    "lane=main,stage=canary",
    "label:ring=0",
    "label:ring=0,label:ring=1,site=*",
    "rollout=pick,stage=*",
    "site=s*,site=sea-*",
    "rollout=p?ck",
];

fn any_window() -> impl Strategy<Value = Window> {
    let rules = prop_oneof![
        Just(None),
        Just(Some("FREQ=DAILY")),
        Just(Some("FREQ=DAILY;INTERVAL=2;COUNT=9")),
        Just(Some("FREQ=WEEKLY;UNTIL=20261110T000000Z")),
    ];
    let whole = (
        proptest::sample::select(&SCOPES[..]),
        any::<bool>(),
        -200_i64..800,
        proptest::option::of(1_i64..60),
        rules,
        proptest::option::of(-200_i64..800),
        0_u8..10,
        0_u8..6,
    );
    whole.prop_map(|(scope, allow, from, long, rule, lifted, off, kinds)| {
        let effect = if allow { Effect::Allow } else { Effect::Deny };
        let mut window = window("w", effect, scope, from, long.map(|long| from + long));
        if let (Some(rule), Some(long)) = (rule, long) {
            let start = t(from).naive_utc();
            window.schedule = Some(Schedule {
                zone: SafeText::new("Europe/Oslo"),
                start,
                end: Some(start + TimeDelta::hours(long)),
                duration: None,
                rrule: Some(SafeText::new(rule)),
                rdate: vec![start + TimeDelta::hours(31)],
                exdate: vec![start + TimeDelta::days(2)],
            });
        }
        let lift = |at| Lifted { at: t(at), by: SafeText::new("omar"), reason: SafeText::new("over") };
        window.lifted = lifted.filter(|_| kinds == 1).map(lift);
        window.enabled = off > 0;
        window.actions = if kinds == 2 { vec![Operation::Start] } else { Vec::new() };
        window.initiators = if kinds == 3 { vec![Initiator::Human] } else { Vec::new() };
        window
    })
}

fn any_windows() -> impl Strategy<Value = Vec<Window>> {
    proptest::collection::vec(any_window(), 0..8).prop_map(|windows| {
        let named = windows.into_iter().enumerate();
        named.map(|(number, window)| Window { id: SafeText::new(format!("w-{number}")), ..window }).collect()
    })
}

fn any_place() -> impl Strategy<Value = Names> {
    let one = |names: &'static [&'static str]| proptest::option::of(proptest::sample::select(names));
    let rings = proptest::option::of(proptest::sample::select(&["0", "1", "2"][..]));
    (
        proptest::sample::select(&["shop", "other", "shed"][..]),
        one(&["pick", "pack"]),
        one(&["sea-1", "sea-2", "par-1"]),
        one(&["main", "test"]),
        one(&["canary", "fleet"]),
        rings,
    )
        .prop_map(|(target, rollout, site, lane, stage, ring)| Names {
            target: target.parse().unwrap(),
            rollout: rollout.map(|name| name.parse().unwrap()),
            site: site.map(|name| name.parse().unwrap()),
            lane: lane.map(|name| name.parse().unwrap()),
            stage: stage.map(|name| name.parse().unwrap()),
            labels: ring.map(|ring| ("ring".to_owned(), SafeText::new(ring))).into_iter().collect(),
        })
}

/// Windows with their timelines, which take long to read.
fn read(windows: &[Window]) -> Vec<(&Window, Timeline)> {
    windows.iter().map(|window| (window, Timeline::of(window))).collect()
}

fn state_at(window: &Window, timeline: &Timeline, at: DateTime<Utc>) -> WindowState {
    state_by(window, timeline, timeline.at_or_after(at), at)
}

/// What closes a place, by asking each window for itself.
fn closed_by(windows: &[(&Window, Timeline)], place: &Place<'_>, at: DateTime<Utc>) -> bool {
    let about = |w: &Window| {
        w.scope.covers(place)
            && (w.actions.is_empty() || w.actions.contains(&HUMAN.0))
            && (w.initiators.is_empty() || w.initiators.contains(&HUMAN.1))
    };
    let states = |effect: Effect| -> Vec<WindowState> {
        let those = windows.iter().filter(|(w, _)| w.effect == effect && about(w));
        those.map(|(w, timeline)| state_at(w, timeline, at)).collect()
    };
    let allowing = states(Effect::Allow);
    states(Effect::Deny).contains(&WindowState::Active)
        || allowing.contains(&WindowState::Upcoming) && !allowing.contains(&WindowState::Active)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_each_window_says_for_itself(
        windows in any_windows(),
        place in any_place(),
        hours in proptest::collection::vec(-210_i64..900, 1..8),
        removed in 0_usize..12,
    ) {
        let place = place.place();
        let mut calendar = Calendar::new(windows.clone(), t(-300));
        let mut kept = windows;
        for (step, hour) in hours.into_iter().enumerate() {
            calendar.advance(t(hour));
            if step == 2 && removed < kept.len() {
                let gone = kept.remove(removed);
                let removed = calendar.remove(gone.id.as_str());
                prop_assert_eq!(removed, Some(gone));
            }
            let all = calendar.freezes(&place, HUMAN.0, HUMAN.1);
            prop_assert_eq!(&all, &freezes_at(&kept, &place, HUMAN.0, HUMAN.1, t(hour)));
            prop_assert_eq!(calendar.freeze(&place, HUMAN.0, HUMAN.1), all.first().cloned());
            let each = read(&kept);
            prop_assert_eq!(!all.is_empty(), closed_by(&each, &place, t(hour)));
            for (window, timeline) in &each {
                prop_assert_eq!(calendar.state_of(window), state_at(window, timeline, t(hour)));
            }
            let active = calendar.active().filter(|window| state(window, t(hour)) == WindowState::Active);
            prop_assert_eq!(active.count(), calendar.active().count());
        }
    }

    #[test]
    fn nothing_changes_before_the_next_transition_and_something_does_then(
        windows in any_windows(),
        hour in -210_i64..900,
        parts in proptest::collection::vec(0.0_f64..1.0, 8),
    ) {
        let each = read(&windows);
        let states = |at: DateTime<Utc>| each.iter().map(|(w, timeline)| state_at(w, timeline, at)).collect::<Vec<_>>();
        let next = Calendar::new(windows.clone(), t(hour)).next_transition();
        let long = next.map_or(400 * 3600, |next| (next - t(hour)).num_seconds());
        for part in parts {
            let between = t(hour) + TimeDelta::seconds((long as f64 * part) as i64);
            prop_assert_eq!(states(between), states(t(hour)));
        }
        if let Some(next) = next {
            prop_assert_ne!(states(next), states(next - TimeDelta::seconds(1)));
        }
    }

    #[test]
    fn spans_are_in_order_and_apart_and_the_state_is_what_they_say(window in any_window(), from in -210_i64..900) {
        let until = from + 60;
        let found = spans(&window, t(from), t(until), 1000);
        for pair in found.windows(2) {
            prop_assert!(pair[0].until.is_some_and(|until| until < pair[1].from), "{found:?}");
        }
        for span in &found {
            prop_assert!(span.from < t(until) && span.reaches(t(from)) && span.reaches(span.from), "{span:?}");
        }
        let timeline = Timeline::of(&window);
        for hour in from..until {
            let within = found.iter().any(|span| span.from <= t(hour) && span.reaches(t(hour)));
            prop_assert_eq!(state_at(&window, &timeline, t(hour)) == WindowState::Active, within, "at {}", hour);
        }
    }

    #[test]
    fn the_next_change_is_where_stepping_finds_it(windows in any_windows(), place in any_place(), hour in -210_i64..900) {
        let place = place.place();
        let each = read(&windows);
        let closed = |at| closed_by(&each, &place, at);
        let next = next_change(&windows, &place, HUMAN.0, HUMAN.1, t(hour));
        // Everything here begins and ends at whole hours.
        let stepped = (hour..hour + 80).map(t).find(|at| closed(*at) != closed(t(hour)));
        prop_assert_eq!(next.filter(|at| *at < t(hour + 80)), stepped);
    }
}
