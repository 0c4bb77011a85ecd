//! What is where on the screen, noted while it is painted: a mouse asks, or a key that goes to a row of the screen,
//! and nothing is laid out twice.

use std::cell::{Cell, RefCell};

use ratatui::layout::{Position, Rect};

use super::{App, detail::Pane, dialog::Focus};
use crate::tui::intent::Intent;

/// What a place on the screen stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A row of the view's list.
    Row(usize),
    /// A pane of a rollout.
    Pane(Pane),
    /// A hint of what a key does.
    Hint(Intent),
    /// A line of the action menu.
    MenuLine(usize),
    /// A line of a choice.
    ChoiceLine(usize),
    /// A line of the help.
    HelpLine(usize),
    /// A completion of the command line.
    Completion(usize),
    /// A field or a button of the dialog.
    Focus(Focus),
}

/// Places as they were painted last. Painting takes the app by reference, and so notes them in cells.
#[derive(Debug, Default)]
pub struct Spots {
    places: RefCell<Vec<(Rect, Spot)>>,
    /// The first and the last row of the view's list that were painted.
    rows: Cell<Option<(usize, usize)>>,
}

impl Spots {
    /// Forgets all: something else has the keys, or another frame begins.
    pub fn clear(&self) {
        self.places.borrow_mut().clear();
        self.rows.set(None);
    }

    fn note(&self, area: Rect, spot: Spot) {
        self.places.borrow_mut().push((area, spot));
    }

    fn note_row(&self, row: usize) {
        let (first, last) = self.rows.get().unwrap_or((row, row));
        self.rows.set(Some((first.min(row), last.max(row))));
    }

    /// The first and the last row of the view's list that are on the screen; none where it shows no list.
    #[must_use]
    pub fn rows(&self) -> Option<(usize, usize)> {
        self.rows.get()
    }

    /// What was painted last at a place.
    #[must_use]
    pub fn at(&self, x: u16, y: u16) -> Option<Spot> {
        let place = Position { x, y };
        self.places.borrow().iter().rev().find(|(area, _)| area.contains(place)).map(|(_, spot)| *spot)
    }
}

impl App {
    /// Notes what is painted at a place, for as long as the mouse is on.
    pub(in crate::tui) fn note(&self, area: Rect, spot: Spot) {
        if self.mouse {
            self.spots.note(area, spot);
        }
    }

    /// Notes one line of an area. The rows of the list are known without a mouse too.
    pub(in crate::tui) fn note_line(&self, area: Rect, y: u16, spot: Spot) {
        if y < area.height {
            if let Spot::Row(row) = spot {
                self.spots.note_row(row);
            }
            self.note(Rect { y: area.y + y, height: 1, ..area }, spot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_painted_last_is_what_is_there() {
        let spots = Spots::default();
        spots.note(Rect::new(0, 0, 10, 5), Spot::Pane(Pane::Gates));
        spots.note(Rect::new(0, 2, 10, 1), Spot::Row(7));
        assert_eq!(spots.at(3, 2), Some(Spot::Row(7)));
        assert_eq!(spots.at(3, 1), Some(Spot::Pane(Pane::Gates)));
        assert_eq!(spots.at(10, 1), None);
        for row in [8, 7, 9] {
            spots.note_row(row);
        }
        assert_eq!(spots.rows(), Some((7, 9)));
        spots.clear();
        assert_eq!((spots.at(3, 2), spots.rows()), (None, None));
    }
}
