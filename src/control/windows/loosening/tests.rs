//! Which changes let something pass.

use super::*;
use crate::domain::{Overridable, SafeText, Schedule, window::Lifted};

fn now() -> DateTime<Utc> {
    "2026-03-28T12:00:00Z".parse().unwrap()
}

fn freeze() -> Window {
    Window {
        id: SafeText::new("w-1"),
        scope: "dc-*".parse().unwrap(),
        from: now() - TimeDelta::hours(1),
        until: Some(now() + TimeDelta::hours(5)),
        enabled: true,
        on_enter: OnEnter::Pause,
        overridable: Overridable::TwoPerson,
        actions: vec![Operation::Start, Operation::Promote],
        ..Window::default()
    }
}

#[test]
fn a_change_that_holds_less_in_any_way_says_in_which() {
    let less = |change: fn(&mut Window)| {
        let mut after = freeze();
        change(&mut after);
        loosened(&freeze(), &after, now())
    };
    assert_eq!(less(|_| ()), Vec::<&str>::new());
    assert_eq!(less(|w| w.until = None), Vec::<&str>::new(), "it may last longer");
    assert_eq!(less(|w| w.from = "2026-03-01T00:00:00Z".parse().unwrap()), Vec::<&str>::new());
    assert_eq!(less(|w| w.scope = "*".parse().unwrap()), Vec::<&str>::new());
    assert_eq!(less(|w| w.actions.clear()), Vec::<&str>::new());
    assert_eq!(less(|w| w.overridable = Overridable::Never), Vec::<&str>::new());
    assert_eq!(less(|w| w.until = Some(now() + TimeDelta::hours(4))), ["shortens it"]);
    assert_eq!(less(|w| w.from = now() + TimeDelta::minutes(1)), ["shortens it"]);
    assert_eq!(less(|w| w.scope = "dc-west".parse().unwrap()), ["narrows its scope"]);
    assert_eq!(less(|w| w.scope = "target=dc-*,stage=fleet".parse().unwrap()), ["narrows its scope"]);
    assert_eq!(less(|w| w.actions = vec![Operation::Start]), ["takes actions from it"]);
    assert_eq!(less(|w| w.initiators = vec![Initiator::Automation]), ["takes initiators from it"]);
    assert_eq!(less(|w| w.overridable = Overridable::Single), ["lets more people pass it"]);
    assert_eq!(less(|w| w.on_enter = OnEnter::AbortAndRestore), Vec::<&str>::new());
    assert_eq!(less(|w| w.on_enter = OnEnter::Hold), ["does less with what is under way"]);
    assert_eq!(less(|w| w.enabled = false), ["switches it off"]);
    let lifted = Lifted { at: now(), by: SafeText::new("mira"), reason: SafeText::new("over") };
    let after = Window { lifted: Some(lifted), ..freeze() };
    assert_eq!(loosened(&freeze(), &after, now()), ["lifts it"]);
    assert!(less(|w| w.effect = Effect::Allow).contains(&"makes it the opposite"));
}

#[test]
fn what_is_over_already_cannot_be_loosened() {
    let before = Window { until: Some(now()), ..freeze() };
    let after = Window { enabled: false, ..before.clone() };
    assert!(loosened(&before, &after, now()).is_empty());
}

#[test]
fn a_window_that_allows_is_loosened_by_opening_longer_and_not_by_opening_less() {
    let open = Window { effect: Effect::Allow, ..freeze() };
    let longer = Window { until: None, ..open.clone() };
    let shorter = Window { until: Some(now() + TimeDelta::hours(1)), ..open.clone() };
    assert_eq!(loosened(&open, &longer, now()), ["shortens it"]);
    assert!(loosened(&open, &shorter, now()).is_empty());
    assert!(allows_more(Some(&open), &longer, now()) && !allows_more(Some(&open), &shorter, now()));
    assert!(allows_more(None, &open, now()) && !allows_more(None, &freeze(), now()));
}

#[test]
fn a_repeated_freeze_is_compared_beyond_its_present_span() {
    let nights = |rule: &str| {
        let schedule = Schedule {
            zone: SafeText::new("Europe/Oslo"),
            start: "2026-03-01T22:00:00".parse().unwrap(),
            end: Some("2026-03-02T06:00:00".parse().unwrap()),
            duration: None,
            rrule: Some(SafeText::new(rule)),
            rdate: Vec::new(),
            exdate: Vec::new(),
        };
        let mut window = Window { schedule: Some(schedule), ..freeze() };
        let bounds = window::check(&window).unwrap();
        (window.from, window.until) = (bounds.from, bounds.until);
        window
    };
    let (daily, weekly) = (nights("FREQ=DAILY"), nights("FREQ=WEEKLY;BYDAY=SU"));
    assert_eq!(loosened(&daily, &weekly, now()), ["shortens it"]);
    assert!(loosened(&weekly, &daily, now()).is_empty());
}
