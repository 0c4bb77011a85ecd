//! The line at the bottom: a command, or a filter, with history and completion.

use super::{palette::Palette, text::Field};

/// What the line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command.
    Command,
    /// A filter of the view.
    Filter,
}

/// The line.
#[derive(Debug)]
pub struct Line {
    /// What it is for.
    pub kind: Kind,
    /// What is typed.
    pub field: Field,
    /// The filter that was in force before, to go back to.
    pub before: String,
    /// Where in the history it is, counted from the newest.
    pub history: Option<usize>,
    /// What can follow what is typed.
    pub palette: Palette,
}

impl Line {
    /// An empty line, or one with the filter that is in force.
    #[must_use]
    pub fn new(kind: Kind, text: &str) -> Self {
        Self {
            kind,
            field: Field::with(300, text),
            before: text.to_owned(),
            history: None,
            palette: Palette::default(),
        }
    }

    /// Steps through a history whose newest entry is last.
    pub fn step(&mut self, older: bool, history: &[String]) {
        let next = match (self.history, older) {
            (None, true) => Some(0),
            (None | Some(0), false) => None,
            (Some(at), true) => Some((at + 1).min(history.len().saturating_sub(1))),
            (Some(at), false) => Some(at - 1),
        };
        self.history = next.filter(|at| *at < history.len());
        match self.history {
            Some(at) => self.field.set(&history[history.len() - 1 - at]),
            None => self.field.clear(),
        }
    }

    /// Takes the next completion of what is typed, or the one before.
    pub fn complete(&mut self, forward: bool) {
        if let Some(text) = self.palette.step(forward) {
            self.field.set(text);
            self.history = None;
        }
    }

    /// Takes a completion by its place in the list.
    pub fn choose(&mut self, index: usize) {
        if let Some(candidate) = self.palette.list.get(index) {
            self.field.set(&candidate.line);
            (self.palette.cursor, self.history) = (Some(index), None);
        }
    }

    /// Whether up and down go through the history: on an empty line, and from then on.
    #[must_use]
    pub fn is_in_history(&self) -> bool {
        self.history.is_some() || (self.field.text().is_empty() && self.palette.cursor.is_none())
    }
}
