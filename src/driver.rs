//! What carries rollouts out. A driver observes and applies; it knows no audit, no freeze, no role.
//!
//! `fleet` is our own: agents ask for what they are to run, and report. Its state lies in the same
//! store as the rollouts, so that a step of the engine, its orders and its audit entries are one
//! transaction; [`fleet`] is therefore plain state that control owns and writes.
//!
//! What others carry out, Argo Rollouts and Flagger on a Kubernetes cluster, is not ours to lock. A
//! [`Driver`] tells what it sees ([`Seen`]), says what an order would do ([`Driver::propose`]), sends
//! it and follows it until the cluster was seen to take it up ([`Driver::carry_out`]). The decisions
//! are pure functions of the objects as they were read (`argo`, `flagger`); requests, watches and
//! waits are in `kubernetes`.

pub mod argo;
pub mod flagger;
pub mod fleet;
pub mod kubernetes;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{Action, Blocker, BlockerKind, Preview, Revision, RollbackTo, Rollout, RolloutId, SafeText};

/// A rollout as a driver sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// All that is shown of it, but for what control adds: freeze, pending action, correlation.
    pub rollout: Rollout,
    /// Its labels, for the scopes of windows.
    pub labels: BTreeMap<String, SafeText>,
    /// Whether it goes on by itself now, unless somebody pauses it.
    pub advances: bool,
    /// What tells candidate and stable apart in metrics: the hashes of their pod templates.
    pub arms: Option<Arms>,
    /// What was done to it since the last sighting, and not through this driver.
    pub elsewhere: Vec<Elsewhere>,
}

/// The label values by which metrics of candidate and stable can be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arms {
    /// The candidate's.
    pub canary: SafeText,
    /// The stable version's.
    pub baseline: SafeText,
}

/// Something that was done to a rollout, and not through this driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// What was done, as an action's verb where it is one: `pause`, `promote`, `new_revision`.
    pub what: SafeText,
    /// Who wrote it, as the cluster names writers: the field manager; empty when it does not say.
    pub by: SafeText,
    /// When it was written, as far as it is known.
    pub at: Option<DateTime<Utc>>,
    /// In one sentence.
    pub text: SafeText,
}

/// What a revision says of the candidate: the part before the colon. What stops a change is held
/// against this part alone.
#[must_use]
pub fn candidate(revision: &Revision) -> &str {
    let text = revision.0.as_str();
    text.split_once(':').map_or(text, |(candidate, _)| candidate)
}

/// What a driver tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// A rollout is new, or looks different.
    Rollout(Box<Sighting>),
    /// A rollout is gone.
    Gone(RolloutId),
    /// How the driver itself does has changed, or everything it tells of is still true now.
    Health(Health),
}

/// How a driver does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Until when all that was told is true; none before everything was read once.
    pub as_of: Option<DateTime<Utc>>,
    /// What is wrong or missing, each in one line: a cluster that does not answer, a kind that is not
    /// installed or may not be listed. Empty when nothing is.
    pub remarks: Vec<SafeText>,
}

/// What somebody wants done to a rollout. Kept by control until its outcome is known, and read back
/// after a crash: then it is looked for, and never sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// To which rollout.
    pub id: RolloutId,
    /// What.
    pub action: Action,
    /// Where a rollback goes, where somebody said it.
    pub to: Option<RollbackTo>,
    /// Hashes of candidates that were given up before: a rollback that names none does not go to one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<SafeText>,
    /// The revision that was on the screen. What widens a change is done to this revision alone; what
    /// stops one to this candidate alone.
    pub revision: Revision,
    /// Who wants it.
    pub by: SafeText,
    /// Why.
    pub reason: SafeText,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// Something that was looked at: whether it is as it should be, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Whether it is as it should be; none where it only limits what can be done.
    pub good: Option<bool>,
    /// What it is, in one sentence.
    pub text: SafeText,
}

/// What an order would do now.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// What changes and what does not, with what was checked.
    pub preview: Preview,
    /// Whether nothing is to be changed: it is so already.
    pub no_op: bool,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uptake {
    /// The cluster was seen to take it up; how, in one sentence.
    TakenUp(SafeText),
    /// Nothing was to be changed; why, in one sentence.
    NoOp(SafeText),
    /// It was sent, and not seen to be taken up in time; what is still waited for, in one sentence.
    Unconfirmed(SafeText),
}

/// Why an order was not carried out. Its text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// It cannot be done to the rollout as it is.
    #[error("{}", .0.first().map_or("it cannot be done now", |blocker| blocker.summary.as_str()))]
    Refused(Vec<Blocker>),
    /// It is not what was on the screen any more.
    #[error("{what}")]
    Moved {
        /// What it is at now.
        present: Revision,
        /// What changed, in one sentence.
        what: String,
    },
    /// There is no such rollout.
    #[error("there is no rollout {0}")]
    Gone(RolloutId),
    /// The cluster forbids it.
    #[error("the cluster forbids it: {rule}")]
    Forbidden {
        /// The rule that is missing, in one sentence.
        rule: String,
    },
    /// The cluster refused it, or could not be asked, and nothing was changed.
    #[error("{0}")]
    Failed(String),
    /// It is not known whether the cluster took it: the answer was lost.
    #[error("{0}")]
    Lost(String),
}

/// Why an order cannot be carried out now.
fn blocker(kind: BlockerKind, why: impl AsRef<str>) -> Blocker {
    Blocker { kind, summary: SafeText::new(why), since: None, until: None }
}

/// It cannot be done to the rollout as it is.
fn blocked<T>(why: impl AsRef<str>) -> Result<T, Blocker> {
    Err(blocker(BlockerKind::Phase, why))
}

/// Something that carries rollouts out by itself, and takes orders.
#[async_trait]
pub trait Driver: std::fmt::Debug + Send + Sync {
    /// Where it is, for people: a cluster's name and address.
    fn place(&self) -> String;

    /// What is there, reachable and permitted, one finding a line.
    async fn examine(&self) -> Vec<Examined>;

    /// Who it is to the cluster; none while the cluster does not say.
    async fn identity(&self) -> Option<SafeText>;

    /// Watches until it is told to stop, and tells what it sees in the order in which it happened.
    /// Everything that is there when it begins is told before the first health with an `as_of`.
    async fn watch(&self, feed: mpsc::Sender<Vec<Seen>>, stop: CancellationToken);

    /// Rollouts that somebody looks at now: their objects are told too. Replaces what was said before.
    fn attend(&self, rollouts: BTreeSet<RolloutId>);

    /// What an order would do to the rollout as it was last seen.
    ///
    /// # Errors
    /// [`OrderError`] when it cannot be done.
    async fn propose(&self, order: &Order) -> Result<Proposal, OrderError>;

    /// Sends an order, and follows it until it was seen to be taken up or the time for that has passed.
    /// A promotion that was swallowed is noticed, and the cluster nudged to look again.
    ///
    /// # Errors
    /// [`OrderError`] when it was not carried out, or nobody knows.
    async fn carry_out(&self, order: &Order) -> Result<Uptake, OrderError>;

    /// Whether an order that was sent some time ago, maybe by a process that is gone, was taken up.
    /// Sends nothing.
    ///
    /// # Errors
    /// [`OrderError`] when the rollout is gone or the cluster cannot be asked.
    async fn look_for(&self, order: &Order) -> Result<Uptake, OrderError>;
}
