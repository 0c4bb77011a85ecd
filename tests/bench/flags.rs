//! What an evaluation of a flag costs, in process and on one core.
//!
//! `cargo bench --bench flags`; with `--profile dev` as it runs from a checkout. Each row evaluates one flag
//! for many callers; an export and its evaluation are measured too.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rolldeck::{
    domain::{Flag, Place, SafeText},
    flag::{Compiled, Document, export},
};
use serde_json::{Map, Value, json};

/// How long each row is measured.
const SPAN: Duration = Duration::from_millis(500);
const CALLERS: usize = 1000;

fn flag(rules: &Value) -> Flag {
    serde_json::from_value(json!({
        "key": "fast-path", "revision": 1, "kind": "ops", "owner": "team-picking", "enabled": true,
        "variants": {"on": true, "off": false}, "default_variant": "off", "off_variant": "off",
        "scope": "target=dc-west,site=osl*", "rules": rules, "created_by": "olga", "changed_by": "olga",
        "created_at": DateTime::<Utc>::UNIX_EPOCH, "changed_at": DateTime::<Utc>::UNIX_EPOCH, "reason": "a reason",
        "ticket": null,
    }))
    .unwrap()
}

fn measure(name: &str, mut evaluate: impl FnMut(usize)) {
    for caller in 0..CALLERS {
        evaluate(caller);
    }
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < SPAN {
        for _ in 0..CALLERS {
            evaluate(count % CALLERS);
            count += 1;
        }
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!("{name:<44} {rate:>12.0} a second {:>8.0} ns", 1e9 / rate);
}

fn main() {
    let split = json!({"split": [{"variant": "on", "weight": 25_000}, {"variant": "off", "weight": 75_000}]});
    let members: Vec<Value> = (0..25).map(|n| json!({"group": "dc-west", "site": format!("osl{n}")})).collect();
    let operators =
        json!({"and": [{"==": [{"var": "plan"}, "gold"]}, {"sem_ver": [{"var": "app.version"}, ">=", "1.2.0"]}]});
    let expression = "plan == 'gold' && app.version.startsWith('1.') && (labels.region in ['north', 'west'] || beta)";
    let rule = |id: &str, when: Option<Value>, serve: Value| {
        let mut rule = json!({"id": id, "serve": serve});
        if let Some(when) = when {
            rule["when"] = when;
        }
        rule
    };
    let on = json!({"variant": "on"});
    let ten: Vec<Value> = (0..10)
        .map(|n| rule(&format!("rule-{n}"), Some(json!(format!("plan == 'plan-{n}' && age >= {n}"))), on.clone()))
        .chain([rule("rest", None, split.clone())])
        .collect();
    let (target, site, lane) = ("dc-west".parse().unwrap(), "osl2".parse().unwrap(), "main".parse().unwrap());
    let labels = BTreeMap::from([("region".to_owned(), SafeText::new("north"))]);
    let place = Place {
        target: &target,
        rollout: None,
        site: Some(&site),
        lane: Some(&lane),
        stage: None,
        labels: Some(&labels),
    };
    let callers: Vec<Map<String, Value>> = (0..CALLERS)
        .map(|n| {
            let caller = json!({"targetingKey": format!("user-{n}"), "plan": if n % 3 == 0 { "gold" } else { "free" },
                "age": n % 90, "app": {"version": format!("1.{}.0", n % 5)}, "beta": n % 2 == 0});
            caller.as_object().unwrap().clone()
        })
        .collect();
    let at = rolldeck::clock::system().now();
    for (name, rules) in [
        ("one split", json!([rule("split", None, split.clone())])),
        ("one expression", json!([rule("gold", Some(json!(expression)), on.clone())])),
        ("operators, then a split", json!([rule("gold", Some(operators), on.clone()), rule("rest", None, split)])),
        (
            "a share of 25 sites",
            json!([rule("sites", None, json!({"sites": {"variant": "on", "percent": 25, "members": members}}))]),
        ),
        ("ten expressions, then a split", json!(ten)),
    ] {
        let compiled = Compiled::new(&flag(&rules)).unwrap();
        measure(name, |caller| {
            black_box(compiled.evaluate(Some(&place), &callers[caller], at).unwrap());
        });
        let document = Document::from_value(&export([&compiled], &place)).unwrap();
        measure("  by its export", |caller| {
            black_box(document.resolve("fast-path", &callers[caller], at).unwrap());
        });
    }
}
