//! Events have two APIs, and one place where they are stored: the older one's.

use serde_json::{Map, Value, json};

use super::kinds::EVENTS_GROUP;

/// Names in the older API, and in the newer one.
const NAMES: [(&str, &str); 8] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("related", "related"),
];

fn renamed(object: &Value, name: impl Fn(&str) -> String) -> Value {
    let fields: Map<String, Value> =
        object.as_object().into_iter().flatten().map(|(key, value)| (name(key), value.clone())).collect();
    Value::Object(fields)
}

/// As the newer API shows an event.
pub fn newer(object: &Value) -> Value {
    let mut event =
        renamed(object, |key| NAMES.iter().find(|(older, _)| *older == key).map_or(key, |(_, newer)| newer).to_owned());
    event["apiVersion"] = json!(format!("{EVENTS_GROUP}/v1"));
    event
}

/// As an event of the newer API is stored.
pub fn stored(object: Value) -> Value {
    let mut event = renamed(&object, |key| {
        NAMES.iter().find(|(_, newer)| *newer == key).map_or(key, |(older, _)| older).to_owned()
    });
    event["apiVersion"] = json!("v1");
    event
}
