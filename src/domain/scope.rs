//! What a window or an override is for: a selector over targets, rollouts, sites, labels, lanes and
//! stages.

mod overlap;

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LaneName, RolloutName, SafeText, SiteName, StageName, TargetName};

/// Patterns by dimension: AND across dimensions, OR inside one, an empty dimension matches all.
/// A pattern may have `*` and `?`.
///
/// Written as a target's name, or as `target=GLOB,rollout=GLOB,site=GLOB,lane=GLOB,stage=GLOB,label:KEY=GLOB`;
/// a key that comes again adds to its dimension. `namespace=` is another word for `target=`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Scope {
    /// Patterns of targets.
    pub targets: Vec<String>,
    /// Patterns of rollouts' names.
    pub rollouts: Vec<String>,
    /// Patterns of sites.
    pub sites: Vec<String>,
    /// Patterns of lanes.
    pub lanes: Vec<String>,
    /// Patterns of stages.
    pub stages: Vec<String>,
    /// Patterns of label values, by label.
    pub labels: BTreeMap<String, Vec<String>>,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// There is nothing in it.
    #[error(
        "a scope is a target's name, or target=,rollout=,site=,lane=,stage=,label:KEY= with patterns; `*` is everything"
    )]
    Empty,
    /// A key that is none of the dimensions.
    #[error("{0:?} is no part of a scope: use target (or namespace), rollout, site, lane, stage or label:KEY")]
    Key(String),
    /// A pattern that is empty or has a character that no name has.
    #[error("{0:?} is not a pattern of names: use letters, digits, - _ . and the wildcards * and ?")]
    Pattern(String),
}

/// A place that a scope is held against.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The target.
    pub target: &'a TargetName,
    /// The rollout, where it is about one.
    pub rollout: Option<&'a RolloutName>,
    /// The site, where it is about one.
    pub site: Option<&'a SiteName>,
    /// The lane, where it is about one.
    pub lane: Option<&'a LaneName>,
    /// The stage, where it is about one.
    pub stage: Option<&'a StageName>,
    /// The labels of the unit.
    pub labels: Option<&'a BTreeMap<String, SafeText>>,
}

impl Scope {
    /// Whether the place lies in the scope. A dimension that the scope names and the place leaves
    /// open does not match: a freeze of one site does not hold the whole target.
    #[must_use]
    pub fn covers(&self, place: &Place<'_>) -> bool {
        fn any(patterns: &[String], value: Option<&str>) -> bool {
            patterns.is_empty()
                || value.is_some_and(|value| patterns.iter().any(|p| wildmatch::WildMatch::new(p).matches(value)))
        }
        any(&self.targets, Some(place.target.as_str()))
            && any(&self.rollouts, place.rollout.map(RolloutName::as_str))
            && any(&self.sites, place.site.map(SiteName::as_str))
            && any(&self.lanes, place.lane.map(LaneName::as_str))
            && any(&self.stages, place.stage.map(StageName::as_str))
            && self.labels.iter().all(|(key, patterns)| {
                any(patterns, place.labels.and_then(|labels| labels.get(key)).map(SafeText::as_str))
            })
    }
}

fn pattern(text: &str) -> Result<String, ScopeError> {
    // A slash is part of label keys: `app.kubernetes.io/name`.
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '*' | '?');
    if !text.is_empty() && text.len() <= 253 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(ScopeError::Pattern(text.chars().take(40).collect()))
    }
}

impl FromStr for Scope {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        let text = text.trim();
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        for part in text.split(',') {
            let part = part.trim();
            match part.split_once('=') {
                None => scope.targets.push(pattern(part)?),
                Some((key, value)) => {
                    let value = pattern(value.trim())?;
                    match key.trim() {
                        "target" | "namespace" => scope.targets.push(value),
                        "rollout" => scope.rollouts.push(value),
                        "site" => scope.sites.push(value),
                        "lane" => scope.lanes.push(value),
                        "stage" => scope.stages.push(value),
                        key => match key.strip_prefix("label:") {
                            Some(label) if !label.is_empty() => {
                                scope.labels.entry(pattern(label)?).or_default().push(value);
                            }
                            _ => return Err(ScopeError::Key(key.chars().take(40).collect())),
                        },
                    }
                }
            }
        }
        Ok(scope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (key, patterns) in [
            ("target", &self.targets),
            ("rollout", &self.rollouts),
            ("site", &self.sites),
            ("lane", &self.lanes),
            ("stage", &self.stages),
        ] {
            parts.extend(patterns.iter().map(|p| format!("{key}={p}")));
        }
        for (label, patterns) in &self.labels {
            parts.extend(patterns.iter().map(|p| format!("label:{label}={p}")));
        }
        // A scope without any pattern holds everything, and is written so that it can be read back.
        f.pad(if parts.is_empty() { "*".to_owned() } else { parts.join(",") }.as_str())
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
