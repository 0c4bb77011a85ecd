//! What a control plane demands beside roles: second people, and how long exceptions last.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::domain::{Approvable, SafeText};

/// The rules of a control plane that are its owner's to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What needs a second person, whatever a plan says.
    pub approvals: BTreeSet<Approvable>,
    /// How long what was asked for waits for a second person.
    pub approval_lasts: TimeDelta,
    /// The longest that an override may count.
    pub override_longest: TimeDelta,
    /// How long an override that was taken without waiting may stay without a countersign.
    pub countersign_within: TimeDelta,
    /// Who may take an override without waiting, by the names that tokens carry; every commander of all
    /// targets, when empty.
    pub break_glass: Vec<SafeText>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            approvals: BTreeSet::new(),
            approval_lasts: TimeDelta::hours(4),
            override_longest: TimeDelta::hours(24),
            countersign_within: TimeDelta::hours(24),
            break_glass: Vec::new(),
        }
    }
}
