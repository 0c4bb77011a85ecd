//! What flags serve, what is wrong with definitions, and that nothing hostile costs anything.

#![expect(clippy::needless_pass_by_value, reason = "tables read better without a borrow on each row")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::domain::{
    FlagDefinition, FlagStage, LaneName, Operation, SiteName, TargetName,
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

#[derive(Debug, Clone)]
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

#[test]
fn what_is_wrong_with_a_definition_is_named_by_its_field() {
    let rule = |serve: Value| json!({"rules": [{"id": "a", "serve": {"variant": "on"}}, {"id": "b", "serve": serve}]});
    let when = |when: Value| json!({"rules": [{"id": "a", "when": when, "serve": {"variant": "on"}}]});
    let long = "x".repeat(2000);
    let mut deep = json!({"var": "a"});
    for _ in 0..40 {
        deep = json!({"!": [deep]});
    }
    for (definition, field) in [
        (json!({"variants": {"on": true, "off": "no"}}), "variants.on"),
        (json!({"variants": {"off": [1]}}), "variants.off"),
        (json!({"variants": {"off": null}}), "variants.off"),
        (json!({"variants": {"off": 9_007_199_254_740_993_i64}}), "variants.off"),
        (json!({"variants": {}}), "variants"),
        (json!({"default_variant": "maybe"}), "default_variant"),
        (json!({"off_variant": "maybe"}), "off_variant"),
        (json!({"owner": " "}), "owner"),
        (json!({"kind": "release"}), "expires_at"),
        (json!({"kind": "experiment"}), "expires_at"),
        (json!({"seed": ""}), "seed"),
        (json!({"rules": [{"id": "", "serve": {"variant": "on"}}]}), "rules[0].id"),
        (rule(json!({"variant": "maybe"})), "rules[1].serve.variant"),
        (rule(json!({"split": []})), "rules[1].serve.split"),
        (rule(json!({"split": [{"variant": "on", "weight": 0}]})), "rules[1].serve.split"),
        (rule(json!({"split": [{"variant": "maybe", "weight": 1}]})), "rules[1].serve.split[0].variant"),
        (
            rule(json!({"split": [{"variant": "on", "weight": 2_147_483_647}, {"variant": "off", "weight": 1}]})),
            "rules[1].serve.split[1].weight",
        ),
        (rule(json!({"sites": {"variant": "on", "percent": 100.1}})), "rules[1].serve.sites.percent"),
        (rule(json!({"sites": {"variant": "maybe", "percent": 1}})), "rules[1].serve.sites.variant"),
        (rule(json!({"units": {"variant": "maybe", "units": []}})), "rules[1].serve.units.variant"),
        (
            json!({"rules": [{"id": "a", "serve": {"variant": "on"}}, {"id": "a", "serve": {"variant": "on"}}]}),
            "rules[1].id",
        ),
        (when(json!("plan ==")), "rules[0].when"),
        (when(json!("")), "rules[0].when"),
        (when(json!(long)), "rules[0].when"),
        (when(json!("[1, 2].all(x, x > 0)")), "rules[0].when"),
        (when(json!("plan.matches('a*')")), "rules[0].when"),
        (when(json!("age + 1 > 2")), "rules[0].when"),
        (when(json!("plan")), ""),
        (when(json!("'gold'")), "rules[0].when"),
        (when(json!("plan == null")), "rules[0].when"),
        (when(json!("site.name == 'a'")), "rules[0].when"),
        (when(json!("version > '1.2'")), "rules[0].when"),
        (when(json!("sem_ver(version, '~>', '1.2')")), "rules[0].when"),
        (when(json!("sem_ver(version, '>', 'one')")), "rules[0].when"),
        (when(json!({"is": [1, 1]})), "rules[0].when.is"),
        (when(json!({"==": [1]})), "rules[0].when.=="),
        (when(json!({"and": [{"==": [1, 1]}, {"/": [4, 2]}]})), "rules[0].when.and[1]./"),
        (when(json!({"==": [1, 1], "!": [true]})), "rules[0].when"),
        (when(json!({"var": ""})), "rules[0].when.var"),
        (when(json!({"var": "$flagd.secret"})), "rules[0].when.var"),
        (when(json!({"var": "labels"})), "rules[0].when.var"),
        (when(json!({"!": [{"missing": ["site"]}]})), "rules[0].when.![0].missing"),
        (when(json!({"$ref": "is_gold"})), "rules[0].when.$ref"),
        (when(json!({"sem_ver": [{"var": "v"}, "===", "1.0.0"]})), "rules[0].when.sem_ver[1]"),
        (when(json!({"sem_ver": [{"var": "v"}, "=", "one"]})), "rules[0].when.sem_ver[2]"),
        (when(json!({"starts_with": ["a"]})), "rules[0].when.starts_with"),
        (when(json!({"fractional": []})), "rules[0].when.fractional"),
        (when(json!({"fractional": [["on", 1.5]]})), "rules[0].when.fractional[0][1]"),
        (when(json!({"fractional": [{"var": "id"}, ["on", 1, 2]]})), "rules[0].when.fractional[1]"),
        (when(json!({"fractional": [["on", 2_147_483_647], ["off", 1]]})), "rules[0].when.fractional[1][1]"),
    ] {
        let error = Compiled::new(&flag(definition.clone())).err();
        let got = error.as_ref().map(|error| error.field.as_str()).unwrap_or_default();
        assert_eq!(got, field, "{definition}: {error:?}");
    }
    // The place inside what nests too deep is as long as what nests.
    let error = Compiled::new(&flag(when(deep))).unwrap_err();
    assert!(error.field.as_str().starts_with("rules[0].when.![0]"), "{error}");
}

#[test]
fn hostile_conditions_end_in_an_error_and_in_no_time() {
    // Doubles a text with each element: 2^40 characters without a bound.
    let double = json!({"cat": [{"var": "accumulator"}, {"var": "accumulator"}]});
    let grow = json!({"merge": [{"var": "accumulator"}, {"var": "accumulator"}]});
    let pairs = json!({"all": [{"var": "xs"}, {"all": [{"var": ""}, {"var": ""}]}]});
    let xs: Vec<Value> = (0..400).map(|_| json!(vec![1; 400])).collect();
    let context = context(json!({"xs": xs}));
    for when in [json!({"reduce": [{"var": "xs"}, double, "xx"]}), json!({"reduce": [{"var": "xs"}, grow, [1]]}), pairs]
    {
        let flag = compiled(json!({"rules": [{"id": "a", "when": when, "serve": {"variant": "on"}}]}));
        assert_eq!(flag.evaluate(None, &context, now()), Err(EvaluationError::TooCostly), "{when}");
    }
}

#[test]
fn numbers_of_a_flag_with_a_fraction_are_all_written_with_a_point() {
    let flag = compiled(json!({
        "variants": {"half": 0.5, "whole": 1}, "default_variant": "whole", "off_variant": "half",
    }));
    assert_eq!(flag.evaluate(None, &Map::new(), now()).unwrap().value.to_string(), "1.0");
    let flag = compiled(json!({"variants": {"one": 1, "ten": 10}, "default_variant": "ten", "off_variant": "one"}));
    assert_eq!(flag.evaluate(None, &Map::new(), now()).unwrap().value.to_string(), "10");
}

#[test]
fn a_flag_is_stale_due_or_expired_when_its_days_have_come() {
    let days = |n: i64| now() + TimeDelta::days(n);
    let all = json!([{"id": "all", "serve": {"variant": "on"}}]);
    let half = json!([{"id": "half", "serve": {"split": [
        {"variant": "on", "weight": 50_000}, {"variant": "off", "weight": 50_000}]}}]);
    let full = json!([{"id": "full", "serve": {"split": [
        {"variant": "on", "weight": 100_000}, {"variant": "off", "weight": 0}]}}]);
    let stage_at =
        |definition: Value, evaluated: Option<i64>, at: i64| stage(&flag(definition), evaluated.map(days), days(at)).0;
    for (definition, evaluated, at, expected) in [
        (json!({"expires_at": days(10)}), Some(9), 9, FlagStage::Live),
        (json!({"expires_at": days(10)}), Some(9), 10, FlagStage::Expired),
        (json!({"expires_at": days(10), "review_at": days(5)}), Some(9), 11, FlagStage::Expired),
        (json!({"review_at": days(5)}), Some(5), 5, FlagStage::Due),
        (json!({}), None, 13, FlagStage::Live),
        (json!({}), None, 14, FlagStage::Stale),
        (json!({}), Some(10), 23, FlagStage::Live),
        (json!({}), Some(10), 24, FlagStage::Stale),
        // Unchanged for long while all or nobody has it.
        (json!({"rules": all}), Some(29), 29, FlagStage::Live),
        (json!({"rules": all}), Some(30), 30, FlagStage::Stale),
        (json!({"rules": full}), Some(30), 30, FlagStage::Stale),
        (json!({"rules": half}), Some(30), 30, FlagStage::Live),
        (json!({"rules": all, "scope": "site=osl2"}), Some(30), 30, FlagStage::Live),
        (json!({"rules": half, "enabled": false}), Some(30), 30, FlagStage::Stale),
        (json!({"rules": all, "kind": "permission"}), Some(30), 30, FlagStage::Live),
    ] {
        assert_eq!(stage_at(definition.clone(), evaluated, at), expected, "{definition} on day {at}");
    }
}

mod changes;
mod exports;
mod expressions;
mod flagd;
