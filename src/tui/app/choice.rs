//! One of a few lines to be chosen: a pop-up over a view that by itself changes nothing.

use super::sort::SortBy;
use crate::tui::message::ScreenPart;

/// Most lines of a choice: what does not fit on a small screen is no choice between a few.
pub const LINES_MAX: usize = 16;

/// A line of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceLine {
    /// The letter that chooses it. None of `j`, `k` and `q`, which move and leave.
    pub key: char,
    /// What it is, in a word or two.
    pub label: String,
    /// More about it: what would be copied, how it would be sorted.
    pub detail: String,
    /// What choosing it does, or why it cannot be chosen.
    pub chosen: Result<Chosen, String>,
}

impl ChoiceLine {
    /// A line that can be chosen.
    #[must_use]
    pub fn new(key: char, label: impl Into<String>, detail: impl Into<String>, chosen: Chosen) -> Self {
        Self { key, label: label.into(), detail: detail.into(), chosen: Ok(chosen) }
    }

    /// A line that cannot be chosen now, and why.
    #[must_use]
    pub fn refused(key: char, label: impl Into<String>, why: impl Into<String>) -> Self {
        Self { key, label: label.into(), detail: String::new(), chosen: Err(why.into()) }
    }
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// A text to be handed to the terminal's clipboard.
    Copy {
        /// What it is, such as `the link`.
        what: &'static str,
        /// The text.
        text: String,
    },
    /// An order of the list.
    Sort(SortBy),
    /// A part of the screen, to be handed there too.
    CopyScreen(ScreenPart),
}

/// A choice that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    title: String,
    lines: Vec<ChoiceLine>,
    cursor: usize,
}

impl Choice {
    /// A choice between these lines, of which [`LINES_MAX`] are kept. The first that can be chosen is
    /// selected.
    #[must_use]
    pub fn new(title: impl Into<String>, mut lines: Vec<ChoiceLine>) -> Self {
        lines.truncate(LINES_MAX);
        let cursor = lines.iter().position(|line| line.chosen.is_ok()).unwrap_or(0);
        Self { title: title.into(), lines, cursor }
    }

    /// The same with a line selected, such as the one in force.
    #[must_use]
    pub fn on(mut self, cursor: usize) -> Self {
        self.cursor = cursor.min(self.lines.len().saturating_sub(1));
        self
    }

    /// What it is a choice of.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[ChoiceLine] {
        &self.lines
    }

    /// The selected line.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Moves on or back by a line, and round at the ends.
    pub fn step(&mut self, forward: bool) {
        let count = self.lines.len().max(1);
        self.cursor = (self.cursor + if forward { 1 } else { count - 1 }) % count;
    }

    /// Selects the first or the last line.
    pub fn end(&mut self, last: bool) {
        self.cursor = if last { self.lines.len().saturating_sub(1) } else { 0 };
    }

    /// Selects the line of a letter; says whether there is one.
    pub fn find(&mut self, key: char) -> bool {
        let found = self.lines.iter().position(|line| line.key == key);
        self.cursor = found.unwrap_or(self.cursor);
        found.is_some()
    }

    /// The selected line.
    #[must_use]
    pub fn selected(&self) -> Option<&ChoiceLine> {
        self.lines.get(self.cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(text: &str) -> Chosen {
        Chosen::Copy { what: "the id", text: text.to_owned() }
    }

    #[test]
    fn a_choice_begins_on_what_can_be_chosen_and_goes_round() {
        let lines = vec![
            ChoiceLine::refused('l', "link", "no link is configured"),
            ChoiceLine::new('i', "id", "one/two", copy("one/two")),
            ChoiceLine::new('r', "row", "all of it", copy("all of it")),
        ];
        let mut choice = Choice::new("copy", lines);
        assert_eq!(choice.cursor(), 1);
        choice.step(true);
        choice.step(true);
        assert_eq!(choice.cursor(), 0);
        choice.step(false);
        assert_eq!(choice.selected().map(|line| line.key), Some('r'));
        assert!(choice.find('i') && !choice.find('x'));
        assert_eq!(choice.cursor(), 1, "a letter of no line moves nothing");
        choice.end(false);
        assert_eq!(choice.cursor(), 0);
    }

    #[test]
    fn a_choice_of_nothing_can_be_moved_in_and_chooses_nothing() {
        let mut choice = Choice::new("copy", Vec::new());
        choice.step(true);
        choice.step(false);
        choice.end(true);
        assert_eq!(choice.selected(), None);
    }
}
