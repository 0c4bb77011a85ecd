//! What is sent for an order, from the Rollout as it was just read.
//!
//! Upstream sends its patches without preconditions. Here the first request is refused by the cluster (409, or
//! 422 of a JSON patch) where the object changed since it was read: whoever sends it reads again, and asks for
//! the requests again. A request after the first one stands on what the first brought about. Where it is
//! refused, the order is not begun anew: [`look`](crate::driver::argo::look) says what is still missing.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{Deed, Promotion, Way, decide, journey, undo};
use crate::{
    domain::{Blocker, SafeText},
    driver::{
        Order, OrderError,
        argo::{
            object::{Rollout, WORKLOAD_GENERATION},
            revision::{Ordered, revision},
        },
        kubernetes::{
            read,
            request::{Body, Expect, Kind, Request},
        },
    },
};

/// The annotation that is written only so that the controller looks again.
const NUDGE: &str = "rolldeck.dev/nudge";

/// What is sent, in this order. `related` are its replica sets and, where it refers to another workload, that
/// one. None is to be sent where nothing is to be changed.
///
/// # Errors
/// [`OrderError::Moved`] when it is not what was on the screen, [`OrderError::Refused`] when it cannot be done;
/// see [`passes_soon`](crate::driver::kubernetes::uptake::passes_soon).
pub fn requests(
    object: &Value,
    related: &[Value],
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Vec<Request>, OrderError> {
    make(object, related, order, now, true)
}

/// The same for a cluster whose Rollouts have no `status` subresource, as before 0.10: there it answers 404
/// to a request for it, as it does when the Rollout is gone. So these are sent only after it was read again.
///
/// # Errors
/// As of [`requests`].
pub fn requests_without_status(
    object: &Value,
    related: &[Value],
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Vec<Request>, OrderError> {
    make(object, related, order, now, false)
}

/// Makes the controller look again at a Rollout whose status holds what it did not notice.
#[must_use]
pub fn nudge(rollout: &Rollout) -> Request {
    // Each value is written once: the version of the object that is nudged.
    let mark = &rollout.meta.resource_version;
    Request {
        kind: Kind::ROLLOUT,
        namespace: rollout.meta.namespace.clone(),
        name: rollout.meta.name.clone(),
        subresource: None,
        body: Body::Merge(json!({"metadata": {"annotations": {NUDGE: mark}}})),
        expects: vec![expect("/metadata/annotations/rolldeck.dev~1nudge", json!(mark))],
    }
}

/// Whether the rollout is what the order was made on: all of it where the order widens, else its candidate.
pub(super) fn compare(rollout: &Rollout, order: &Order) -> Result<(), OrderError> {
    let present = revision(rollout);
    let ordered = Ordered::of(&order.revision);
    let same_candidate = ordered.is_candidate_of(rollout);
    let same = present == order.revision
        || if order.action.widens() { ordered.was_seen_by_now(rollout) } else { same_candidate };
    if same {
        return Ok(());
    }
    let what = if same_candidate {
        format!("it moved on: {} now", journey::state(rollout))
    } else {
        format!(
            "it is at {} now, not at {} as it was on the screen",
            journey::present(rollout),
            shown(ordered.candidate)
        )
    };
    Err(OrderError::Moved { present, what })
}

fn shown(candidate: &str) -> String {
    match candidate.split_once('-') {
        Some((number, hash)) => journey::revision(number.parse().unwrap_or(0), hash),
        None => "a revision that is not known".to_owned(),
    }
}

/// What an order comes to. What widens waits until the controller has seen the newest spec, before it is
/// compared: until then nobody knows what it would be done to.
pub(super) fn settle(rollout: &Rollout, order: &Order) -> Result<Deed, OrderError> {
    let as_ordered = revision(rollout) == order.revision;
    let deed = decide(rollout, order.action, order.to.as_ref(), as_ordered).map_err(refused);
    if deed.as_ref().is_err_and(crate::driver::kubernetes::uptake::passes_soon) {
        return deed;
    }
    compare(rollout, order)?;
    deed
}

pub(super) fn refused(blocker: Blocker) -> OrderError {
    OrderError::Refused(vec![blocker])
}

fn make(
    object: &Value,
    related: &[Value],
    order: &Order,
    now: DateTime<Utc>,
    has_status: bool,
) -> Result<Vec<Request>, OrderError> {
    let rollout = Rollout::read(object);
    let sender = Sender { rollout: &rollout, has_status, avoid: &order.avoid };
    Ok(match settle(&rollout, order)? {
        Deed::Nothing(_) => Vec::new(),
        Deed::Nudge => vec![nudge(&rollout)],
        Deed::Pause => vec![sender.main(&json!({"paused": true}), "/spec/paused", json!(true))],
        Deed::Resume => vec![sender.main(&json!({"paused": false}), "/spec/paused", json!(false))],
        Deed::Restart => {
            let at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
            vec![sender.main(&json!({"restartAt": at}), "/spec/restartAt", json!(at))]
        }
        Deed::Promote(promotion) => sender.promote(promotion),
        Deed::PromoteFull if rollout.status.promote_full => {
            vec![sender.main(&json!({"paused": false}), "/spec/paused", json!(false))]
        }
        Deed::PromoteFull => sender.status(
            &json!({"promoteFull": true}),
            vec![expect("/status/promoteFull", json!(true))],
            &sender.unchanged_spec(),
        ),
        // T3: an abort is ignored while a full promotion is under way.
        Deed::Abort => sender.status(
            &json!({"abort": true, "promoteFull": false}),
            vec![expect("/status/abort", json!(true)), expect("/status/promoteFull", json!(false))],
            &[json!({"op": "test", "path": "/status/abort", "value": true})],
        ),
        Deed::Retry => vec![sender.status_only(&json!({"abort": false}), vec![expect("/status/abort", json!(false))])],
        Deed::Terminate(run) => vec![Request {
            kind: Kind::ANALYSIS_RUN,
            namespace: rollout.meta.namespace.clone(),
            name: run.name,
            subresource: None,
            body: Body::Merge(json!({"spec": {"terminate": true}})),
            expects: vec![expect("/spec/terminate", json!(true))],
        }],
        Deed::Undo(way) => sender.undo(related, way)?,
    })
}

/// Whether an undo would put back what is there already: `None` where it would not.
pub(super) fn already_there(rollout: &Rollout, past: &undo::Past<'_>) -> Option<String> {
    // While the controller has not seen the newest spec, its status is about another template.
    (!past.hash.is_empty() && past.hash == rollout.status.pod_hash && super::caught_up(rollout).is_ok())
        .then(|| format!("its template is that of {} already", past.name()))
}

struct Sender<'a> {
    rollout: &'a Rollout,
    has_status: bool,
    /// What an undo that names no revision does not go to.
    avoid: &'a [SafeText],
}

impl Sender<'_> {
    fn request(&self, body: Body, expects: Vec<Expect>) -> Request {
        Request {
            kind: Kind::ROLLOUT,
            namespace: self.rollout.meta.namespace.clone(),
            name: self.rollout.meta.name.clone(),
            subresource: None,
            body,
            expects,
        }
    }

    /// A merge patch that is refused where the object changed since it was read.
    fn guarded(&self, mut patch: Value) -> Body {
        if !self.rollout.meta.resource_version.is_empty() {
            patch["metadata"] = json!({"resourceVersion": self.rollout.meta.resource_version});
        }
        Body::Merge(patch)
    }

    fn main(&self, spec: &Value, pointer: &str, value: Value) -> Request {
        self.request(self.guarded(json!({"spec": spec})), vec![expect(pointer, value)])
    }

    fn status_only(&self, status: &Value, expects: Vec<Expect>) -> Request {
        let mut request = self.request(self.guarded(json!({"status": status})), expects);
        if self.has_status {
            request.subresource = Some("status".to_owned());
        }
        request
    }

    /// A status, and after it the end of a person's pause, where there is one. `tests` are what must still hold
    /// of the object for that. Where there is no status subresource, both are one patch.
    fn status(&self, status: &Value, mut expects: Vec<Expect>, tests: &[Value]) -> Vec<Request> {
        if !self.rollout.paused {
            return vec![self.status_only(status, expects)];
        }
        if !self.has_status {
            expects.push(expect("/spec/paused", json!(false)));
            let patch = json!({"spec": {"paused": false}, "status": status});
            return vec![self.request(self.guarded(patch), expects)];
        }
        vec![self.status_only(status, expects), self.unpause(tests)]
    }

    fn unpause(&self, tests: &[Value]) -> Request {
        let mut patch = self.is_this_one();
        patch.extend_from_slice(tests);
        patch.push(json!({"op": "add", "path": "/spec/paused", "value": false}));
        self.request(Body::Json(Value::Array(patch)), vec![expect("/spec/paused", json!(false))])
    }

    fn is_this_one(&self) -> Vec<Value> {
        let uid = &self.rollout.meta.uid;
        if uid.is_empty() { Vec::new() } else { vec![json!({"op": "test", "path": "/metadata/uid", "value": uid})] }
    }

    /// That its spec is the one that was read, and its candidate too: what widens is done to no other.
    fn unchanged_spec(&self) -> Vec<Value> {
        let mut tests = Vec::new();
        if let Some(generation) = self.rollout.meta.generation {
            tests.push(json!({"op": "test", "path": "/metadata/generation", "value": generation}));
        }
        let hash = &self.rollout.status.pod_hash;
        if !hash.is_empty() {
            tests.push(json!({"op": "test", "path": "/status/currentPodHash", "value": hash}));
        }
        tests
    }

    fn promote(&self, promotion: Promotion) -> Vec<Request> {
        let no_pause = || expect("/status/pauseConditions", Value::Null);
        let (status, expects) = match promotion {
            Promotion::Unpauses => return vec![self.main(&json!({"paused": false}), "/spec/paused", json!(false))],
            Promotion::AnswersPause => (json!({"pauseConditions": null}), vec![no_pause()]),
            // Before there was a status subresource there was no controllerPause to be taken back either.
            Promotion::LeavesInconclusive { .. } if !self.has_status => {
                (json!({"pauseConditions": null}), vec![no_pause()])
            }
            Promotion::LeavesInconclusive { next } => (
                json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": next}),
                vec![
                    no_pause(),
                    expect("/status/controllerPause", json!(false)),
                    expect("/status/currentStepIndex", json!(next)),
                ],
            ),
            Promotion::SkipsStep { next } => (
                json!({"pauseConditions": null, "currentStepIndex": next}),
                vec![no_pause(), expect("/status/currentStepIndex", json!(next))],
            ),
        };
        self.status(&status, expects, &self.unchanged_spec())
    }

    fn undo(&self, related: &[Value], way: Way) -> Result<Vec<Request>, OrderError> {
        let rollout = self.rollout;
        let past = undo::find(rollout, related, way, self.avoid).map_err(refused)?;
        if already_there(rollout, &past).is_some() {
            return Ok(Vec::new());
        }
        let place = undo::place(rollout).map_err(refused)?;
        let template = past
            .template()
            .ok_or_else(|| OrderError::Failed(format!("the ReplicaSet of {} has no spec.template", past.name())))?;
        let replace = json!({"op": "replace", "path": place.pointer, "value": template});
        let test = |path: &str, value: Value| json!({"op": "test", "path": path, "value": value});
        if place.kind == Kind::ROLLOUT {
            let mut patch = self.is_this_one();
            if !rollout.meta.resource_version.is_empty() {
                patch.push(test("/metadata/resourceVersion", json!(rollout.meta.resource_version)));
            }
            patch.push(replace);
            if rollout.paused {
                patch.push(json!({"op": "add", "path": "/spec/paused", "value": false}));
            }
            return Ok(vec![self.request(Body::Json(Value::Array(patch)), changed(rollout.meta.generation))]);
        }
        let target = related.iter().find(|object| is_workload(object, rollout));
        let mut patch = Vec::new();
        let mut generation = None;
        if let Some(target) = target {
            generation = read::integer(target, "/metadata/generation");
            for key in ["uid", "resourceVersion"] {
                let pointer = format!("/metadata/{key}");
                patch.extend(read::text(target, &pointer).map(|value| test(&pointer, json!(value))));
            }
        } else if let Some(seen) =
            rollout.meta.annotations.get(WORKLOAD_GENERATION).and_then(|text| text.parse::<i64>().ok())
        {
            // The controller writes down which generation of the workload it took the template from.
            generation = Some(seen);
            patch.push(test("/metadata/generation", json!(seen)));
        }
        if patch.is_empty() {
            let workload = format!("{} {}", place.kind.kind, place.name);
            return Err(OrderError::Failed(format!(
                "{workload}, whose template it uses, cannot be read: without it, a template that somebody else just put there would be overwritten"
            )));
        }
        patch.push(replace);
        let mut requests = vec![Request {
            kind: place.kind,
            namespace: rollout.meta.namespace.clone(),
            name: place.name,
            subresource: None,
            body: Body::Json(Value::Array(patch)),
            expects: changed(generation),
        }];
        if rollout.paused {
            requests.push(self.unpause(&[]));
        }
        Ok(requests)
    }
}

/// That the spec changed: each change of it makes the generation one more.
fn changed(generation: Option<i64>) -> Vec<Expect> {
    generation
        .and_then(|generation| generation.checked_add(1))
        .map(|next| expect("/metadata/generation", json!(next)))
        .into_iter()
        .collect()
}

/// Whether an object is the workload that a rollout refers to. Objects of a list do not say their kind.
fn is_workload(object: &Value, rollout: &Rollout) -> bool {
    let Some(workload) = &rollout.workload else { return false };
    let kind = read::text(object, "/kind").unwrap_or_else(|| workload.kind.clone());
    let owners = read::list(object, "/metadata/ownerReferences");
    let is_child = owners.iter().any(|owner| read::text(owner, "/uid").as_deref() == Some(rollout.meta.uid.as_str()));
    read::text(object, "/metadata/name").as_deref() == Some(workload.name.as_str())
        && kind == workload.kind
        && !is_child
}

fn expect(pointer: &str, value: Value) -> Expect {
    Expect { pointer: pointer.to_owned(), value }
}
