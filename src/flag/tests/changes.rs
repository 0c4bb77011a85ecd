//! What only takes back is known as such, and nothing else is.

use super::*;

fn rules(serve: Value) -> Value {
    json!({"rules": [{"id": "one", "serve": serve}]})
}

fn split(on: u32) -> Value {
    rules(json!({"split": [{"variant": "on", "weight": on}, {"variant": "off", "weight": 100_000 - on}]}))
}

fn sites(names: &[&str]) -> Value {
    let members: Vec<Value> = names.iter().map(|site| json!({"group": "dc-west", "site": site})).collect();
    rules(json!({"sites": {"variant": "on", "percent": 25, "members": members}}))
}

#[test]
fn each_change_is_the_operation_that_windows_hold() {
    use Operation::{FlagChange, FlagEnable, FlagWiden};
    let on = || rules(json!({"variant": "on"}));
    let with = |mut definition: Value, name: &str, value: Value| {
        definition[name] = value;
        definition
    };
    let off = |definition: Value| with(definition, "enabled", json!(false));
    let gold = json!({"rules": [{"id": "one", "when": "plan == 'gold'", "serve": {"variant": "on"}}]});
    for (before, after, expected) in [
        (off(on()), on(), Some(FlagEnable)),
        (on(), off(on()), None),
        (on(), off(split(3)), None),
        (off(on()), off(split(3)), Some(FlagChange)),
        (on(), with(on(), "description", json!("what it is for")), None),
        (on(), with(off(on()), "off_variant", json!("on")), Some(FlagChange)),
        (split(1000), split(5000), Some(FlagWiden)),
        (split(5000), split(1000), None),
        (split(5000), on(), Some(FlagWiden)),
        (on(), split(5000), None),
        (json!({}), split(1), Some(FlagWiden)),
        (split(1), json!({}), None),
        (sites(&["a"]), sites(&["a", "b"]), Some(FlagWiden)),
        (sites(&["a", "b"]), sites(&["b"]), None),
        (sites(&["a", "b"]), sites(&["b", "c"]), Some(FlagChange)),
        (on(), gold.clone(), None),
        (gold.clone(), on(), Some(FlagWiden)),
        (on(), with(on(), "scope", json!("site=a")), None),
        (with(on(), "scope", json!("site=a")), with(on(), "scope", json!("site=a,site=b")), Some(FlagWiden)),
        (with(on(), "scope", json!("site=a")), with(on(), "scope", json!("site=b")), Some(FlagChange)),
        (split(1000), with(split(1000), "seed", json!("other")), Some(FlagChange)),
        (on(), with(on(), "default_variant", json!("on")), Some(FlagChange)),
        // Where all but a few have it, taking the few out of their exception gives it to them.
        (
            with(json!({"rules": [{"id": "not-here", "serve": {"variant": "off"}}]}), "default_variant", json!("on")),
            with(json!({}), "default_variant", json!("on")),
            Some(FlagChange),
        ),
        // Who falls out of one rule would fall into another.
        (
            json!({"rules": [{"id": "no", "when": "staff", "serve": {"variant": "off"}}, {"id": "one", "serve": {"variant": "on"}}]}),
            on(),
            Some(FlagWiden),
        ),
    ] {
        let got = operation(Some(&flag(before.clone())), &flag(after.clone()));
        assert_eq!(got, expected, "{before} -> {after}");
    }
    assert_eq!(operation(None, &flag(on())), Some(FlagEnable));
    assert_eq!(operation(None, &flag(off(on()))), Some(FlagChange));
    let mut dead = flag(on());
    dead.killed = Some(Killed { at: now(), by: "olga".into(), reason: "it broke".into() });
    assert_eq!(operation(Some(&flag(on())), &dead), None);
    assert_eq!(operation(Some(&dead), &flag(on())), Some(FlagEnable));
    assert_eq!(operation(Some(&dead), &flag(off(on()))), None);
}

/// One definition made from another by one edit, so that proofs are tried where they can be given.
fn edited() -> impl Strategy<Value = (Value, Value)> {
    let pieces = (exports::definition(), exports::definition(), 0usize..6, 0usize..4, 0usize..4);
    pieces.prop_map(|(mut before, other, edit, at, to)| {
        before["enabled"] = json!(true);
        // Where the default is what off is, most can be proven.
        if edit != 5 {
            before["default_variant"] = before["off_variant"].clone();
        }
        let mut after = before.clone();
        let rules = after["rules"].as_array_mut().unwrap();
        let others = other["rules"].as_array().unwrap();
        match edit {
            0 if at < rules.len() => drop(rules.remove(at)),
            1 if at < rules.len() && to < others.len() => rules[at]["serve"] = others[to]["serve"].clone(),
            2 if at < rules.len() && to < others.len() => rules[at]["when"] = others[to]["when"].clone(),
            3 if to < others.len() => {
                let mut new = others[to].clone();
                new["id"] = json!("new");
                rules.insert(at.min(rules.len()), new);
            }
            4 => after["scope"] = other["scope"].clone(),
            _ => rules.reverse(),
        }
        for rule in after["rules"].as_array_mut().unwrap() {
            if rule["when"].is_null() {
                rule.as_object_mut().unwrap().remove("when");
            }
        }
        (before, after)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn what_only_takes_back_gives_nobody_anything_new(
        (before, after) in edited(), context in exports::caller(), place in prop::sample::select(exports::places()),
    ) {
        let (before, after) = (flag(before), flag(after));
        let kind = operation(Some(&before), &after);
        let serves = |flag: &Flag| {
            Compiled::new(flag).unwrap().evaluate(Some(&place.place()), &context, now()).unwrap().variant.to_owned()
        };
        let (had, has) = (serves(&before), serves(&after));
        let off = before.definition.off_variant.clone();
        match kind {
            None => prop_assert!(has == had || has == off, "{} -> {}", had, has),
            Some(Operation::FlagWiden) => prop_assert!(has == had || had == off, "{} -> {}", had, has),
            Some(_) => {}
        }
    }
}
