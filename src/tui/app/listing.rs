//! Which rows of a list are shown and which is selected: by identity, whatever is filtered, sorted or
//! comes in. The rows themselves are their view's.

use super::{
    filter::{BEST_OF, Change, Column, Filter, Words},
    sort::Sort,
};

/// A row, as far as it is to be found and to be kept selected.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What tells it from all others.
    pub id: String,
    /// What a filter looks into.
    pub words: Words,
    /// Its place in what its view keeps.
    pub at: usize,
}

/// The state of a list.
#[derive(Debug, Default)]
pub struct Listing {
    /// The order in force; rows are put in it by their view.
    pub order: Sort,
    filter: Filter,
    entries: Vec<Entry>,
    /// Whether each entry fits the filter.
    fits: Vec<bool>,
    shown: Vec<usize>,
    cursor: usize,
    selected: Option<String>,
    /// What was selected when the filter began to be typed.
    first: Option<String>,
}

impl Listing {
    /// The filter in force.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many rows there are, shown or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.entries.len()
    }

    /// How many rows are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The place of a row in what its view keeps.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<usize> {
        self.shown.get(row).map(|entry| self.entries[*entry].at)
    }

    /// The row that has the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The place of the selected row in what its view keeps.
    #[must_use]
    pub fn selected(&self) -> Option<usize> {
        self.at(self.cursor)
    }

    /// Takes all rows in their order; the selection stays with its row.
    pub fn put(&mut self, entries: Vec<Entry>) {
        self.entries = entries;
        self.fits = self.entries.iter().map(|entry| self.filter.fits(&entry.words)).collect();
        self.show();
        self.follow();
    }

    fn show(&mut self) {
        self.shown = (0..self.entries.len()).filter(|entry| self.fits[*entry]).collect();
    }

    fn row_of(&self, id: &str) -> Option<usize> {
        self.shown.iter().position(|entry| self.entries[*entry].id == id)
    }

    fn follow(&mut self) {
        let row = self.selected.as_deref().and_then(|id| self.row_of(id));
        self.move_to(row.unwrap_or(self.cursor));
    }

    /// Moves the cursor.
    pub fn move_to(&mut self, row: usize) {
        self.cursor = row.min(self.len().saturating_sub(1));
        if let Some(entry) = self.shown.get(self.cursor) {
            self.selected = Some(self.entries[*entry].id.clone());
        }
    }

    /// Selects a row by its identity; `false` where it is not shown.
    pub fn select(&mut self, id: &str) -> bool {
        match self.row_of(id) {
            Some(row) => {
                self.move_to(row);
                true
            }
            None => false,
        }
    }

    /// A filter begins to be typed.
    pub fn begin_filter(&mut self) {
        self.first.clone_from(&self.selected);
    }

    /// It is typed, and what it selected stays; or it is given up, and what was selected before is again.
    pub fn end_filter(&mut self, back: Option<&str>) {
        let first = self.first.take();
        if let Some(before) = back {
            let columns = self.filter.columns();
            self.set_filter(before, columns);
            if let Some(first) = first {
                self.select(&first);
            }
        }
    }

    /// Sets the filter: the cursor stays with its row while that is shown, and else goes to the one that fits
    /// best. While it is typed, `its row` is the one that was selected first.
    pub fn set_filter(&mut self, text: &str, columns: &'static [Column]) {
        match self.filter.set(text, columns) {
            Change::Same => return,
            Change::Narrower => {
                for (entry, fits) in self.entries.iter().zip(&mut self.fits) {
                    *fits = *fits && self.filter.fits(&entry.words);
                }
            }
            Change::Other => {
                self.fits = self.entries.iter().map(|entry| self.filter.fits(&entry.words)).collect();
            }
        }
        self.show();
        let kept = self.first.as_deref().or(self.selected.as_deref()).and_then(|id| self.row_of(id));
        let best = || {
            let scored = self.shown.iter().enumerate().take(BEST_OF).rev();
            scored.max_by_key(|(_, entry)| self.filter.score(&self.entries[**entry].words)).map(|(row, _)| row)
        };
        if let Some(row) = kept.or_else(best) {
            self.move_to(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::name("name")];

    fn listing(names: &[&str]) -> Listing {
        let mut listing = Listing::default();
        listing.put(entries(names));
        listing.move_to(0);
        listing
    }

    fn entries(names: &[&str]) -> Vec<Entry> {
        let entry = |(at, name): (usize, &&str)| Entry { id: (*name).to_owned(), words: Words::of(&[name]), at };
        names.iter().enumerate().map(entry).collect()
    }

    fn shown(listing: &Listing) -> Vec<usize> {
        (0..listing.len()).filter_map(|row| listing.at(row)).collect()
    }

    #[test]
    fn the_cursor_stays_with_its_row_while_it_fits_and_comes_back_to_it() {
        let mut listing = listing(&["rome", "oslo", "rouen", "osaka"]);
        listing.select("rouen");
        listing.begin_filter();
        listing.set_filter("r", COLUMNS);
        assert_eq!((shown(&listing), listing.selected()), (vec![0, 2], Some(2)));
        listing.set_filter("ro", COLUMNS);
        listing.set_filter("rom", COLUMNS);
        assert_eq!(listing.selected(), Some(0), "the best of what is left");
        listing.set_filter("ro", COLUMNS);
        assert_eq!(listing.selected(), Some(2), "the first selection fits again");
        listing.set_filter("zz", COLUMNS);
        assert!(listing.is_empty() && listing.selected().is_none());
        listing.end_filter(Some(""));
        assert_eq!((listing.len(), listing.selected()), (4, Some(2)), "given up: as it was");
    }

    #[test]
    fn what_the_filter_selected_stays_selected_when_it_is_done() {
        let mut listing = listing(&["rome", "oslo", "rouen"]);
        listing.begin_filter();
        listing.set_filter("os", COLUMNS);
        listing.end_filter(None);
        listing.set_filter("", COLUMNS);
        assert_eq!((listing.len(), listing.selected()), (3, Some(1)));
    }

    #[test]
    fn rows_that_come_and_go_do_not_move_the_selection() {
        let mut listing = listing(&["rome", "oslo", "rouen"]);
        listing.select("oslo");
        listing.put(entries(&["athens", "bern", "oslo"]));
        assert_eq!(listing.selected(), Some(2));
        listing.put(entries(&["athens", "bern"]));
        assert_eq!(listing.selected(), Some(1), "gone: the cursor stays where it was");
    }
}
