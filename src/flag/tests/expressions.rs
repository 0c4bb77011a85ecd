//! Expressions come to what CEL says they come to: the `cel` crate's own interpreter is asked too.

use super::*;

/// What CEL itself answers; none where it is an error.
fn cel_says(text: &str, context: &Map<String, Value>) -> Option<bool> {
    let mut scope = cel::Context::default();
    for (name, value) in context {
        scope.add_variable(name.as_str(), value.clone()).unwrap();
    }
    match cel::Program::compile(text).unwrap().execute(&scope) {
        Ok(cel::Value::Bool(value)) => Some(value),
        _ => None,
    }
}

fn ours(text: &str, context: &Map<String, Value>) -> bool {
    let flag = compiled(json!({"rules": [{"id": "a", "when": text, "serve": {"variant": "on"}}]}));
    flag.evaluate(None, context, now()).unwrap().variant == "on"
}

fn atom() -> impl Strategy<Value = String> {
    let name =
        prop_oneof![Just("plan"), Just("age"), Just("beta"), Just("user.tier"), Just("user.level"), Just("nobody")];
    let text = prop_oneof![Just("'gold'"), Just("'silver'"), Just("''"), Just("'go'")];
    let number = prop_oneof![Just("1"), Just("18"), Just("2.5"), Just("-3")];
    let value = prop_oneof![text.clone(), number.clone(), Just("true"), Just("false")];
    let order = prop_oneof![Just("<"), Just("<="), Just(">"), Just(">=")];
    prop_oneof![
        (name.clone(), prop_oneof![Just("=="), Just("!=")], value).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (prop_oneof![Just("age"), Just("user.level"), Just("nobody")], order, number)
            .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (prop_oneof![Just("plan"), Just("user.tier")]).prop_map(|a| format!("{a} in ['gold', 'silver']")),
        (
            prop_oneof![Just("plan"), Just("user.tier"), Just("nobody")],
            prop_oneof![Just("startsWith"), Just("endsWith"), Just("contains")],
            prop_oneof![Just("'go'"), Just("'ld'"), Just("''")]
        )
            .prop_map(|(a, call, part)| format!("{a}.{call}({part})")),
        Just("'admin' in roles".to_owned()),
        Just("has(user.tier)".to_owned()),
        Just("has(user.other)".to_owned()),
        Just("beta".to_owned()),
        Just("true".to_owned()),
        Just("plan == user.tier".to_owned()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
        ]
    })
}

fn caller() -> impl Strategy<Value = Map<String, Value>> {
    let text = || {
        prop::option::of(prop_oneof![Just(json!("gold")), Just(json!("silver")), Just(json!("")), Just(json!("gone"))])
    };
    let number = || {
        prop::option::of(prop_oneof![
            Just(json!(18)),
            Just(json!(1)),
            Just(json!(2.5)),
            Just(json!(-3)),
            Just(json!(17))
        ])
    };
    let roles = prop::option::of(prop_oneof![Just(json!([])), Just(json!(["admin"])), Just(json!(["user", "guest"]))]);
    let user = prop::option::of((text(), number()));
    (text(), number(), prop::option::of(any::<bool>()), user, roles).prop_map(|(plan, age, beta, user, roles)| {
        let mut context = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                context.insert(name.to_owned(), value);
            }
        };
        put("plan", plan);
        put("age", age);
        put("beta", beta.map(Value::from));
        put("roles", roles);
        put(
            "user",
            user.map(|(tier, level)| {
                let mut user = Map::new();
                user.extend(tier.map(|tier| ("tier".to_owned(), tier)));
                user.extend(level.map(|level| ("level".to_owned(), level)));
                Value::Object(user)
            }),
        );
        context
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn an_expression_matches_exactly_where_cel_says_true(text in expression(), context in caller()) {
        prop_assert_eq!(ours(&text, &context), cel_says(&text, &context) == Some(true), "{} of {:?}", text, context);
    }
}

#[test]
fn an_unknown_attribute_decides_nothing() {
    let nothing = Map::new();
    for (text, expected) in [
        ("plan == 'gold'", false),
        ("plan != 'gold'", false),
        ("!(plan == 'gold')", false),
        ("plan == 'gold' || true", true),
        ("!(plan == 'gold' && false)", true),
        ("beta ? true : true", false),
        ("plan in ['gold']", false),
        ("!(plan in ['gold'])", false),
        ("age < 18", false),
        ("!(age < 18)", false),
    ] {
        assert_eq!(ours(text, &nothing), expected, "{text}");
        // Null is as good as missing.
        assert_eq!(ours(text, &context(json!({"plan": null, "age": null, "beta": null}))), expected, "{text}");
    }
}

#[test]
fn versions_are_compared_in_expressions_too() {
    for (text, version, expected) in [
        ("sem_ver(version, '>=', '1.2.0')", json!("1.10.0"), true),
        ("sem_ver(version, '>=', '1.2.0')", json!("1.2.0-rc.1"), false),
        ("sem_ver(version, '^', '1.0.0')", json!("v1.9"), true),
        ("!sem_ver(version, '^', '1.0.0')", json!("2.0.0"), true),
        // What is no version is unknown.
        ("!sem_ver(version, '^', '1.0.0')", json!("newest"), false),
        ("!sem_ver(version, '^', '1.0.0')", json!(2), false),
    ] {
        assert_eq!(ours(text, &context(json!({"version": version}))), expected, "{text} of {version}");
    }
}

#[test]
fn labels_with_dots_are_read_in_brackets() {
    let mut here = Where::new("dc-west", "osl2", "main");
    here.labels.insert("app.kubernetes.io/name".to_owned(), SafeText::new("pick"));
    let when = "labels[\"app.kubernetes.io/name\"] == 'pick'";
    let flag = compiled(json!({"rules": [{"id": "a", "when": when, "serve": {"variant": "on"}}]}));
    assert_eq!(flag.evaluate(Some(&here.place()), &Map::new(), now()).unwrap().variant, "on");
}
