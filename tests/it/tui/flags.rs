//! Flags in the dashboard: what the matrix says, what its dialogs send and what may hold them, and how
//! silent it is while nothing changes.

use rolldeck::{
    backend::{BackendError, Code, FlagReply, FlagRequest, FlagView, FlagsPage, Problem},
    domain::{
        FlagDefinition, FlagKey, Freeze, Outcome, Role, SafeText,
        flag::{FlagRule, Serve, SiteRef},
    },
    tui::{
        intent::Intent as I,
        message::{Answer, Command},
    },
};
use serde_json::{Value, json};

use super::{
    desk::{Desk, options, start, unreachable},
    fleet::{ago, entry, freeze, nine},
};

const REASON: &str = "the fast path drops labels, INC-2231";
const SITES: [&str; 4] = ["ams1", "ber3", "osl1", "osl2"];

/// What a unit is to get and has: `on`, `off`, `-` for what it does not say, `x` for what depends on the caller.
fn place(site: &str, lane: &str, wanted: &str, actual: &str, rule: Option<&str>) -> Value {
    let said = |word: &str| (!matches!(word, "-" | "x")).then(|| word.to_owned());
    json!({
        "group": "dc-west", "site": site, "lane": lane, "stage": if site == "osl2" { "canary" } else { "wave1" },
        "wanted": said(wanted), "actual": said(actual),
        "reason": if wanted == "x" { "SPLIT" } else if rule.is_some() { "TARGETING_MATCH" } else { "DEFAULT" },
        "rule": rule, "held_revision": (actual != "-").then_some(3),
        "last_evaluated_at": ago(3), "evaluations": 40,
    })
}

fn flag(key: &str, kind: &str, cell: impl Fn(&str, &str) -> (&'static str, &'static str)) -> FlagView {
    let rule = |wanted: &str| (wanted != "off").then_some("pilot-sites");
    let places: Vec<Value> = SITES
        .iter()
        .flat_map(|site| ["a", "b", "c"].map(|lane| (*site, lane)))
        .map(|(site, lane)| {
            let (wanted, actual) = cell(site, lane);
            place(site, lane, wanted, actual, rule(wanted))
        })
        .collect();
    let mut view: FlagView = serde_json::from_value(json!({
        "key": key, "revision": 3, "kind": kind, "owner": "edge-team", "description": "skip the slow shelf lookup",
        "variants": { "on": true, "off": false }, "default_variant": "off", "off_variant": "off", "enabled": true,
        "rules": [
            { "id": "never-freezer", "when": "lane == \"freezer\"", "serve": { "variant": "off" } },
            { "id": "pilot-sites", "when": "site == \"osl2\" || lane == \"a\"", "serve": { "variant": "on" } },
        ],
        "expires_at": "2026-05-01T00:00:00Z", "created_by": "mira", "created_at": ago(9000), "changed_by": "ci-bot",
        "changed_at": ago(23), "reason": "pilot passed", "ticket": "CHG-88", "stage": "live",
        "last_evaluated_at": ago(3), "places": places,
    }))
    .unwrap();
    if kind == "ops" {
        view.flag.definition.expires_at = None;
    }
    view
}

/// Seven flags, one of each kind.
pub fn page() -> FlagsPage {
    let mut ten = flag("new-cache", "release", |_, lane| if lane == "a" { ("x", "x") } else { ("off", "off") });
    ten.flag.definition.rules = serde_json::from_value(json!([{
        "id": "pilot-sites",
        "serve": { "split": [{ "variant": "on", "weight": 10 }, { "variant": "off", "weight": 90 }] },
    }]))
    .unwrap();
    let mut killed = flag("robot-lanes", "ops", |_, _| ("off", "off"));
    killed.flag.killed = Some(rolldeck::domain::flag::Killed {
        at: ago(8),
        by: "k.berg".into(),
        reason: "arms collide in aisle 4".into(),
    });
    let mut expired = flag("strict-auth", "release", |_, _| ("off", "off"));
    expired.stage = rolldeck::domain::FlagStage::Expired;
    expired.why = Some("it was to be gone by 2026-03-01".into());
    let mut off = flag("log-sampling", "ops", |_, _| ("off", "off"));
    off.flag.definition.enabled = false;
    let flags = vec![
        flag("fast-path", "release", |site, lane| match (site, lane) {
            ("osl2", "b") => ("off", "on"),
            ("osl2", _) | (_, "a") => ("on", "on"),
            _ => ("off", "off"),
        }),
        off,
        flag("map-tiles-v2", "release", |site, _| if site == "ams1" { ("on", "-") } else { ("on", "on") }),
        ten,
        killed,
        expired,
        flag("tls13-only", "permission", |_, _| ("on", "on")),
    ];
    FlagsPage { flags, as_of: start() }
}

/// The flags view, with the page on it.
pub fn opened(mut desk: Desk) -> Desk {
    desk.press(I::ViewFlags);
    desk.answer(Answer::Flags(Ok(page())));
    desk
}

fn history(desk: &mut Desk, key: &str) {
    let mut entries = vec![entry(9296, "flag_widen", "ci-bot", "pilot passed"), entry(9310, "flag_change", "mira", "")];
    for entry in &mut entries {
        entry.subject.kind = rolldeck::domain::SubjectKind::Flag;
        entry.subject.target = None;
        entry.subject.name = key.into();
    }
    entries[0].changes = vec![rolldeck::domain::audit::FieldChange {
        field: "rules.pilot-sites.percent".into(),
        before: Some("10".into()),
        after: Some("25".into()),
    }];
    let page = rolldeck::backend::AuditPage { entries, ..super::fleet::trail() };
    desk.answer(Answer::FlagHistory(key.parse().unwrap(), Ok(page)));
}

/// The view with the cursor on a cell and its history.
pub fn looked_at(desk: Desk) -> Desk {
    let mut desk = opened(desk);
    history(&mut desk, "fast-path");
    for _ in 0..10 {
        desk.press(I::Right);
    }
    desk
}

fn desk(protected: bool, size: (u16, u16)) -> Desk {
    opened(Desk::with(&options(protected, false), Role::Operator, false, nine(), size))
}

#[test]
fn where_there_is_no_flag_yet_the_command_that_is_said_to_add_one_is_one() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (80, 24));
    desk.press(I::ViewFlags);
    desk.answer(Answer::Flags(Ok(FlagsPage { flags: Vec::new(), as_of: ago(0) })));
    let screen = desk.screen();
    let said = screen.lines().find_map(|line| line.trim().strip_prefix("no flags yet: ")).expect(&screen);
    let said = said.trim().strip_suffix(" adds one").expect(said);
    // A flag's key is never in capitals: these stand for one.
    let words = said.split(' ').map(|word| if word == "KEY" { "new-flag" } else { word });
    rolldeck::cli::command().try_get_matches_from(words).unwrap_or_else(|error| panic!("{said}: {error}"));
}

fn reply(key: &str, outcome: Outcome, change: impl FnOnce(&mut FlagView)) -> FlagReply {
    let mut view = page().flags.into_iter().find(|view| view.flag.key.as_str() == key).unwrap();
    change(&mut view);
    FlagReply {
        outcome,
        flag: view,
        effect: "1 of 2 rules change what 3 units get".into(),
        audit: (outcome == Outcome::Applied).then(|| entry(9321, "flag_widen", "mira", "because of a test")),
        blocking_windows: Vec::new(),
        approval: None,
    }
}

/// A dry run's answer that changes nothing.
pub fn intended(key: &str) -> FlagReply {
    reply(key, Outcome::Intended, |_| {})
}

/// Whether a request gives the flag of [`page`] to more places than it has.
pub fn widens(key: &FlagKey, request: &FlagRequest) -> bool {
    let share = |definition: &FlagDefinition| {
        let of = |rule: &FlagRule| if let Serve::Sites(share) = &rule.serve { Some(share.percent) } else { None };
        definition.rules.iter().find_map(of).unwrap_or(0.0)
    };
    let before = page().flags.into_iter().find(|view| view.flag.key == *key).unwrap().flag.definition;
    let after = &request.definition;
    request.revive || (after.enabled && !before.enabled) || share(after) > share(&before)
}

/// The key of the newest preview that was asked for.
pub fn asked(desk: &Desk) -> Option<String> {
    desk.commands.iter().rev().find_map(|command| match command {
        Command::PreviewFlag { key, request, .. } => {
            assert!(request.dry_run, "a preview is a dry run");
            Some(key.clone())
        }
        _ => None,
    })
}

/// Selects a flag and opens a dialog on it from the menu.
fn dialog(desk: &mut Desk, key: &str, verb: I) {
    desk.press(I::Top);
    for _ in 0..20 {
        if desk.screen().lines().any(|line| line.starts_with('>') && line.contains(key)) {
            break;
        }
        desk.press(I::Down);
    }
    desk.press(I::ActionMenu).wait(500).press(verb).paint().wait(400);
}

/// The preview of the share that is in the dialog: everything on, in a share that has two sites more.
fn previewed(desk: &mut Desk, key: &str, freezes: Vec<Freeze>) {
    let asked = asked(desk).expect("no preview was asked for");
    let mut reply = reply(key, Outcome::Intended, |view| {
        let members =
            ["osl1", "osl2"].map(|site| SiteRef { group: "dc-west".parse().unwrap(), site: site.parse().unwrap() });
        view.flag.definition.rules.push(
            serde_json::from_value(json!({
                "id": "share-of-sites", "serve": { "sites": { "variant": "on", "percent": 50.0, "members": members } },
            }))
            .unwrap(),
        );
        for place in view.places.iter_mut().filter(|place| place.site.as_str().starts_with("osl")) {
            place.wanted = Some(SafeText::new("on"));
        }
    });
    reply.blocking_windows = freezes;
    desk.answer(Answer::FlagPreviewed(asked, Ok(reply)));
}

/// From the reason to the commit button, and a press.
fn commit(desk: &mut Desk) {
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
}

#[test]
fn the_matrix_says_what_is_wanted_what_is_there_and_what_nobody_reports() {
    let desk = desk(false, (120, 40));
    let screen = desk.screen();
    let line = |key: &str| screen.lines().find(|line| line.contains(key)).unwrap().to_owned();
    assert!(line("fast-path").contains("ON!"), "{screen}");
    assert!(line("map-tiles-v2").contains("on?"), "{screen}");
    assert!(line("new-cache").contains("10%"), "{screen}");
    assert!(line("robot-lanes").contains("KILLED"), "{screen}");
    assert!(line("strict-auth").contains("EXPIRED"), "{screen}");
    assert!(line("log-sampling").trim_end().ends_with("off"), "{screen}");
    assert!(line("7 flags").contains("1 DRIFT") && line("7 flags").contains("1 not reported"), "{screen}");
}

#[test]
fn cells_that_need_all_of_their_columns_are_told_apart_from_site_to_site() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (80, 24));
    desk.press(I::ViewFlags);
    let mut share = flag("new-cache", "release", |_, _| ("x", "-"));
    share.flag.definition.rules = serde_json::from_value(json!([{
        "id": "pilot", "serve": { "split": [{ "variant": "on", "weight": 20 }, { "variant": "off", "weight": 80 }] },
    }]))
    .unwrap();
    desk.answer(Answer::Flags(Ok(FlagsPage { flags: vec![share], as_of: start() })));
    let screen = desk.screen();
    let row = screen.lines().find(|line| line.starts_with(">") && line.contains("new-cache")).unwrap_or(&screen);
    assert!(row.contains("mix? mix?") && !row.contains("?mix"), "{screen}");
}

#[test]
fn the_record_says_which_rule_matched_in_its_place_and_what_is_there_instead() {
    let mut desk = looked_at(Desk::with(&options(false, false), Role::Operator, false, nine(), (120, 40)));
    let screen = desk.screen();
    assert!(screen.contains("dc-west/osl2/b") && screen.contains("DRIFT   wanted off, actual on"), "{screen}");
    assert!(screen.contains("history, 2 entries") && screen.contains("rule pilot-sites.percent 10->25"), "{screen}");
    desk.press(I::Left);
    let screen = desk.screen();
    assert!(screen.contains("rule 2 of 2 matched: pilot-sites when site == \"osl2\""), "{screen}");
}

#[test]
fn columns_turn_to_stages_and_back_and_the_cursor_stays_with_its_flag() {
    let mut desk = desk(false, (120, 40));
    desk.keys(&[I::Down, I::Pivot]);
    let screen = desk.screen();
    assert!(screen.contains("by stage") && screen.contains("canary") && screen.contains("wave1"), "{screen}");
    assert!(screen.lines().any(|line| line.starts_with('>') && line.contains("robot-lanes")), "{screen}");
    desk.press(I::Pivot);
    assert!(desk.screen().contains("by site x lane"), "{}", desk.screen());
}

#[test]
fn only_what_somebody_should_look_at_is_left_when_asked_for() {
    let mut desk = desk(false, (120, 40));
    desk.press(I::ChangedOnly);
    let screen = desk.screen();
    assert!(screen.contains("fast-path") && !screen.contains("tls13-only"), "{screen}");
}

#[test]
fn a_kill_is_sent_at_once_from_a_locked_context_without_preview_window_or_revision() {
    let mut desk = desk(true, (120, 40));
    dialog(&mut desk, "fast-path", I::FlagKill);
    assert!(asked(&desk).is_none(), "a kill waits for no preview");
    assert!(desk.screen().contains("no window, no approval and no lock holds a kill"), "{}", desk.screen());
    desk.write(REASON);
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::KillFlag { flag, request, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!((flag.as_str(), request.reason.as_str()), ("fast-path", REASON));
}

#[test]
fn a_kill_without_a_reason_or_by_a_viewer_is_not_sent() {
    let mut silent = desk(false, (120, 40));
    dialog(&mut silent, "fast-path", I::FlagKill);
    commit(&mut silent);
    assert!(silent.acts().is_empty() && silent.screen().contains("needs:"), "{}", silent.screen());
    let mut viewer = opened(Desk::with(&options(false, false), Role::Viewer, false, nine(), (120, 40)));
    dialog(&mut viewer, "fast-path", I::FlagKill);
    assert!(viewer.app.dialog().is_none(), "{}", viewer.screen());
}

#[test]
fn a_share_names_the_sites_that_it_brings_in_waits_three_seconds_and_names_the_revision() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "fast-path", I::FlagWiden);
    desk.keys(&[I::HistoryOlder, I::HistoryOlder]);
    previewed(&mut desk, "fast-path", vec![]);
    let screen = desk.screen();
    assert!(screen.contains("0 % -> 50 % of sites: 2 sites in the share"), "{screen}");
    assert!(screen.contains("brings in 2 sites: osl1, osl2") && screen.contains("osl1/b on"), "{screen}");
    desk.press(I::NextPane).press(I::NextPane);
    desk.write(REASON);
    commit(&mut desk);
    assert!(desk.acts().is_empty(), "it waits");
    desk.wait(3100);
    let acts = desk.acts();
    let [Command::PutFlag { flag, request, conditions }] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(flag.as_str(), "fast-path");
    assert!(!request.dry_run && request.reason == REASON && !request.revive);
    assert!(request.saw.as_deref().is_some_and(|saw| saw.contains("1 with drift")), "{:?}", request.saw);
    assert_eq!(conditions.revision.as_ref().map(|revision| revision.0.as_str()), Some("3"));
    assert!(conditions.idempotency_key.is_some());
    let shares: Vec<f64> = request
        .definition
        .rules
        .iter()
        .filter_map(|rule| match &rule.serve {
            Serve::Sites(share) => Some(share.percent),
            _ => None,
        })
        .collect();
    assert_eq!(shares, [50.0]);
}

#[test]
fn a_share_that_is_typed_asks_for_its_own_preview_and_an_older_answer_does_not_count() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "fast-path", I::FlagWiden);
    let first = asked(&desk).unwrap();
    desk.keys(&[I::HistoryOlder]);
    let second = asked(&desk).unwrap();
    assert_ne!(first, second);
    desk.answer(Answer::FlagPreviewed(first, Ok(reply("fast-path", Outcome::Intended, |_| {}))));
    assert!(desk.screen().contains("asking what it would do"), "{}", desk.screen());
    for _ in 0..4 {
        desk.send(rolldeck::tui::message::Message::Input(rolldeck::tui::message::Input::Edit(
            tui_input::InputRequest::DeletePrevChar,
        )));
    }
    desk.write("0");
    assert!(desk.screen().contains("more than 0 and at most 100"), "{}", desk.screen());
}

#[test]
fn a_window_that_holds_it_is_named_with_its_end_and_the_button_stays_locked() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "log-sampling", I::FlagEnable);
    previewed(&mut desk, "log-sampling", vec![freeze()]);
    let screen = desk.screen();
    assert!(screen.contains("HELD: frozen by w-12ab until 14:00Z: pilot window"), "{screen}");
    assert!(screen.contains("rolldeck override ask --flag log-sampling"), "{screen}");
    desk.write(REASON);
    commit(&mut desk);
    desk.wait(4000);
    assert!(desk.acts().is_empty(), "{}", desk.screen());
}

#[test]
fn an_override_that_is_there_is_used_and_what_it_does_is_asked_again() {
    let mut desk = desk(false, (120, 40));
    let window = freeze();
    let page: rolldeck::backend::OverridesPage = serde_json::from_value(json!({ "overrides": [{
        "id": "o-12", "revision": 1, "windows": [{ "id": window.window, "revision": window.revision }],
        "actions": ["flag_enable"], "flag": "log-sampling", "kind": "incident", "reason": REASON, "ticket": null,
        "requested_by": "mira", "requested_at": ago(5), "approvals_needed": 0, "not_before": ago(5),
        "expires_at": "2026-03-26T12:29:31Z", "uses_max": 1, "state": "active", "uses_left": 1,
    }] }))
    .unwrap();
    desk.answer(Answer::Overrides(Ok(page)));
    assert!(desk.screen().contains("o25m"), "{}", desk.screen());
    dialog(&mut desk, "log-sampling", I::FlagEnable);
    previewed(&mut desk, "log-sampling", vec![freeze()]);
    let of = |command: &Command| match command {
        Command::PreviewFlag { request, .. } => Some(request.override_id.clone()),
        _ => None,
    };
    assert_eq!(desk.commands.iter().rev().find_map(of).flatten().as_deref(), Some("o-12"));
    previewed(&mut desk, "log-sampling", vec![]);
    desk.write(REASON);
    commit(&mut desk);
    desk.wait(3100);
    let acts = desk.acts();
    let [Command::PutFlag { request, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(request.override_id.as_deref(), Some("o-12"));
}

#[test]
fn what_widens_is_locked_in_a_protected_context_and_what_takes_back_is_not() {
    let mut desk = desk(true, (120, 40));
    dialog(&mut desk, "log-sampling", I::FlagEnable);
    previewed(&mut desk, "log-sampling", vec![]);
    desk.write(REASON);
    commit(&mut desk);
    desk.wait(4000);
    assert!(desk.acts().is_empty() && desk.screen().contains("A arms it"), "{}", desk.screen());
    desk.press(I::Back);
    dialog(&mut desk, "tls13-only", I::FlagDisable);
    desk.write(REASON);
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::PutFlag { request, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert!(!request.definition.enabled);
}

#[test]
fn a_flag_that_changed_under_the_dialog_has_to_be_looked_at_again_before_it_is_widened() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "log-sampling", I::FlagEnable);
    previewed(&mut desk, "log-sampling", vec![]);
    desk.write(REASON);
    let mut later = page();
    let flag = later.flags.iter_mut().find(|view| view.flag.key.as_str() == "log-sampling").unwrap();
    flag.flag.revision = 4;
    flag.flag.changed_by = "k.berg".into();
    desk.answer(Answer::Flags(Ok(later)));
    assert!(desk.screen().contains("CHANGED since this was opened: revision 3 -> 4 by k.berg"), "{}", desk.screen());
    let before = asked(&desk);
    commit(&mut desk);
    desk.wait(4000);
    assert!(desk.acts().is_empty(), "{}", desk.screen());
    let again = asked(&desk);
    assert!(again.is_some() && again != before, "it looks again: {}", desk.screen());
}

#[test]
fn a_second_person_who_has_to_agree_is_said_and_nothing_counts_as_done() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "fast-path", I::FlagWiden);
    previewed(&mut desk, "fast-path", vec![]);
    desk.keys(&[I::NextPane, I::NextPane]);
    desk.write(REASON);
    commit(&mut desk);
    desk.wait(3100);
    let key = desk.app.dialog().unwrap().key.clone();
    let approval: rolldeck::backend::ApprovalView = serde_json::from_value(json!({
        "id": "a-17", "action": "flag_widen", "subject": { "kind": "flag", "target": null, "name": "fast-path" },
        "revision": "3", "preview": { "summary": "", "changes": [], "unchanged": [], "checks": [], "units": 0 },
        "requested_by": serde_json::to_value(entry(1, "x", "mira", "").actor).unwrap(), "requested_at": start(),
        "reason": REASON, "ticket": null, "expires_at": "2026-03-26T13:04:31Z", "intent": 9322, "state": "waiting",
    }))
    .unwrap();
    let mut waits = reply("fast-path", Outcome::Intended, |_| {});
    waits.approval = Some(Box::new(approval));
    desk.answer(Answer::FlagChanged(key, Ok(waits)));
    let screen = desk.screen();
    assert!(
        screen.contains("NOT DONE YET: fast-path waits for a second person until 13:04Z, approval a-17"),
        "{screen}"
    );
}

#[test]
fn a_lost_answer_is_unconfirmed_and_asking_again_uses_the_same_key() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "tls13-only", I::FlagDisable);
    desk.write(REASON);
    commit(&mut desk);
    let key = desk.app.dialog().unwrap().key.clone();
    desk.taken();
    desk.answer(Answer::FlagChanged(key.clone(), Err(unreachable())));
    assert!(desk.screen().contains("UNCONFIRMED"), "{}", desk.screen());
    desk.keys(&[I::NextPane, I::Open]);
    let acts = desk.acts();
    let [Command::PutFlag { conditions, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(conditions.idempotency_key.as_ref(), Some(&key));
}

#[test]
fn a_refusal_keeps_what_was_typed_and_names_what_refused() {
    let mut desk = desk(false, (120, 40));
    dialog(&mut desk, "tls13-only", I::FlagDisable);
    desk.write(REASON);
    commit(&mut desk);
    let key = desk.app.dialog().unwrap().key.clone();
    let problem = Problem::new(Code::RevisionMismatch, "the flag is at revision 4");
    desk.answer(Answer::FlagChanged(key, Err(BackendError::Problem(Box::new(problem)))));
    let screen = desk.screen();
    assert!(screen.contains("REFUSED, nothing was changed") && screen.contains(REASON), "{screen}");
}

#[test]
fn flags_are_asked_for_every_five_seconds_while_they_are_looked_at_and_not_otherwise() {
    let mut desk = desk(false, (120, 40));
    let asks = |desk: &mut Desk| desk.taken().iter().filter(|c| matches!(c, Command::Flags)).count();
    asks(&mut desk);
    desk.wait(4_900);
    assert_eq!(asks(&mut desk), 0);
    desk.wait(200);
    assert_eq!(asks(&mut desk), 1);
    // While an answer is on its way nobody asks again.
    desk.wait(30_000);
    assert_eq!(asks(&mut desk), 0);
    desk.answer(Answer::Flags(Ok(page())));
    desk.press(I::ViewOverview);
    asks(&mut desk);
    desk.wait(30_000);
    assert_eq!(asks(&mut desk), 0);
}

#[test]
fn an_answer_with_nothing_new_asks_for_no_frame() {
    let mut desk = desk(false, (120, 40));
    desk.paint();
    desk.answer(Answer::Flags(Ok(FlagsPage { as_of: ago(-1), ..page() })));
    assert!(!desk.app.is_dirty());
}

#[test]
fn the_history_of_a_flag_is_asked_for_when_it_comes_to_be_selected_and_when_it_changed() {
    let mut desk = desk(false, (120, 40));
    let asked = |desk: &mut Desk| -> Vec<FlagKey> {
        let of = |command: Command| if let Command::FlagHistory(key) = command { Some(key) } else { None };
        desk.taken().into_iter().filter_map(of).collect()
    };
    assert_eq!(asked(&mut desk).len(), 1);
    desk.press(I::Down);
    assert_eq!(asked(&mut desk).iter().map(FlagKey::as_str).collect::<Vec<_>>(), ["robot-lanes"]);
    let mut later = page();
    later.flags.iter_mut().find(|view| view.flag.key.as_str() == "robot-lanes").unwrap().flag.revision = 4;
    desk.answer(Answer::Flags(Ok(later)));
    assert_eq!(asked(&mut desk).iter().map(FlagKey::as_str).collect::<Vec<_>>(), ["robot-lanes"]);
}

#[test]
fn the_command_line_completes_verbs_and_keys_and_opens_only_the_dialog() {
    let mut desk = desk(false, (120, 40));
    desk.press(I::CommandLine);
    desk.write("flag k").press(I::NextPane);
    desk.write("robot").press(I::NextPane);
    // A killed flag cannot be killed: it is not offered.
    assert!(desk.screen().contains(":flag kill robot"), "{}", desk.screen());
    desk.press(I::Back);
    desk.command("flag widen tls13-only 25");
    assert!(desk.app.dialog().is_some() && desk.acts().is_empty(), "{}", desk.screen());
    assert!(desk.screen().contains("25"), "{}", desk.screen());
    desk.paint().wait(400);
    desk.press(I::Back);
    desk.command("flag kill nosuch");
    assert!(desk.screen().contains("there is no flag 'nosuch'"), "{}", desk.screen());
}

#[test]
fn hostile_names_and_values_move_no_column_and_steer_nothing() {
    let mut page = page();
    let odd = &mut page.flags[0];
    odd.flag.definition.variants.insert("日本語\u{202e}\u{1b}[2J".to_owned(), json!("\u{1b}]0;owned\u{7}"));
    odd.flag.definition.default_variant = "日本語\u{202e}\u{1b}[2J".to_owned();
    odd.flag.definition.rules = serde_json::from_value(json!([{
        "id": "pilot-sites", "when": "plan == \"\u{1b}[31m\u{202e}\"", "serve": { "variant": "日本語\u{202e}\u{1b}[2J" },
    }]))
    .unwrap();
    odd.flag.definition.owner = "\u{202e}チーム・ピッキング・オペレーション".into();
    for place in &mut odd.places {
        place.wanted = Some("日本語\u{202e}\u{1b}[2J".into());
        place.actual = Some("x".repeat(200).into());
    }
    for size in [(80, 24), (120, 40), (200, 60), (60, 16)] {
        let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), size);
        desk.press(I::ViewFlags);
        desk.answer(Answer::Flags(Ok(page.clone())));
        for step in [I::Right, I::Pivot, I::Open] {
            desk.press(step);
            let screen = desk.screen();
            assert!(
                !screen.contains('\u{1b}') && !screen.contains('\u{202e}') && !screen.contains('\u{7}'),
                "{screen}"
            );
            for line in screen.lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= usize::from(size.0), "{width} columns: {line}");
            }
        }
    }
}

#[test]
fn more_sites_than_fit_are_turned_over_with_the_cursor() {
    let mut page = page();
    for view in &mut page.flags {
        view.places = (0..30)
            .map(|n| {
                serde_json::from_value(place(&format!("site-{n:02}"), "main", "on", "on", Some("pilot-sites"))).unwrap()
            })
            .collect();
    }
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (80, 24));
    desk.press(I::ViewFlags);
    desk.answer(Answer::Flags(Ok(page)));
    let first = desk.screen();
    assert!(first.contains("site-00") && !first.contains("site-29"), "{first}");
    for _ in 0..29 {
        desk.press(I::NextStage);
    }
    let last = desk.screen();
    assert!(last.contains("site-29") && last.contains("of 30") && !last.contains("site-00"), "{last}");
}
