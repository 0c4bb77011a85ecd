use proptest::prelude::*;

use super::*;

const GOOD: &str =
    r#"sum by (service, track) (increase(http_requests_total{service=~"$service", track=~"$track"}[$window]))"#;

fn filled(text: &str, service: &str, tracks: &str) -> String {
    let filling = Filling { service, arms: ArmsBy::Track, values: tracks, window: 60 };
    check(text).unwrap().fill(&filling)
}

#[test]
fn a_template_is_filled_in_with_values_and_the_length_of_a_slice() {
    assert_eq!(
        filled(GOOD, "cart|pay", "canary|baseline"),
        r#"sum by (service, track) (increase(http_requests_total{service=~"cart|pay", track=~"canary|baseline"}[60s]))"#
    );
    let template = check(GOOD).unwrap();
    assert_eq!(template.label(Placeholder::Service), Some("service"));
    assert_eq!(template.label(Placeholder::Track), Some("track"));
    assert_eq!(template.label(Placeholder::Cohort), None);
    assert!(template.has_window());
}

#[test]
fn what_does_not_tell_the_arms_apart_matches_anything() {
    let text = r#"sum by (app, track, version) (x{app=~"$service",track=~"$track",version=~"$release"})"#;
    let filling = Filling { service: "a", arms: ArmsBy::Release, values: "v2", window: 60 };
    assert_eq!(
        check(text).unwrap().fill(&filling),
        r#"sum by (app, track, version) (x{app=~"a",track=~".*",version=~"v2"})"#
    );
}

#[test]
fn the_forms_in_which_people_write_queries_are_taken() {
    for text in [
        // Grouping behind, in any case, nested, with further labels.
        r#"sum(rate(x{service=~"$service"}[$window])) by (service)"#,
        r#"SUM BY(le,service)(increase(x_bucket{code!~"5..", service =~ '$service'}[$window]))"#,
        r"max by (service) (sum by (service, pod) (x{service=~`$service`}))",
        r#"histogram_quantile(0.99, sum by (service, le) (rate(x{service=~"$service"}[$window])))"#,
        // Both sides of an operator; `or` with a vector of zeros.
        r#"(sum by (s) (a{s=~"$service"}) or 0 * sum by (s) (b{s=~"$service"})) / (sum by (s) (b{s=~"$service"}) > 0)"#,
        // Subqueries, offsets, comments, a dollar that is no placeholder.
        r#"sum by (service) (max_over_time(x{service=~"$service"}[$window:15s] offset $window))"#,
        r#"sum by (service) (x{service=~"$service"} offset -$window)"#,
        "# errors of $everything (\nsum by (service) (x{service=~\"$service\", path=~\"/a$|/b$\"}) # it's \"fine\"",
        r#"sum by (service) (label_replace(x{service=~"$service"}, "pod", "$1-${2}", "instance", "(.*)-(.*)"))"#,
        // Brackets and escaped quotes inside strings.
        r#"sum by (service) (x{service=~"$service", path="a\"}{(["})"#,
        // Aggregations of other servers, and a label that only quotes can name.
        r#"any(x{service=~"$service"}) by (service)"#,
        r#"sum by ("service.name") ({"http.requests", "service.name"=~"$service"})"#,
        // No placeholder at all.
        "sum(rate(x[5m]))",
    ] {
        assert!(check(text).is_ok(), "{text}: {}", check(text).unwrap_err());
    }
}

#[test]
fn what_is_wrong_with_a_template_is_said_with_its_place_and_the_remedy() {
    for (text, place, says) in [
        ("", (1, 1), "the query is empty"),
        ("# only a comment", (1, 1), "the query is empty"),
        (r#"sum by (s) (x{s=~"$service})"#, (1, 18), "never closed"),
        ("sum by (s) (x{s=~'$service\n'})", (1, 18), "never closed"),
        (r#"sum by (s) (x{s=~"$service"}"#, (1, 12), "( has no other half"),
        (r#"sum by (s) (x{s=~"$service"]))"#, (1, 28), "] has no other half"),
        ("sum(x))", (1, 7), ") has no other half"),
        (r#"sum by (s) (x{s=~"$servce"})"#, (1, 18), "perhaps $service"),
        (r#"sum by (s) (x{s=~"$service"}[$__rate_interval])"#, (1, 30), "$__rate_interval means nothing"),
        (r#"sum by (s) (x{s=~"$Service"})"#, (1, 18), "perhaps $service"),
        (r#"sum by (s) (label_replace(x{s=~"$service"}, "a", "$name", "b", "(?P<name>.*)"))"#, (1, 50), "${1}"),
        (r#"sum by (s) (x{s="$service"})"#, (1, 17), r#"service=~"$service""#),
        (r#"sum by (s) (x{s!~"$service"})"#, (1, 18), "=~"),
        (r#"sum by (s) (x{s=~"$service.*"})"#, (1, 18), "stands for a whole value"),
        (r#"sum by (s) (x{s=~"a|$track"})"#, (1, 18), "stands for a whole value"),
        (r"sum by (s) (x{s=~$service})", (1, 18), "may only be the value"),
        (r#"label_replace(x, "s", "$service", "a", "b")"#, (1, 23), "may only be the value"),
        (r#"sum by (s) (x{s=~"$window"})"#, (1, 18), "[$window]"),
        ("sum(x) / $window", (1, 10), "offset"),
        (r#"x{s=~"$service"}"#, (1, 6), "sum by (s, ...)"),
        (r#"sum(x{s=~"$service"})"#, (1, 10), "sum around it drops the label s"),
        (r#"topk(3, sum by (s) (x{s=~"$service"}))"#, (1, 26), "topk around it drops the label s"),
        (r#"sum by (t) (sum by (s, t) (x{s=~"$service"}))"#, (1, 33), "drops the label s"),
        (r#"sum by (s) (x{s=~"$service"}) / sum(x{s=~"$service"})"#, (1, 42), "drops the label s"),
        (r#"sum without (pod) (x{s=~"$service"})"#, (1, 25), "without"),
        (r#"sum(x{s=~"$service"}) without (pod)"#, (1, 10), "without"),
        (r#"scalar(sum by (s) (x{s=~"$service"}))"#, (1, 25), "scalar() keeps no labels"),
        (r#"sum by (s, t) (x{s=~"$service",t=~"$service"})"#, (1, 35), "both s and t"),
        ("sum by (s) (\n  x{é=\"\", s=\"$service\"}\n)", (2, 13), "=~"),
    ] {
        let error = check(text).expect_err(text);
        assert_eq!((error.line, error.character), place, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let long = format!("sum({})", "x".repeat(TEMPLATE_MAX));
    assert_eq!(check(&long).unwrap_err().problem, Problem::TooLong);
}

#[test]
fn the_unit_of_durations_is_the_one_that_the_metric_s_name_ends_with() {
    for (query, unit) in [
        ("sum by (le) (http_request_duration_seconds_bucket)", Some(1_000_000_000)),
        ("sum by (le) (istio_request_duration_milliseconds_bucket)", Some(1_000_000)),
        ("sum(latency_ms)", Some(1_000_000)),
        ("sum(latency)", None),
        ("sum(x{unit=\"_ms\"})", None),
    ] {
        assert_eq!(check(query).unwrap().unit(), unit, "{query}");
    }
}

#[test]
fn common_beginnings_are_written_once_so_that_a_thousand_services_fit_into_a_query() {
    for (values, expected) in [
        (vec![], ""),
        (vec!["cart"], "cart"),
        (vec!["baseline", "canary"], "baseline|canary"),
        (vec!["", "canary"], "|canary"),
        (vec!["shop-cart", "shop-pay"], "shop-(?:cart|pay)"),
        (vec!["a", "ab"], "a|ab"),
        (vec!["v1.9", "v2.0"], "v1\\.9|v2\\.0"),
    ] {
        assert_eq!(alternatives(values.iter().copied()), expected);
    }
    let services: Vec<String> = (0..1000).map(|n| format!("warehouse-west-picking-{n:04}")).collect();
    let expression = alternatives(services.iter().map(String::as_str));
    assert!(expression.len() < 4096, "{}", expression.len());
    // Names that differ in their first character by chance.
    let deep: Vec<String> = (1..400).map(|n| "a".repeat(n)).collect();
    let expression = alternatives(deep.iter().map(String::as_str));
    assert!(expression.matches("(?:").count() <= 16, "{expression}");
}

#[test]
fn a_hostile_value_stays_inside_its_string_and_matches_only_itself() {
    let hostile = "a\"} or up{x=~\".*\\\n\r$service[5m])#`'|(b";
    let expression = alternatives([hostile]);
    let query = filled(GOOD, &expression, "canary");
    let tokens = lex::lex(&query).unwrap();
    let shape = lex::lex(GOOD).unwrap();
    assert_eq!(tokens.len(), shape.len(), "{query}");
    assert_eq!(unquoted(string_after(&query, "service=~")), expression);
}

/// The string that follows a mark in a query, with its quotes.
fn string_after<'a>(query: &'a str, mark: &str) -> &'a str {
    let at = query.find(mark).unwrap() + mark.len();
    lex::lex(&query[at..]).unwrap()[0].text
}

/// What PromQL reads from a string, by its rules (`prometheus/prometheus`, util/strutil/quote.go).
fn unquoted(string: &str) -> String {
    let mut text = String::new();
    let mut chars = string[1..string.len() - 1].chars();
    while let Some(c) = chars.next() {
        assert!(c != '"' && c != '\n', "{string}");
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next().unwrap() {
            'n' => text.push('\n'),
            'x' => {
                let hex: String = chars.by_ref().take(2).collect();
                text.push(char::from(u8::from_str_radix(&hex, 16).unwrap()));
            }
            c @ ('"' | '\\') => text.push(c),
            other => panic!("\\{other} is no escape in {string}"),
        }
    }
    text
}

/// Whether an expression of [`alternatives`] matches a text from end to end.
fn matches(expression: &str, text: &str) -> bool {
    /// Texts that are left after the expression's alternatives matched the beginning of one, up to `)` or the end.
    fn step<'t>(at: &mut std::iter::Peekable<std::str::Chars<'_>>, text: &'t str) -> Vec<&'t str> {
        let (mut done, mut rests) = (Vec::new(), vec![text]);
        loop {
            match at.next() {
                None | Some(')') => {
                    done.append(&mut rests);
                    return done;
                }
                Some('|') => {
                    done.append(&mut rests);
                    rests = vec![text];
                }
                Some('(') => {
                    assert_eq!((at.next(), at.next()), (Some('?'), Some(':')));
                    let group: String = rest_of_group(at);
                    rests = rests.iter().flat_map(|rest| step(&mut group.chars().peekable(), rest)).collect();
                }
                Some(c) => {
                    let c = if c == '\\' { at.next().unwrap() } else { c };
                    rests = rests.iter().filter_map(|rest| rest.strip_prefix(c)).collect();
                }
            }
        }
    }
    fn rest_of_group(at: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
        let (mut group, mut depth) = (String::new(), 1);
        while let Some(c) = at.next() {
            match c {
                '\\' => {
                    group.push(c);
                    group.push(at.next().unwrap());
                    continue;
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            group.push(c);
        }
        group
    }
    step(&mut expression.chars().peekable(), text).contains(&"")
}

proptest! {
    #[test]
    fn no_value_breaks_out_of_its_string(values in prop::collection::btree_set("\\PC{0,12}|[\"\\\\$(){}|.*\n\r\t`'#]{0,8}", 0..8)) {
        let expression = alternatives(values.iter().map(String::as_str));
        let query = filled(GOOD, &expression, "canary");
        prop_assert_eq!(unquoted(string_after(&query, "service=~")), expression);
        let last = lex::lex(&query).unwrap();
        let shape = lex::lex(GOOD).unwrap();
        prop_assert_eq!(last.len(), shape.len());
    }

    #[test]
    fn the_union_matches_each_of_its_values_and_nothing_else(
        values in prop::collection::btree_set("[ab.|(]{0,6}", 1..12),
        others in prop::collection::vec("[ab.|(]{0,6}", 0..12),
    ) {
        let expression = alternatives(values.iter().map(String::as_str));
        for value in values.iter().chain(&others) {
            prop_assert_eq!(matches(&expression, value), values.contains(value), "{} on {:?}", expression, value);
        }
    }

    #[test]
    fn no_text_makes_the_check_fall_over(text in "[a-z$(){}\\[\\]\"'`=~!,# \n\\\\5é]{0,60}") {
        if let Ok(template) = check(&text) {
            let filling = Filling { service: "a", arms: ArmsBy::Track, values: "b", window: 60 };
            let _ = template.fill(&filling);
        }
    }
}
