//! JSON over lines and YAML, for files and screens that people read.
//!
//! A value is written compactly and laid out from there. So each type's writer is compiled once for all layouts, and
//! not again for each: there are hundreds of types, and one layout more was thousands of functions to build.

use serde::Serialize;
use serde_json::Deserializer;
use serde_transcode::Transcoder;

/// A value as JSON over lines, indented by two blanks; no end of line behind the last.
///
/// # Errors
/// When the value has no JSON form, or is nested more than 127 levels deep.
pub fn json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    laid_out(&serde_json::to_vec(value)?)
}

/// A value as YAML, to the same words as its JSON; it ends with a line's end.
///
/// # Errors
/// As [`json`], or when YAML has no form for it.
pub fn yaml<T: Serialize + ?Sized>(value: &T) -> Result<String, YamlError> {
    let mut text = as_yaml(&serde_json::to_vec(value)?)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Why a value has no YAML.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// It has no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It has JSON that cannot be written so.
    #[error(transparent)]
    Yaml(#[from] serde_saphyr::ser::Error),
}

fn laid_out(compact: &[u8]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Transcoder::new(&mut Deserializer::from_slice(compact)))
}

fn as_yaml(compact: &[u8]) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&Transcoder::new(&mut Deserializer::from_slice(compact)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde_json::{Number, Value};

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map: HashMap<String, Value>| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_laid_out_is_what_serde_lays_out_itself(value in any_value()) {
            prop_assert_eq!(json(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }

        #[test]
        fn what_is_written_as_yaml_is_read_as_what_its_json_says(value in any_value()) {
            let text = yaml(&value).unwrap();
            prop_assert!(text.ends_with('\n'));
            prop_assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), value, "{}", text);
        }
    }

    #[test]
    fn fields_keep_the_order_in_which_they_were_declared() {
        #[derive(Serialize)]
        struct Declared {
            zone: &'static str,
            at: f32,
            absent: Option<u8>,
        }
        let text = json(&Declared { zone: "sea", at: 0.1, absent: None }).unwrap();
        assert_eq!(text, "{\n  \"zone\": \"sea\",\n  \"at\": 0.1,\n  \"absent\": null\n}");
    }
}
