//! What is sent for an order, from the Canary as it was just read.
//!
//! A gate knows no preconditions. So the first request is always one to the cluster that is refused where the
//! Canary changed since it was read, and that writes on it what is to be put back later: see
//! [`afterwards`](super::afterwards()). Where a later one is refused, the order is not begun anew.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{
    Deed,
    afterwards::{OPENED_GATE, OPENED_ROLLBACK, SKIPPED},
    decide, mark,
};
use crate::driver::{
    Order, OrderError, candidate,
    flagger::{object::Canary, revision::revision},
    kubernetes::{
        read,
        request::{Body, Expect, Kind, Request},
    },
};

/// The annotation of a pod template that is touched so that it counts as a new release.
const RETRIED: &str = "rolldeck.dev/retried-at";

/// What is sent, in this order. `related` are its target and its primary. None is to be sent where nothing is to
/// be changed.
///
/// # Errors
/// [`OrderError::Moved`] when it is not what was on the screen, [`OrderError::Refused`] when it cannot be done.
pub fn requests(
    object: &Value,
    related: &[Value],
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Vec<Request>, OrderError> {
    let canary = Canary::read(object);
    let deed = settle(&canary, order)?;
    let main = |annotations: &[&str], spec: Value| {
        let mark = mark(&canary);
        let notes: Map<String, Value> = annotations.iter().map(|key| ((*key).to_owned(), json!(mark))).collect();
        patch(&canary, None, notes, &spec, &Value::Null)
    };
    Ok(match deed {
        Deed::Nothing(_) => Vec::new(),
        Deed::Suspend => vec![main(&[], json!({"suspend": true}))],
        Deed::Resume => vec![main(&[], json!({"suspend": false}))],
        Deed::Open(gates) => std::iter::once(main(&[OPENED_GATE], json!({})))
            .chain(gates.iter().map(|gate| gate.open(&canary)))
            .collect(),
        Deed::Skip(gates) => {
            let notes: &[&str] = if gates.is_empty() { &[SKIPPED] } else { &[SKIPPED, OPENED_GATE] };
            let first = main(notes, json!({"skipAnalysis": true}));
            std::iter::once(first).chain(gates.iter().map(|gate| gate.open(&canary))).collect()
        }
        // What holds the way back goes first: suspended, nothing is looked at, and a skipped analysis promotes
        // before a rollback gate is asked.
        Deed::AskBack(gate) => vec![main(&[OPENED_ROLLBACK], way_back(&canary)), gate.open(&canary)],
        Deed::FailChecks(threshold) => {
            let way = way_back(&canary);
            let mut status =
                patch(&canary, Some("status"), Map::new(), &json!({}), &json!({"failedChecks": threshold}));
            if way.as_object().is_none_or(Map::is_empty) {
                vec![status]
            } else {
                status.body = Body::Merge(json!({"status": {"failedChecks": threshold}}));
                vec![main(&[], way), status]
            }
        }
        Deed::Touch(kind) => vec![touch(&canary, kind, related, now)?],
    })
}

/// What an order comes to, where it is still what was on the screen: all of it where the order widens, else its
/// candidate.
pub(super) fn settle(canary: &Canary, order: &Order) -> Result<Deed, OrderError> {
    let present = revision(canary);
    let same_candidate = candidate(&present) == candidate(&order.revision);
    if present != order.revision && (order.action.widens() || !same_candidate) {
        let what = if same_candidate {
            format!("it moved on: {} now", state(canary))
        } else {
            format!(
                "it is about {} now, not about {} as it was on the screen",
                candidate(&present),
                candidate(&order.revision)
            )
        };
        return Err(OrderError::Moved { present, what });
    }
    decide(canary, order.action, order.to.as_ref()).map_err(|blocker| OrderError::Refused(vec![blocker]))
}

/// Where it is, in one sentence.
pub(super) fn state(canary: &Canary) -> String {
    let phase = match &canary.status.phase {
        Ok(phase) if phase.as_str().is_empty() => "it is new".to_owned(),
        Ok(phase) => format!("its phase is {}", phase.as_str()),
        Err(why) => why.as_str().to_owned(),
    };
    let weight =
        if canary.status.weight > 0 { format!(" at {} % of the traffic", canary.status.weight) } else { String::new() };
    let suspended = if canary.suspended { ", and it is suspended" } else { "" };
    format!("{phase}{weight}{suspended}")
}

/// What of its spec would hold a roll back.
fn way_back(canary: &Canary) -> Value {
    let mut spec = Map::new();
    if canary.suspended {
        spec.insert("suspend".to_owned(), json!(false));
    }
    if canary.skips_analysis {
        spec.insert("skipAnalysis".to_owned(), json!(false));
    }
    Value::Object(spec)
}

/// A merge patch of the Canary that is refused where it changed since it was read.
fn patch(
    canary: &Canary,
    subresource: Option<&str>,
    notes: Map<String, Value>,
    spec: &Value,
    status: &Value,
) -> Request {
    let mut body = json!({"metadata": {}});
    if !canary.meta.resource_version.is_empty() {
        body["metadata"]["resourceVersion"] = json!(canary.meta.resource_version);
    }
    let mut expected = expects("/spec", spec);
    expected.extend(expects("/status", status));
    for (key, value) in &notes {
        let pointer = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        expected.push(Expect { pointer, value: value.clone() });
    }
    for (name, part) in [("spec", spec), ("status", status)] {
        if part.as_object().is_some_and(|part| !part.is_empty()) {
            body[name] = part.clone();
        }
    }
    if !notes.is_empty() {
        body["metadata"]["annotations"] = Value::Object(notes);
    }
    Request {
        kind: Kind::CANARY,
        namespace: canary.meta.namespace.clone(),
        name: canary.meta.name.clone(),
        subresource: subresource.map(str::to_owned),
        body: Body::Merge(body),
        expects: expected,
    }
}

fn expects(at: &str, part: &Value) -> Vec<Expect> {
    let fields = part.as_object().into_iter().flatten();
    fields.map(|(key, value)| Expect { pointer: format!("{at}/{key}"), value: value.clone() }).collect()
}

fn touch(canary: &Canary, kind: Kind, related: &[Value], now: DateTime<Utc>) -> Result<Request, OrderError> {
    let name = &canary.target.name;
    let is_target = |object: &&Value| {
        let is_kind = read::text(object, "/kind").is_none_or(|text| text == kind.kind);
        is_kind && read::text(object, "/metadata/name").as_ref() == Some(name)
    };
    let version = related.iter().find(is_target).and_then(|target| read::text(target, "/metadata/resourceVersion"));
    let Some(version) = version else {
        return Err(OrderError::Failed(format!(
            "{} {name} cannot be read: without it, a release that somebody else just made would be touched",
            kind.kind
        )));
    };
    let at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = json!({
        "metadata": {"resourceVersion": version},
        "spec": {"template": {"metadata": {"annotations": {RETRIED: at}}}},
    });
    Ok(Request {
        kind,
        namespace: canary.meta.namespace.clone(),
        name: name.clone(),
        subresource: None,
        body: Body::Merge(body),
        expects: vec![Expect {
            pointer: format!("/spec/template/metadata/annotations/{}", RETRIED.replace('/', "~1")),
            value: json!(at),
        }],
    })
}
