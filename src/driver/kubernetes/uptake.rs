//! What the present object says about an order that was sent, or was about to be: so that an action is
//! done when the cluster was seen to take it up, and not when it answered.

use crate::{
    domain::{SafeText, rollout::BlockerKind},
    driver::OrderError,
};

/// What the present object says about an order. Told from the order and the object alone, so that it
/// serves an order that was just sent as well as one whose sender is gone.
///
/// It is told of an order that *was sent*: an object that shows nothing of it reads as [`Look::Waiting`]
/// where it may come yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The cluster took it up; how, in one sentence.
    TakenUp(SafeText),
    /// It has not reacted yet; what is waited for, in one sentence.
    Waiting(SafeText),
    /// The cluster stored it and does not react, as happens when its controller wrote over it with what
    /// it had read before: it has to be nudged to look again, where it does not within a few seconds.
    /// What shows that, in one sentence.
    Swallowed(SafeText),
    /// It changed nothing, or cannot be told apart from what came after it; why, in one sentence.
    /// Nothing is waited for any more.
    NoOp(SafeText),
}

impl Look {
    /// The sentence.
    #[must_use]
    pub const fn words(&self) -> &SafeText {
        match self {
            Self::TakenUp(words) | Self::Waiting(words) | Self::Swallowed(words) | Self::NoOp(words) => words,
        }
    }

    /// Whether nothing is waited for any more.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::TakenUp(_) | Self::NoOp(_))
    }
}

/// Whether what refuses an order passes by itself within moments: the cluster has yet to see the newest
/// spec. Whoever sends the order reads the object again until it has, or the time for that is over.
#[must_use]
pub fn passes_soon(error: &OrderError) -> bool {
    match error {
        OrderError::Refused(blockers) => {
            !blockers.is_empty() && blockers.iter().all(|blocker| blocker.kind == BlockerKind::InProgress)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Blocker;

    #[test]
    fn only_what_the_cluster_has_yet_to_see_is_waited_for() {
        let blocker = |kind| Blocker { kind, summary: SafeText::default(), since: None, until: None };
        assert!(passes_soon(&OrderError::Refused(vec![blocker(BlockerKind::InProgress)])));
        let both = vec![blocker(BlockerKind::InProgress), blocker(BlockerKind::Phase)];
        assert!(!passes_soon(&OrderError::Refused(both)));
        assert!(!passes_soon(&OrderError::Refused(Vec::new())));
        assert!(!passes_soon(&OrderError::Failed("no".to_owned())));
    }

    #[test]
    fn a_swallowed_order_is_still_waited_for() {
        let words = SafeText::new("it is so");
        assert!(Look::TakenUp(words.clone()).is_final() && Look::NoOp(words.clone()).is_final());
        assert!(!Look::Waiting(words.clone()).is_final() && !Look::Swallowed(words.clone()).is_final());
        assert_eq!(Look::Swallowed(words.clone()).words(), &words);
    }
}
