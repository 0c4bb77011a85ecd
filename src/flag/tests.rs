use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::domain::{
    FlagDefinition, FlagStage, LaneName, Operation, SiteName, TargetName, UnitId,
    flag::{FlagKind, Killed},
};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

/// A flag from its definition in JSON, laid over one that is on and has two variants.
fn flag(definition: Value) -> Flag {
    let mut whole = json!({
        "kind": "ops", "owner": "team-picking", "enabled": true,
        "variants": {"on": true, "off": false}, "default_variant": "off", "off_variant": "off",
    });
    for (name, value) in definition.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let definition: FlagDefinition = serde_json::from_value(whole).unwrap();
    Flag {
        key: "fast-path".parse().unwrap(),
        revision: 3,
        definition,
        killed: None,
        created_by: "olga".into(),
        created_at: now(),
        changed_by: "olga".into(),
        changed_at: now(),
        reason: "a reason".into(),
        ticket: None,
    }
}

fn compiled(definition: Value) -> Compiled {
    Compiled::new(&flag(definition)).unwrap()
}

fn context(of: Value) -> Map<String, Value> {
    of.as_object().unwrap().clone()
}

struct Where {
    target: TargetName,
    site: SiteName,
    lane: LaneName,
    labels: BTreeMap<String, SafeText>,
}

impl Where {
    fn new(target: &str, site: &str, lane: &str) -> Self {
        let labels = BTreeMap::from([("region".to_owned(), SafeText::new("north"))]);
        Self { target: target.parse().unwrap(), site: site.parse().unwrap(), lane: lane.parse().unwrap(), labels }
    }

    fn place(&self) -> Place<'_> {
        Place {
            target: &self.target,
            rollout: None,
            site: Some(&self.site),
            lane: Some(&self.lane),
            stage: None,
            labels: Some(&self.labels),
        }
    }
}

#[test]
fn a_flag_is_decided_in_the_order_that_its_definition_promises() {
    let rules = json!([{"id": "all", "serve": {"variant": "on"}}]);
    let osl = Where::new("dc-west", "osl2", "main");
    let here = Some(osl.place());
    let killed = Killed { at: now(), by: "olga".into(), reason: "it broke".into() };
    let mut dead = flag(json!({"rules": rules}));
    dead.killed = Some(killed);
    let split = json!([{"id": "some", "serve": {"split": [{"variant": "on", "weight": 100}]}}]);
    let key = json!({"targetingKey": "user1"});
    let cases = [
        (dead, json!({}), here, ("off", FlagReason::Disabled)),
        (flag(json!({"rules": rules, "enabled": false})), json!({}), here, ("off", FlagReason::Disabled)),
        (flag(json!({"rules": rules, "scope": "site=got*"})), json!({}), here, ("off", FlagReason::Default)),
        (flag(json!({"rules": rules, "scope": "site=osl*"})), json!({}), here, ("on", FlagReason::TargetingMatch)),
        // Who is nowhere is in no scope, whatever they say.
        (
            flag(json!({"rules": rules, "scope": "site=osl*"})),
            json!({"site": "osl2"}),
            None,
            ("off", FlagReason::Default),
        ),
        (flag(json!({"rules": rules})), json!({}), None, ("on", FlagReason::TargetingMatch)),
        (flag(json!({"rules": split})), key, here, ("on", FlagReason::Split)),
        (
            flag(json!({"rules": [{"id": "gold", "when": "plan == 'gold'", "serve": {"variant": "on"}}]})),
            json!({}),
            here,
            ("off", FlagReason::Default),
        ),
        (flag(json!({})), json!({}), here, ("off", FlagReason::Static)),
    ];
    for (flag, asked, place, (variant, reason)) in cases {
        let compiled = Compiled::new(&flag).unwrap();
        let got = compiled.evaluate(place.as_ref(), &context(asked), now()).unwrap();
        assert_eq!((got.variant, got.reason), (variant, reason), "{:?}", flag.definition);
    }
}

#[test]
fn a_caller_cannot_claim_to_be_elsewhere() {
    let osl = Where::new("dc-west", "osl2", "main");
    let claims = json!({"site": "got1", "lane": "fast", "stage": "canary", "target": "all", "labels": {"region": "south", "ring": "0"}});
    for (when, expected) in [
        (json!("site == 'osl2'"), true),
        (json!("site == 'got1' || lane == 'fast' || target == 'all' || labels.region == 'south'"), false),
        // The place does not know these: they are unknown, not the caller's.
        (json!("stage == 'canary'"), false),
        (json!("labels.ring == '0'"), false),
        (json!("has(labels.ring)"), false),
        (json!("labels[\"region\"] == 'north'"), true),
        (json!({"==": [{"var": "site"}, "osl2"]}), true),
        (json!({"==": [{"var": "stage"}, "canary"]}), false),
        (json!({"==": [{"var": ["stage", "none"]}, "none"]}), true),
        (json!({"in": [{"var": "labels.region"}, ["north", "west"]]}), true),
    ] {
        let flag = compiled(json!({"rules": [{"id": "here", "when": when, "serve": {"variant": "on"}}]}));
        let got = flag.evaluate(Some(&osl.place()), &context(claims.clone()), now()).unwrap();
        assert_eq!(got.variant == "on", expected, "{when}");
        // Without a place nothing of it is known.
        let nowhere = flag.evaluate(None, &context(claims.clone()), now()).unwrap();
        assert_eq!(nowhere.variant == "on", when.to_string().contains("\"none\""), "{when}");
    }
}

#[test]
fn a_share_without_a_targeting_key_is_an_error_and_never_chance() {
    let split = json!([{"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]);
    let flag = compiled(json!({"rules": [
        {"id": "staff", "when": "staff", "serve": {"variant": "on"}},
        {"id": "half", "serve": {"split": split}},
    ]}));
    for (asked, expected) in [
        (json!({}), EvaluationError::TargetingKeyMissing),
        (json!({"targetingKey": ""}), EvaluationError::TargetingKeyMissing),
        (json!({"targetingKey": null}), EvaluationError::TargetingKeyMissing),
        (json!({"targetingKey": 7}), EvaluationError::TargetingKeyNotText),
    ] {
        assert_eq!(flag.evaluate(None, &context(asked.clone()), now()), Err(expected), "{asked}");
    }
    // Who is decided before the share needs none.
    assert_eq!(flag.evaluate(None, &context(json!({"staff": true})), now()).unwrap().variant, "on");
}
