//! A one-line text field, with a bound and without anything that could steer a terminal.

use tui_input::{Input, InputRequest};

use crate::domain::text::first_hostile;

/// A text field.
#[derive(Debug, Clone, Default)]
pub struct Field {
    input: Input,
    max: usize,
}

impl Field {
    /// An empty field of at most `max` characters.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { input: Input::default(), max }
    }

    /// A field with a text in it.
    #[must_use]
    pub fn with(max: usize, text: &str) -> Self {
        let mut field = Self::new(max);
        field.insert(text);
        field
    }

    /// What is in it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor, in characters.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.input.cursor()
    }

    /// Edits it; says whether anything changed.
    pub fn edit(&mut self, request: InputRequest) -> bool {
        if let InputRequest::InsertChar(c) = request {
            // Hostile characters are refused while typed, and a mark too many on a letter; the reason's rule
            // would refuse them later.
            let before = self.text().chars().take(self.cursor());
            if self.text().chars().count() >= self.max
                || first_hostile(&before.chain([c]).collect::<String>()).is_some()
            {
                return false;
            }
        }
        self.input.handle(request).is_some()
    }

    /// Puts a pasted text in: line breaks and tabs become spaces, the rest is bounded. Says how many
    /// characters did not fit.
    pub fn insert(&mut self, text: &str) -> usize {
        let mut dropped = 0;
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
            // A field refuses hostile characters by itself, and whatever does not fit.
            dropped += usize::from(!self.edit(InputRequest::InsertChar(c)));
        }
        dropped
    }

    /// Replaces what is in it.
    pub fn set(&mut self, text: &str) {
        self.input.reset();
        self.insert(text);
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.input.reset();
    }
}
