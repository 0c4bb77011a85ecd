//! Why a declared indicator cannot be judged: which field, what is wrong with it, and what to do.

use std::fmt;

use crate::domain::{
    SafeText,
    plan::ArmsBy,
    sli::{OBJECTIVE_MIN, SliKind},
};

/// Why a declared indicator cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct CatalogError {
    /// The indicator.
    pub sli: SafeText,
    /// The field of its declaration; empty, when it is about all of it.
    pub field: &'static str,
    /// What is wrong.
    pub problem: CatalogProblem,
}

impl CatalogError {
    /// The field, as a path in the plan: `slis.errors.use`.
    #[must_use]
    pub fn path(&self) -> String {
        if self.field.is_empty() { format!("slis.{}", self.sli) } else { format!("slis.{}.{}", self.sli, self.field) }
    }
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path(), self.problem)
    }
}

/// What is wrong with a declaration, and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CatalogProblem {
    /// There is no such ready-made indicator.
    #[error(
        "there is no ready-made indicator {:?}; {}", name.as_str(),
        nearest.map_or_else(|| "see `rolldeck sli list`".to_owned(), |near| format!("did you mean {near:?}?"))
    )]
    UnknownUse {
        /// What was named.
        name: SafeText,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// Queries of two kinds.
    #[error("{first} and {second} do not go together: {allowed}")]
    Contradiction {
        /// A query that is there.
        first: &'static str,
        /// One that does not go with it.
        second: &'static str,
        /// What would.
        allowed: &'static str,
    },
    /// A query without the one that it needs.
    #[error("{present} needs {missing}: {why}")]
    Incomplete {
        /// The query that is there.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// A kind that its queries, or what agents report, cannot be.
    #[error("{} cannot be made from {given}: {expected}", kind.as_str())]
    Kind {
        /// The kind that was declared.
        kind: SliKind,
        /// What there is.
        given: &'static str,
        /// What it needs.
        expected: &'static str,
    },
    /// Queries where nobody is there to answer them.
    #[error(
        "agents report, and answer no queries: take the query away and let agents report {:?}, or name a \
         metrics server in telemetry.source",
        name.as_str()
    )]
    Unasked {
        /// The indicator's name.
        name: SafeText,
    },
    /// Agents do not report it.
    #[error("agents cannot report {name}: {instead}")]
    NotReported {
        /// The ready-made indicator.
        name: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// A number out of its range.
    #[error("{given} is out of range; {expected}")]
    Range {
        /// The number.
        given: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// A field that says nothing for this kind.
    #[error("it says nothing for a {}: {why}", kind.as_str())]
    Meaningless {
        /// The kind.
        kind: SliKind,
        /// Why, and what to do.
        why: &'static str,
    },
    /// An objective under which a rule on its burn can never fire.
    #[error(
        "an objective of {objective} is below {OBJECTIVE_MIN}: if every event failed, its budget would burn {} times \
         as fast as it may, and the rule at ten times could never fire; set a higher objective, or none",
        cut(*most)
    )]
    NeverFires {
        /// The objective.
        objective: f64,
        /// The fastest that its budget can burn.
        most: f64,
    },
    /// A template that cannot be asked.
    #[error("{0}")]
    Template(SafeText),
    /// A placeholder of other arms than those that the plan names.
    #[error("it tells arms apart by {found}, and the plan's telemetry.arms by {}: write {wanted}", arms.as_str())]
    OtherArms {
        /// The placeholder that is there.
        found: &'static str,
        /// The one that should be.
        wanted: &'static str,
        /// What the plan says.
        arms: ArmsBy,
    },
}

/// A factor as people say it: cut, so that what is short of ten does not read as ten.
fn cut(factor: f64) -> f64 {
    (factor * 100.0).floor() / 100.0
}
