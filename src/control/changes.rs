//! What a change did, field by field, for the audit trail.

use serde_json::Value;

use crate::domain::{SafeText, audit::FieldChange};

/// Most fields that one entry tells of; a change of more tells how many were left out.
const FIELDS_MAX: usize = 64;

/// The fields in which two JSON documents differ, by name, with dots for what lies inside. The items of a
/// list are told apart by their `id`, where all have one, and by their place where they do not.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    let left_out = found.len().saturating_sub(FIELDS_MAX);
    found.truncate(FIELDS_MAX);
    if left_out > 0 {
        found.push(FieldChange {
            field: SafeText::new("..."),
            before: None,
            after: Some(SafeText::new(format!("{left_out} further fields changed"))),
        });
    }
    found
}

fn compare(field: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    if let (Some(old), Some(new)) = (parts(before), parts(after)) {
        let names = old.iter().map(|(name, _)| name);
        let added = new.iter().map(|(name, _)| name).filter(|name| !old.iter().any(|(known, _)| known == *name));
        let before = found.len();
        for name in names.chain(added) {
            let value = |parts: &[(String, &Value)]| {
                parts.iter().find(|(known, _)| known == name).map_or(Value::Null, |(_, value)| (*value).clone())
            };
            let inside = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            compare(&inside, &value(&old), &value(&new), found);
        }
        // The same items in another order.
        if found.len() > before {
            return;
        }
    }
    let shown = |value: &Value| (!value.is_null()).then(|| SafeText::new(value.to_string()));
    found.push(FieldChange { field: SafeText::new(field), before: shown(before), after: shown(after) });
}

/// What lies inside a value, by name; none for what is told of as a whole.
fn parts(value: &Value) -> Option<Vec<(String, &Value)>> {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            Some(fields.iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| Some((item.get("id")?.as_str()?.to_owned(), item))).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<(String, Option<String>, Option<String>)> {
        let text = |text: Option<SafeText>| text.map(|t| t.to_string());
        changes(before, after).into_iter().map(|c| (c.field.to_string(), text(c.before), text(c.after))).collect()
    }

    #[test]
    fn a_change_names_the_innermost_field_what_was_there_and_what_is() {
        let before = json!({"enabled": true, "owner": "a", "variants": {"on": 1, "off": 0}, "rules": [
            {"id": "canary", "serve": {"variant": "on"}}, {"id": "rest", "when": "x"}]});
        let mut after = before.clone();
        assert!(told(&before, &after).is_empty());
        after["variants"]["on"] = json!(2);
        after["rules"][0]["serve"] = json!({"variant": "off"});
        after["seed"] = json!("s");
        after.as_object_mut().unwrap().remove("owner");
        let some = |text: &str| Some(text.to_owned());
        let mut found = told(&before, &after);
        found.sort();
        assert_eq!(
            found,
            [
                ("owner".to_owned(), some("\"a\""), None),
                ("rules.canary.serve.variant".to_owned(), some("\"on\""), some("\"off\"")),
                ("seed".to_owned(), None, some("\"s\"")),
                ("variants.on".to_owned(), some("1"), some("2")),
            ]
        );
    }

    #[test]
    fn another_order_of_rules_is_a_change_although_each_rule_is_the_same() {
        let before = json!({"rules": [{"id": "a"}, {"id": "b"}]});
        let after = json!({"rules": [{"id": "b"}, {"id": "a"}]});
        let found = told(&before, &after);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "rules");
    }

    #[test]
    fn a_huge_change_is_told_up_to_a_bound_and_says_so() {
        let many: serde_json::Map<String, Value> = (0..100).map(|n| (format!("f{n:03}"), json!(n))).collect();
        let found = told(&json!({"variants": {"x": 1}}), &json!({ "variants": many }));
        assert_eq!(found.len(), FIELDS_MAX + 1);
        assert_eq!(found[FIELDS_MAX].2.as_deref(), Some("37 further fields changed"));
    }
}
