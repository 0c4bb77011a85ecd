//! May this override lift what holds a change?
//!
//! An override lifts the windows that it names, at the revisions that it names, for the operations, the
//! rollout or flag, the candidate and the places that it names, from its beginning until it expires, as
//! often as it may be used. It lifts nothing else: phases, gates, budgets and roles are not asked here.
//! A window that nobody may pass is lifted by none, whatever is named.

use chrono::{DateTime, Utc};

use crate::domain::{
    Blocker, BlockerKind, Freeze, Operation, Overridable, Override, OverrideState, Place, RolloutId, SafeText,
};

/// What is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// A rollout, and the candidate that it brings: a snapshot's digest, or what the revisions of a
    /// workload begin with.
    Rollout {
        /// Which.
        id: &'a RolloutId,
        /// Its candidate.
        candidate: &'a str,
    },
    /// A flag, by its key.
    Flag(&'a str),
}

/// What somebody wants to do under an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// What.
    pub operation: Operation,
    /// To what.
    pub subject: Subject<'a>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Why an override does not let something pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A second person has not agreed yet.
    #[error("it waits for {} to agree", people(*.0))]
    Waiting(u32),
    /// Its time has not come.
    #[error("it counts from {}", time(.0))]
    Early(DateTime<Utc>),
    /// Its time is over.
    #[error("it expired at {}", time(.0))]
    Late(DateTime<Utc>),
    /// It was used as often as it may be.
    #[error("it is used up: {0} of {0}")]
    UsedUp(u32),
    /// It was taken back.
    #[error("{by} took it back at {}", time(.at))]
    Withdrawn {
        /// Who.
        by: SafeText,
        /// When.
        at: DateTime<Utc>,
    },
    /// It is for other operations.
    #[error("it is for {named}, not for {wanted}")]
    Operation {
        /// What is wanted.
        wanted: Operation,
        /// What it is for.
        named: String,
    },
    /// It is for something else.
    #[error("it is for {0}")]
    Subject(String),
    /// The rollout brings something else than what it was asked for.
    #[error("it is for the candidate {named}, and {present} is there now")]
    Candidate {
        /// What it is for.
        named: String,
        /// What is there.
        present: String,
    },
    /// It is for other places.
    #[error("it is for {scope}, which does not cover what window {window} holds")]
    Scope {
        /// Where it is for.
        scope: String,
        /// The window.
        window: SafeText,
    },
    /// It does not name the window.
    #[error("it does not name window {0}")]
    NotNamed(SafeText),
    /// The window was changed after it was asked for.
    #[error("window {window} was changed since: it names revision {named}, and revision {present} holds")]
    Changed {
        /// The window.
        window: SafeText,
        /// The revision that it names.
        named: u64,
        /// The revision that holds.
        present: u64,
    },
    /// Nobody may pass the window.
    #[error("window {0} lets nobody pass, whatever the role")]
    Never(SafeText),
}

fn people(count: u32) -> String {
    if count == 1 { "a second person".to_owned() } else { format!("{count} other people") }
}

fn time(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

impl Unfit {
    /// The same as what holds something: whose override, and until when that is so.
    #[must_use]
    pub fn blocker(&self, id: &SafeText) -> Blocker {
        let until = match self {
            Self::Early(from) => Some(*from),
            _ => None,
        };
        Blocker {
            kind: BlockerKind::Override,
            summary: SafeText::new(format!("override {id} does not let it pass: {self}")),
            since: None,
            until,
        }
    }
}

/// Whether it can be used for this at all, whatever holds it.
///
/// # Errors
/// [`Unfit`], the first reason why not.
pub fn fits(record: &Override, occasion: &Occasion<'_>) -> Result<(), Unfit> {
    let at = occasion.at;
    match record.state(at) {
        OverrideState::Active => {}
        OverrideState::Withdrawn => {
            let (by, at) = record.withdrawn.as_ref().map(|c| (c.by.clone(), c.at)).unwrap_or_default();
            return Err(Unfit::Withdrawn { by, at });
        }
        OverrideState::UsedUp => return Err(Unfit::UsedUp(record.uses_max)),
        OverrideState::Expired => return Err(Unfit::Late(record.expires_at)),
        OverrideState::Waiting => {
            let agreed = u32::try_from(record.approvals.len()).unwrap_or(u32::MAX);
            return Err(Unfit::Waiting(record.approvals_needed.saturating_sub(agreed)));
        }
        OverrideState::Upcoming => return Err(Unfit::Early(record.not_before)),
    }
    if !record.actions.contains(&occasion.operation) {
        let named = record.actions.iter().map(|operation| operation.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Unfit::Operation { wanted: occasion.operation, named });
    }
    match (occasion.subject, &record.rollout, &record.flag) {
        (Subject::Flag(key), None, Some(named)) if named.as_str() == key => Ok(()),
        (Subject::Rollout { id, candidate }, Some(named), None) if named == id => match &record.candidate {
            Some(named) if named.as_str() == candidate => Ok(()),
            named => Err(Unfit::Candidate {
                named: named.as_ref().map_or_else(|| "of nothing".to_owned(), ToString::to_string),
                present: candidate.to_owned(),
            }),
        },
        (_, Some(named), _) => Err(Unfit::Subject(named.to_string())),
        (_, None, Some(named)) => Err(Unfit::Subject(format!("flag {named}"))),
        (_, None, None) => Err(Unfit::Subject("nothing".to_owned())),
    }
}

/// Whether it lifts this freeze over this place; for as long as it lasts.
///
/// # Errors
/// [`Unfit`], why not.
pub fn lifts(record: &Override, place: &Place<'_>, freeze: &Freeze) -> Result<(), Unfit> {
    let window = &freeze.window;
    if freeze.overridable == Overridable::Never {
        return Err(Unfit::Never(window.clone()));
    }
    let named = record.windows.iter().find(|named| named.id == *window);
    match named {
        None => return Err(Unfit::NotNamed(window.clone())),
        Some(named) if named.revision != freeze.revision => {
            return Err(Unfit::Changed { window: window.clone(), named: named.revision, present: freeze.revision });
        }
        // What needs two people is never passed by one, whatever was recorded when it was asked for.
        Some(_) if freeze.overridable == Overridable::TwoPerson && record.approvals.is_empty() => {
            if !record.break_glass {
                return Err(Unfit::Waiting(1));
            }
        }
        Some(_) => {}
    }
    match &record.scope {
        Some(scope) if !scope.covers(place) => Err(Unfit::Scope { scope: scope.to_string(), window: window.clone() }),
        _ => Ok(()),
    }
}

/// Whether the override lets this pass all that holds it.
///
/// # Errors
/// Every reason why not.
pub fn overriding(
    record: &Override,
    occasion: &Occasion<'_>,
    place: &Place<'_>,
    freezes: &[Freeze],
) -> Result<(), Vec<Unfit>> {
    fits(record, occasion).map_err(|unfit| vec![unfit])?;
    let unfit: Vec<Unfit> = freezes.iter().filter_map(|freeze| lifts(record, place, freeze).err()).collect();
    if unfit.is_empty() { Ok(()) } else { Err(unfit) }
}

#[cfg(test)]
mod tests;
