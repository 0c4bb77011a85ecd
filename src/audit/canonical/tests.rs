use serde_json::json;

use super::*;

#[test]
fn the_example_of_the_rfc_comes_out_as_the_rfc_has_it() {
    // RFC 8785, 3.2.2 to 3.2.4.
    let input = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let value: Value = serde_json::from_str(input).unwrap();
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                    \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(String::from_utf8(canonical_json(&value).unwrap()).unwrap(), expected);
}

#[test]
fn keys_are_ordered_by_utf_16_code_units() {
    // RFC 8785, 3.2.3.
    let value: Value = serde_json::from_str(
        r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
            "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
    )
    .unwrap();
    let text = String::from_utf8(canonical_json(&value).unwrap()).unwrap();
    let order = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"];
    let places: Vec<_> = order.iter().map(|name| text.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn an_integer_that_others_would_round_is_refused_and_the_greatest_exact_one_is_kept() {
    for fits in [json!(INTEGER_MAX), json!(-9_007_199_254_740_991_i64), json!(0)] {
        assert_eq!(canonical_json(&fits).unwrap(), fits.to_string().into_bytes());
    }
    for rounded in [json!(INTEGER_MAX + 1), json!(u64::MAX), json!(i64::MIN)] {
        let nested = json!({"a": [{"b": rounded}]});
        assert!(matches!(canonical_json(&nested), Err(CanonicalError::Integer(_))), "{nested}");
    }
}

#[test]
fn bytes_that_only_mean_the_same_are_not_the_canonical_ones() {
    assert_eq!(parse_canonical(br#"{"a":1,"b":"x"}"#), Some(json!({"a": 1, "b": "x"})));
    for other in [
        &br#"{"b":"x","a":1}"#[..],
        br#"{"a":1, "b":"x"}"#,
        br#"{"a":1,"a":1,"b":"x"}"#,
        br#"{"a":1.0,"b":"x"}"#,
        br#"{"a":1,"b":"\u0078"}"#,
        b"{\"a\":1,\"b\":\"x\"}\n",
        b"",
        b"\xff",
        br#"{"a":18446744073709551615}"#,
    ] {
        assert_eq!(parse_canonical(other), None, "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn an_entry_reads_back_as_itself_and_has_ascii_keys_in_order() {
    let entry: AuditEntry = serde_json::from_value(json!({
        "seq": 7, "id": "0199c1e0-0000-7000-8000-000000000001", "at": "2026-11-21T03:04:05.123456Z",
        "actor": {"id": "anna", "kind": "human", "role": "operator", "via": "tui", "credential": null, "source": null},
        "action": "pause", "subject": {"kind": "rollout", "target": "dc-west", "name": "pick-assist"},
        "outcome": "applied", "intent": null, "reason": "lanes 3 and 4 drop — ü", "ticket": null, "override": null,
        "revision": {"before": "r1", "after": "r2"}, "effect": null, "saw": null, "blockers": [],
        "idempotency_key": "k", "correlation_id": null, "schema": 1
    }))
    .unwrap();
    let bytes = canonical(&entry);
    assert!(bytes.starts_with(br#"{"action":"pause","actor":{"credential":null,"id":"anna","#));
    assert_eq!(parse_canonical(&bytes).unwrap(), serde_json::to_value(&entry).unwrap());
    assert_eq!(serde_json::from_slice::<AuditEntry>(&bytes).unwrap(), entry);
}
