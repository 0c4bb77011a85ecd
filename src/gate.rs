//! Gate expressions: CEL with duration literals and a third truth value.
//!
//! The grammar is CEL's, read by the `cel` crate, with two differences. A bare `10s`, `250ms`, `5m`
//! or `1h30m` is a duration (CEL would write `duration('10s')`, which is read too). And a fact that
//! is missing, or of the wrong type, is *unknown* rather than an error: `&&`, `||` and `!` follow
//! Kleene (`unknown && false` is false, `unknown || true` is true), everything else that needs an
//! unknown value is unknown. More facts never turn a true into a false or the other way round.
//!
//! Facts are booleans and numbers; a duration is a number of seconds, so that `gap < 10s` compares
//! seconds. All numbers are doubles: `7 / 2` is 3.5. There are no lists or texts, and one function:
//! `flag("fast-path") == "on"` (or `!=`) asks which variant the unit's agent serves, by the flags that it
//! holds, to a caller that says nothing of itself. It is unknown where the agent holds no such flag, or where
//! the variant depends on the caller.

mod compile;
mod evaluate;
mod lex;

use std::collections::BTreeMap;

use crate::domain::{FactValue, Facts, FlagKey, SafeText, Truth, flag::HeldFlag};

/// Longest expression, in characters.
pub const LENGTH_MAX: usize = 1000;

/// Facts with those that expressions ask by `flag(KEY)`, from the flags that the unit's agent holds. What a check
/// command may have put there under such a name is not believed.
#[must_use]
pub fn with_flags(facts: &Facts, held: &BTreeMap<FlagKey, HeldFlag>) -> Facts {
    let mut facts: Facts =
        facts.iter().filter(|(name, _)| !name.starts_with(FLAG)).map(|(n, v)| (n.clone(), *v)).collect();
    for (key, held) in held {
        if let Some(variant) = &held.variant {
            facts.insert(flag_fact(key.as_str(), variant.as_str()), FactValue::Bool(true));
        }
    }
    facts
}

/// How facts about flags begin. No fact of a check has a parenthesis in a gate.
const FLAG: &str = "flag(";

/// The fact that is true where a flag serves a variant.
fn flag_fact(key: &str, variant: &str) -> String {
    format!("{FLAG}{key})={variant}")
}

/// A compiled gate expression.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    root: compile::Node,
}

/// Why a text is not a gate expression. Shown on one line; [`Self::caret`] points at the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct ExpressionError {
    /// What is wrong there, and what was expected.
    pub message: String,
    /// Where, in characters from 1. Line breaks of the expression count as one character.
    pub column: usize,
    /// The expression on one line.
    text: String,
}

impl ExpressionError {
    fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), column: offset + 1, text: text.to_owned() }
    }

    /// The expression, and under it a caret at the place: two lines.
    #[must_use]
    pub fn caret(&self) -> String {
        const AROUND: usize = 60;
        // Of a long expression the part around the place.
        let from = self.column.saturating_sub(AROUND);
        let part: String = self.text.chars().skip(from).take(2 * AROUND).collect();
        format!("{}\n{}^", SafeText::new(part), " ".repeat(self.column.saturating_sub(1).saturating_sub(from)))
    }
}

/// The answer of an expression, and what decided it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Whether it holds.
    pub truth: Truth,
    /// The part that decided it, with the facts' values: `gap 12.4s is not < 10s`.
    pub why: SafeText,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`ExpressionError`] when it is no CEL, uses what facts cannot feed, or cannot be true or false.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let source = lex::source(text)?;
        let root = compile::compile(&source)?;
        Ok(Self { text: source.text, root })
    }

    /// The expression as written, on one line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the facts that it reads, each once, in order of appearance.
    #[must_use]
    pub fn facts(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.root.each_fact(&mut |name| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        });
        names
    }

    /// Evaluates it. Never panics, whatever the facts.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts) -> Evaluation {
        evaluate::evaluate(&self.root, facts)
    }
}

#[cfg(test)]
mod tests;
