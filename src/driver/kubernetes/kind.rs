//! The two kinds of objects that are carried out on Kubernetes, behind one set of functions.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    children::Children,
    grants::Grants,
    meta::Meta,
    read,
    request::{Kind, Request, Rule},
    uptake::Look,
    watch::{Keep, Key},
};
use crate::{
    domain::{Action, Revision, action::ACTIONS},
    driver::{Elsewhere, Order, OrderError, Proposal, Sighting, argo, flagger},
};

/// What annotations of this program begin with.
const MARK: &str = "rolldeck.dev/";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavor {
    /// A Rollout of Argo.
    Argo,
    /// A Canary of Flagger.
    Flagger,
}

impl Flavor {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Argo, Self::Flagger];

    /// Its kind in the API.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Argo => Kind::ROLLOUT,
            Self::Flagger => Kind::CANARY,
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Argo => "Argo Rollouts",
            Self::Flagger => "Flagger",
        }
    }

    /// Reads an object.
    #[must_use]
    pub fn read(self, object: &Value) -> Carried {
        match self {
            Self::Argo => Carried::Argo(Box::new(argo::Rollout::read(object)), selector(object)),
            Self::Flagger => Carried::Flagger(Box::new(flagger::Canary::read(object))),
        }
    }

    /// What is to be sent for an order, told from the object as it is now and those related to it. Where the
    /// kind has no `status` subresource, all goes to the object itself.
    ///
    /// # Errors
    /// [`OrderError`] when it is not what was on the screen any more, or cannot be done.
    pub fn requests(
        self,
        object: &Value,
        related: &[Value],
        order: &Order,
        now: DateTime<Utc>,
        has_status: bool,
    ) -> Result<Vec<Request>, OrderError> {
        match self {
            Self::Argo if has_status => argo::requests(object, related, order, now),
            Self::Argo => argo::requests_without_status(object, related, order, now),
            Self::Flagger => flagger::requests(object, related, order, now),
        }
    }
}

/// An object that is carried out, as far as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Carried {
    /// Of Argo, with the selector of its pods as the controller wrote it.
    Argo(Box<argo::Rollout>, String),
    /// Of Flagger.
    Flagger(Box<flagger::Canary>),
}

impl Carried {
    /// Which of the two.
    #[must_use]
    pub const fn flavor(&self) -> Flavor {
        match self {
            Self::Argo(..) => Flavor::Argo,
            Self::Flagger(_) => Flavor::Flagger,
        }
    }

    /// Its metadata.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        match self {
            Self::Argo(rollout, _) => &rollout.meta,
            Self::Flagger(canary) => &canary.meta,
        }
    }

    /// What it is found by.
    #[must_use]
    pub fn key(&self) -> Key {
        let meta = self.meta();
        Key { namespace: meta.namespace.clone(), name: meta.name.clone() }
    }

    /// What an action is compared against.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Argo(rollout, _) => argo::revision(rollout),
            Self::Flagger(canary) => flagger::revision(canary),
        }
    }

    /// Whether it was written later than another reading of the same object, as far as that can be told:
    /// versions are numbers on every server that there is, and may be compared since Kubernetes says so.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let version = |carried: &Self| carried.meta().resource_version.parse::<u128>();
        match (version(self), version(other)) {
            (Ok(this), Ok(that)) => this > that && self.meta().uid == other.meta().uid,
            _ => false,
        }
    }

    /// What is shown of it.
    #[must_use]
    pub fn sighting(&self, children: Option<&Children>, grants: &Grants, now: DateTime<Utc>) -> Sighting {
        match self {
            Self::Argo(rollout, _) => argo::sighting(rollout, children, grants, now),
            Self::Flagger(canary) => flagger::sighting(canary, children, grants, now),
        }
    }

    /// The rules that its actions need, of all of them together.
    #[must_use]
    pub fn rules(&self) -> BTreeSet<Rule> {
        let rules = |action: Action| match self {
            Self::Argo(rollout, _) => argo::rules(rollout, action),
            Self::Flagger(canary) => flagger::rules(canary, action),
        };
        ACTIONS.iter().flat_map(|spec| rules(spec.action)).collect()
    }

    /// What an order would do.
    ///
    /// # Errors
    /// [`OrderError`] when it cannot be done.
    pub fn propose(
        &self,
        children: Option<&Children>,
        order: &Order,
        grants: &Grants,
        now: DateTime<Utc>,
    ) -> Result<Proposal, OrderError> {
        match self {
            Self::Argo(rollout, _) => argo::propose(rollout, children, order, grants, now),
            Self::Flagger(canary) => flagger::propose(canary, children, order, grants, now),
        }
    }

    /// What it says of an order that was sent.
    #[must_use]
    pub fn look(&self, order: &Order) -> Look {
        match self {
            Self::Argo(rollout, _) => argo::look(rollout, order),
            Self::Flagger(canary) => flagger::look(canary, order),
        }
    }

    /// What has its controller look again, where there is such a thing: Flagger looks by the clock.
    #[must_use]
    pub fn nudge(&self) -> Option<Request> {
        match self {
            Self::Argo(rollout, _) => Some(argo::nudge(rollout)),
            Self::Flagger(_) => None,
        }
    }

    /// Whether an annotation of this program is on it.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.meta().annotations.keys().any(|key| key.starts_with(MARK))
    }

    /// What is to be sent to put back what was changed for one release only.
    #[must_use]
    pub fn afterwards(&self) -> Vec<Request> {
        match self {
            Self::Argo(..) => Vec::new(),
            Self::Flagger(canary) => flagger::afterwards(canary),
        }
    }

    /// What was done to it since it was `before`, and not through this driver.
    #[must_use]
    pub fn elsewhere(&self, before: &Self) -> Vec<Elsewhere> {
        match (before, self) {
            (Self::Argo(before, _), Self::Argo(after, _)) => argo::elsewhere(before, after),
            (Self::Flagger(before), Self::Flagger(after)) => flagger::elsewhere(before, after),
            _ => Vec::new(),
        }
    }
}

/// The labels by which a rollout's pods are found, as a selector; empty where nothing says so. One that
/// refers to another workload has none in its spec.
fn selector(object: &Value) -> String {
    labels(object, "/spec/selector/matchLabels").or_else(|| read::text(object, "/status/selector")).unwrap_or_default()
}

/// Labels as a selector; none where there are none.
#[must_use]
pub fn labels(object: &Value, pointer: &str) -> Option<String> {
    let labels = read::at(object, pointer)?.as_object()?;
    let pairs: Vec<String> =
        labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

/// A Rollout as it is kept.
#[derive(Debug, Clone)]
pub struct KeptRollout(pub Carried);

/// A Canary as it is kept.
#[derive(Debug, Clone)]
pub struct KeptCanary(pub Carried);

impl From<KeptRollout> for Carried {
    fn from(kept: KeptRollout) -> Self {
        kept.0
    }
}

impl From<KeptCanary> for Carried {
    fn from(kept: KeptCanary) -> Self {
        kept.0
    }
}

impl Keep for KeptRollout {
    fn keep(object: Value) -> Self {
        Self(Flavor::Argo.read(&object))
    }
}

impl Keep for KeptCanary {
    fn keep(object: Value) -> Self {
        Self(Flavor::Flagger.read(&object))
    }
}
