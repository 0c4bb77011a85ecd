//! Gate expressions: CEL with duration literals and a third truth value.

use crate::domain::{Facts, SafeText, Truth};

/// A compiled gate expression.
#[derive(Debug)]
pub struct Expression {
    text: String,
}

/// Why a text is not a gate expression. Shows the place with a caret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong, where (column from 1), and what was expected.
    pub message: String,
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
    /// [`ExpressionError`] when it is no CEL, or uses a function that facts cannot feed.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        Ok(Self { text: text.to_owned() })
    }

    /// The names of the facts that it reads.
    #[must_use]
    pub fn facts(&self) -> Vec<String> {
        todo!("{}", self.text)
    }

    /// Evaluates it. Never panics, whatever the facts.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts) -> Evaluation {
        let _ = facts;
        todo!()
    }
}
