//! What is to be put back once an order did its work: gates stay open, and analyses skipped, for every later
//! release otherwise.
//!
//! What was opened or set is written on the Canary, with where it was then. So it is put back by whoever looks
//! at it next, also after a crash.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Stand,
    gate::{self, Gate, Sort},
    mark,
};
use crate::{
    domain::{Revision, SafeText},
    driver::{
        flagger::{
            object::{Canary, CanaryPhase, Hook},
            revision::revision,
        },
        kubernetes::request::{Body, Expect, Kind, Request},
    },
};

/// The annotations that say what is to be put back.
pub(super) const OPENED_GATE: &str = "rolldeck.dev/opened-gate";
pub(super) const OPENED_ROLLBACK: &str = "rolldeck.dev/opened-rollback-gate";
pub(super) const SKIPPED: &str = "rolldeck.dev/skipped-analysis";

/// What is to be sent now to put back what this program changed for one release: gates are closed once it went
/// on, the rollback gate once it went back, and `skipAnalysis` is unset once it was promoted or failed. In this
/// order: what says that it is still to be done goes last.
#[must_use]
pub fn afterwards(canary: &Canary) -> Vec<Request> {
    let Ok(phase) = canary.status.phase else { return Vec::new() };
    let here = mark(canary);
    let present = revision(canary);
    let present = Stand::of(&present);
    let is_back = !matches!(phase, CanaryPhase::Progressing | CanaryPhase::WaitingPromotion);
    let is_over = !phase.is_under_way();
    let mut requests = Vec::new();
    let mut done: BTreeMap<&str, Value> = BTreeMap::new();
    let noted = |key: &str| canary.meta.annotations.get(key);
    if noted(OPENED_GATE).is_some_and(|then| *then != here) {
        requests.extend(opened(canary, Sort::Confirm).iter().map(|gate| gate.close(canary)));
        done.insert(OPENED_GATE, Value::Null);
    }
    let is_another = |then: &String| Stand::of(&Revision(SafeText::new(then))).candidate != present.candidate;
    if noted(OPENED_ROLLBACK).is_some_and(|then| is_back || is_another(then)) {
        requests.extend(opened(canary, Sort::Rollback).iter().map(|gate| gate.close(canary)));
        done.insert(OPENED_ROLLBACK, Value::Null);
    }
    let mut patch = json!({});
    let mut expects = Vec::new();
    if noted(SKIPPED).is_some_and(|then| is_over || is_another(then)) {
        if canary.skips_analysis {
            patch["spec"] = json!({"skipAnalysis": false});
            expects.push(Expect { pointer: "/spec/skipAnalysis".to_owned(), value: json!(false) });
        }
        done.insert(SKIPPED, Value::Null);
    }
    if done.is_empty() {
        return requests;
    }
    for key in done.keys() {
        let pointer = format!("/metadata/annotations/{}", key.replace('/', "~1"));
        expects.push(Expect { pointer, value: Value::Null });
    }
    patch["metadata"] = json!({"annotations": done});
    requests.push(Request {
        kind: Kind::CANARY,
        namespace: canary.meta.namespace.clone(),
        name: canary.meta.name.clone(),
        subresource: None,
        body: Body::Merge(patch),
        expects,
    });
    requests
}

/// The gates that may have been opened.
fn opened(canary: &Canary, sort: Sort) -> Vec<Gate> {
    let hooks: &[Hook] = match sort {
        Sort::Confirm => &[Hook::ConfirmRollout, Hook::ConfirmTrafficIncrease, Hook::ConfirmPromotion],
        Sort::Rollback => &[Hook::Rollback],
    };
    let mut gates: Vec<Gate> = Vec::new();
    for gate in hooks.iter().flat_map(|hook| canary.hooks(hook)).filter_map(|webhook| gate::of(webhook).ok()) {
        if gate.sort == sort && !gates.contains(&gate) {
            gates.push(gate);
        }
    }
    gates
}
