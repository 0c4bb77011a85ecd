//! What happened to a flag, in words: an entry tells fields and JSON, people read neither.

use serde_json::Value;

use super::record::{described, served};
use crate::{
    domain::{
        AuditEntry, SafeText,
        audit::FieldChange,
        flag::{FlagRule, Serve},
    },
    tui::app::figure,
};

/// What an entry changed, and why.
pub(super) fn what(entry: &AuditEntry) -> String {
    let changes = entry.changes.first().map_or_else(String::new, |change| {
        let more = match entry.changes.len() - 1 {
            0 => String::new(),
            more => format!(" +{more}"),
        };
        format!("{}{more}  ", told(change))
    });
    let reason = entry.reason.as_ref().or(entry.effect.as_ref()).map_or("", |text| text.as_str());
    format!("{changes}{reason}")
}

/// One change in words.
fn told(change: &FieldChange) -> String {
    let field = change.field.as_str();
    let read =
        |text: &Option<SafeText>| text.as_ref().map(|text| serde_json::from_slice::<Value>(text.as_str().as_bytes()));
    let (before, after) = (read(&change.before), read(&change.after));
    let is_new = change.before.is_none();
    let is_gone = change.after.is_none();
    match (field, &after) {
        ("enabled", Some(Ok(Value::Bool(on)))) => return if *on { "switched on" } else { "switched off" }.to_owned(),
        ("killed", _) if is_new => return "killed".to_owned(),
        ("killed", _) if is_gone => return "brought back".to_owned(),
        ("rules", Some(Ok(rules))) if is_new => {
            let rules: Result<Vec<FlagRule>, _> = serde_json::from_value(rules.clone());
            if let Ok(rules) = rules {
                return rules.iter().map(|rule| format!("new rule {}", described(rule))).collect::<Vec<_>>().join(", ");
            }
        }
        _ => {}
    }
    if let Some(rule) = field.strip_prefix("rules.") {
        return of_rule(rule, change, after.as_ref().and_then(|value| value.as_ref().ok()));
    }
    let plain = |value: &Option<Result<Value, _>>| match value {
        None => Some("-".to_owned()),
        Some(Ok(value)) => scalar(value),
        // What was no JSON was written for people, or was cut.
        Some(Err(_)) => None,
    };
    match (plain(&before), plain(&after)) {
        (Some(before), Some(after)) => format!("{field} {before}->{after}"),
        _ if is_new => format!("{field} added"),
        _ if is_gone => format!("{field} taken out"),
        _ => format!("{field} changed"),
    }
}

/// A change inside of a rule. Rules are named by people: a name may have dots.
fn of_rule(path: &str, change: &FieldChange, after: Option<&Value>) -> String {
    let text = |text: &Option<SafeText>| match text.as_ref().map(SafeText::as_str) {
        None => "-".to_owned(),
        Some(text) => match serde_json::from_slice::<Value>(text.as_bytes()) {
            Ok(value) => scalar(&value).unwrap_or_else(|| figure::counted(items(&value), "entry")),
            Err(_) => "...".to_owned(),
        },
    };
    let arrow = |what: &str| format!("{what} {}->{}", text(&change.before), text(&change.after));
    for (end, word) in [
        (".serve.units.units", ""),
        (".serve.sites.members", ""),
        (".serve.sites.percent", ".percent"),
        (".serve.variant", " serves"),
        (".percent", ".percent"),
    ] {
        if let Some(rule) = path.strip_suffix(end) {
            return arrow(&format!("rule {rule}{word}"));
        }
    }
    if let Some(rule) = path.strip_suffix(".serve.split") {
        let split =
            after.and_then(|after| serde_json::from_value(after.clone()).ok()).map(|s| served(&Serve::Split(s)));
        return format!("rule {rule}: {}", split.unwrap_or_else(|| "another split".to_owned()));
    }
    if let Some(rule) = path.strip_suffix(".serve") {
        let serve: Option<Serve> = after.and_then(|after| serde_json::from_value(after.clone()).ok());
        return format!("rule {rule}: {}", serve.map_or_else(|| "serves otherwise".to_owned(), |s| served(&s)));
    }
    if path.contains(".when") {
        let rule = path.split(".when").next().unwrap_or(path);
        return format!("rule {rule} matches otherwise");
    }
    match (change.before.is_none(), change.after.is_none()) {
        (true, _) => {
            let rule: Option<FlagRule> = after.and_then(|after| serde_json::from_value(after.clone()).ok());
            format!("new rule {}", rule.map_or_else(|| path.to_owned(), |rule| described(&rule)))
        }
        (_, true) => format!("rule {path} taken out"),
        _ => format!("rule {path} changed"),
    }
}

fn items(value: &Value) -> usize {
    value.as_array().map_or_else(|| value.as_object().map_or(1, serde_json::Map::len), Vec::len)
}

/// A value that is one word; none for what has parts.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_of_a_flag_is_told_in_words_and_never_as_json() {
        for (field, before, after, said) in [
            ("enabled", Some("true"), Some("false"), "switched off"),
            ("killed", None, Some(r#"{"at":"2026-01-01T00:00:00Z","by":"mira","reason":"x"}"#), "killed"),
            ("killed", Some(r#"{"at":"2026-01-01T00:00:00Z","by":"mira","reason":"x"}"#), None, "brought back"),
            ("default_variant", Some("\"off\""), Some("\"on\""), "default_variant off->on"),
            ("expires_at", None, Some("\"2026-05-01T00:00:00Z\""), "expires_at -->2026-05-01T00:00:00Z"),
            ("variants.blue", None, Some(r#"{"hex":"00f"}"#), "variants.blue added"),
            ("scope.sites", Some(r#"["osl*"]"#), Some(r#"["osl*","ber1"]"#), "scope.sites changed"),
            ("rules.pilot-sites.percent", Some("10"), Some("25"), "rule pilot-sites.percent 10->25"),
            ("rules.v1.2 pilot.serve.sites.percent", Some("10.0"), Some("25.0"), "rule v1.2 pilot.percent 10.0->25.0"),
            ("rules.canary.serve.variant", Some("\"on\""), Some("\"off\""), "rule canary serves on->off"),
            (
                "rules.share.serve.split",
                Some("[]"),
                Some(r#"[{"variant":"on","weight":1},{"variant":"off","weight":3}]"#),
                "rule share: split on 25% / off 75%",
            ),
            (
                "rules.dc-west/lights: on.serve.units.units",
                Some("\"1 unit: dc-west/osl1/main\""),
                Some("\"2 units: dc-west/osl1/main, dc-west/osl2/main\""),
                "rule dc-west/lights: on 1 unit: dc-west/osl1/main->2 units: dc-west/osl1/main, dc-west/osl2/main",
            ),
            (
                "rules.gold",
                None,
                Some(r#"{"id":"gold","when":"plan == \"gold\"","serve":{"variant":"on"}}"#),
                "new rule gold when plan == \"gold\" -> on",
            ),
            ("rules", None, Some(r#"[{"id":"all","serve":{"variant":"on"}}]"#), "new rule all -> on"),
            ("rules.gold", Some(r#"{"id":"gold","serve":{"variant":"on"}}"#), None, "rule gold taken out"),
            ("rules.gold.when", Some("\"a\""), Some("\"b\""), "rule gold matches otherwise"),
            // Cut where it was too long.
            ("rules.long", None, Some(r#"{"id":"long","serve":{"spl..."#), "new rule long"),
            ("...", None, Some("37 further fields changed"), "... added"),
        ] {
            let change =
                FieldChange { field: field.into(), before: before.map(SafeText::new), after: after.map(SafeText::new) };
            assert_eq!(told(&change), said);
        }
    }
}
