//! Flags, evaluated: what a place and a caller get of a flag, and why.
//!
//! A flag is compiled once ([`Compiled::new`], which checks the whole definition and names the field that is
//! wrong) and evaluated many times, without copying a context. It is decided in this order: killed or not
//! enabled, its off variant; out of its scope, its default variant; the first rule that matches; else its
//! default variant.
//!
//! Where a caller is, the server knows: `target`, `site`, `lane`, `stage` and `labels` are read from the
//! place, whatever the context claims, and are unknown where the place does not say them.
//!
//! Conditions are written in the operators of flagd's `targeting`, or as an [expression] in CEL,
//! which is read *into* those operators. So there is one evaluator, and [`export()`] is exact for both.
//! Shares of targeting keys are bucketed as flagd's second version does ([`bucket`]): an ordinary flagd, or an
//! in-process provider, that has the export decides as Rolldeck does.

pub mod bucket;
mod change;
mod definition;
mod document;
mod evaluate;
mod export;
pub mod expression;
mod import;
mod node;
mod operators;
mod share;
mod stage;
mod value;
mod version;
mod write;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use self::{evaluate::Scene, node::Node};
use crate::domain::{Flag, FlagReason, Place, SafeText, flag::SiteRef};

pub use change::operation;
pub use definition::{RULES_MAX, SIZE_MAX, VARIANTS_MAX};
pub use document::{Document, DocumentError, Resolved};
pub use export::export;
pub use import::{ImportError, Imported, import};
pub use share::members;
pub use stage::{UNCHANGED_DAYS, UNUSED_DAYS, stage};

/// The attribute that shares are bucketed by.
pub const TARGETING_KEY: &str = "targetingKey";

/// Why a definition is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FlagError {
    /// The field, as a path such as `rules[2].serve.split[0].variant`.
    pub field: SafeText,
    /// What is wrong there, and what was expected.
    pub message: SafeText,
}

impl FlagError {
    pub(crate) fn new(field: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        Self { field: SafeText::new(field), message: SafeText::new(message) }
    }
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A share decides, and the context has no targeting key, or an empty one.
    #[error("a share decides here, and the context has no targetingKey: give one that stays the same for a caller")]
    TargetingKeyMissing,
    /// The targeting key is not a text.
    #[error("targetingKey must be a text")]
    TargetingKeyNotText,
    /// The conditions cost more than an evaluation may.
    #[error("the conditions cost more than an evaluation may: use smaller lists in the context")]
    TooCostly,
}

/// What a flag serves, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation<'c> {
    /// The value.
    pub value: &'c Value,
    /// The variant whose value it is.
    pub variant: &'c str,
    /// Why.
    pub reason: FlagReason,
    /// The rule that decided.
    pub rule: Option<&'c SafeText>,
}

/// A flag, checked and ready to be evaluated.
#[derive(Debug, Clone)]
pub struct Compiled {
    flag: Flag,
    /// Variants by name; numbers of one type.
    variants: Vec<(String, Value)>,
    off: usize,
    default: usize,
    rules: Vec<Rule>,
    seed: String,
}

#[derive(Debug, Clone)]
struct Rule {
    id: SafeText,
    when: Option<Node>,
    serve: Serving,
}

/// What a rule serves, with variants by index.
#[derive(Debug, Clone)]
enum Serving {
    Variant(usize),
    Split { shares: Vec<(usize, u32)>, total: u32 },
    Sites { variant: usize, members: Vec<SiteRef> },
    Units { variant: usize, units: Vec<crate::domain::UnitId> },
}

impl Compiled {
    /// Checks and compiles a flag.
    ///
    /// # Errors
    /// [`FlagError`] with the field that is wrong.
    pub fn new(flag: &Flag) -> Result<Self, FlagError> {
        definition::compile(flag)
    }

    /// The flag.
    #[must_use]
    pub const fn flag(&self) -> &Flag {
        &self.flag
    }

    /// The values of its variants, by name; where one of them is a fraction, all are.
    #[must_use]
    pub fn variants(&self) -> &[(String, Value)] {
        &self.variants
    }

    /// What a caller gets at a place. Without a place, `target`, `site`, `lane`, `stage` and `labels` are
    /// unknown, and a flag with a scope serves its default variant.
    ///
    /// # Errors
    /// [`EvaluationError`]: there is no value, and none is made up.
    pub fn evaluate<'c>(
        &'c self,
        place: Option<&Place<'_>>,
        context: &Map<String, Value>,
        at: DateTime<Utc>,
    ) -> Result<Evaluation<'c>, EvaluationError> {
        if self.flag.killed.is_some() || !self.flag.definition.enabled {
            return Ok(self.serve(self.off, FlagReason::Disabled, None));
        }
        if let Some(scope) = &self.flag.definition.scope
            && !place.is_some_and(|place| scope.covers(place))
        {
            return Ok(self.serve(self.default, FlagReason::Default, None));
        }
        if self.rules.is_empty() {
            return Ok(self.serve(self.default, FlagReason::Static, None));
        }
        let scene = Scene::new(self.flag.key.as_str(), place, context, at);
        for rule in &self.rules {
            // What can be told from the place alone costs nothing.
            if rule.serve.for_others(place) {
                continue;
            }
            if let Some(when) = &rule.when
                && !scene.holds(when)?
            {
                continue;
            }
            return Ok(match &rule.serve {
                Serving::Variant(variant) => self.serve(*variant, FlagReason::TargetingMatch, Some(&rule.id)),
                Serving::Sites { variant, .. } | Serving::Units { variant, .. } => {
                    self.serve(*variant, FlagReason::Split, Some(&rule.id))
                }
                Serving::Split { shares, total } => {
                    let hash = bucket::hash(&self.seed, targeting_key(context)?);
                    let variant = bucket::choose(hash, *total, shares.iter().copied()).unwrap_or(self.default);
                    self.serve(variant, FlagReason::Split, Some(&rule.id))
                }
            });
        }
        Ok(self.serve(self.default, FlagReason::Default, None))
    }

    fn serve<'c>(&'c self, variant: usize, reason: FlagReason, rule: Option<&'c SafeText>) -> Evaluation<'c> {
        let (variant, value) = &self.variants[variant];
        Evaluation { value, variant, reason, rule }
    }
}

impl Serving {
    /// Whether it is a share of places that the place has no part in.
    fn for_others(&self, place: Option<&Place<'_>>) -> bool {
        match self {
            Self::Variant(_) | Self::Split { .. } => false,
            Self::Sites { members, .. } => {
                let Some((place, site)) = place.and_then(|place| Some((place, place.site?))) else { return true };
                !members.iter().any(|member| member.group == *place.target && member.site == *site)
            }
            Self::Units { units, .. } => {
                let Some((place, site, lane)) = place.and_then(|place| Some((place, place.site?, place.lane?))) else {
                    return true;
                };
                !units.iter().any(|unit| unit.group == *place.target && unit.site == *site && unit.lane == *lane)
            }
        }
    }
}

/// What shares are bucketed by.
fn targeting_key(context: &Map<String, Value>) -> Result<&str, EvaluationError> {
    match context.get(TARGETING_KEY) {
        Some(Value::String(key)) if !key.is_empty() => Ok(key),
        None | Some(Value::Null | Value::String(_)) => Err(EvaluationError::TargetingKeyMissing),
        Some(_) => Err(EvaluationError::TargetingKeyNotText),
    }
}

#[cfg(test)]
mod tests;
