//! What expressions mean, what is said of them, and that nothing breaks them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::FactValue;

/// Reads `gap=12.4 drops=0 ok=true`.
fn facts(text: &str) -> Facts {
    text.split_whitespace()
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            let value = match value {
                "true" => FactValue::Bool(true),
                "false" => FactValue::Bool(false),
                number => FactValue::Number(number.parse().unwrap()),
            };
            (name.to_owned(), value)
        })
        .collect()
}

fn evaluate(expression: &str, given: &str) -> (Truth, String) {
    let evaluation = Expression::compile(expression).unwrap().evaluate(&facts(given));
    (evaluation.truth, evaluation.why.to_string())
}

#[test]
fn the_gates_that_circulate_say_what_decided_them() {
    use Truth::{False, True, Unknown};
    let health = "runtime_healthy && adapter_connected";
    let telemetry = "gap < 10s && drops == 0";
    for (expression, given, truth, why) in [
        (
            health,
            "runtime_healthy=true adapter_connected=true",
            True,
            "runtime_healthy is true, adapter_connected is true",
        ),
        (health, "runtime_healthy=true adapter_connected=false", False, "adapter_connected is false"),
        (
            health,
            "runtime_healthy=false adapter_connected=false",
            False,
            "runtime_healthy is false, adapter_connected is false",
        ),
        (health, "runtime_healthy=true", Unknown, "adapter_connected is unknown"),
        (health, "adapter_connected=false", False, "adapter_connected is false"),
        (health, "", Unknown, "runtime_healthy is unknown, adapter_connected is unknown"),
        (telemetry, "gap=2 drops=0", True, "gap 2s is < 10s, drops 0 is == 0"),
        (telemetry, "gap=12.4 drops=0", False, "gap 12.4s is not < 10s"),
        (telemetry, "gap=10 drops=0", False, "gap 10s is not < 10s"),
        (telemetry, "gap=2", Unknown, "drops is unknown"),
        (telemetry, "drops=3", False, "drops 3 is not == 0"),
        (telemetry, "gap=true drops=0", Unknown, "gap is true, not a number"),
        ("acceptance_suite_passed", "acceptance_suite_passed=true", True, "acceptance_suite_passed is true"),
        (
            "acceptance_suite_passed",
            "acceptance_suite_passed=1",
            Unknown,
            "acceptance_suite_passed is 1, not true or false",
        ),
    ] {
        // A bool where a number is held against a number is said as such.
        let got = evaluate(expression, given);
        let why = if why == "gap is true, not a number" { "gap true cannot be held against 10s" } else { why };
        assert_eq!(got, (truth, why.to_owned()), "{expression} of {given:?}");
    }
}

#[test]
fn a_third_truth_value_follows_kleene() {
    let values = [("true", Some(true)), ("false", Some(false)), ("u", None)];
    let said = |truth| match truth {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown => None,
    };
    for (a_text, a) in values {
        let not = Expression::compile("!a").unwrap();
        let given: String = a.map(|_| format!("a={a_text} ")).unwrap_or_default();
        assert_eq!(said(not.evaluate(&facts(&given)).truth), a.map(|a| !a), "!{a_text}");
        for (b_text, b) in values {
            let given = given.clone() + &b.map(|_| format!("b={b_text}")).unwrap_or_default();
            let and = if a == Some(false) || b == Some(false) { Some(false) } else { a.zip(b).map(|_| true) };
            let or = if a == Some(true) || b == Some(true) { Some(true) } else { a.zip(b).map(|_| false) };
            assert_eq!(said(evaluate("a && b", &given).0), and, "{a_text} && {b_text}");
            assert_eq!(said(evaluate("a || b", &given).0), or, "{a_text} || {b_text}");
        }
    }
}

#[test]
fn values_are_compared_as_numbers_and_durations_as_seconds() {
    use Truth::{False, True, Unknown};
    for (expression, given, truth, why) in [
        ("drops == 0u", "drops=0", True, "drops 0 is == 0"),
        (
            "error_rate < 0.01 && p99 < 250",
            "error_rate=0.004 p99=249.5",
            True,
            "error_rate 0.004 is < 0.01, p99 249.5 is < 250",
        ),
        ("gap < 1m30s", "gap=89", True, "gap 89s is < 1m30s"),
        ("gap < 250ms", "gap=0.3", False, "gap 0.3s is not < 250ms"),
        ("gap < duration('10s')", "gap=9", True, "gap 9s is < 10s"),
        ("gap < 10", "gap=9", True, "gap 9 is < 10"),
        ("10s > gap", "gap=12", False, "10s is not > gap 12s"),
        ("gap * 2 < 10s", "gap=6", False, "gap * 2 12s is not < 10s"),
        ("gap < 10s", "gap=10.00000001", False, "gap 10.00000001s is not < 10s"),
        ("gap < limit", "gap=3 limit=2", False, "gap 3 is not < limit 2"),
        ("errors / total < 0.01", "errors=3 total=100", False, "errors / total 0.03 is not < 0.01"),
        ("errors / total < 0.01", "errors=0 total=0", Unknown, "errors / total divides by zero or is too large"),
        ("7 / 2 == 3.5", "", True, "7 / 2 3.5 is == 3.5"),
        ("(errors + drops) % 2 == 0", "errors=3 drops=4", False, "(errors + drops) % 2 1 is not == 0"),
        ("-temperature < 5", "temperature=-7", False, "-temperature 7 is not < 5"),
        ("delta > -3", "delta=-4", False, "delta -4 is not > -3"),
        ("ready == true", "ready=false", False, "ready is false"),
        ("ready != true", "ready=false", True, "ready is false"),
        ("a == b", "a=true b=true", True, "a true is == b true"),
        ("a == b", "a=true b=1", Unknown, "a true cannot be held against b 1"),
        ("a == b", "a=true", Unknown, "b is unknown"),
        ("a < b", "", Unknown, "a is unknown, b is unknown"),
        ("a < b", "a=NaN b=1", Unknown, "a is unknown"),
        ("a < b", "a=inf b=1", Unknown, "a is unknown"),
        ("!draining", "draining=true", False, "draining is true"),
        ("!(a && b)", "a=true b=false", True, "b is false"),
        ("a || gap < 10s", "gap=12", Unknown, "a is unknown"),
        ("a || gap < 10s", "a=false gap=12", False, "a is false, gap 12s is not < 10s"),
        ("a || gap < 10s", "gap=2", True, "gap 2s is < 10s"),
        ("canary ? gap < 5s : gap < 10s", "canary=true gap=7", False, "gap 7s is not < 5s"),
        ("canary ? gap < 5s : gap < 10s", "canary=false gap=7", True, "gap 7s is < 10s"),
        ("canary ? gap < 5s : gap < 10s", "gap=7", Unknown, "canary is unknown"),
        ("gap < (strict ? 5s : 10s)", "strict=true gap=7", False, "gap 7s is not < strict ? 5s : 10s 5s"),
        ("db.lag < 2", "db.lag=1", True, "db.lag 1 is < 2"),
        ("rate > 1e-7", "rate=0.00000005", False, "rate 5e-8 is not > 0.0000001"),
        ("true", "", True, "it is always true"),
        ("a &&\n  b", "a=true b=true", True, "a is true, b is true"),
    ] {
        assert_eq!(evaluate(expression, given), (truth, why.to_owned()), "{expression} of {given:?}");
    }
}

#[test]
fn a_long_answer_names_the_first_parts_and_counts_the_rest() {
    let (truth, why) = evaluate("a && b && c && d && e && f", "a=true");
    assert_eq!(truth, Truth::Unknown);
    assert_eq!(why, "b is unknown, c is unknown, d is unknown, e is unknown, and 1 more");
}

#[test]
fn the_facts_of_an_expression_are_listed_once_in_order() {
    let expression = Expression::compile("b && gap < 10s && (a || b) && db.lag / total < 1h").unwrap();
    assert_eq!(expression.facts(), ["b", "gap", "a", "db.lag", "total"]);
    assert_eq!(expression.text(), "b && gap < 10s && (a || b) && db.lag / total < 1h");
}

#[test]
fn what_is_no_gate_is_refused_at_its_column() {
    for (expression, expected) in [
        ("", "column 1: the expression is empty; a gate needs one, such as `drops == 0`"),
        ("gap < 10s &&", "column 13: something is missing at the end"),
        ("gap < 10s drops == 0", "column 11: `drops` is not expected here"),
        ("a && && b", "column 6: `&&` is not expected here"),
        ("(a", "column 1: this parenthesis is not closed"),
        ("a)", "column 2: this parenthesis closes none"),
        ("a b c", "column 3: `b` is not expected here"),
        ("a ? b", "column 6: something is missing at the end"),
        ("a = 3", "column 3: write == to compare"),
        ("a & b", "column 3: write && for and"),
        ("a and b", "column 3: write && for and"),
        ("not a", "column 1: write ! for not"),
        ("gap < 10d", "column 7: `10d` is neither a number nor a duration such as 10s, 250ms, 5m or 1h30m"),
        ("gap < 10seconds", "column 7: `10seconds` is neither a number nor a duration such as 10s, 250ms, 5m or 1h30m"),
        ("gap < 30m1h", "column 7: `30m1h` is neither a number nor a duration such as 10s, 250ms, 5m or 1h30m"),
        ("gap ≤ 10s", "column 5: '≤' is not part of an expression; names and operators are plain ASCII"),
        ("gap\u{202e} < 1", "column 4: '\\u{202e}' is not part of an expression; names and operators are plain ASCII"),
        ("a == 'x", "column 6: this text is not closed"),
        ("a == 'x'", "column 6: texts are not part of a gate: facts are true, false or numbers"),
        ("[1, 2] == a", "column 1: lists and mappings are not part of a gate: facts are true, false or numbers"),
        ("a in b", "column 3: lists are not part of a gate, so nothing is in one"),
        ("a // b", "column 3: comments are not part of a gate"),
        ("a == null", "column 6: null is not part of a gate: a missing fact is unknown"),
        ("has(a.b)", "column 1: there is no function `has`; a gate compares facts, such as `gap < 10s`"),
        ("a.all(x, x)", "column 3: there is no function `all`; a gate compares facts, such as `gap < 10s`"),
        ("size(x) > 1", "column 1: there is no function `size`; a gate compares facts, such as `gap < 10s`"),
        ("x.size() > 1", "column 3: there is no function `size`; a gate compares facts, such as `gap < 10s`"),
        ("gap < 10s()", "column 7: there is no function `10s`; a gate compares facts, such as `gap < 10s`"),
        ("duration('soon') > gap", "column 10: \"soon\" is not a duration: write 10s, 250ms, 5m or 1h30m"),
        ("duration(gap) > 1", "column 10: duration takes a text, such as duration('10s'), or just write 10s"),
        ("_x < 1", "column 1: the name of a fact does not begin with _"),
        ("10s", "column 1: this is a number, not true or false; a gate is true or false, such as `gap < 10s`"),
        ("gap + 1", "column 1: this is a number, not true or false; a gate is true or false, such as `gap < 10s`"),
        (
            "gap && 3",
            "column 8: this is a number, not true or false; true or false is needed here, such as `gap < 10s`",
        ),
        ("true < 3", "column 1: this is true or false, not a number; a number is needed here"),
        ("(a < 1) == 3", "column 12: this is a number, not true or false; it is held against the other side"),
        ("gap && gap < 3", "column 8: `gap` is used as a number and as true or false; a fact is one of the two"),
        ("a ? b : 3", "column 1: this is a number, not true or false; a gate is true or false, such as `gap < 10s`"),
        (
            "99999999999999999999 > a",
            "column 1: `99999999999999999999` is neither a number nor a duration such as 10s, 250ms, 5m or 1h30m",
        ),
    ] {
        let error = Expression::compile(expression).unwrap_err();
        assert_eq!(error.to_string(), expected, "of {expression}");
        let caret = error.caret();
        let (_, pointer) = caret.split_once('\n').unwrap();
        assert_eq!(pointer.len(), error.column, "the caret is under the column:\n{caret}");
    }
}

#[test]
fn the_caret_of_a_long_expression_stands_under_its_part() {
    let long = format!("{} = 1", vec!["abcdefgh"; 60].join(" && "));
    let error = Expression::compile(&long).unwrap_err();
    let caret = error.caret();
    let (part, pointer) = caret.split_once('\n').unwrap();
    assert!(part.len() <= 120, "{part}");
    assert_eq!(&part[pointer.len() - 1..pointer.len()], "=");
}

/// Expressions as large as they may be, in a thread with a small stack: whoever sends a plan must
/// not be able to take the server down.
#[test]
fn no_expression_exhausts_the_stack_or_the_time() {
    let repeated = |open: &str, close: &str, n: usize| format!("{}a{}", open.repeat(n), close.repeat(n));
    let mut texts = vec![
        repeated("(", ")", 10_000),
        repeated("(", ")", 24),
        repeated("!(", ")", 24),
        repeated("(b && ", ")", 24),
        repeated("(b ? c : ", ")", 24),
        "!".repeat(10_000),
        format!("{}a", "!".repeat(255)),
        format!("{}a < 1", "-".repeat(250)),
        format!("{}a < 1", "- ".repeat(250)),
        vec!["a"; 128].join(" && "),
        vec!["a"; 128].join("||"),
        vec!["a"; 128].join("<"),
        format!("{} < 1", vec!["a"; 126].join("+")),
        format!("{} < 1", vec!["a"; 126].join("/")),
        vec!["a"; 128].join("=="),
        vec!["a"; 128].join("."),
        format!("{}a", "a ? b : ".repeat(8)),
        format!("{}a", "a ? b : ".repeat(60)),
        format!("{}a", "a ? ".repeat(8)) + &": b".repeat(8),
        "a ".repeat(256),
        "( ".repeat(24),
        ")".repeat(200),
        "? : ".repeat(60),
        "&& ".repeat(200),
        ". ".repeat(200),
        "a(".repeat(24) + &")".repeat(24),
    ];
    texts.extend(["((", "!(", "-(", "a(", "a?(", "a.b("].map(|open| open.repeat(24)));
    let work = move || {
        for text in texts {
            if let Ok(expression) = Expression::compile(&text) {
                let _ = expression.evaluate(&facts("a=1"));
                drop(expression.clone());
            }
        }
    };
    for row in [" && ", " || "] {
        assert!(Expression::compile(&vec!["a"; 128].join(row)).is_ok(), "a row of conditions is not deep");
    }
    // Half of what a thread of the runtime has.
    std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join().unwrap();
}

/// A random expression that is true or false, over booleans `p q r` and numbers `x y z`.
fn gates() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("x".to_owned()),
        Just("y".to_owned()),
        Just("z".to_owned()),
        (-4_i32..5).prop_map(|n| if n < 0 { format!("(-{}.0)", -n) } else { format!("{n}.0") }),
    ];
    let number = number.prop_recursive(2, 6, 2, |inner| {
        (inner.clone(), prop_oneof!["\\+", "-", "\\*", "/"], inner).prop_map(|(a, sign, b)| format!("({a} {sign} {b})"))
    });
    let leaf = prop_oneof![
        "[pqr]",
        Just("true".to_owned()),
        (number.clone(), prop_oneof!["<", "<=", ">", ">=", "==", "!="], number)
            .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!{a}")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

fn values() -> impl Strategy<Value = Facts> {
    let bools = proptest::collection::vec(any::<bool>(), 3);
    let numbers = proptest::collection::vec((-4_i32..5).prop_map(f64::from), 3);
    (bools, numbers).prop_map(|(bools, numbers)| {
        let bools = ["p", "q", "r"].into_iter().zip(bools.into_iter().map(FactValue::Bool));
        let numbers = ["x", "y", "z"].into_iter().zip(numbers.into_iter().map(FactValue::Number));
        bools.chain(numbers).map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The CEL crate's own interpreter is the judge of what an expression means where nothing is unknown.
    #[test]
    fn with_every_fact_known_it_means_what_cel_means(text in gates(), facts in values()) {
        let Ok(expression) = Expression::compile(&text) else { return Ok(()) };
        let ours = expression.evaluate(&facts);
        let mut context = cel::Context::default();
        for (name, value) in &facts {
            match value {
                FactValue::Bool(value) => context.add_variable_from_value(name, *value),
                FactValue::Number(value) => context.add_variable_from_value(name, *value),
            }
        }
        // Its usual parser needs much stack.
        let theirs = std::thread::scope(|scope| {
            let run = || cel::Program::compile(&text).unwrap().execute(&context);
            std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, run).unwrap().join().unwrap()
        });
        match ours.truth {
            Truth::True => prop_assert_eq!(theirs, Ok(cel::Value::Bool(true)), "{}", text),
            Truth::False => prop_assert_eq!(theirs, Ok(cel::Value::Bool(false)), "{}", text),
            // A division by zero may be a number to CEL; it is no measurement to a gate.
            Truth::Unknown => prop_assert!(text.contains('/'), "{} is unknown: {}", text, ours.why),
        }
    }

    #[test]
    fn what_is_said_without_some_facts_stays_said_with_them(text in gates(), facts in values(), keep in any::<[bool; 6]>()) {
        let Ok(expression) = Expression::compile(&text) else { return Ok(()) };
        let some: Facts = facts.iter().zip(keep).filter(|(_, keep)| *keep).map(|((n, v), _)| (n.clone(), *v)).collect();
        let early = expression.evaluate(&some);
        let late = expression.evaluate(&facts);
        if early.truth != Truth::Unknown {
            prop_assert_eq!(early.truth, late.truth, "{} with {:?}: {}", text, some, early.why);
        }
        prop_assert!(!early.why.is_empty());
    }

    #[test]
    fn no_text_makes_it_panic(
        text in any::<String>(),
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "b.c", "10s", "1h30m", "1.5", "0x1f", "7u", "1e9", "'x'", "true", "null", "in", "duration", "has",
                "(", ")", "!", "-", "&&", "||", "==", "!=", "<", ">=", "+", "*", "/", "%", "?", ":", ",", ".", " ",
            ]),
            0..24,
        ),
        value in proptest::option::of(prop_oneof![any::<f64>().prop_map(FactValue::Number), any::<bool>().prop_map(FactValue::Bool)]),
    ) {
        let facts: Facts = value.map(|v| BTreeMap::from([("a".to_owned(), v)])).unwrap_or_default();
        for text in [text, words.join(" "), words.concat()] {
            match Expression::compile(&text) {
                Ok(expression) => {
                    let _ = expression.evaluate(&facts);
                    let again = Expression::compile(expression.text()).unwrap();
                    prop_assert_eq!(again.facts(), expression.facts());
                }
                Err(error) => prop_assert!(error.column <= LENGTH_MAX + 1 && error.caret().contains('^')),
            }
        }
    }
}

#[test]
fn a_gate_asks_for_a_flag_by_what_the_unit_s_agent_holds() {
    use Truth::{False, True, Unknown};
    let held = |variant: Option<&str>| {
        let held = HeldFlag { revision: 3, variant: variant.map(SafeText::new) };
        BTreeMap::from([("fast-path".parse().unwrap(), held)])
    };
    // What a check command says of a flag is not believed.
    let said = BTreeMap::from([
        ("flag(fast-path)=on".to_owned(), FactValue::Bool(true)),
        ("gap".to_owned(), FactValue::Number(2.0)),
    ]);
    for (expression, variant, truth, why) in [
        ("flag(\"fast-path\") == \"on\"", Some("on"), True, "flag fast-path is on"),
        ("flag('fast-path') == 'on'", Some("off"), False, "flag fast-path is off, not on"),
        ("flag('fast-path') != 'on'", Some("off"), True, "flag fast-path is off, not on"),
        ("flag('fast-path') == 'on'", None, Unknown, "flag fast-path is unknown"),
        ("flag('fast') == 'on'", Some("on"), Unknown, "flag fast is unknown"),
        ("gap < 10s && flag('fast-path') == 'on'", Some("on"), True, "gap 2s is < 10s, flag fast-path is on"),
        ("gap < 1s && flag('fast') == 'on'", Some("on"), False, "gap 2s is not < 1s"),
    ] {
        let got = Expression::compile(expression).unwrap().evaluate(&with_flags(&said, &held(variant)));
        assert_eq!((got.truth, got.why.as_str()), (truth, why), "{expression}");
    }
    for (expression, column) in [
        ("flag('fast-path')", 1),
        ("flag('fast-path') && gap < 1s", 1),
        ("flag(fast) == 'on'", 6),
        ("flag('Fast Path') == 'on'", 6),
        ("flag('fast-path') == on", 22),
        ("flag() == 'on'", 1),
    ] {
        let error = Expression::compile(expression).unwrap_err();
        assert_eq!(error.column, column, "{expression}: {error}");
    }
}
