//! The language in which entries of the trail are looked for: on the command line, over HTTP, in the
//! dashboard and in saved filters.
//!
//! ```text
//! actor:mira,ben action:promote,rollback outcome:refused     alternatives with a comma, all terms must hold
//! target:dc-* site:osl2 -action:told                          wildcards * and ?; a minus negates a term
//! since:2h until:2026-11-21 since:today                       spans ago, days and instants
//! override:o-12 approved:* "pilot week" drops                 words are looked for in what was said
//! ```
//!
//! | key | what it is held against |
//! |---|---|
//! | `actor`, `kind`, `role`, `via`, `credential`, `source` | who acted |
//! | `action`, `outcome`, `reason`, `ticket`, `seq`, `correlation` | what was done, and why |
//! | `subject`, `target`, `rollout` (`TARGET/NAME`), `name` | on what |
//! | `site`, `lane` | units of it, and what holds there: windows, overrides and flags by their scope |
//! | `override`, `approved` | who or what allowed it beside the actor |
//! | `since`, `until` | `30m`, `2h`, `7d` ago; `today`, `yesterday`; `2026-11-21`; RFC 3339. A day in `until` is included |

mod parse;
mod touch;

use std::fmt;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use wildmatch::WildMatch;

use crate::domain::{AuditEntry, SafeText, SubjectKind};

pub use parse::{TERMS_MAX, TEXT_MAX};

/// Which entries are looked for: all terms must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryFilter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// In lower case.
    Words(String),
    Field(Field, Vec<String>),
    Since(DateTime<Utc>),
    Until(DateTime<Utc>),
}

/// What a term is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Actor,
    Kind,
    Role,
    Via,
    Credential,
    Source,
    Action,
    Outcome,
    Reason,
    Ticket,
    Seq,
    Correlation,
    Subject,
    Target,
    Rollout,
    Name,
    Site,
    Lane,
    Override,
    Approved,
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}, {part:?}: {message}")]
pub struct EntryFilterError {
    /// Which part of the text, at most 40 characters of it.
    pub part: String,
    /// Where it begins, in characters from 1.
    pub position: usize,
    /// What is wrong with it, and what was expected.
    pub message: String,
}

/// A column of a store that a filter can be asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The actor's id.
    Actor,
    /// The action.
    Action,
    /// `TARGET/NAME` of the rollout.
    Rollout,
}

impl EntryFilter {
    /// Reads a filter; `now` says what spans are counted from, and in which zone days begin.
    ///
    /// # Errors
    /// [`EntryFilterError`], which names the part and where it is.
    pub fn parse<Tz: TimeZone>(text: &str, now: &DateTime<Tz>) -> Result<Self, EntryFilterError> {
        parse::parse(text, now)
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the entry is one that is looked for.
    #[must_use]
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        self.terms.iter().all(|term| term.test.holds(entry) != term.negated)
    }

    /// The bounds of time that every match lies in: not before, and before.
    #[must_use]
    pub fn bounds(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let of = |pick: fn(&Test) -> Option<DateTime<Utc>>| {
            self.terms.iter().filter(|term| !term.negated).filter_map(move |term| pick(&term.test))
        };
        let since = of(|test| if let Test::Since(at) = test { Some(*at) } else { None }).max();
        let until = of(|test| if let Test::Until(at) = test { Some(*at) } else { None }).min();
        (since, until)
    }

    /// What a store can ask of its columns: each must have one of the values. The rest is for
    /// [`matches`](Self::matches).
    pub fn columns(&self) -> impl Iterator<Item = (Column, &[String])> {
        self.terms.iter().filter(|term| !term.negated).filter_map(|term| {
            let Test::Field(field, values) = &term.test else { return None };
            let column = match field {
                Field::Actor => Column::Actor,
                Field::Action => Column::Action,
                Field::Rollout => Column::Rollout,
                _ => return None,
            };
            values.iter().all(|value| !is_pattern(value)).then_some((column, values.as_slice()))
        })
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a value matches a pattern; without wildcards, whether it is the same.
fn like(pattern: &str, value: &str) -> bool {
    if is_pattern(pattern) { WildMatch::new(pattern).matches(value) } else { pattern == value }
}

/// The word of a value of a closed list, as JSON has it.
fn word(value: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned))
}

impl Test {
    fn holds(&self, entry: &AuditEntry) -> bool {
        match self {
            Self::Words(words) => said(entry).contains(words),
            Self::Since(at) => entry.at >= *at,
            Self::Until(at) => entry.at < *at,
            Self::Field(field, patterns) => patterns.iter().any(|pattern| field.holds(entry, pattern)),
        }
    }
}

/// All that was said in an entry, in lower case.
fn said(entry: &AuditEntry) -> String {
    let optional = [
        entry.subject.target.as_ref(),
        entry.reason.as_ref(),
        entry.effect.as_ref(),
        entry.ticket.as_ref(),
        entry.override_id.as_ref(),
        entry.saw.as_ref(),
    ];
    let mut text = format!("{} {} {}", entry.actor.id, entry.action, entry.subject.name);
    let blockers = entry.blockers.iter().map(|blocker| &blocker.summary);
    for part in optional.into_iter().flatten().chain(&entry.approved_by).chain(blockers) {
        text.push(' ');
        text.push_str(part.as_str());
    }
    text.to_lowercase()
}

impl Field {
    fn holds(self, entry: &AuditEntry, pattern: &str) -> bool {
        let has = |value: Option<&str>| value.is_some_and(|value| like(pattern, value));
        let (actor, subject) = (&entry.actor, &entry.subject);
        match self {
            Self::Actor => has(Some(actor.id.as_str())),
            Self::Kind => has(word(&actor.kind).as_deref()),
            Self::Role => has(actor.role.as_ref().and_then(word).as_deref()),
            Self::Via => has(actor.via.as_ref().and_then(word).as_deref()),
            Self::Credential => has(actor.credential.as_ref().map(SafeText::as_str)),
            Self::Source => has(actor.source.as_ref().map(SafeText::as_str)),
            Self::Action => has(Some(entry.action.as_str())),
            Self::Outcome => has(word(&entry.outcome).as_deref()),
            Self::Reason => has(entry.reason.as_ref().map(SafeText::as_str)),
            Self::Ticket => has(entry.ticket.as_ref().map(SafeText::as_str)),
            Self::Seq => has(Some(&entry.seq.to_string())),
            Self::Correlation => has(entry.correlation_id.as_ref().map(SafeText::as_str)),
            Self::Subject => has(word(&subject.kind).as_deref()),
            Self::Target => has(subject.target.as_ref().map(SafeText::as_str)),
            Self::Rollout => {
                let is_one = subject.kind == SubjectKind::Rollout;
                let target = subject.target.as_ref().filter(|_| is_one);
                has(target.map(|target| format!("{target}/{}", subject.name)).as_deref())
            }
            Self::Name => has(Some(subject.name.as_str())),
            Self::Site => touch::site(entry, pattern),
            Self::Lane => touch::lane(entry, pattern),
            Self::Override => has(entry.override_id.as_ref().map(SafeText::as_str)),
            Self::Approved => entry.approved_by.iter().any(|who| like(pattern, who.as_str())),
        }
    }
}

impl fmt::Display for EntryFilter {
    /// As it can be read again anywhere: with instants in place of spans and days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Term { negated, test }) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            if *negated {
                f.write_str("-")?;
            }
            let instant = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            match test {
                Test::Words(words) => f.write_str(&parse::quoted(words))?,
                Test::Since(at) => write!(f, "since:{}", instant(at))?,
                Test::Until(at) => write!(f, "until:{}", instant(at))?,
                Test::Field(field, values) => {
                    let values: Vec<String> = values.iter().map(|value| parse::plain_or_quoted(value)).collect();
                    write!(f, "{}:{}", field.key(), values.join(","))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
