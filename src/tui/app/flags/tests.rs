use chrono::{DateTime, Utc};
use serde_json::json;

use super::{
    cell::{Serves, State},
    change::{self, FlagChange, Verb},
    *,
};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_774_526_671, 0).unwrap()
}

/// A flag with boolean variants and one rule, on in the named units of site `osl2`.
fn flag(key: &str, wanted: &str) -> FlagView {
    serde_json::from_value(json!({
        "key": key, "revision": 3, "kind": "release", "owner": "edge",
        "variants": { "on": true, "off": false }, "default_variant": "off", "off_variant": "off", "enabled": true,
        "rules": [{ "id": "pilot", "serve": { "variant": "on" } }],
        "created_by": "mira", "created_at": now(), "changed_by": "mira", "changed_at": now(), "reason": "pilot",
        "ticket": null, "stage": "live",
        "places": [place("osl2", "a", Some(wanted), Some(wanted), Some(3))],
    }))
    .unwrap()
}

fn place(site: &str, lane: &str, wanted: Option<&str>, actual: Option<&str>, held: Option<u64>) -> serde_json::Value {
    json!({
        "group": "dc-west", "site": site, "lane": lane, "wanted": wanted, "actual": actual,
        "held_revision": held, "reason": "TARGETING_MATCH", "rule": "pilot",
    })
}

fn with(mut view: FlagView, places: &[serde_json::Value]) -> FlagView {
    view.places = places.iter().map(|place| serde_json::from_value(place.clone()).unwrap()).collect();
    view
}

fn text(view: &FlagView) -> String {
    let places: Vec<&FlagPlace> = view.places.iter().collect();
    Cell::of(view, &places).unwrap().text()
}

#[test]
fn a_cell_says_what_is_wanted_what_is_there_instead_and_what_nobody_knows() {
    let rows = [
        (Some("on"), Some("on"), Some(3), "on"),
        (Some("off"), Some("off"), Some(3), "."),
        (Some("off"), Some("on"), Some(2), "ON!"),
        (Some("on"), Some("off"), Some(3), "OFF!"),
        (Some("on"), None, None, "on?"),
        (Some("off"), None, Some(3), ".?"),
        (None, None, Some(3), "mix"),
        (None, None, Some(2), "MIX!"),
        (None, None, None, "mix?"),
    ];
    for (wanted, actual, held, expected) in rows {
        let view = with(flag("fast-path", "on"), &[place("osl2", "a", wanted, actual, held)]);
        assert_eq!(text(&view), expected, "wanted {wanted:?}, actual {actual:?}, holds {held:?}");
    }
}

#[test]
fn a_split_says_its_share_and_never_rounds_some_to_nobody_or_to_all() {
    for (weights, expected) in [((25, 75), "25%"), ((1, 999), "1%"), ((999, 1), "99%"), ((0, 5), "0%"), ((0, 0), "mix")]
    {
        let mut view = with(flag("fast-path", "on"), &[place("osl2", "a", None, None, Some(3))]);
        view.flag.definition.rules = serde_json::from_value(json!([{
            "id": "pilot",
            "serve": { "split": [{ "variant": "on", "weight": weights.0 }, { "variant": "off", "weight": weights.1 }] },
        }]))
        .unwrap();
        assert_eq!(text(&view), expected, "{weights:?}");
    }
}

#[test]
fn units_of_a_stage_that_differ_are_a_part_and_one_drift_among_them_shows() {
    let on = |site: &str| place(site, "a", Some("on"), Some("on"), Some(3));
    let off = |site: &str| place(site, "a", Some("off"), Some("off"), Some(3));
    assert_eq!(text(&with(flag("f", "on"), &[on("s1"), on("s2")])), "on");
    assert_eq!(text(&with(flag("f", "on"), &[on("s1"), off("s2"), off("s3"), off("s4")])), "25%");
    let drift = place("s2", "a", Some("on"), Some("off"), Some(2));
    assert_eq!(text(&with(flag("f", "on"), &[on("s1"), drift])), "OFF!");
}

#[test]
fn a_variants_hostile_name_is_shown_as_signs_and_cannot_steer_the_terminal() {
    let mut view = flag("f", "on");
    view.flag.definition.variants.insert("\u{1b}[2J\u{202e}x".to_owned(), json!("red"));
    let Serves::Variant(name) = Serves::of(&view.flag.definition, "\u{1b}[2J\u{202e}x") else { panic!() };
    assert!(!name.chars().any(char::is_control) && !name.contains('\u{202e}'), "{name:?}");
}

fn page(flags: Vec<FlagView>) -> FlagsPage {
    FlagsPage { flags, as_of: now() }
}

fn keys(flags: &Flags) -> Vec<String> {
    (0..flags.list.len()).filter_map(|row| flags.at(row)).map(|view| view.flag.key.to_string()).collect()
}

#[test]
fn the_selection_stays_with_its_flag_and_its_column_when_others_come_before_it() {
    let mut flags = Flags::default();
    let sites = |names: &[&str]| -> Vec<serde_json::Value> {
        names.iter().map(|name| place(name, "a", Some("on"), Some("on"), Some(3))).collect()
    };
    flags.take(Ok(page(vec![with(flag("m", "on"), &sites(&["osl1", "osl2"])), flag("z", "on")])));
    flags.list.move_to(1);
    flags.move_to_column(1);
    assert_eq!(flags.selected().unwrap().flag.key.as_str(), "z");
    let first = with(flag("a", "on"), &sites(&["ams1"]));
    flags.take(Ok(page(vec![first, with(flag("m", "on"), &sites(&["osl1", "osl2"])), flag("z", "on")])));
    assert_eq!(keys(&flags), ["a", "m", "z"]);
    assert_eq!(flags.selected().unwrap().flag.key.as_str(), "z");
    let (group, column) = flags.selected_column().unwrap();
    assert_eq!(group.name, "osl2");
    assert!(matches!(column, Column::Lane(unit) if unit.site.as_str() == "osl2"), "{column:?}");
}

#[test]
fn what_needs_somebody_comes_first_and_nothing_else_is_left_when_only_that_is_wanted() {
    let drift = with(flag("m-drift", "on"), &[place("osl2", "a", Some("off"), Some("on"), Some(2))]);
    let mut killed = flag("z-killed", "off");
    killed.flag.killed = Some(crate::domain::flag::Killed { at: now(), by: "mira".into(), reason: "fire".into() });
    let silent = with(flag("b-silent", "on"), &[place("osl2", "a", Some("on"), None, None)]);
    let mut due = flag("c-due", "on");
    due.stage = FlagStage::Due;
    let mut flags = Flags::default();
    flags.take(Ok(page(vec![flag("a-calm", "on"), silent, due, drift, killed])));
    assert_eq!(keys(&flags), ["m-drift", "z-killed", "c-due", "b-silent", "a-calm"]);
    flags.toggle_changed();
    assert_eq!(keys(&flags), ["m-drift", "z-killed", "c-due", "b-silent"]);
    flags.list.set_filter("kil", COLUMNS);
    assert_eq!(keys(&flags), ["z-killed"]);
}

#[test]
fn an_answer_that_brings_nothing_new_says_so() {
    let mut flags = Flags::default();
    assert!(flags.take(Ok(page(vec![flag("a", "on")]))));
    let later = FlagsPage { as_of: now() + chrono::TimeDelta::seconds(5), ..page(vec![flag("a", "on")]) };
    assert!(!flags.take(Ok(later)));
    assert!(flags.take(Ok(page(vec![flag("a", "off")]))));
}

#[test]
fn stages_are_columns_with_the_smallest_first_and_what_no_rollout_covers_last() {
    let in_stage = |site: &str, stage: Option<&str>| {
        let mut place = place(site, "a", Some("on"), Some("on"), Some(3));
        place["stage"] = json!(stage);
        place
    };
    let view = with(
        flag("a", "on"),
        &[
            in_stage("s1", Some("wave")),
            in_stage("s2", Some("wave")),
            in_stage("s3", Some("canary")),
            in_stage("s4", None),
        ],
    );
    let mut flags = Flags::default();
    flags.take(Ok(page(vec![view])));
    flags.pivot();
    let names: Vec<&str> = flags.groups().iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["canary", "wave", "no stage"]);
}

fn change(verb: Verb, view: FlagView) -> FlagChange {
    FlagChange { verb, pinned: view, saw: String::new() }
}

#[test]
fn a_share_changes_the_rule_that_has_one_or_adds_one_behind_the_others() {
    let view = flag("a", "off");
    let definition = change(Verb::Widen, view.clone()).definition(Some(25.0)).unwrap();
    let (at, share) = change::share_rule(&definition).unwrap();
    assert_eq!((at, share.variant.as_str(), share.percent), (1, "on", 25.0));
    let mut wider = view;
    wider.flag.definition = definition;
    let fifty = change(Verb::Widen, wider.clone());
    assert!(fifty.widens(Some(50.0)) && !fifty.widens(Some(10.0)) && !fifty.widens(Some(25.0)));
    let definition = fifty.definition(Some(50.0)).unwrap();
    assert_eq!(definition.rules.len(), 2);
    assert!((change::present_share(&definition) - 50.0).abs() < f64::EPSILON);
}

#[test]
fn only_a_share_of_somebody_is_one_and_a_number_may_have_its_sign() {
    for (text, percent) in [("25", 25.0), (" 10 % ", 10.0), ("0.5", 0.5), ("100", 100.0)] {
        assert_eq!(change::share(text), Ok(percent), "{text}");
    }
    for text in ["", "0", "-3", "101", "NaN", "inf", "many"] {
        assert!(change::share(text).is_err(), "{text}");
    }
}

#[test]
fn what_stops_a_flag_never_counts_as_widening_and_a_killed_flag_is_only_brought_back() {
    let view = flag("a", "on");
    for verb in [Verb::Kill, Verb::Disable] {
        assert!(!change(verb, view.clone()).widens(None));
    }
    for verb in [Verb::Enable, Verb::Revive] {
        assert!(change(verb, view.clone()).widens(None));
    }
    let mut killed = view;
    killed.flag.killed = Some(crate::domain::flag::Killed { at: now(), by: "mira".into(), reason: "fire".into() });
    let offered: Vec<Verb> = Verb::ALL.into_iter().filter(|verb| verb.senseless(&killed).is_none()).collect();
    assert_eq!(offered, [Verb::Disable, Verb::Revive]);
    assert!(change(Verb::Revive, killed).request(None, String::new(), None, true).unwrap().revive);
}

#[test]
fn a_preview_names_the_units_that_get_it_and_those_that_lose_it() {
    let before = with(
        flag("a", "on"),
        &[
            place("s1", "a", Some("on"), None, None),
            place("s2", "a", Some("off"), None, None),
            place("s3", "a", Some("on"), None, None),
        ],
    );
    let after = with(
        flag("a", "on"),
        &[
            place("s1", "a", Some("off"), None, None),
            place("s2", "a", Some("on"), None, None),
            place("s3", "a", Some("on"), None, None),
        ],
    );
    let (gets, loses) = change(Verb::Widen, before).moves(&after);
    assert_eq!((gets, loses), (vec!["s2/a on".to_owned()], vec!["s1/a".to_owned()]));
}

#[test]
fn what_was_on_the_screen_counts_drift_and_silence() {
    let view = with(
        flag("a", "on"),
        &[
            place("s1", "a", Some("on"), Some("on"), Some(3)),
            place("s2", "a", Some("off"), Some("on"), Some(2)),
            place("s3", "a", Some("on"), None, None),
        ],
    );
    let said = change::saw(&view, None, true);
    assert_eq!(said, "enabled, wanted on 2 of 3 units, 1 with drift, 1 silent, revision 3, live");
    assert_eq!(Cell::of(&view, &[&view.places[2]]).unwrap().state, State::Silent);
}
