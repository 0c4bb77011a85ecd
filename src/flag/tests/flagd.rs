//! What flagd's own test bed says: open-feature/flagd-testbed, `evaluator/flags/testkit-flags.json` and the tables
//! of `evaluator/gherkin/{fractional,semver,string,targeting,evaluator-refs}.feature`, those of the second version
//! of `fractional`.
//!
//! Left out: the rows that want an operator's error to end the whole targeting (`@operator-errors` where the
//! operator is the condition of an `if`). By JSON Logic the operator is null there and the `if` goes on; the
//! operators themselves are held to null below.

use super::*;

fn document(flags: Value) -> Document {
    let evaluators = json!({"is_ballmer": {"==": ["ballmer@macrosoft.com", {"var": ["email"]}]}});
    Document::from_value(&json!({"flags": flags, "$evaluators": evaluators})).unwrap()
}

/// A flag whose variants are their own names.
fn own(names: &[&str], default: &str, targeting: Value) -> Value {
    let variants: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(name))).collect();
    json!({"state": "ENABLED", "variants": variants, "defaultVariant": default, "targeting": targeting})
}

fn resolve(document: &Document, key: &str, asked: Value) -> Result<(String, FlagReason), DocumentError> {
    document.resolve(key, &context(asked), now()).map(|got| (got.variant.to_owned(), got.reason))
}

fn cards(seed: Value) -> Value {
    let suits = ["clubs", "diamonds", "hearts", "spades", "wild"];
    own(
        &suits,
        "wild",
        json!({"fractional": [{"cat": [seed, {"var": "user.name"}]},
            ["clubs", 25], ["diamonds", 25], ["hearts", 25], ["spades", 25]]}),
    )
}

#[test]
fn shares_fall_as_the_test_bed_says() {
    let halves = json!([["lower", 50], ["upper", 50]]);
    let key = json!({"var": "targetingKey"});
    let document = document(json!({
        "fractional-flag": cards(json!({"var": "$flagd.flagKey"})),
        "fractional-flag-A-shared-seed": cards(json!("shared-seed")),
        "fractional-flag-shorthand": own(&["heads", "tails", "draw"], "draw", json!({"fractional": [["heads"], ["tails", 1]]})),
        "fractional-hash-edge-flag": own(&["lower", "upper"], "lower", json!({"fractional": [key, halves[0], halves[1]]})),
        "fractional-nested-if-flag": own(&["premium", "standard", "fallback"], "fallback", json!({"fractional": [key,
            [{"if": [{"==": [{"var": "tier"}, "premium"]}, "premium", "standard"]}, 50], ["standard", 50]]})),
        "fractional-nested-var-flag": own(&["red", "green", "blue", "fallback"], "fallback",
            json!({"fractional": [key, [{"var": "color"}, 50], ["blue", 50]]})),
        "fractional-nested-weight-flag": own(&["red", "blue", "fallback"], "fallback", json!({"fractional": [key,
            ["red", {"if": [{"==": [{"var": "tier"}, "premium"]}, 100, 0]}], ["blue", 10]]})),
        "fractional-as-condition-flag": own(&["big", "small", "fallback"], "fallback",
            json!({"if": [{"fractional": [[false, 0], [true, 100]]}, "big", "small"]})),
        "fractional-as-condition-false-flag": own(&["big", "small", "fallback"], "fallback",
            json!({"if": [{"fractional": [[false, 100], [true, 0]]}, "big", "small"]})),
        "fractional-single-entry-flag": own(&["single", "fallback"], "fallback", json!({"fractional": [["single", 1]]})),
        "fractional-negative-weight-flag": own(&["one", "two", "fallback"], "fallback",
            json!({"fractional": [key, ["one", -50], ["two", 100]]})),
        "zero-weights": own(&["one", "two", "fallback"], "fallback", json!({"fractional": [key, ["one", 0], ["two", 0]]})),
    }));
    let named = |name: &str| json!({"user": {"name": name}});
    let keyed = |key: &str| json!({"targetingKey": key});
    let tier = |key: &str, tier: &str| json!({"targetingKey": key, "tier": tier});
    let color = |key: &str, color: &str| json!({"targetingKey": key, "color": color});
    let (jon, user) = ("jon@company.com", "user1");
    for (flag, asked, expected) in [
        ("fractional-flag", named("jack"), "hearts"),
        ("fractional-flag", named("queen"), "spades"),
        ("fractional-flag", named("ten"), "clubs"),
        ("fractional-flag", named("nine"), "diamonds"),
        ("fractional-flag", json!({"user": {"name": 3}}), "clubs"),
        ("fractional-flag-shorthand", keyed(jon), "heads"),
        ("fractional-flag-shorthand", keyed("jane@company.com"), "tails"),
        ("fractional-flag-A-shared-seed", named("seven"), "hearts"),
        ("fractional-flag-A-shared-seed", named("eight"), "diamonds"),
        ("fractional-flag-A-shared-seed", named("nine"), "clubs"),
        ("fractional-flag-A-shared-seed", named("two"), "spades"),
        ("fractional-hash-edge-flag", keyed("ejOoVL"), "lower"),
        ("fractional-hash-edge-flag", keyed("bY9fO-"), "lower"),
        ("fractional-hash-edge-flag", keyed("SI7p-"), "lower"),
        ("fractional-hash-edge-flag", keyed("6LvT0"), "upper"),
        ("fractional-hash-edge-flag", keyed("ceQdGm"), "upper"),
        ("fractional-nested-if-flag", tier(jon, "premium"), "premium"),
        ("fractional-nested-if-flag", tier(jon, "basic"), "standard"),
        ("fractional-nested-if-flag", tier(user, "premium"), "standard"),
        ("fractional-nested-var-flag", color(jon, "red"), "red"),
        ("fractional-nested-var-flag", color(jon, "green"), "green"),
        ("fractional-nested-var-flag", color(user, "red"), "blue"),
        ("fractional-nested-weight-flag", tier(jon, "premium"), "red"),
        ("fractional-nested-weight-flag", tier(jon, "basic"), "blue"),
        ("fractional-nested-weight-flag", tier(user, "premium"), "red"),
        ("fractional-nested-weight-flag", tier(user, "basic"), "blue"),
        ("fractional-as-condition-flag", keyed("some-targeting-key"), "big"),
        ("fractional-as-condition-false-flag", keyed("some-targeting-key"), "small"),
        ("fractional-single-entry-flag", keyed(user), "single"),
        ("fractional-negative-weight-flag", keyed(user), "two"),
        ("fractional-negative-weight-flag", keyed(jon), "two"),
        ("zero-weights", keyed(user), "fallback"),
    ] {
        assert_eq!(resolve(&document, flag, asked.clone()).unwrap().0, expected, "{flag} of {asked}");
    }
    // A colour that is no variant is the test bed's fallback in the caller's code: an error here.
    let error = resolve(&document, "fractional-nested-var-flag", color(jon, "yellow")).unwrap_err();
    assert_eq!(error, DocumentError::NoSuchVariant("yellow".into()));
    let missing = resolve(&document, "fractional-flag-shorthand", json!({})).unwrap_err();
    assert_eq!(missing, DocumentError::Evaluation(EvaluationError::TargetingKeyMissing));
}

#[test]
fn versions_texts_and_shared_evaluators_are_as_the_test_bed_says() {
    let version = json!({"var": "version"});
    let one = |sign: &str, other: &str| {
        own(
            &["match", "no-match"],
            "no-match",
            json!({"if": [{"sem_ver": [version, sign, other]}, "match", "no-match"]}),
        )
    };
    let document = document(json!({
        "equal-greater-lesser-version-flag": own(&["equal", "greater", "lesser", "none"], "none", json!({"if": [
            {"sem_ver": [version, "=", "2.0.0"]}, "equal", {"if": [{"sem_ver": [version, ">", "2.0.0"]}, "greater",
            {"if": [{"sem_ver": [version, "<", "2.0.0"]}, "lesser", "none"]}]}]})),
        "major-minor-version-flag": own(&["minor", "major", "none"], "none", json!({"if": [
            {"sem_ver": [version, "~", "3.0.0"]}, "minor",
            {"if": [{"sem_ver": [version, "^", "3.0.0"]}, "major", "none"]}]})),
        "semver-v-prefix-flag": one("=", "v1.0.0"),
        "semver-partial-version-flag": one("^", "1"),
        "semver-build-metadata-flag": one("=", "1.0.0+build"),
        "starts-ends-flag": own(&["prefix", "postfix", "none"], "none", json!({"if": [
            {"starts_with": [{"var": "id"}, "abc"]}, "prefix",
            {"if": [{"ends_with": [{"var": "id"}, "xyz"]}, "postfix", "none"]}]})),
        "targeting-key-flag": own(&["miss", "hit"], "miss", json!({"if": [
            {"==": [{"var": "targetingKey"}, "5c3d8535-f81a-4478-a6d3-afaa4d51199e"]}, "hit", null]})),
        "some-email-targeted-flag": own(&["hi", "bye", "none"], "none", json!({"if": [{"$ref": "is_ballmer"}, "hi", "bye"]})),
        "ref-to-nonexistent-evaluator-flag": own(&["hit", "miss"], "miss", json!({"if": [{"$ref": "nobody"}, "hit", "miss"]})),
        "semver-error": own(&["null", "false"], "null", json!({"sem_ver": [version, "=", "1.0.0"]})),
        "starts-error": own(&["null", "false"], "null", json!({"starts_with": [{"var": "num"}, "abc"]})),
        "ends-error": own(&["null", "false"], "null", json!({"ends_with": [{"var": "num"}, "xyz"]})),
        "off": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"},
        "null-default-flag": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": null},
    }));
    let versioned = |version: &str| json!({"version": version});
    let id = |id: &str| json!({"id": id});
    for (flag, asked, expected) in [
        ("equal-greater-lesser-version-flag", versioned("2.0.0"), "equal"),
        ("equal-greater-lesser-version-flag", versioned("2.1.0"), "greater"),
        ("equal-greater-lesser-version-flag", versioned("1.9.0"), "lesser"),
        ("equal-greater-lesser-version-flag", versioned("2.0.0-alpha"), "lesser"),
        ("equal-greater-lesser-version-flag", versioned("2.0.0.0"), "none"),
        ("major-minor-version-flag", versioned("3.0.1"), "minor"),
        ("major-minor-version-flag", versioned("3.1.0"), "major"),
        ("major-minor-version-flag", versioned("4.0.0"), "none"),
        ("semver-v-prefix-flag", versioned("1.0.0"), "match"),
        ("semver-v-prefix-flag", versioned("v1.0.0"), "match"),
        ("semver-v-prefix-flag", versioned("2.0.0"), "no-match"),
        ("semver-partial-version-flag", versioned("1.5.0"), "match"),
        ("semver-partial-version-flag", versioned("1.0.0"), "match"),
        ("semver-partial-version-flag", versioned("2.0.0"), "no-match"),
        ("semver-build-metadata-flag", versioned("1.0.0"), "match"),
        ("semver-build-metadata-flag", versioned("1.0.0+other"), "match"),
        ("semver-build-metadata-flag", versioned("2.0.0"), "no-match"),
        ("semver-error", versioned("not-a-version"), "null"),
        ("starts-ends-flag", id("abcdef"), "prefix"),
        ("starts-ends-flag", id("uvwxyz"), "postfix"),
        ("starts-ends-flag", id("abcxyz"), "prefix"),
        ("starts-ends-flag", id("lmnopq"), "none"),
        ("starts-error", json!({"num": 123}), "null"),
        ("ends-error", json!({"num": 123}), "null"),
        ("targeting-key-flag", json!({"targetingKey": "5c3d8535-f81a-4478-a6d3-afaa4d51199e"}), "hit"),
        ("targeting-key-flag", json!({"targetingKey": "f20bd32d-703b-48b6-bc8e-79d53c85134a"}), "miss"),
        ("some-email-targeted-flag", json!({"email": "ballmer@macrosoft.com"}), "hi"),
        ("some-email-targeted-flag", json!({"email": "user@example.com"}), "bye"),
    ] {
        assert_eq!(resolve(&document, flag, asked.clone()).unwrap().0, expected, "{flag} of {asked}");
    }
    let reason = |key: &str| resolve(&document, "targeting-key-flag", json!({"targetingKey": key})).unwrap().1;
    assert_eq!(reason("5c3d8535-f81a-4478-a6d3-afaa4d51199e"), FlagReason::TargetingMatch);
    assert_eq!(reason("f20bd32d-703b-48b6-bc8e-79d53c85134a"), FlagReason::Default);
    assert!(matches!(resolve(&document, "ref-to-nonexistent-evaluator-flag", json!({})), Err(DocumentError::Flag(_))));
    assert_eq!(resolve(&document, "off", json!({})), Err(DocumentError::Disabled));
    assert_eq!(resolve(&document, "null-default-flag", json!({})), Err(DocumentError::NoDefault));
    assert_eq!(resolve(&document, "nobody", json!({})), Err(DocumentError::NoSuchFlag));
}

#[test]
fn json_logic_s_own_operators_do_what_its_pages_say() {
    // The examples of jsonlogic.com/operations.html, of the operators that flagd's schema lists.
    let data =
        context(json!({"a": 1, "b": 2, "temp": 55, "champ": {"name": "Fezzig"}, "challenger": {"name": "Dread"},
        "integers": [1, 2, 3, 4, 5], "pie": {"filling": "apple"}, "none": null}));
    for (logic, expected) in [
        (json!({"var": ["a"]}), json!(1)),
        (json!({"var": "a"}), json!(1)),
        (json!({"var": ["z", 26]}), json!(26)),
        (json!({"var": "champ.name"}), json!("Fezzig")),
        (json!({"var": "integers.1"}), json!(2)),
        (json!({"missing": ["a", "x"]}), json!(["x"])),
        (json!({"missing": ["a", "none"]}), json!(["none"])),
        (json!({"missing_some": [1, ["a", "x"]]}), json!([])),
        (json!({"missing_some": [2, ["a", "x"]]}), json!(["x"])),
        (json!({"if": [true, "yes", "no"]}), json!("yes")),
        (json!({"if": [[], "yes", "no"]}), json!("no")),
        (json!({"==": [1, "1"]}), json!(true)),
        (json!({"==": [0, false]}), json!(true)),
        (json!({"==": [null, 0]}), json!(false)),
        (json!({"===": [1, "1"]}), json!(false)),
        (json!({"!=": [1, "1"]}), json!(false)),
        (json!({"!==": [1, "1"]}), json!(true)),
        (json!({"!": [[]]}), json!(true)),
        (json!({"!!": ["0"]}), json!(true)),
        (json!({"or": [false, 0, "a"]}), json!("a")),
        (json!({"and": [true, "", 3]}), json!("")),
        (json!({">": [2, 1]}), json!(true)),
        (json!({"<": [1, {"var": "b"}, 3]}), json!(true)),
        (json!({"<=": [1, 1, 3]}), json!(true)),
        (json!({"<": [0, {"var": "temp"}, 50]}), json!(false)),
        (json!({"max": [1, 2, 3]}), json!(3)),
        (json!({"min": [1, 2, 3]}), json!(1)),
        (json!({"+": ["3.14", 1.86]}), json!(5)),
        (json!({"-": [4, 2]}), json!(2)),
        (json!({"-": [2]}), json!(-2)),
        (json!({"*": [4, 2, 2]}), json!(16)),
        (json!({"%": [101, 2]}), json!(1)),
        (json!({"map": [{"var": "integers"}, {"*": [{"var": ""}, 2]}]}), json!([2, 4, 6, 8, 10])),
        (json!({"filter": [{"var": "integers"}, {"%": [{"var": ""}, 2]}]}), json!([1, 3, 5])),
        (json!({"reduce": [{"var": "integers"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}), json!(15)),
        (json!({"all": [[1, 2, 3], {">": [{"var": ""}, 0]}]}), json!(true)),
        (json!({"all": [[], true]}), json!(false)),
        (json!({"some": [[-1, 0, 1], {">": [{"var": ""}, 0]}]}), json!(true)),
        (json!({"none": [[-3, -2], {">": [{"var": ""}, 0]}]}), json!(true)),
        (json!({"merge": [[1, 2], [3, 4]]}), json!([1, 2, 3, 4])),
        (json!({"merge": [1, 2, [3]]}), json!([1, 2, 3])),
        (json!({"in": ["Ringo", ["John", "Ringo"]]}), json!(true)),
        (json!({"in": ["Spring", "Springfield"]}), json!(true)),
        (json!({"cat": ["I love ", {"var": "pie.filling"}, " pie", 1, 2.5]}), json!("I love apple pie12.5")),
        (json!({"substr": ["jsonlogic", 4]}), json!("logic")),
        (json!({"substr": ["jsonlogic", -5]}), json!("logic")),
        (json!({"substr": ["jsonlogic", 1, 3]}), json!("son")),
        (json!({"substr": ["jsonlogic", 4, -2]}), json!("log")),
    ] {
        let tree = operators::read(logic.as_object().unwrap(), operators::Names::Caller, "").unwrap();
        let got = Scene::new("flag", None, &data, now()).value(&tree).unwrap();
        assert_eq!(as_json(&got), as_json(&value::Val::from(&expected)), "{logic}");
    }
}

fn as_json(value: &value::Val<'_>) -> String {
    match value {
        value::Val::Number(number) => number.to_string(),
        value::Val::Text(text) => format!("{text:?}"),
        value::Val::Array(_) | value::Val::List(_) => {
            format!("[{}]", value.elements().unwrap().iter().map(as_json).collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}
