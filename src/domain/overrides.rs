//! Overrides: audited records that let one rollout or flag pass named windows, for named actions, a
//! counted number of times, until they expire.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Freeze, Operation, Revision, RolloutId, SafeText, Scope};

/// Fewest characters of an override's reason.
pub const REASON_MIN: usize = 12;

/// An override. It lifts windows and nothing else: gates, budgets and roles are not its business.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// `o-` and a short id.
    pub id: SafeText,
    /// Goes up by one with each change.
    pub revision: u64,
    /// The windows that it lifts, each at the revision that was looked at: one that was changed since
    /// holds again.
    pub windows: Vec<WindowRef>,
    /// For what.
    pub actions: Vec<Operation>,
    /// The rollout that may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// The candidate of that rollout: a snapshot's digest, or what [`Revision`]s of a workload begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<SafeText>,
    /// The flag that may pass, by its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<SafeText>,
    /// Where; everywhere, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What it is for.
    pub kind: OverrideKind,
    /// Why.
    pub reason: SafeText,
    /// A ticket's id.
    pub ticket: Option<SafeText>,
    /// Who asked for it.
    pub requested_by: SafeText,
    /// The id of the token that it was asked for with: once that is revoked, it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_with: Option<SafeText>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// How many other people must agree before it counts.
    pub approvals_needed: u32,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Consent>,
    /// Whether it was taken without waiting for a second person. It then stays open until somebody
    /// countersigns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
    /// Until when it is to be countersigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersign_until: Option<DateTime<Utc>>,
    /// When it was found, and said in the audit trail, that nobody had countersigned in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<DateTime<Utc>>,
    /// Who countersigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersigned: Option<Consent>,
    /// From when it counts.
    pub not_before: DateTime<Utc>,
    /// Until when it counts.
    pub expires_at: DateTime<Utc>,
    /// How often it can be used.
    pub uses_max: u32,
    /// What it was used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<Use>,
    /// Who took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Consent>,
}

impl Override {
    /// Whether it was taken without waiting, and nobody has stood by it since.
    #[must_use]
    pub fn awaits_countersign(&self) -> bool {
        self.break_glass && self.countersigned.is_none()
    }

    /// Whether what a use of it let through is let through still: until it expires or is taken back.
    #[must_use]
    pub fn lasts(&self, at: DateTime<Utc>) -> bool {
        self.withdrawn.is_none() && at < self.expires_at
    }

    /// How often it can still be used.
    #[must_use]
    pub fn uses_left(&self) -> u32 {
        self.uses_max.saturating_sub(u32::try_from(self.uses.len()).unwrap_or(u32::MAX))
    }

    /// Where it is at an instant. What ended it first is said.
    #[must_use]
    pub fn state(&self, at: DateTime<Utc>) -> OverrideState {
        if self.withdrawn.is_some() {
            OverrideState::Withdrawn
        } else if self.uses_left() == 0 {
            OverrideState::UsedUp
        } else if at >= self.expires_at {
            OverrideState::Expired
        } else if !self.break_glass && (self.approvals.len() as u64) < u64::from(self.approvals_needed) {
            OverrideState::Waiting
        } else if at < self.not_before {
            OverrideState::Upcoming
        } else {
            OverrideState::Active
        }
    }
}

/// A window as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct WindowRef {
    /// Its id.
    pub id: SafeText,
    /// Its revision.
    pub revision: u64,
}

/// As it is named in requests and on the command line: `w-12ab@3`.
impl fmt::Display for WindowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.revision)
    }
}

impl From<&Freeze> for WindowRef {
    fn from(freeze: &Freeze) -> Self {
        Self { id: freeze.window.clone(), revision: freeze.revision }
    }
}

impl WindowRef {
    /// The id and, where it is named, the revision of a text such as `w-12ab@3` or `w-12ab`; none where what follows
    /// the `@` is no revision.
    #[must_use]
    pub fn parse(text: &str) -> Option<(SafeText, Option<u64>)> {
        match text.trim().split_once('@') {
            None => Some((SafeText::new(text.trim()), None)),
            Some((id, revision)) => {
                let plain = revision.bytes().all(|byte| byte.is_ascii_digit());
                Some((SafeText::new(id), Some(revision.parse().ok().filter(|_| plain)?)))
            }
        }
    }
}

/// What an override is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverrideKind {
    /// A correction that cannot wait.
    Hotfix,
    /// Something is broken now.
    #[default]
    Incident,
    /// Work that was agreed on.
    Scheduled,
}

/// Somebody agreed to something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    /// Who.
    pub by: SafeText,
    /// The id of the token that it was said with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<SafeText>,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: SafeText,
}

/// One use of an override: consumed with the decision that it allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Use {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: SafeText,
    /// For what.
    pub action: Operation,
    /// The revision that it was used on.
    pub revision: Option<Revision>,
    /// The stage that it let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<SafeText>,
    /// The `seq` of the entry in the audit trail of what it allowed.
    #[serde(default)]
    pub entry: u64,
}

/// Where an override is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverrideState {
    /// A second person is to agree.
    Waiting,
    /// It does not count yet.
    Upcoming,
    /// It can be used.
    Active,
    /// It was used as often as it may be.
    UsedUp,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Withdrawn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_named_with_the_revision_that_was_looked_at_or_without_one() {
        let named = WindowRef { id: "w-12ab".into(), revision: 3 };
        assert_eq!(WindowRef::parse(&named.to_string()), Some(("w-12ab".into(), Some(3))));
        assert_eq!(WindowRef::parse(" w-12ab "), Some(("w-12ab".into(), None)));
        for wrong in ["w-12ab@", "w-12ab@x", "w-12ab@-1", "w-12ab@+1", "w-12ab@1@2", "w-12ab@99999999999999999999"] {
            assert_eq!(WindowRef::parse(wrong), None, "{wrong}");
        }
    }
}
