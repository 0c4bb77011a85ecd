//! What a window is about: its operations and initiators, and the patterns of its scope, read once.

use wildmatch::WildMatch;

use crate::domain::{Initiator, Operation, Place, RolloutName, SafeText, Scope, Window};

/// Whether a window is about a place, an operation and whose doing it is; whenever that is.
pub(super) fn touches(window: &Window, place: &Place<'_>, operation: Operation, initiator: Initiator) -> bool {
    Kinds::of(window).has(operation, initiator) && window.scope.covers(place)
}

/// The operations and initiators that a window is about, as bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds {
    operations: u16,
    initiators: u8,
}

impl Kinds {
    pub(super) fn of(window: &Window) -> Self {
        let operations = window.actions.iter().fold(0, |bits, operation| bits | bit(*operation));
        let initiators = window.initiators.iter().fold(0, |bits, initiator| bits | whose(*initiator));
        Self {
            // An empty list is all of them.
            operations: if operations == 0 { u16::MAX } else { operations },
            initiators: if initiators == 0 { u8::MAX } else { initiators },
        }
    }

    pub(super) fn has(self, operation: Operation, initiator: Initiator) -> bool {
        self.operations & bit(operation) != 0 && self.initiators & whose(initiator) != 0
    }
}

const fn bit(operation: Operation) -> u16 {
    1 << operation as u16
}

const fn whose(initiator: Initiator) -> u8 {
    1 << initiator as u8
}

/// A pattern of names, so that most are compared without a search.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    /// One name.
    Literal(String),
    /// All that begin so.
    Prefix(String),
    /// Any other.
    Glob(WildMatch),
}

impl Pattern {
    pub(super) fn of(text: &str) -> Self {
        let wild = |c: char| matches!(c, '*' | '?');
        match text.find(wild) {
            None => Self::Literal(text.to_owned()),
            Some(at) if text[at..].chars().all(|c| c == '*') => Self::Prefix(text[..at].to_owned()),
            Some(_) => Self::Glob(WildMatch::new(text)),
        }
    }
}

/// One thing that a scope may name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dimension {
    /// The site.
    Site,
    /// The rollout's name.
    Rollout,
    /// The target.
    Target,
    /// A label.
    Label(String),
    /// The stage.
    Stage,
    /// The lane.
    Lane,
}

impl Dimension {
    /// What a place has there.
    pub(super) fn of<'a>(&self, place: &Place<'a>) -> Option<&'a str> {
        match self {
            Self::Site => place.site.map(crate::domain::SiteName::as_str),
            Self::Rollout => place.rollout.map(RolloutName::as_str),
            Self::Target => Some(place.target.as_str()),
            Self::Label(key) => place.labels.and_then(|labels| labels.get(key)).map(SafeText::as_str),
            Self::Stage => place.stage.map(crate::domain::StageName::as_str),
            Self::Lane => place.lane.map(crate::domain::LaneName::as_str),
        }
    }
}

/// A scope whose patterns are read: what it says of each dimension that it names.
#[derive(Debug, Clone)]
pub(super) struct Matcher(Vec<(Dimension, Vec<Pattern>)>);

impl Matcher {
    pub(super) fn of(scope: &Scope) -> Self {
        let labels = scope.labels.iter().map(|(key, patterns)| (Dimension::Label(key.clone()), patterns));
        let named = [
            (Dimension::Site, &scope.sites),
            (Dimension::Rollout, &scope.rollouts),
            (Dimension::Target, &scope.targets),
            (Dimension::Stage, &scope.stages),
            (Dimension::Lane, &scope.lanes),
        ];
        let named = named.into_iter().chain(labels).filter(|(_, patterns)| !patterns.is_empty());
        let read = |patterns: &Vec<String>| patterns.iter().map(|text| Pattern::of(text)).collect();
        Self(named.map(|(dimension, patterns)| (dimension, read(patterns))).collect())
    }

    pub(super) fn dimensions(&self) -> &[(Dimension, Vec<Pattern>)] {
        &self.0
    }
}
