//! What is left in the cluster of an action: an Event on the object, with who did it and why, where
//! `kubectl describe` shows it. At best: an action does not fail because its Event could not be written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::{
    api::{Api, ApiError, FIELD_MANAGER},
    meta::Meta,
    request::{Body, Kind, Request},
};
use crate::{
    domain::{Action, SafeText},
    driver::Order,
};

/// Longest message that a cluster takes, in bytes (kubernetes, `pkg/apis/core/validation/events.go`).
const MESSAGE_MAX: usize = 1024;

/// The event of an order: `RolldeckPromote`.
#[must_use]
pub fn request(kind: Kind, meta: &Meta, order: &Order, id: &str, now: DateTime<Utc>) -> Request {
    let at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut message = format!("{} by {}: {}", order.action.words(), order.by, order.reason);
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    // An object's name may be as long as a name can be.
    let stem = &meta.name[..meta.name.floor_char_boundary(200)];
    let name = format!("{}.{id}", stem.trim_end_matches(['.', '-']));
    let body = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": format!("{}/{}", kind.group, kind.version), "kind": kind.kind,
            "namespace": meta.namespace, "name": meta.name, "uid": meta.uid,
        },
        "reason": reason(order.action),
        "message": message,
        "type": "Normal",
        "action": order.action.verb(),
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
    });
    Request {
        kind: Kind::EVENT,
        namespace: meta.namespace.clone(),
        name: String::new(),
        subresource: None,
        body: Body::Create(body),
        expects: Vec::new(),
    }
}

/// Writes it.
///
/// # Errors
/// Why it could not be, in a few words.
pub async fn write(api: &Api, request: &Request) -> Result<(), SafeText> {
    match api.send(request).await {
        Ok(_) => Ok(()),
        Err(ApiError::Status { code: 403, .. }) => {
            Err(SafeText::new(format!("the cluster forbids it: {}", request.rule())))
        }
        Err(error) => Err(SafeText::new(error.to_string())),
    }
}

fn reason(action: Action) -> String {
    let words = action.verb().split('_').map(|word| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_uppercase() + rest
    });
    format!("Rolldeck{}", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use crate::domain::{Revision, action::ACTIONS};

    use super::*;

    #[test]
    fn an_event_says_who_and_why_and_is_never_too_long_for_the_cluster() {
        let meta =
            Meta { namespace: "shop".to_owned(), name: "b".repeat(253), uid: "u1".to_owned(), ..Meta::default() };
        let order = Order {
            avoid: Vec::new(),
            id: "shop/basket".parse().unwrap(),
            action: Action::PromoteFull,
            to: None,
            revision: Revision("1-a:1-x".into()),
            by: "alice@example.com".into(),
            reason: SafeText::new("ü".repeat(500)),
            at: DateTime::UNIX_EPOCH,
        };
        let request = request(Kind::ROLLOUT, &meta, &order, "0190-x", DateTime::UNIX_EPOCH);
        let Body::Create(event) = &request.body else { panic!("an event is created") };
        assert_eq!(event["reason"], "RolldeckPromoteFull");
        assert_eq!(event["involvedObject"]["uid"], "u1");
        assert_eq!(event["involvedObject"]["apiVersion"], "argoproj.io/v1alpha1");
        assert_eq!(event["lastTimestamp"], "1970-01-01T00:00:00Z");
        let message = event["message"].as_str().unwrap();
        assert!(message.starts_with("promote fully by alice@example.com: ü") && message.len() <= MESSAGE_MAX);
        assert!(event["metadata"]["name"].as_str().unwrap().len() <= 253);
        for spec in ACTIONS {
            assert!(reason(spec.action).chars().all(|c| c.is_ascii_alphabetic()));
        }
    }
}
