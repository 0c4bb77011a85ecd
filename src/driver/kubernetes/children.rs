//! The objects that belong to a rollout, as the cluster sent them. They are watched for rollouts that
//! somebody looks at, or that are in trouble; of others there are none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::request::Kind;
use crate::domain::SafeText;

/// A rollout's objects: replica sets, pods, analysis runs, experiments, events, and what it refers to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Children {
    /// By kind, in no order, without their managed fields.
    pub objects: BTreeMap<Kind, Vec<Value>>,
    /// Which of them are not known, and why; empty when all are.
    pub remark: SafeText,
}

impl Children {
    /// Those of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &[Value] {
        self.objects.get(&kind).map_or(&[], Vec::as_slice)
    }
}
