//! Kubernetes Events as a timeline. They are kept for an hour or so, counted together where they repeat,
//! and dropped where one object has many: what they say is true, and never all there is.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::read;
use crate::domain::workload::Happening;

/// Events of one rollout that are kept, at most.
const HAPPENINGS_MAX: usize = 100;
/// What the cluster puts before the text of the latest of several that are alike.
const COMBINED: &str = "(combined from similar events): ";

/// The newest of these events, the newest first, at most 100.
#[must_use]
pub fn happenings(events: &[Value]) -> Vec<Happening> {
    let mut all: Vec<Happening> = events.iter().filter_map(happening).collect();
    all.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.text.cmp(&b.text)));
    all.truncate(HAPPENINGS_MAX);
    all
}

/// What an event says; none where it does not say when.
#[must_use]
pub fn happening(event: &Value) -> Option<Happening> {
    let shown = |pointers: &[&str]| {
        pointers.iter().map(|pointer| read::shown(event, pointer)).find(|text| !text.is_empty()).unwrap_or_default()
    };
    Some(Happening {
        at: at(event)?,
        count: read::count(event, "/series/count").or_else(|| read::count(event, "/count")).unwrap_or(1).max(1),
        warning: read::at(event, "/type").and_then(Value::as_str) == Some("Warning"),
        what: shown(&["/reason"]),
        // `note` and `reportingController` are what `events.k8s.io` calls them.
        text: shown(&["/message", "/note"]),
        by: shown(&["/source/component", "/reportingComponent", "/reportingController"]),
    })
}

/// The object that an event is about, as its kind, name and identity.
#[must_use]
pub fn about(event: &Value) -> (&str, &str, &str) {
    let of = |field: &str| {
        ["involvedObject", "regarding"]
            .into_iter()
            .find_map(|object| event.get(object)?.get(field)?.as_str())
            .unwrap_or_default()
    };
    (of("kind"), of("name"), of("uid"))
}

/// The text of an event alone, also where it is the latest of several.
#[must_use]
pub fn alone(text: &str) -> &str {
    text.strip_prefix(COMBINED).unwrap_or(text)
}

/// When it last happened.
fn at(event: &Value) -> Option<DateTime<Utc>> {
    [
        "/series/lastObservedTime",
        "/lastTimestamp",
        "/deprecatedLastTimestamp",
        "/eventTime",
        "/firstTimestamp",
        "/metadata/creationTimestamp",
    ]
    .into_iter()
    .filter_map(|pointer| read::time(event, pointer))
    .max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_read_in_either_of_its_two_forms() {
        let old = json!({
            "involvedObject": {"kind": "Canary", "name": "shop", "uid": "u1"}, "type": "Warning", "reason": "Synced", "count": 3,
            "message": "Halt shop.test advancement", "source": {"component": "flagger"},
            "firstTimestamp": "2026-05-01T10:00:00Z", "lastTimestamp": "2026-05-01T10:02:00Z", "eventTime": null,
        });
        let new = json!({
            "regarding": {"kind": "Canary", "name": "shop"}, "type": "Normal", "reason": "Synced", "note": "Advance",
            "reportingController": "flagger", "eventTime": "2026-05-01T10:01:00.123456Z",
            "series": {"count": 4, "lastObservedTime": "2026-05-01T10:03:00.5Z"},
        });
        let told = happenings(&[old.clone(), new, json!({"message": "no time"}), json!(7)]);
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].text.as_str(), told[0].count, told[0].by.as_str()), ("Advance", 4, "flagger"));
        assert_eq!(
            (told[1].warning, told[1].count, told[1].at.to_rfc3339().as_str()),
            (true, 3, "2026-05-01T10:02:00+00:00")
        );
        assert_eq!(about(&old), ("Canary", "shop", "u1"));
        assert_eq!(alone("(combined from similar events): Advance"), "Advance");
    }

    #[test]
    fn of_many_events_the_newest_are_kept() {
        let events: Vec<Value> = (0..150)
            .map(|n| json!({"message": n.to_string(), "lastTimestamp": format!("2026-05-01T{:02}:{:02}:00Z", n / 60, n % 60)}))
            .collect();
        let told = happenings(&events);
        assert_eq!((told.len(), told[0].text.as_str(), told[99].text.as_str()), (100, "149", "50"));
    }
}
