//! Query templates: PromQL with placeholders, checked when it is loaded, and filled in for many
//! rollouts at once.
//!
//! ```text
//! sum by (service, track) (increase(http_requests_total{service=~"$service", track=~"$track"}[$window]))
//! ```
//!
//! | placeholder | stands for | where |
//! |---|---|---|
//! | `$service` | the services of the rollouts | the whole value of a `=~` matcher |
//! | `$track`, `$release`, `$cohort` | what tells canary and baseline apart: tracks, versions, sites | the same |
//! | `$window` | the length of a slice, `60s` | inside `[...]`, or after `offset` |
//!
//! One request asks for the values of all rollouts, and its answer is taken apart by the labels to the
//! left of `=~`: so each of them must be in the `by (...)` of every aggregation around it. A placeholder
//! that does not tell the arms apart in a rollout (`$release` where its arms are tracks) matches anything.
//!
//! A `$` that no letter follows (the end of a regular expression, `$1`, `${name}`) is left alone.
//!
//! What is checked is what safety and the taking apart stand on. Whether the query is PromQL otherwise is
//! left to the server: servers differ in functions and extensions, and each says best what it takes.

mod alternatives;
mod error;
mod grouping;
mod lex;

use std::fmt::Write as _;

pub use alternatives::{ANYTHING, alternatives};
pub use error::{Problem, TemplateError};
use lex::{Kind, Token};

use crate::domain::plan::ArmsBy;

/// Longest template, in bytes.
pub const TEMPLATE_MAX: usize = 8 * 1024;

/// What stands for a label's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `$service`.
    Service,
    /// `$track`.
    Track,
    /// `$release`.
    Release,
    /// `$cohort`.
    Cohort,
}

impl Placeholder {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Service, Self::Track, Self::Release, Self::Cohort];

    /// As it is written in a template.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "$service",
            Self::Track => "$track",
            Self::Release => "$release",
            Self::Cohort => "$cohort",
        }
    }

    /// The one that tells the arms apart.
    #[must_use]
    pub const fn of_arms(arms: ArmsBy) -> Self {
        match arms {
            ArmsBy::Track => Self::Track,
            ArmsBy::Release => Self::Release,
            ArmsBy::Cohort => Self::Cohort,
        }
    }
}

/// The placeholder of a slice's length.
pub const WINDOW: &str = "$window";

/// A template, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// The label to the left of each placeholder, in the order of [`Placeholder::ALL`].
    labels: [Option<String>; 4],
    unit: Option<u64>,
    per_second: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Values(Placeholder),
    Window,
}

/// What a template's placeholders are filled in with.
#[derive(Debug, Clone, Copy)]
pub struct Filling<'a> {
    /// A regular expression for `$service`.
    pub service: &'a str,
    /// What tells the arms apart.
    pub arms: ArmsBy,
    /// A regular expression for its placeholder.
    pub values: &'a str,
    /// Seconds.
    pub window: i64,
}

impl Template {
    /// The label by which the answer is taken apart for a placeholder; none when the template does not have it.
    #[must_use]
    pub fn label(&self, placeholder: Placeholder) -> Option<&str> {
        self.labels[placeholder as usize].as_deref()
    }

    /// Whether it asks for as long as it is told to.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.parts.contains(&Part::Window)
    }

    /// Nanoseconds in the unit that its metrics' names end with (`..._milliseconds_bucket`), as is usual; none
    /// when they end with none.
    #[must_use]
    pub fn unit(&self) -> Option<u64> {
        self.unit
    }

    /// The function in it whose result is per second, and so no count of events.
    #[must_use]
    pub fn per_second(&self) -> Option<&'static str> {
        self.per_second
    }

    /// The query.
    #[must_use]
    pub fn fill(&self, filling: &Filling<'_>) -> String {
        let mut query = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => query.push_str(text),
                Part::Window => {
                    let _ = write!(query, "{}s", filling.window);
                }
                Part::Values(Placeholder::Service) => alternatives::quote(&mut query, filling.service),
                Part::Values(other) if *other == Placeholder::of_arms(filling.arms) => {
                    alternatives::quote(&mut query, filling.values);
                }
                Part::Values(_) => alternatives::quote(&mut query, ANYTHING),
            }
        }
        query
    }
}

/// Checks a template.
///
/// # Errors
/// [`TemplateError`]: what is wrong, where, and what to do.
pub fn check(text: &str) -> Result<Template, TemplateError> {
    if text.len() > TEMPLATE_MAX {
        return Err(TemplateError::new(text, 0, Problem::TooLong));
    }
    let tokens = lex::lex(text)?;
    if tokens.is_empty() {
        return Err(TemplateError::new(text, 0, Problem::Empty));
    }
    let pairs = grouping::pairs(text, &tokens)?;
    let mut template = Template {
        parts: Vec::new(),
        labels: [const { None }; 4],
        unit: unit_of(&tokens),
        per_second: per_second(&tokens),
    };
    let mut copied = 0;
    for (place, token) in tokens.iter().enumerate() {
        let wrong = |problem| TemplateError::new(text, token.from, problem);
        let part = match token.kind {
            Kind::Placeholder(name) if name == WINDOW => {
                let offset = tokens[..place].iter().rev().find(|before| before.text != "-");
                let after_offset = offset.is_some_and(|before| before.text.eq_ignore_ascii_case("offset"));
                if !after_offset && !pairs.is_inside(place, "[") {
                    return Err(wrong(Problem::WindowOutsideRange));
                }
                Part::Window
            }
            Kind::Placeholder(name) => return Err(wrong(problem_of(name, Problem::NoMatcher))),
            Kind::Text(content) => {
                let Some(name) = lex::placeholder_in(content) else { continue };
                let whole = Placeholder::ALL.into_iter().find(|known| known.as_str() == content);
                let Some(placeholder) = whole else { return Err(wrong(problem_of(name, Problem::NotAlone))) };
                let label = matched_label(&tokens, place, &pairs)
                    .ok_or_else(|| wrong(Problem::NoMatcher(placeholder.as_str().to_owned())))?;
                grouping::check(&tokens, &pairs, place, label).map_err(wrong)?;
                let known = &mut template.labels[placeholder as usize];
                match known {
                    Some(known) if known != label => {
                        return Err(wrong(Problem::TwoLabels {
                            placeholder: placeholder.as_str(),
                            one: known.clone(),
                            other: label.to_owned(),
                        }));
                    }
                    _ => *known = Some(label.to_owned()),
                }
                Part::Values(placeholder)
            }
            _ => continue,
        };
        template.parts.push(Part::Text(text[copied..token.from].to_owned()));
        template.parts.push(part);
        copied = token.to;
    }
    template.parts.push(Part::Text(text[copied..].to_owned()));
    Ok(template)
}

/// The label to the left of `=~`, where the token is a matcher's value.
fn matched_label<'a>(tokens: &[Token<'a>], place: usize, pairs: &grouping::Pairs) -> Option<&'a str> {
    let [.., begin, label, operator] = tokens.get(..place)? else { return None };
    let is_matcher = pairs.is_inside(place, "{") && matches!(begin.text, "{" | ",") && operator.text == "=~";
    if is_matcher { label.name() } else { None }
}

/// What is wrong with a placeholder that stands where it may not.
fn problem_of(name: &str, misplaced: impl FnOnce(String) -> Problem) -> Problem {
    let known = Placeholder::ALL.map(Placeholder::as_str).into_iter().chain([WINDOW]);
    if known.clone().any(|known| known == name) {
        return misplaced(name.to_owned());
    }
    let nearest = known.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    let meant = nearest.filter(|(distance, _)| *distance <= 2).map(|(_, known)| known);
    Problem::Unknown { name: name.to_owned(), meant }
}

fn per_second(tokens: &[Token<'_>]) -> Option<&'static str> {
    let calls = |name: &str| {
        tokens
            .windows(2)
            .any(|pair| pair[0].kind == Kind::Word && pair[0].text.eq_ignore_ascii_case(name) && pair[1].text == "(")
    };
    ["rate", "irate"].into_iter().find(|name| calls(name))
}

/// Nanoseconds in the unit that a metric's name ends with, before the suffixes of histograms.
fn unit_of(tokens: &[Token<'_>]) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("_seconds", 1_000_000_000),
        ("_milliseconds", 1_000_000),
        ("_millis", 1_000_000),
        ("_ms", 1_000_000),
        ("_microseconds", 1_000),
        ("_us", 1_000),
        ("_nanoseconds", 1),
        ("_ns", 1),
    ];
    tokens.iter().filter(|token| token.kind == Kind::Word).find_map(|token| {
        let name = token.text;
        let name = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        UNITS.iter().find(|(unit, _)| name.ends_with(unit)).map(|(_, nanoseconds)| *nanoseconds)
    })
}

#[cfg(test)]
mod tests;
