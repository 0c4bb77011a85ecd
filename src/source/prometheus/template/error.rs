//! What is wrong with a template, where, and what to do.

use super::{Placeholder, TEMPLATE_MAX};

/// Why a template is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, character {character}: {problem}")]
pub struct TemplateError {
    /// Its line, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub character: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is in it.
    #[error("the query is empty")]
    Empty,
    /// Longer than any query needs to be.
    #[error("the query is longer than {TEMPLATE_MAX} bytes; make it a recording rule, and ask for that")]
    TooLong,
    /// A string that does not end.
    #[error("the quote that opens here is never closed")]
    Quote,
    /// A bracket without its other half.
    #[error("{0} has no other half")]
    Bracket(String),
    /// A placeholder that means nothing.
    #[error(
        "{name} means nothing here{}; placeholders are $service, $track, $release, $cohort and $window \
         (a group of label_replace is written ${{1}})",
        meant.map(|meant| format!(", perhaps {meant}")).unwrap_or_default()
    )]
    Unknown {
        /// As it is written.
        name: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
    /// A placeholder with something beside it in its string.
    #[error("{0} stands for a whole value: write {example}", example = example(.0))]
    NotAlone(String),
    /// A placeholder that is not the value of a `=~` matcher.
    #[error("{0} may only be the value of a matcher with =~, since it stands for several: write {example}", example = example(.0))]
    NoMatcher(String),
    /// `$window` where no duration goes.
    #[error("$window may only stand in [...] or after offset: write [$window]")]
    WindowOutsideRange,
    /// One placeholder for two labels.
    #[error(
        "{placeholder} is matched against both {one} and {other}; use one label, by which the answer is taken apart"
    )]
    TwoLabels {
        /// The placeholder.
        placeholder: &'static str,
        /// One label.
        one: String,
        /// The other.
        other: String,
    },
    /// Nothing groups by the label.
    #[error(
        "no aggregation around it keeps the label {0}, by which the answer is taken apart: write sum by ({0}, ...) (...)"
    )]
    NoGrouping(String),
    /// An aggregation that drops the label.
    #[error(
        "{aggregation} around it drops the label {label}, by which the answer is taken apart: write {aggregation} by ({label}, ...) (...)"
    )]
    NotGrouped {
        /// The aggregation.
        aggregation: String,
        /// The label.
        label: String,
    },
    /// `without`, which keeps whatever labels there are.
    #[error("without (...) keeps labels that nobody counted: write {aggregation} by ({label}, ...) (...)")]
    Without {
        /// The aggregation.
        aggregation: String,
        /// The label.
        label: String,
    },
    /// A function that keeps no label.
    #[error("{function}() keeps no labels, and the answer is taken apart by {label}: leave it out")]
    DropsLabels {
        /// The function.
        function: String,
        /// The label.
        label: String,
    },
}

impl TemplateError {
    pub(super) fn new(text: &str, at: usize, problem: Problem) -> Self {
        let before = &text[..text.floor_char_boundary(at)];
        let (line, last) = before.split('\n').fold((0, ""), |(count, _), line| (count + 1, line));
        Self { line, character: last.chars().count() + 1, problem }
    }
}

/// How a placeholder is to be written.
fn example(name: &str) -> String {
    let placeholder = Placeholder::ALL.into_iter().find(|known| known.as_str() == name);
    match placeholder {
        Some(Placeholder::Cohort) => "site=~\"$cohort\"".to_owned(),
        Some(other) => format!("{}=~\"{}\"", &other.as_str()[1..], other.as_str()),
        None => "[$window]".to_owned(),
    }
}
