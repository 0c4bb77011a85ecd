//! One site during a pilot window: what holds it, what touched it, and exactly when "nothing else changed"
//! is true.

use chrono::TimeDelta;
use rolldeck::{
    backend::{AuditPage, AuditQuery, BackendError, Code, Openness, Problem, WindowsQuery, WindowsState},
    domain::{
        AuditEntry, Freeze, Outcome, Overridable, Phase, Role, Rollout, SafeText, Subject, SubjectKind, UnitView,
        audit::FieldChange,
    },
    tui::{
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    desk::{Desk, options, start, unreachable},
    fleet::{ago, entry, freeze, rollout, sites, trail},
};

/// An entry about something, so many minutes ago.
fn about(seq: u64, minutes: i64, who: &str, action: &str, kind: SubjectKind, name: &str) -> AuditEntry {
    let target = matches!(kind, SubjectKind::Rollout | SubjectKind::Unit).then(|| SafeText::new("dc-west"));
    let subject = Subject { kind, target, name: name.into() };
    AuditEntry {
        at: ago(minutes),
        subject,
        outcome: Outcome::Applied,
        ..entry(seq, action, who, "because the shops asked for it")
    }
}

fn elsewhere(seq: u64) -> AuditEntry {
    let mut entry = about(seq, 5, "ci-bot", "start", SubjectKind::Rollout, "planner");
    entry.subject.target = Some("ber".into());
    entry
}

fn page(entries: Vec<AuditEntry>) -> AuditPage {
    AuditPage { entries, ..trail() }
}

/// A rollout with a unit at the site, all of its units known.
fn here() -> Rollout {
    let mut rollout = rollout("dc-west/pick-assist", Phase::Progressing, 6);
    let unit = |site: &str| UnitView {
        site: site.parse().unwrap(),
        lane: "a".parse().unwrap(),
        stage: Some("canary".parse().unwrap()),
        state: "healthy".into(),
        measured: Some(super::fleet::digest(2)),
        claimed: None,
        pinned: Some(super::fleet::digest(1)),
        seen_at: Some(start()),
        reachable: true,
    };
    rollout.units = Some(vec![unit("osl2"), unit("osl1")]);
    (rollout.exposure.units, rollout.exposure.units_total) = (1, 2);
    rollout.stages[2].gates =
        Some(vec![super::fleet::gate("telemetry", rolldeck::domain::GateState::Breached, "gap 41s on osl2/a")]);
    rollout
}

fn state(query: &WindowsQuery, freezes: Vec<Freeze>) -> Answer {
    let closed = !freezes.is_empty();
    Answer::SiteState(
        query.clone(),
        Ok(WindowsState {
            at: start(),
            active: Vec::new(),
            state: Some(if closed { Openness::Closed } else { Openness::Open }),
            next_transition: freezes.first().and_then(|freeze| freeze.until),
            decided_by: freezes,
            tzdb: "2026a".into(),
            note: None,
        }),
    )
}

fn pilot() -> Freeze {
    Freeze { scope: "target=dc-west,site=osl2".into(), overridable: Overridable::TwoPerson, ..freeze() }
}

fn asked_state(desk: &Desk) -> Option<WindowsQuery> {
    desk.commands.iter().rev().find_map(|c| if let Command::SiteState(q) = c { Some(q.clone()) } else { None })
}

fn asked_trail(desk: &Desk) -> Option<AuditQuery> {
    desk.commands.iter().rev().find_map(|c| if let Command::SiteTrail(q) = c { Some(q.clone()) } else { None })
}

/// A site that is followed, with all but the trail.
fn desk(size: (u16, u16), freezes: Vec<Freeze>) -> Desk {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, vec![here()], size);
    desk.command("follow dc-west/osl2");
    desk.answer(Answer::Sites(Ok(sites())));
    desk.watched(here());
    desk.answer(Answer::Windows(Ok(super::calendar::windows())));
    desk.answer(Answer::Overrides(Ok(super::consent::overrides())));
    desk.answer(Answer::Approvals(Ok(super::consent::approvals())));
    let query = asked_state(&desk).expect("what holds the site was not asked");
    desk.answer(state(&query, freezes));
    desk
}

/// The last question about the trail is answered.
fn read(desk: &mut Desk, entries: Vec<AuditEntry>) {
    let query = asked_trail(desk).expect("the trail was not asked for");
    desk.taken();
    desk.answer(Answer::SiteTrail(query, Ok(page(entries))));
}

/// A site that is followed in a pilot window, with a few things that touched it.
pub fn followed(size: (u16, u16)) -> Desk {
    let mut desk = desk(size, vec![pilot()]);
    let mut promoted = about(9312, 8, "k.berg", "promote", SubjectKind::Rollout, "pick-assist");
    promoted.override_id = Some("o-7".into());
    promoted.approved_by = vec!["a.lind".into()];
    let mut refused = about(9316, 4, "j.roos", "promote", SubjectKind::Rollout, "pick-assist");
    refused.outcome = Outcome::Refused;
    read(
        &mut desk,
        vec![promoted, elsewhere(9313), refused, about(9318, 2, "mira", "flag_enable", SubjectKind::Flag, "fast-path")],
    );
    desk
}

#[test]
fn a_site_lead_sees_what_holds_the_site_who_set_it_what_runs_and_what_touched_it() {
    let desk = followed((120, 40));
    let screen = desk.ascii();
    for part in [
        "dc-west/osl2 FROZEN until 14:00Z",
        "10m in, 1h56m left",
        "pilot window  set by a.lind",
        "DRIFT",
        "wanted 4.12.0",
        "measured 4.11.3",
        "ONLY CLAIMED 4.12.0",
        "SILENT",
        "touches this site: a in canary: healthy",
        "gate telemetry BREACHED",
        "what touched it since 11:54Z: 3",
        "under o-7  agreed to by a.lind",
        "REFUSED",
        "1 lane is silent",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(!screen.contains("planner"), "what is elsewhere is left out: {screen}");
}

#[test]
fn nothing_else_changed_is_said_exactly_when_the_trail_was_read_to_its_end_and_is_fresh() {
    let mut desk = desk((120, 40), vec![pilot()]);
    let screen = desk.ascii();
    assert!(screen.contains("whether anything else changed is not known yet"), "{screen}");
    let query = asked_trail(&desk).unwrap();
    assert_eq!((query.since, query.after), (Some(ago(10)), 0), "since the window began");
    // A full page: there may be more, and it is asked for at once.
    let full: Vec<AuditEntry> = (1..=500).map(elsewhere).collect();
    read(&mut desk, full);
    assert!(!desk.ascii().contains("nothing changed"), "{}", desk.ascii());
    assert_eq!(asked_trail(&desk).unwrap().after, 500);
    read(&mut desk, vec![elsewhere(501)]);
    let screen = desk.ascii();
    assert!(
        screen.contains("nothing changed at osl2 since 11:54Z (when the window began): 501 entries were read"),
        "{screen}"
    );
    // Something touches it: then nothing else did.
    desk.wait(11_000);
    read(&mut desk, vec![about(502, 0, "k.berg", "pause", SubjectKind::Rollout, "pick-assist")]);
    assert!(desk.ascii().contains("nothing else changed at osl2 since 11:54Z"), "{}", desk.ascii());
    // What may have reached it is said as that.
    desk.wait(11_000);
    read(&mut desk, vec![about(503, 0, "mira", "flag_change", SubjectKind::Flag, "fast-path")]);
    let screen = desk.ascii();
    assert!(
        screen.contains("nothing else changed at osl2 since 11:54Z (when the window began); the one marked ? may be"),
        "{screen}"
    );
    // The trail does not answer for three refreshes, although the list does.
    desk.wait(50_000);
    let screen = desk.ascii();
    assert!(screen.contains("NOT KNOWN whether anything changed here after"), "{screen}");
    assert!(!screen.contains("nothing else changed"), "{screen}");
}

#[test]
fn what_cannot_be_known_is_said_and_never_called_nothing() {
    let mut lost = followed((120, 40));
    assert!(lost.ascii().contains("nothing else changed"), "{}", lost.ascii());
    lost.answer(Answer::View(Err(unreachable())));
    assert!(!lost.ascii().contains("nothing else changed"), "{}", lost.ascii());
    let mut refused = desk((120, 40), vec![pilot()]);
    let query = asked_trail(&refused).unwrap();
    let problem = Problem::new(Code::Forbidden, "your token may not read the trail");
    refused.answer(Answer::SiteTrail(query, Err(BackendError::from(problem))));
    let screen = refused.ascii();
    assert!(screen.contains("the trail cannot be read: your token may not read the trail"), "{screen}");
    let mut unknown = desk((120, 40), vec![pilot()]);
    let query = WindowsQuery {
        target: Some("dc-west".parse().unwrap()),
        site: Some("osl2".parse().unwrap()),
        ..WindowsQuery::default()
    };
    unknown.answer(Answer::SiteState(query, Err(unreachable())));
    assert!(unknown.ascii().contains("whether a window holds it is NOT KNOWN"), "{}", unknown.ascii());
}

#[test]
fn a_window_that_was_taken_away_from_the_site_touched_it_and_one_elsewhere_did_not() {
    let mut desk = desk((120, 40), vec![pilot()]);
    let mut moved = about(600, 3, "a.lind", "window_change", SubjectKind::Window, "w-31");
    moved.changes = vec![FieldChange {
        field: "scope".into(),
        before: Some(r#""target=dc-west,site=osl2""#.into()),
        after: Some(r#""target=ber""#.into()),
    }];
    let other = about(601, 2, "a.lind", "window_add", SubjectKind::Window, "w-31");
    let gone = about(602, 1, "a.lind", "window_lift", SubjectKind::Window, "w-unknown");
    read(&mut desk, vec![moved, other, gone]);
    // What entries speak of is asked for before anything is said of them.
    assert!(desk.taken().iter().any(|c| matches!(c, Command::Windows)));
    assert!(!desk.ascii().contains("nothing else changed"), "{}", desk.ascii());
    desk.answer(Answer::Windows(Ok(super::calendar::windows())));
    let screen = desk.ascii();
    assert!(screen.contains("what touched it since 11:54Z: 2"), "{screen}");
    assert!(
        screen.contains("window_change") && screen.contains("window_lift") && !screen.contains("window_add"),
        "{screen}"
    );
    assert!(screen.contains("nothing else changed"), "{screen}");
}

#[test]
fn it_changes_nothing_and_says_who_can() {
    let mut desk = followed((120, 40));
    desk.taken();
    desk.press(I::ActionMenu);
    let screen = desk.ascii();
    assert!(screen.contains("no: this view changes nothing: mira, k.berg did here; an operator or a"), "{screen}");
    for intent in [I::Pause, I::Rollback, I::Promote, I::AddWindow] {
        desk.wait(300).press(intent);
        assert!(desk.app.dialog().is_none(), "{intent:?}");
        desk.press(I::ActionMenu);
    }
    desk.press(I::Back);
    desk.command("freeze dc-west");
    assert!(desk.app.dialog().is_none());
    assert!(desk.acts().is_empty());
}

#[test]
fn a_site_that_is_open_not_there_or_not_the_only_one_of_its_name_is_said() {
    let mut open = desk((100, 30), vec![]);
    read(&mut open, vec![]);
    let screen = open.ascii();
    assert!(screen.contains("dc-west/osl2 is open: no window holds changes here"), "{screen}");
    assert!(screen.contains("the trail has no entry since then"), "{screen}");
    let mut desk = Desk::with(&options(false, false), Role::Viewer, false, vec![here()], (100, 30));
    desk.command("follow nowhere");
    desk.answer(Answer::Sites(Ok(sites())));
    assert!(desk.ascii().contains("the fleet has no site nowhere"), "{}", desk.ascii());
    desk.command("follow a b");
    assert!(desk.ascii().contains("'a b' is no site"), "{}", desk.ascii());
    desk.press(I::CommandLine);
    desk.write("follow dc-west/osl1").press(I::NextPane);
    let mut twice = sites();
    let mut other = twice.sites[1].clone();
    other.group = "dc-north".parse().unwrap();
    twice.sites.push(other);
    desk.press(I::Back).press(I::Back);
    desk.command("follow osl2");
    desk.answer(Answer::Sites(Ok(twice)));
    let screen = desk.ascii();
    assert!(screen.contains(":follow dc-west/osl2 or :follow dc-north/osl2"), "{screen}");
}

#[test]
fn nothing_is_painted_again_while_nothing_changes_and_the_trail_goes_on_from_where_it_was() {
    let mut desk = followed((120, 40));
    desk.wait(11_000);
    let query = asked_trail(&desk).unwrap();
    assert_eq!(query.after, 9318);
    desk.paint();
    desk.answer(Answer::SiteTrail(query, Ok(page(vec![]))));
    assert!(!desk.app.is_dirty());
    let again = WindowsQuery {
        target: Some("dc-west".parse().unwrap()),
        site: Some("osl2".parse().unwrap()),
        ..WindowsQuery::default()
    };
    let mut later = state(&again, vec![pilot()]);
    if let Answer::SiteState(_, Ok(state)) = &mut later {
        state.at = start() + TimeDelta::minutes(1);
    }
    desk.answer(later);
    assert!(!desk.app.is_dirty(), "when it was worked out is no news");
}

#[test]
fn keys_move_through_all_that_touched_it_and_the_selected_entry_stays_selected() {
    let mut desk = desk((120, 40), vec![pilot()]);
    let of = |seq: u64| about(seq, 5, "k.berg", &format!("pause_{seq}"), SubjectKind::Rollout, "pick-assist");
    read(&mut desk, (1001..=1060).map(of).collect());
    let selected = |desk: &Desk| {
        let screen = desk.ascii();
        let line = screen.lines().find(|line| line.starts_with('>')).unwrap_or_else(|| panic!("{screen}"));
        line.split("pause_").nth(1).unwrap()[..4].parse::<u64>().unwrap()
    };
    assert_eq!(selected(&desk), 1060, "the newest first");
    desk.keys(&[I::Down, I::Down]);
    assert_eq!(selected(&desk), 1058);
    desk.press(I::Up);
    assert_eq!(selected(&desk), 1059);
    desk.press(I::Bottom);
    assert_eq!(selected(&desk), 1001);
    desk.press(I::Down);
    desk.press(I::Up);
    assert_eq!(selected(&desk), 1002, "the end is the end: one key leads back from it");
    desk.press(I::Top);
    assert_eq!(selected(&desk), 1060);
    // A page is what is seen of it: nothing is passed over.
    let seen = desk.ascii().lines().filter(|line| line.contains("pause_")).count();
    desk.press(I::PageDown);
    assert_eq!(selected(&desk), 1060 - seen as u64);
    desk.press(I::PageUp);
    assert_eq!(selected(&desk), 1060);
    // What comes meanwhile moves nobody away from what is read.
    desk.keys(&[I::Down, I::Down]).wait(11_000);
    read(&mut desk, vec![of(1061), of(1062)]);
    assert_eq!(selected(&desk), 1058);
    desk.press(I::Open);
    assert!(desk.ascii().contains("audit #1058"), "{}", desk.ascii());
    assert!(desk.acts().is_empty());
}

#[test]
fn it_fits_every_size_whatever_is_written_in_it() {
    let evil = "日本語\u{202e}gnp\u{1b}[2J".repeat(12);
    for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        let mut desk = desk(size, vec![Freeze { reason: evil.as_str().into(), by: evil.as_str().into(), ..pilot() }]);
        let mut odd = about(9318, 2, &evil, &evil, SubjectKind::Rollout, "pick-assist");
        odd.reason = Some(evil.as_str().into());
        read(&mut desk, vec![odd; 30]);
        for line in desk.screen().lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= usize::from(size.0), "{width} columns: {line}");
            assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line}");
        }
    }
}
