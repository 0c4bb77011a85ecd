//! The document that is kept with an automatic act: what it was judged from, and what that came to. Whoever
//! doubts the act judges again ([`recompute`]) and compares the bytes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    evidence::{self, Judgement},
    judge,
    overall::{Conclusion, Situation, overall},
};
use crate::domain::{RolloutId, SafeText, VersionRef, sli::SliQueries};

/// The form of [`AutomaticAct`].
pub const SCHEMA: u32 = 1;

/// Whose indicators they are, and where they were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The rollout.
    pub rollout: RolloutId,
    /// What it comes from.
    pub stable: VersionRef,
    /// What is rolled out.
    pub candidate: VersionRef,
    /// The source, by name.
    pub source: SafeText,
    /// The templates of each indicator, by its name.
    pub queries: BTreeMap<String, SliQueries>,
}

/// An automatic act with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AutomaticAct {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of Rolldeck that judged: another one may know better.
    pub rolldeck: SafeText,
    /// What was judged.
    pub origin: Origin,
    /// All that the decision was made from.
    pub situation: Situation,
    /// What each indicator came to, in the situation's order.
    pub judgements: Vec<Judgement>,
    /// What was decided.
    pub conclusion: Conclusion,
}

/// Why a document cannot be judged again.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// It is no such document.
    #[error("this is no evidence of an automatic act")]
    Unreadable(#[source] serde_json::Error),
    /// It has a form that this version does not know.
    #[error("the evidence has form {found}, and form {known} is known here; use the version that wrote it")]
    Form {
        /// Its form.
        found: u32,
        /// The one that is known.
        known: u32,
    },
}

/// A document that was judged again.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejudged {
    /// The document as it was kept.
    pub kept: AutomaticAct,
    /// As it comes out now.
    pub again: AutomaticAct,
    /// What differs, in words; empty when it is the same, byte for byte.
    pub differs: Vec<String>,
}

impl AutomaticAct {
    /// Judges a situation, and keeps it with what it comes to.
    #[must_use]
    pub fn new(origin: Origin, situation: Situation) -> Self {
        let judgements: Vec<Judgement> = situation.indicators.iter().map(judge).collect();
        let conclusion = overall(&situation, &judgements);
        Self { schema: SCHEMA, rolldeck: SafeText::new(VERSION), origin, situation, judgements, conclusion }
    }

    /// As it is kept: one line of JSON.
    ///
    /// # Errors
    /// When a number in it has no JSON form. What is judged here has none of these.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// The same situation, judged again.
#[must_use]
pub fn recompute(act: &AutomaticAct) -> AutomaticAct {
    AutomaticAct { rolldeck: act.rolldeck.clone(), ..AutomaticAct::new(act.origin.clone(), act.situation.clone()) }
}

/// Reads a document, judges it again, and says what differs.
///
/// # Errors
/// [`ActError`] when it is no such document, or one of an unknown form.
pub fn rejudge(text: &str) -> Result<Rejudged, ActError> {
    #[derive(Deserialize)]
    struct Form {
        schema: u32,
    }
    let Form { schema } = serde_json::from_slice(text.as_bytes()).map_err(ActError::Unreadable)?;
    if schema != SCHEMA {
        return Err(ActError::Form { found: schema, known: SCHEMA });
    }
    let kept: AutomaticAct = serde_json::from_slice(text.as_bytes()).map_err(ActError::Unreadable)?;
    if let Some(other) = kept.situation.indicators.iter().find(|known| known.schema != evidence::SCHEMA) {
        return Err(ActError::Form { found: other.schema, known: evidence::SCHEMA });
    }
    let again = recompute(&kept);
    let mut differs = Vec::new();
    for (place, evidence) in kept.situation.indicators.iter().enumerate() {
        let (then, now) = (kept.judgements.get(place), again.judgements.get(place));
        if bytes(&then) != bytes(&now) {
            let word = |judgement: Option<&Judgement>| judgement.map_or("nothing", |j| j.verdict.as_str());
            differs.push(format!("{} was {}, and is {}", evidence.spec.name, word(then), word(now)));
        }
    }
    if kept.judgements.len() > again.judgements.len() {
        differs.push("there are judgements without evidence".to_owned());
    }
    if bytes(&kept.conclusion) != bytes(&again.conclusion) {
        let (then, now) = (kept.conclusion.decision.as_str(), again.conclusion.decision.as_str());
        differs.push(format!("the decision was {then}, and is {now}: {}", again.conclusion.why));
    }
    if differs.is_empty() && bytes(&again) != text.as_bytes() {
        differs.push("the text has more than, or other than, what was judged".to_owned());
    }
    Ok(Rejudged { kept, again, differs })
}

/// The bytes that are compared.
fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The version that judges.
const VERSION: &str = env!("CARGO_PKG_VERSION");
