//! What stands over all that is shown: a freeze, a lost backend or cluster, a held display.

use std::sync::Arc;

use super::{App, View, link::LinkState};
use crate::domain::{Freeze, Rollout};

impl App {
    /// Freezes over the rollouts that are shown: of the one in detail, or of all.
    #[must_use]
    pub fn frozen(&self) -> Vec<Freeze> {
        match self.view {
            View::Overview => self.rollouts.freezes().to_vec(),
            View::Detail => match self.detailed() {
                Some(rollout) => rollout.freeze.as_deref().into_iter().cloned().collect(),
                None => self.rollouts.freezes().to_vec(),
            },
            _ => Vec::new(),
        }
    }

    fn is_frozen(&self) -> bool {
        match self.view {
            View::Overview => !self.rollouts.freezes().is_empty(),
            View::Detail => {
                self.detailed().map_or(!self.rollouts.freezes().is_empty(), |rollout| rollout.freeze.is_some())
            }
            _ => false,
        }
    }

    fn detailed(&self) -> Option<Arc<Rollout>> {
        self.detail.as_ref().and_then(|detail| self.rollout(&detail.id))
    }

    /// Whether one of them is there.
    #[must_use]
    pub fn has_banner(&self) -> bool {
        matches!(self.link.state(self.now.elapsed), LinkState::Lost(_))
            || self.carriers.lost(self.server_now()).next().is_some()
            || self.hold.is_some()
            || self.trail.broken().is_some()
            || self.is_frozen()
    }
}
