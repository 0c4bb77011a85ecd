//! How far a way back is: who is back, on the way, unreachable, failed, or left as it is.

use super::{settle::are, state::State, words};
use crate::domain::{Phase, UnitKey};

/// The units that had the candidate, while a rollout goes back.
#[derive(Debug, Default)]
pub(super) struct WayBack<'a> {
    pub(super) returned: usize,
    pub(super) going: Vec<&'a UnitKey>,
    pub(super) failed: Vec<&'a UnitKey>,
    /// Nothing fresh is heard of these: they are told when they return, and keep nobody waiting.
    pub(super) away: Vec<&'a UnitKey>,
    /// These ran nothing before that they could go back to.
    pub(super) left: Vec<&'a UnitKey>,
}

impl<'a> WayBack<'a> {
    /// None before a way back began.
    pub(super) fn of(state: &'a State) -> Option<Self> {
        let back = state.back.as_ref()?;
        let mut found = Self::default();
        for unit in state.units.iter().filter(|unit| unit.exposed) {
            if !unit.goes_back(back) {
                found.left.push(&unit.key);
            } else if unit.returned {
                found.returned += 1;
            } else if unit.fault.is_some() {
                found.failed.push(&unit.key);
            } else if unit.silent.is_some() {
                found.away.push(&unit.key);
            } else {
                found.going.push(&unit.key);
            }
        }
        Some(found)
    }

    /// The phase that this is, seen from another.
    pub(super) fn phase(&self, from: Phase) -> Phase {
        if !self.failed.is_empty() {
            Phase::RollbackFailed
        } else if self.going.is_empty() || from == Phase::RolledBack {
            // One that was unreachable and returns is told, and it stays rolled back.
            Phase::RolledBack
        } else {
            Phase::RollingBack
        }
    }

    /// `3 of 5 units back; 1 unit is on the way: osl4/main; ...`
    pub(super) fn sentence(&self) -> String {
        let total = self.returned + self.going.len() + self.failed.len() + self.away.len();
        let far = if total == 0 {
            "no unit has to go back".to_owned()
        } else {
            format!("{} of {} back", self.returned, words::units(total))
        };
        let mut parts = vec![far];
        for (keys, how) in [
            (&self.failed, "not able to go back"),
            (&self.going, "on the way"),
            (&self.away, "unreachable, told on return"),
            (&self.left, "left as is, without a snapshot to go back to"),
        ] {
            if !keys.is_empty() {
                parts.push(format!("{} {how}: {}", are(keys.len()), words::names(keys.iter().copied())));
            }
        }
        parts.join("; ")
    }
}
