//! Windows over a real control plane whose clock is set: what they hold and for whom, what they do when they
//! begin, who may take from them, and what changes in the trail.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    control::AuditQuery,
    domain::{
        Action, AuditEntry, Effect, Initiator, OnEnter, Operation, Outcome, Overridable, Phase, Principal, Role,
        SafeText, Schedule, WindowState,
    },
    wire::{Code, Conditions, Openness, Problem, ReasonRequest, WindowReply, WindowRequest, WindowsQuery},
};

use super::world::{WHY, World, mira, person};

const BY_ITSELF: &str = "  - canary: 1 site\n    advance: automatic\n  - fleet: all\n";
const BY_HAND: &str = "  - canary: 1 site\n  - fleet: all\n";

fn noon() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn minute(minutes: i64) -> DateTime<Utc> {
    noon() + TimeDelta::minutes(minutes)
}

fn freeze(from: i64, until: i64) -> WindowRequest {
    WindowRequest {
        scope: "dc-west".parse().unwrap(),
        reason: WHY.to_owned(),
        from: Some(minute(from)),
        until: Some(minute(until)),
        ..WindowRequest::default()
    }
}

async fn add(world: &World, request: WindowRequest) -> WindowReply {
    world.control.add_window(&mira(), request, Conditions::default()).await.unwrap()
}

async fn change(world: &World, who: &Principal, id: &str, request: WindowRequest) -> Result<WindowReply, Problem> {
    world.control.change_window(who, id, request, Conditions::default()).await
}

fn reason() -> ReasonRequest {
    ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None }
}

async fn trail(world: &World, action: &str) -> Vec<AuditEntry> {
    let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
    world.control.audit(&mira(), query).await.unwrap().entries
}

/// A rollout whose canary, site a, was told and not heard of yet.
async fn rolling(stages: &str) -> World {
    let world = World::at(noon()).await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b", "c"], &old).await;
    world.start(&new, stages).await.unwrap();
    world
}

async fn canary_is_healthy(world: &World) {
    let order = world.ask("a", 0).await.expect("the canary is told");
    world.obey("a", &order).await;
}

#[tokio::test]
async fn a_window_that_holds_lets_what_was_told_finish_and_the_rest_go_on_after_it() {
    let world = rolling(BY_ITSELF).await;
    let order = world.ask("a", 0).await.expect("told before it began");
    let window = add(&world, freeze(1, 2)).await.window;
    assert_eq!((window.state, window.next_transition), (WindowState::Upcoming, Some(minute(1))));
    world.set(minute(1)).await;
    world.obey("a", &order).await;
    let held = world.shows("held", |rollout| rollout.next.as_ref().is_some_and(|next| next.at.is_some())).await;
    assert_eq!(held.phase, Phase::Progressing, "{}", held.message);
    assert_eq!(held.freeze.as_ref().map(|f| (&f.window, f.until)), Some((&window.window.id, Some(minute(2)))));
    assert_eq!(held.next.as_ref().and_then(|next| next.at), Some(minute(2)), "{held:?}");
    assert!(world.ask("b", 0).await.is_none(), "no other unit is told");
    world.set(minute(2)).await;
    assert!(world.ask("b", 0).await.is_some(), "it goes on by itself");
    world.shows("free", |rollout| rollout.freeze.is_none()).await;
}

#[tokio::test]
async fn a_window_that_pauses_does_so_once_and_whoever_resumes_after_it_has_the_last_word() {
    let world = rolling(BY_ITSELF).await;
    add(&world, WindowRequest { on_enter: OnEnter::Pause, ..freeze(1, 2) }).await;
    assert_eq!(world.show().await.phase, Phase::Progressing, "it has not begun");
    world.set(minute(1)).await;
    let paused = world.until(Phase::Paused).await;
    assert!(paused.message.as_str().contains("w-"), "{}", paused.message);
    let entries = trail(&world, "pause").await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].actor.id.as_str(), entries[0].outcome), ("window", Outcome::Applied));
    assert!(entries[0].reason.as_ref().unwrap().as_str().contains(WHY), "{:?}", entries[0].reason);
    let blocked = world.act(Action::Resume).await.unwrap_err();
    assert_eq!(blocked.code, Code::Blocked);
    assert_eq!((blocked.blocking_windows.len(), blocked.next_transition), (1, Some(minute(2))), "{blocked:?}");
    let world = world.restart().await;
    world.set(minute(2)).await;
    assert_eq!(world.show().await.phase, Phase::Paused, "nobody resumed it");
    world.act(Action::Resume).await.unwrap();
    assert!(world.ask("a", 0).await.is_some());
    assert_eq!(trail(&world, "pause").await.len(), 1, "a restart pauses nothing again");
}

#[tokio::test]
async fn a_window_that_brings_back_rolls_back_what_is_under_way_and_nothing_that_begins_under_it() {
    let world = rolling(BY_HAND).await;
    canary_is_healthy(&world).await;
    world.until(Phase::AwaitingPromotion).await;
    let request = WindowRequest { on_enter: OnEnter::AbortAndRestore, ..freeze(1, 3) };
    let id = add(&world, request).await.window.window.id;
    world.set(minute(1)).await;
    let back = world.until(Phase::RollingBack).await;
    assert!(back.message.as_str().contains(id.as_str()), "{}", back.message);
    let entries = trail(&world, "rollback").await;
    assert_eq!((entries.len(), entries[0].actor.id.as_str()), (1, "window"));
    let order = world.ask("a", 1).await.expect("told to go back, whatever is frozen");
    world.obey("a", &order).await;
    world.until(Phase::RolledBack).await;

    // One that begins in the part that is not held is left alone by it.
    let request = WindowRequest {
        scope: "target=dc-west,stage=fleet".parse().unwrap(),
        on_enter: OnEnter::AbortAndRestore,
        ..freeze(3, 9)
    };
    add(&world, request).await;
    world.set(minute(3)).await;
    let newer = world.snapshot("3.0", false).await;
    world.start(&newer, BY_ITSELF).await.unwrap();
    let order = world.ask("a", 2).await.expect("the canary is free");
    world.obey("a", &order).await;
    world.set(minute(4)).await;
    let held = world.show().await;
    assert_eq!(held.phase, Phase::Progressing, "{}", held.message);
    assert!(world.ask("b", 0).await.is_none());
}

#[tokio::test]
async fn what_is_brought_back_before_it_ran_is_told_from_what_it_was_told_to_what_it_runs() {
    let world = rolling(BY_HAND).await;
    world.ask("a", 0).await.expect("the canary is told, and says nothing of it");
    add(&world, WindowRequest { on_enter: OnEnter::AbortAndRestore, ..freeze(1, 3) }).await;
    world.set(minute(1)).await;
    world.until(Phase::RollingBack).await;
    world.ask("a", 1).await.expect("told to go back");
    let told = trail(&world, "told").await;
    let effects: Vec<&str> = told.iter().map(|entry| entry.effect.as_ref().unwrap().as_str()).collect();
    let [forth, back] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(forth.starts_with("runs 2.0 (") && forth.contains(") instead of 1.0 ("), "{forth}");
    assert!(back.starts_with("goes back to 1.0 (") && back.contains(") from 2.0 ("), "{back}");
    assert!(back.ends_with("), which it was told and was not seen to run"), "{back}");
}

#[tokio::test]
async fn a_window_for_automation_stops_what_begins_by_itself_and_not_what_a_person_lets_on() {
    let world = rolling("  - canary: 1 site\n    advance: automatic\n  - half: 1 site\n  - fleet: all\n").await;
    add(&world, WindowRequest { initiators: vec![Initiator::Automation], ..freeze(0, 2) }).await;
    let order = world.ask("a", 0).await.expect("a person began it, and so its first stage");
    world.obey("a", &order).await;
    let held = world.shows("held", |rollout| rollout.freeze.is_some()).await;
    assert_eq!(held.current_stage.as_ref().unwrap().as_str(), "canary");
    assert!(held.freeze.is_some(), "half would begin by itself");
    assert!(world.ask("b", 0).await.is_none());
    world.set(minute(2)).await;
    let order = world.ask("b", 0).await.expect("it goes on by itself");
    add(&world, WindowRequest { initiators: vec![Initiator::Automation], ..freeze(2, 19) }).await;
    world.obey("b", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    world.act(Action::Promote).await.unwrap();
    assert!(world.ask("c", 0).await.is_some(), "a person's promote carries its stage");
}

#[tokio::test]
async fn a_window_names_what_it_holds_and_leaves_the_rest_open() {
    let world = rolling(BY_HAND).await;
    canary_is_healthy(&world).await;
    world.until(Phase::AwaitingPromotion).await;
    add(&world, WindowRequest { actions: vec![Operation::PromoteFull], ..freeze(0, 9) }).await;
    let blocked = world.act(Action::PromoteFull).await.unwrap_err();
    assert_eq!((blocked.code, blocked.blocking_windows.len()), (Code::Blocked, 1));
    world.act(Action::Promote).await.unwrap();
    assert!(world.ask("b", 0).await.is_some());
    // What goes back is open under any of them.
    add(&world, freeze(0, 9)).await;
    world.act(Action::Pause).await.unwrap();
    assert_eq!(world.act(Action::Resume).await.unwrap_err().code, Code::Blocked);
    world.act(Action::Rollback).await.unwrap();
}

#[tokio::test]
async fn where_a_window_allows_nothing_begins_at_another_time() {
    let world = World::at(noon()).await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b", "c"], &old).await;
    let request = WindowRequest { effect: Effect::Allow, ..freeze(2, 9) };
    let id = add(&world, request).await.window.window.id;
    let blocked = world.start(&new, BY_HAND).await.unwrap_err();
    assert_eq!((blocked.code, blocked.next_transition), (Code::Blocked, Some(minute(2))), "{blocked:?}");
    assert_eq!(blocked.blocking_windows[0].window, id);
    assert_eq!(blocked.blocking_windows[0].effect, Effect::Allow);
    world.set(minute(2)).await;
    world.start(&new, BY_HAND).await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
}

#[tokio::test]
async fn whoever_takes_from_a_freeze_that_holds_needs_the_right_to_pass_it() {
    let world = World::at(noon()).await;
    let otto = person("otto", Role::Operator, &["dc-*"]);
    let of = |overridable, until| WindowRequest { overridable, ..freeze(0, until) };
    // One person: an operator may extend it, a commander may shorten it.
    let single = add(&world, of(Overridable::Single, 30)).await.window.window.id;
    let longer = change(&world, &otto, single.as_str(), freeze(0, 60)).await.unwrap();
    let fields: Vec<&str> = longer.audit.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["until"], "{:?}", longer.audit.changes);
    let refused = change(&world, &otto, single.as_str(), freeze(0, 20)).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    assert!(
        refused.detail.as_str().contains("window_change on dc-west needs the role commander"),
        "{}",
        refused.detail
    );
    change(&world, &mira(), single.as_str(), freeze(0, 20)).await.unwrap();
    // Nobody: refused for everybody, in every way of taking from it.
    let never = add(&world, of(Overridable::Never, 30)).await.window.window.id;
    let less = [
        of(Overridable::Never, 20),
        of(Overridable::Single, 30),
        WindowRequest { disabled: true, ..of(Overridable::Never, 30) },
        WindowRequest { scope: "target=dc-west,site=a".parse().unwrap(), ..of(Overridable::Never, 30) },
        WindowRequest { actions: vec![Operation::Start], ..of(Overridable::Never, 30) },
        WindowRequest { initiators: vec![Initiator::Human], ..of(Overridable::Never, 30) },
        WindowRequest { effect: Effect::Allow, ..of(Overridable::Never, 30) },
    ];
    for request in less {
        let refused = change(&world, &mira(), never.as_str(), request.clone()).await.unwrap_err();
        assert_eq!(refused.code, Code::Blocked, "{request:?}");
        assert!(refused.audit.is_some() && !refused.blockers.is_empty(), "{refused:?}");
    }
    assert_eq!(world.control.lift_window(&mira(), never.as_str(), reason()).await.unwrap_err().code, Code::Blocked);
    change(&world, &mira(), never.as_str(), of(Overridable::Never, 40)).await.unwrap();
    world.set(minute(40)).await;
    assert_eq!(world.control.lift_window(&mira(), never.as_str(), reason()).await.unwrap().outcome, Outcome::NoOp);
    // Two people.
    let two = add(&world, of(Overridable::TwoPerson, 90)).await.window.window.id;
    assert_eq!(world.control.lift_window(&mira(), two.as_str(), reason()).await.unwrap_err().code, Code::Blocked);
    // One that holds without end could never be ended.
    let endless = WindowRequest { until: None, ..of(Overridable::Never, 90) };
    let refused = world.control.add_window(&mira(), endless, Conditions::default()).await.unwrap_err();
    assert_eq!(refused.field.as_ref().map(|field| field.as_str()), Some("overridable"));
}

#[tokio::test]
async fn a_new_window_that_allows_does_not_open_what_others_close_without_the_right_to() {
    let world = World::at(noon()).await;
    let hours = WindowRequest { effect: Effect::Allow, overridable: Overridable::Never, ..freeze(60, 120) };
    add(&world, hours).await;
    let now = WindowRequest { effect: Effect::Allow, ..freeze(0, 30) };
    let refused = world.control.add_window(&mira(), now.clone(), Conditions::default()).await.unwrap_err();
    assert_eq!(refused.code, Code::Blocked, "{refused:?}");
    let elsewhere = WindowRequest { scope: "dc-east".parse().unwrap(), ..now };
    add(&world, elsewhere).await;
}

#[tokio::test]
async fn a_window_is_shown_to_whoever_has_a_target_that_it_can_cover_and_to_nobody_else() {
    let world = World::at(noon()).await;
    for scope in ["dc-west", "shop-*", "label:ring=pilot"] {
        add(&world, WindowRequest { scope: scope.parse().unwrap(), ..freeze(0, 9) }).await;
    }
    let seen = |who: Principal| {
        let control = world.control.clone();
        async move {
            let page = control.windows(&who).await.unwrap();
            let mut scopes: Vec<String> = page.windows.iter().map(|w| w.window.scope.to_string()).collect();
            scopes.sort();
            scopes
        }
    };
    assert_eq!(seen(person("vera", Role::Viewer, &["dc-*"])).await, ["label:ring=pilot", "target=dc-west"]);
    assert_eq!(seen(person("sven", Role::Viewer, &["shop-1"])).await, ["label:ring=pilot", "target=shop-*"]);
    assert_eq!(seen(mira()).await.len(), 3);
    let sven = person("sven", Role::Commander, &["shop-1"]);
    let west = world.control.windows(&mira()).await.unwrap().windows;
    let west = west.iter().find(|w| w.window.scope.to_string() == "target=dc-west").unwrap().window.id.clone();
    let refused = world.control.lift_window(&sven, west.as_str(), reason()).await.unwrap_err();
    assert_eq!(refused.code, Code::NotFound, "that it is there is not told either");
    let calendar = world.control.calendar(&sven, noon(), minute(60)).await.unwrap();
    assert!(calendar.spans.iter().all(|span| span.window != west));
    let query = WindowsQuery { target: Some("dc-west".parse().unwrap()), ..WindowsQuery::default() };
    assert_eq!(world.control.windows_state(&sven, query).await.unwrap_err().code, Code::Forbidden);
}

fn nights(zone: &str, start: &str, end: &str) -> Schedule {
    Schedule {
        zone: SafeText::new(zone),
        start: start.parse().unwrap(),
        end: Some(end.parse().unwrap()),
        duration: None,
        rrule: Some(SafeText::new("FREQ=DAILY")),
        rdate: Vec::new(),
        exdate: Vec::new(),
    }
}

#[tokio::test]
async fn on_the_night_that_clocks_change_a_freeze_is_as_long_as_anybody_could_have_read_it() {
    // Oslo, 2026-03-29: 02:00 becomes 03:00 (01:00 UTC). 2026-10-25: 03:00 becomes 02:00 (01:00 UTC).
    let world = World::at("2026-03-27T12:00:00Z".parse().unwrap()).await;
    let schedule = nights("Europe/Oslo", "2026-03-01T02:30:00", "2026-03-01T04:00:00");
    let request = WindowRequest {
        scope: "dc-west".parse().unwrap(),
        reason: WHY.to_owned(),
        schedule: Some(schedule),
        ..WindowRequest::default()
    };
    let window = add(&world, request).await.window;
    assert_eq!(window.next_transition, Some("2026-03-28T01:30:00Z".parse().unwrap()));
    let state = |at: &str| {
        let (control, at) = (world.control.clone(), at.parse().unwrap());
        async move {
            let query =
                WindowsQuery { at: Some(at), target: Some("dc-west".parse().unwrap()), ..WindowsQuery::default() };
            let state = control.windows_state(&mira(), query).await.unwrap();
            assert!(!state.tzdb.is_empty());
            (state.state.unwrap(), state.next_transition.unwrap().format("%m-%d %H:%M").to_string())
        }
    };
    use Openness::{Closed, Open};
    for (at, expected, next) in [
        ("2026-03-28T01:29:59Z", Open, "03-28 01:30"),
        ("2026-03-28T01:30:00Z", Closed, "03-28 03:00"),
        ("2026-03-28T03:00:00Z", Open, "03-29 01:30"),
        // 02:30 is no time of that night: it is read as 03:30 summer time or 01:30 UTC, and it is not left out.
        ("2026-03-29T01:30:00Z", Closed, "03-29 02:00"),
        ("2026-03-29T02:00:00Z", Open, "03-30 00:30"),
        // 02:30 comes twice in October: the freeze begins with the first.
        ("2026-10-25T00:29:59Z", Open, "10-25 00:30"),
        ("2026-10-25T00:30:00Z", Closed, "10-25 03:00"),
        ("2026-10-25T03:00:00Z", Open, "10-26 01:30"),
    ] {
        assert_eq!(state(at).await, (expected, next.to_owned()), "{at}");
    }
}

#[tokio::test]
async fn what_was_open_is_not_closed_by_a_window_that_was_made_later() {
    let world = World::at(noon()).await;
    world.sites(&["a"], &world.snapshot("1.0", false).await).await;
    let first = add(&world, freeze(-60, 60)).await.window.window;
    world.set(minute(20)).await;
    add(&world, freeze(-60, 60)).await;
    let asked = |at: i64, target: bool| {
        let target = target.then(|| "dc-west".parse().unwrap());
        let query = WindowsQuery { at: Some(minute(at)), target, ..WindowsQuery::default() };
        let control = world.control.clone();
        async move { control.windows_state(&mira(), query).await.unwrap() }
    };
    let before = asked(-1, true).await;
    assert_eq!((before.state, before.decided_by.len(), before.active.len()), (Some(Openness::Open), 0, 0));
    assert!(before.note.unwrap().as_str().contains("today's were asked, without 2 made later;"));
    let between = asked(10, true).await;
    assert_eq!((between.state, between.decided_by.len()), (Some(Openness::Closed), 1));
    assert_eq!(between.decided_by[0].window, first.id);
    assert_eq!(asked(10, false).await.active.len(), 1);
    // One that was lifted held until then; one that was changed is known as it is now only.
    let longer = WindowRequest { until: Some(minute(90)), ..freeze(-60, 60) };
    change(&world, &mira(), first.id.as_str(), longer).await.unwrap();
    world.set(minute(30)).await;
    world.control.lift_window(&mira(), first.id.as_str(), reason()).await.unwrap();
    world.set(minute(40)).await;
    let held = asked(29, true).await;
    assert_eq!(held.decided_by.len(), 2);
    assert_eq!(
        held.note.unwrap().as_str(),
        "windows are not kept as they were: today's were asked, 1 as changed since; any forgotten since are missing"
    );
    assert_eq!(asked(30, true).await.decided_by.len(), 1);
    for at in [40, 50] {
        assert_eq!(asked(at, true).await.note, None, "of now and of what is to come there is nothing to say");
    }
}

#[tokio::test]
async fn whoever_mistypes_a_target_is_told_that_nothing_of_it_is_known() {
    let world = rolling("  - canary: 1 site\n  - fleet: all\n").await;
    let asked = |target: &str| {
        let query = WindowsQuery { target: Some(target.parse().unwrap()), ..WindowsQuery::default() };
        let control = world.control.clone();
        async move { control.windows_state(&mira(), query).await.unwrap() }
    };
    assert_eq!(asked("dc-west").await.note, None);
    let wrong = asked("dc-wset").await;
    assert_eq!(wrong.state, Some(Openness::Open));
    assert_eq!(wrong.note.unwrap().as_str(), "no site and no rollout of dc-wset is known here");
}

#[tokio::test]
async fn a_calendar_of_the_past_shows_no_freeze_from_before_its_window_was_made() {
    let world = World::at(noon()).await;
    add(&world, freeze(-60, -30 + 60)).await;
    world.set(minute(20)).await;
    let second = add(&world, freeze(-60, 60)).await.window.window;
    let past = world.control.calendar(&mira(), minute(-60), minute(15)).await.unwrap();
    let spans: Vec<_> = past.spans.iter().map(|span| (span.from, span.until)).collect();
    assert_eq!(spans, [(noon(), Some(minute(30)))], "the first from when it was made, and nothing of the second");
    assert!(past.note.unwrap().as_str().contains("without 2 made later"), "it says what it stands on");
    let whole = world.control.calendar(&mira(), minute(10), minute(90)).await.unwrap();
    let begins = whole.spans.iter().find(|span| span.window == second.id).unwrap().from;
    assert_eq!(begins, minute(20));
    assert!(whole.note.unwrap().as_str().contains("without 1 made later"));
    let ahead = world.control.calendar(&mira(), minute(20), minute(90)).await.unwrap();
    assert_eq!((ahead.spans.len(), ahead.note), (2, None), "of what is to come there is nothing to say");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_part_that_is_wrong() {
    let world = World::at(noon()).await;
    let good = nights("Europe/Oslo", "2026-03-01T22:00:00", "2026-03-02T06:00:00");
    let with = |schedule: Schedule| WindowRequest {
        scope: "dc-west".parse().unwrap(),
        reason: WHY.to_owned(),
        schedule: Some(schedule),
        ..WindowRequest::default()
    };
    let bad = [
        with(Schedule { zone: SafeText::new("Europe/Olso"), ..good.clone() }),
        with(Schedule { rrule: Some(SafeText::new("FREQ=HOURLY")), ..good.clone() }),
        with(Schedule { rrule: Some(SafeText::new("FREQ=MONTHLY;BYMONTHDAY=32")), ..good.clone() }),
        with(Schedule { end: Some("2026-02-01T00:00:00".parse().unwrap()), ..good.clone() }),
        WindowRequest { from: Some(noon()), ..with(good.clone()) },
        WindowRequest { until: Some("2126-12-31T23:59:60Z".parse().unwrap()), ..freeze(0, 1) },
        freeze(5, 4),
        freeze(-9, -5),
    ];
    for request in bad {
        let refused = world.control.add_window(&mira(), request.clone(), Conditions::default()).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{request:?}");
        assert!(refused.field.is_some() && !refused.detail.is_empty(), "{refused:?}");
    }
    assert!(world.control.windows(&mira()).await.unwrap().windows.is_empty());
}

#[tokio::test]
async fn the_calendar_says_what_is_planned_and_meets_a_window() {
    let world = rolling("  - canary: 1 site\n    advance: automatic\n    hold: 10m\n  - fleet: all\n").await;
    canary_is_healthy(&world).await;
    let id = add(&world, freeze(5, 30)).await.window.window.id;
    let page = world.control.calendar(&mira(), noon(), minute(60)).await.unwrap();
    let spans: Vec<_> = page.spans.iter().map(|span| (&span.window, span.from, span.until)).collect();
    assert_eq!(spans, [(&id, minute(5), Some(minute(30)))]);
    let met: Vec<_> = page.conflicts.iter().map(|c| (c.at, &c.window, c.until)).collect();
    assert_eq!(met, [(minute(10), &id, Some(minute(30)))], "{:?}", page.conflicts);
    assert!(page.conflicts[0].what.as_str().contains("fleet"), "{:?}", page.conflicts);
    let later = world.control.calendar(&mira(), minute(30), minute(60)).await.unwrap();
    assert!(later.spans.is_empty() && later.conflicts.is_empty());
    let long = world.control.calendar(&mira(), noon(), noon() + TimeDelta::days(401)).await.unwrap_err();
    assert_eq!(long.code, Code::Invalid);
}

#[tokio::test]
async fn another_time_zone_database_tells_what_it_moved() {
    use rolldeck::store::{RecordKind, Store as _, Write};
    let world = World::at(noon()).await;
    let schedule = nights("Europe/Oslo", "2026-03-01T22:00:00", "2026-03-02T06:00:00");
    let request = WindowRequest {
        scope: "dc-west".parse().unwrap(),
        reason: WHY.to_owned(),
        schedule: Some(schedule),
        ..WindowRequest::default()
    };
    let moved = add(&world, request.clone()).await.window.window.id;
    let kept = add(&world, request).await.window.window.id;
    let world = world
        .changed(|store| {
            let (moved, kept) = (moved.clone(), kept.clone());
            async move {
                let records = store.load().await.unwrap().records;
                let times = |id: &SafeText| {
                    let found = records
                        .iter()
                        .find(|(kind, known, _)| *kind == RecordKind::WindowTimes && known == id.as_str());
                    let mut times = found.expect("times are kept of it").2.clone();
                    times["tzdb"] = "2019a".into();
                    times
                };
                let mut other = times(&moved);
                other["parts"][3] = "0000000000000000".into();
                let batch = vec![
                    Write::Meta("tzdb".to_owned(), "2019a".to_owned()),
                    Write::Record(RecordKind::WindowTimes, moved.to_string(), other),
                    Write::Record(RecordKind::WindowTimes, kept.to_string(), times(&kept)),
                ];
                store.commit(&batch).await.unwrap();
            }
        })
        .await;
    let entries = trail(&world, "window_times_changed").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].subject.name, moved);
    assert!(entries[0].reason.as_ref().unwrap().as_str().contains("2019a"), "{:?}", entries[0]);
    assert_eq!(entries[0].revision.after.as_ref().unwrap().0.as_str(), "2", "an override of the first is none of it");
    let world = world.restart().await;
    assert_eq!(trail(&world, "window_times_changed").await.len(), 1, "it is told once");
}
