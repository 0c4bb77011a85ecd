//! Where indicators come from: a metrics server that is asked, or agents that report.
//!
//! A source is asked for whole slices. A failure to ask, an answer without data, old data and a zero
//! are four different things, and stay so up to the screen.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    domain::{RolloutId, SafeText, plan::ArmsBy, sli::SliQueries},
    judge::evidence::{Counts, Observed, Spec},
};

pub mod catalog;
pub mod prometheus;
pub mod reported;
pub mod slo_file;

/// What is asked of a source: the slices of one indicator of one rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Whose indicator.
    pub rollout: RolloutId,
    /// Which indicator, filled in.
    pub spec: Spec,
    /// Its templates.
    pub queries: SliQueries,
    /// What `$service` stands for.
    pub service: SafeText,
    /// What tells canary and baseline apart.
    pub arms: ArmsBy,
    /// The canary's values of that label: a track, a version, sites.
    pub canary: Vec<SafeText>,
    /// The baseline's.
    pub baseline: Vec<SafeText>,
    /// The length of a slice, in seconds.
    pub slice: u32,
    /// The beginning of the oldest slice that is wanted, on a whole multiple of the slice's length.
    pub from: DateTime<Utc>,
    /// The end of the newest.
    pub to: DateTime<Utc>,
    /// Whether the whole service's events over the budget's period are wanted too.
    pub spent: bool,
}

/// What a source has of what was wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Slices with data of at least one arm, oldest first, each once.
    pub slices: Vec<Observed>,
    /// Bad and all events of the whole service over the budget's period, where they were wanted and are known.
    pub spent: Option<Counts>,
    /// What was left out or dropped, in one sentence; empty when nothing was.
    pub remark: SafeText,
}

/// Why a source has no answer. Its text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It cannot be reached, or does not answer in time.
    #[error("{source_name} cannot be asked: {why}")]
    Unreachable {
        /// Which source.
        source_name: String,
        /// Why.
        why: String,
    },
    /// It refuses the query.
    #[error("{source_name} refuses the query: {why}")]
    Refused {
        /// Which source.
        source_name: String,
        /// Why, in its own words.
        why: String,
    },
    /// What it answers is not what was asked for.
    #[error("{source_name} answers what cannot be used: {why}")]
    Nonsense {
        /// Which source.
        source_name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server has no source of that name.
    #[error("there is no source {0}: name it in the server's configuration, [sources.{0}]")]
    Unknown(String),
}

/// Something that has indicators.
#[async_trait]
pub trait SliSource: fmt::Debug + Send + Sync {
    /// Its name, as plans say it.
    fn name(&self) -> &str;

    /// Whether it could ask these templates; what is wrong with them, where it could not.
    ///
    /// # Errors
    /// One sentence that says which template, where in it, and what to do.
    fn check(&self, queries: &SliQueries) -> Result<(), String>;

    /// Answers each of what is wanted, in order. What can be asked together is asked together.
    async fn collect(&self, wanted: &[Wanted]) -> Vec<Result<Answer, SourceError>>;
}
