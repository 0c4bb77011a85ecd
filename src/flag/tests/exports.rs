//! What a site decides by its export is what the server decides for it.

use super::*;

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("plan == 'gold'")),
        Just(json!("site == 'osl2' && (plan != 'gold' || beta)")),
        Just(json!("!(labels.region == 'south') || lane in ['fast']")),
        Just(json!("stage == 'canary' || has(user.tier)")),
        Just(json!("beta ? plan.startsWith('g') : user.level >= 2")),
        Just(json!("!('admin' in roles)")),
        Just(json!({"==": [{"var": "site"}, {"var": "plan"}]})),
        Just(json!({"in": [{"var": ["stage", "none"]}, ["none", "canary"]]})),
        Just(json!({"some": [{"var": "roles"}, {"starts_with": [{"var": ""}, "ad"]}]})),
        Just(json!({"if": [{"var": "beta"}, {"sem_ver": [{"var": "version"}, ">=", "1.2.0"]}]})),
        Just(json!({"fractional": [{"cat": ["x", {"var": "targetingKey"}]}, [true, 30], [false, 70]]})),
        Just(json!({"!": [{"missing_some": [1, ["plan", "user.tier"]]}]})),
        Just(json!({"<": [{"reduce": [{"var": "roles"}, {"+": [{"var": "accumulator"}, 1]}, 0]}, 2]})),
        Just(
            json!({"==": [{"cat": [{"var": "target"}, "/", {"var": "site"}, "/", {"var": "lane"}]}, "dc-west/osl2/main"]})
        ),
        Just(json!({">": [{"var": "$flagd.timestamp"}, 1_700_000_000]})),
    ]
}

fn serve() -> impl Strategy<Value = Value> {
    let variant = || prop_oneof![Just("a"), Just("b"), Just("c")];
    let site = prop_oneof![Just("osl2"), Just("got1")];
    let lane = prop_oneof![Just("main"), Just("fast")];
    prop_oneof![
        variant().prop_map(|variant| json!({"variant": variant})),
        (variant(), variant(), 0u32..3, 1u32..100_000).prop_map(|(left, right, none, weight)| {
            json!({"split": [{"variant": left, "weight": none * 20_000}, {"variant": right, "weight": weight}]})
        }),
        (variant(), prop::collection::vec(site.clone(), 0..2)).prop_map(|(variant, sites)| {
            let members: Vec<Value> = sites.iter().map(|site| json!({"group": "dc-west", "site": site})).collect();
            json!({"sites": {"variant": variant, "percent": 25, "members": members}})
        }),
        (variant(), prop::collection::vec((site, lane), 0..2)).prop_map(|(variant, units)| {
            let units: Vec<Value> =
                units.iter().map(|(site, lane)| json!({"group": "dc-west", "site": site, "lane": lane})).collect();
            json!({"units": {"variant": variant, "units": units}})
        }),
    ]
}

pub(super) fn definition() -> impl Strategy<Value = Value> {
    let scope = prop::option::of(prop_oneof![
        Just("site=osl*"),
        Just("label:region=north"),
        Just("target=dc-west,lane=fast"),
        Just("stage=canary")
    ]);
    let rules = prop::collection::vec((prop::option::of(condition()), serve()), 0..4);
    let seed = prop::option::of(Just("seed"));
    let variant = || prop_oneof![Just("a"), Just("b"), Just("c")];
    (scope, rules, seed, prop::bool::weighted(0.9), variant(), variant()).prop_map(
        |(scope, rules, seed, enabled, default, off)| {
            let rules: Vec<Value> = rules
                .into_iter()
                .enumerate()
                .map(|(index, (when, serve))| {
                    let mut rule = json!({"id": format!("rule-{index}"), "serve": serve});
                    if let Some(when) = when {
                        rule["when"] = when;
                    }
                    rule
                })
                .collect();
            json!({
                "variants": {"a": "x", "b": "y", "c": "z"}, "default_variant": default, "off_variant": off,
                "scope": scope, "rules": rules, "seed": seed, "enabled": enabled,
            })
        },
    )
}

pub(super) fn caller() -> impl Strategy<Value = Map<String, Value>> {
    let text = || prop::option::of(prop_oneof![Just("gold"), Just("osl2"), Just("got1"), Just("")]);
    let roles = prop::option::of(prop_oneof![Just(json!([])), Just(json!(["admin", "user"])), Just(json!("admin"))]);
    let user = prop::option::of(prop_oneof![Just(json!({"tier": 1, "level": 3})), Just(json!({})), Just(json!("x"))]);
    let version = prop::option::of(prop_oneof![Just("1.3.0"), Just("1.1"), Just("new")]);
    ("[a-z]{1,6}", text(), prop::option::of(any::<bool>()), roles, user, version, text()).prop_map(
        |(key, plan, beta, roles, user, version, claim)| {
            let mut context = context(json!({"targetingKey": key, "plan": plan, "beta": beta, "version": version}));
            context.extend(roles.map(|roles| ("roles".to_owned(), roles)));
            context.extend(user.map(|user| ("user".to_owned(), user)));
            // What a caller claims to be.
            for name in ["site", "lane", "stage", "target"] {
                context.extend(claim.map(|claim| (name.to_owned(), json!(claim))));
            }
            context.retain(|_, value| !value.is_null());
            context
        },
    )
}

pub(super) fn places() -> Vec<Where> {
    [("dc-west", "osl2", "main"), ("dc-west", "got1", "fast"), ("dc-east", "osl2", "fast")]
        .map(|(target, site, lane)| Where::new(target, site, lane))
        .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn a_site_decides_by_its_export_as_the_server_does(
        definition in definition(), context in caller(), place in prop::sample::select(places()),
    ) {
        let compiled = compiled(definition);
        let exported = export([&compiled], &place.place());
        // As a file that was written and read again.
        let document = Document::read(&exported.to_string()).unwrap();
        let ours = compiled.evaluate(Some(&place.place()), &context, now()).unwrap();
        let theirs = document.resolve("fast-path", &context, now()).unwrap();
        prop_assert_eq!((ours.variant, ours.value), (theirs.variant, theirs.value), "{}", exported);
        if ours.reason == FlagReason::Disabled || ours.reason == FlagReason::Static || ours.reason == FlagReason::Default {
            prop_assert_eq!(ours.reason, theirs.reason, "{}", exported);
        }
    }
}

#[test]
fn the_largest_flag_s_export_is_read_by_every_json_reader() {
    // Readers stop at 128 levels: rules nest, and so do their conditions.
    let mut when = json!({"var": "a"});
    for _ in 0..22 {
        when = json!({"!": [when]});
    }
    let rule = |index: usize| {
        let split = json!([{"variant": "on", "weight": 1}]);
        json!({"id": format!("rule-{index}"), "when": when, "serve": {"split": split}})
    };
    let rules: Vec<Value> = (0..RULES_MAX).map(rule).collect();
    let flag = compiled(json!({"rules": rules, "seed": "seed"}));
    let here = Where::new("dc-west", "osl2", "main");
    let document = Document::read(&export([&flag], &here.place()).to_string()).unwrap();
    let context = context(json!({"targetingKey": "user1", "a": true}));
    assert_eq!(document.resolve("fast-path", &context, now()).unwrap().variant, "on");
}

#[test]
fn an_export_says_without_a_targeting_key_what_flagd_and_rolldeck_say() {
    let split = json!([{"variant": "on", "weight": 100_000}]);
    let flag = compiled(json!({"rules": [{"id": "all", "serve": {"split": split}}]}));
    let here = Where::new("dc-west", "osl2", "main");
    let exported = export([&flag], &here.place());
    let expected = json!({"if": [
        {"!!": [{"var": "targetingKey"}]},
        {"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]}, ["on", 100_000]]},
        null,
    ]});
    assert_eq!(exported["flags"]["fast-path"]["targeting"], expected);
    assert_eq!(exported["flags"]["fast-path"]["metadata"]["revision"], 3);
    let missing = Document::from_value(&exported).unwrap().resolve("fast-path", &Map::new(), now()).unwrap_err();
    assert_eq!(missing, DocumentError::Evaluation(EvaluationError::TargetingKeyMissing));
}

#[test]
fn a_killed_flag_is_exported_as_what_it_serves_then() {
    let mut dead = flag(json!({"rules": [{"id": "all", "serve": {"variant": "on"}}]}));
    dead.killed = Some(Killed { at: now(), by: "olga".into(), reason: "it broke".into() });
    let here = Where::new("dc-west", "osl2", "main");
    let exported = export([&Compiled::new(&dead).unwrap()], &here.place());
    let flag = &exported["flags"]["fast-path"];
    assert_eq!(
        (&flag["state"], &flag["defaultVariant"], &flag["targeting"]),
        (&json!("ENABLED"), &json!("off"), &Value::Null)
    );
    let got = Document::from_value(&exported).unwrap();
    assert_eq!(got.resolve("fast-path", &Map::new(), now()).unwrap().reason, FlagReason::Disabled);
}

#[test]
fn flagd_s_own_file_is_read_exactly_or_refused_by_name() {
    let flagd = |targeting: Value| {
        let variants = json!({"on": "x", "off": "y", "other": "z"});
        json!({"flags": {"fast-path": {
            "state": "ENABLED", "variants": variants, "defaultVariant": "off", "targeting": targeting}},
            "$evaluators": {"gold": {"==": [{"var": "plan"}, "gold"]}}})
        .to_string()
    };
    let read = |text: &str| import(text, FlagKind::Ops, &SafeText::new("team"), None);
    let gold = json!({"$ref": "gold"});
    let halves = json!([["on", 1], ["off", 1]]);
    for targeting in [
        json!({}),
        json!({"if": [gold, "on", "other"]}),
        json!({"if": [gold, {"if": [{"var": "beta"}, "on", null]}, {"if": [{"var": "beta"}, "other", "on"]}]}),
        json!({"fractional": halves}),
        json!({"if": [gold, {"fractional": [{"cat": ["s", {"var": "targetingKey"}]}, ["on", 30], ["off", 70]]}, "other"]}),
        json!({"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "targetingKey"}]}, ["on", 3], ["other", 7]]}),
    ] {
        let text = flagd(targeting.clone());
        let imported = read(&text).unwrap();
        let key = "fast-path".parse().unwrap();
        let compiled = Compiled::new(&Flag { definition: imported.flags[&key].clone(), ..flag(json!({})) }).unwrap();
        let document = Document::read(&text).unwrap();
        for user in ["a", "b", "c", "d", "e", "f"] {
            for (plan, beta) in [("gold", true), ("gold", false), ("none", true), ("none", false)] {
                let context = context(json!({"targetingKey": user, "plan": plan, "beta": beta}));
                let ours = compiled.evaluate(None, &context, now()).unwrap().variant;
                let theirs = document.resolve("fast-path", &context, now()).unwrap().variant;
                assert_eq!(ours, theirs, "{targeting} of {context:?}");
            }
        }
    }
    for (targeting, field) in [
        (json!({"var": "plan"}), "flags.fast-path.targeting"),
        (json!({"fractional": [{"var": "email"}, ["on", 1], ["off", 1]]}), "flags.fast-path.targeting.fractional"),
        (json!({"fractional": [["on", {"var": "weight"}], ["off", 1]]}), "flags.fast-path.targeting.fractional"),
        (json!({"if": [{"$ref": "nobody"}, "on", "off"]}), "flags.fast-path.targeting.if"),
        (json!({"if": [gold, "maybe", "off"]}), "flags.fast-path.rules[0].serve.variant"),
        (json!({"if": [{"rollout": [1, 2]}, "on", "off"]}), "flags.fast-path.rules[0].when.rollout"),
        (json!({"if": [{"==": [{"var": "site"}, "a"]}, {"var": "site"}, "off"]}), "flags.fast-path.targeting.if[1]"),
    ] {
        let Err(ImportError::Field(error)) = read(&flagd(targeting.clone())) else { panic!("{targeting} was read") };
        assert_eq!(error.field.as_str(), field, "{targeting}: {error}");
    }
}
