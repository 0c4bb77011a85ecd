//! Records of which the backend tells all at once: what it said last, in which order they are listed, which
//! is selected, and when they were asked for. What a record is, and how two compare, is its view's.

use std::{cmp::Ordering, time::Duration};

use super::{
    filter::Words,
    listing::{Entry, Listing},
    sort::{Sort, SortBy},
};
use crate::backend::BackendError;

/// A row of such a list.
pub trait Record: PartialEq {
    /// What tells it from all others; by name it is sorted by that.
    fn id(&self) -> &str;

    /// What a filter looks into, in the order of the view's columns.
    fn words(&self) -> Words;

    /// Which of two is first by something else than name; none: as the backend said them.
    fn compare(&self, other: &Self, by: SortBy) -> Option<Ordering>;

    /// Whether it stands before all others, wherever the backend said it.
    fn presses(&self) -> bool {
        false
    }
}

/// The records.
#[derive(Debug)]
pub struct Records<R> {
    /// Why the last question was not answered.
    pub error: Option<BackendError>,
    /// Which of them are listed.
    pub list: Listing,
    rows: Option<Vec<R>>,
    asked: Option<Duration>,
}

impl<R> Default for Records<R> {
    fn default() -> Self {
        Self { error: None, list: Listing::default(), rows: None, asked: None }
    }
}

impl<R: Record> Records<R> {
    /// Whether a first answer has come.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.rows.is_some()
    }

    /// All of them, as the backend said them; those that press first.
    #[must_use]
    pub fn all(&self) -> &[R] {
        self.rows.as_deref().unwrap_or_default()
    }

    /// A listed one.
    #[must_use]
    pub fn at(&self, row: usize) -> Option<&R> {
        self.all().get(self.list.at(row)?)
    }

    /// The selected one.
    #[must_use]
    pub fn selected(&self) -> Option<&R> {
        self.all().get(self.list.selected()?)
    }

    /// One by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&R> {
        self.all().iter().find(|row| row.id() == id)
    }

    /// Sorts by something else.
    pub fn set_order(&mut self, order: Sort) {
        self.list.order = order;
        self.arrange();
    }

    fn arrange(&mut self) {
        let order = self.list.order;
        let mut rows: Vec<(usize, &R)> = self.all().iter().enumerate().collect();
        rows.sort_by(|(i, a), (j, b)| {
            let by_name = || a.id().cmp(b.id());
            let ordering = match order.by {
                SortBy::Name => by_name(),
                by => a.compare(b, by).unwrap_or_else(|| i.cmp(j)),
            };
            order.turned(ordering).then_with(by_name)
        });
        let entry = |(at, row): (usize, &R)| Entry { id: row.id().to_owned(), words: row.words(), at };
        let entries = rows.into_iter().map(entry).collect();
        self.list.put(entries);
    }

    /// Takes an answer; says whether it is another one than before. The selection stays with its record.
    pub fn take(&mut self, answer: Result<Vec<R>, BackendError>) -> bool {
        match answer {
            Ok(mut rows) => {
                rows.sort_by_key(|row| !row.presses());
                let changed = self.error.take().is_some() || self.rows.as_ref() != Some(&rows);
                if changed {
                    self.rows = Some(rows);
                    self.arrange();
                }
                changed
            }
            Err(error) => {
                let before = self.error.replace(error);
                before != self.error
            }
        }
    }

    /// Puts one in the place of its former self, or first.
    pub fn replace(&mut self, row: R) {
        let rows = self.rows.get_or_insert_default();
        match rows.iter_mut().find(|old| old.id() == row.id()) {
            Some(old) => *old = row,
            None => rows.insert(0, row),
        }
        rows.sort_by_key(|row| !row.presses());
        self.arrange();
    }

    /// Notes that they are asked for.
    pub fn asked(&mut self, elapsed: Duration) {
        self.asked = Some(elapsed);
    }

    /// Whether they were asked for so long ago that it is time again.
    #[must_use]
    pub fn due(&self, elapsed: Duration, every: Duration) -> bool {
        self.asked.is_none_or(|asked| elapsed.saturating_sub(asked) >= every)
    }
}
