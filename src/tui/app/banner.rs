//! What stands over all that is shown: a freeze, a lost backend or cluster, a held display.

use super::{App, View, link::LinkState};
use crate::domain::Freeze;

/// Most freezes that are looked for.
const FREEZES: usize = 10;

impl App {
    /// Freezes over the rollouts that are shown: of the one in detail, or of all.
    #[must_use]
    pub fn frozen(&self) -> Vec<Freeze> {
        let mut found: Vec<Freeze> = Vec::new();
        if !matches!(self.view, View::Overview | View::Detail) {
            return found;
        }
        let detail = self.detail.as_ref().filter(|_| self.view == View::Detail);
        if let Some(rollout) = detail.and_then(|detail| self.rollout(&detail.id)) {
            found.extend(rollout.freeze.clone());
            return found;
        }
        for row in self.rollouts.iter().filter(|row| !row.rollout.phase.is_terminal()) {
            if let Some(freeze) = &row.rollout.freeze
                && found.iter().all(|seen| seen.window != freeze.window)
            {
                found.push(freeze.clone());
            }
            if found.len() == FREEZES {
                break;
            }
        }
        found.sort_by_key(|freeze| (freeze.until, freeze.window.clone()));
        found
    }

    /// Whether one of them is there.
    #[must_use]
    pub fn has_banner(&self) -> bool {
        matches!(self.link.state(self.now.elapsed), LinkState::Lost(_))
            || self.carriers.lost(self.server_now()).next().is_some()
            || self.hold.is_some()
            || self.trail.broken().is_some()
            || !self.frozen().is_empty()
    }
}
