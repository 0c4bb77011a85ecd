//! Takes values out of objects as a cluster sends them. An object may lack a field, or have something
//! absurd in it: each value is read for itself, and what cannot be read is none.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::SafeText;

/// The value at a JSON pointer, none where it is absent or null.
#[must_use]
pub fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    object.pointer(pointer).filter(|value| !value.is_null())
}

/// A text, exactly: what requests and comparisons need. Not to be shown.
#[must_use]
pub fn text(object: &Value, pointer: &str) -> Option<String> {
    at(object, pointer)?.as_str().map(str::to_owned)
}

/// A text that may be shown; empty where there is none.
#[must_use]
pub fn shown(object: &Value, pointer: &str) -> SafeText {
    SafeText::new(at(object, pointer).and_then(Value::as_str).unwrap_or_default())
}

/// A boolean; false where there is none, as Kubernetes leaves false ones out.
#[must_use]
pub fn is(object: &Value, pointer: &str) -> bool {
    at(object, pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// A whole number, also one that was written as `3.0` or as a text.
#[must_use]
pub fn integer(object: &Value, pointer: &str) -> Option<i64> {
    whole(at(object, pointer)?)
}

/// A number that cannot be negative.
#[must_use]
pub fn count(object: &Value, pointer: &str) -> Option<u32> {
    integer(object, pointer).and_then(|number| u32::try_from(number).ok())
}

/// A time in RFC 3339.
#[must_use]
pub fn time(object: &Value, pointer: &str) -> Option<DateTime<Utc>> {
    let text = at(object, pointer)?.as_str()?;
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

/// A list; empty where there is none.
#[must_use]
pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    at(object, pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A whole number of an int-or-string field.
#[must_use]
pub fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_of_another_type_is_absent_and_hides_no_other() {
        let object = json!({
            "a": {"text": 7, "number": "12", "half": 1.5, "whole": 3.0, "time": "yesterday", "flag": "true", "none": null},
            "list": {"not": "one"},
        });
        assert_eq!(text(&object, "/a/text"), None);
        assert_eq!(integer(&object, "/a/number"), Some(12));
        assert_eq!(integer(&object, "/a/half"), None);
        assert_eq!(integer(&object, "/a/whole"), Some(3));
        assert_eq!(time(&object, "/a/time"), None);
        assert!(!is(&object, "/a/flag"));
        assert_eq!(at(&object, "/a/none"), None);
        assert!(list(&object, "/list").is_empty());
        assert_eq!(count(&json!({"n": -1}), "/n"), None);
        assert_eq!(integer(&json!({"n": 1e300}), "/n"), None);
    }

    #[test]
    fn what_is_shown_is_harmless() {
        assert!(!shown(&json!({"m": "\u{1b}[2J"}), "/m").as_str().contains('\u{1b}'));
    }
}
