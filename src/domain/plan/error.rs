//! Why a text is not a plan: where, which field, what was expected.

use std::fmt;

use super::super::{GateName, SafeText};

/// Why a text is not a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PlanError {
    /// The line in the text, from 1; none where the plan came as JSON.
    pub line: Option<u64>,
    /// The column in the line, in characters from 1; none where the plan came as JSON.
    pub column: Option<u64>,
    /// The field, as a path such as `stages[1].hold`; empty when it is about the text as a whole.
    pub field: String,
    /// What was wrong and what was expected, in one sentence.
    pub message: SafeText,
}

impl PlanError {
    /// An error about the plan as a whole.
    #[must_use]
    pub fn whole(message: impl AsRef<str>) -> Self {
        Self { line: None, column: None, field: String::new(), message: SafeText::new(message) }
    }

    /// An error about a gate's expression, found by whoever compiles it.
    #[must_use]
    pub fn in_gate(name: &GateName, line: Option<u64>, message: impl AsRef<str>) -> Self {
        Self { line, column: None, field: format!("gates.{name}"), message: SafeText::new(message) }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            _ => {}
        }
        if !self.field.is_empty() {
            // A field's name may come from the text.
            write!(f, "{}: ", SafeText::new(&self.field))?;
        }
        fmt::Display::fmt(&self.message, f)
    }
}

/// A value from the text as an error shows it: bounded, and with its control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// `; did you mean "hold"?` where one of the known names is near, or else the list of them.
pub(crate) fn suggestion<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(got, known.iter().copied()) {
        Some(near) => format!("; did you mean {near:?}?"),
        None if known.is_empty() => String::new(),
        None => format!("; known are {}", known.join(", ")),
    }
}

/// The known name that was probably meant.
pub(super) fn nearest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if got.len() > 64 {
        return None;
    }
    let lower = got.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).clamp(1, 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
