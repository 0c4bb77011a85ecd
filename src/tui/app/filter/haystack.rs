//! The columns of many rows in one text: a filter that reads ten thousand rows at every letter reads memory
//! from its beginning to its end, and not a piece here and there.

use super::Words;

/// Less than so many bytes are not worth putting together anew.
const UNUSED_MIN: usize = 4096;

/// Rows' columns, by the number of the row.
#[derive(Debug, Clone, Default)]
pub struct Haystack {
    text: String,
    /// Where each row's columns begin and end.
    places: Vec<(usize, usize)>,
    /// How much of the text is of no row any more.
    unused: usize,
}

impl Haystack {
    /// The columns of a row; nothing where there is none of that number.
    #[must_use]
    pub fn of(&self, row: usize) -> &str {
        self.places.get(row).and_then(|(from, until)| self.text.get(*from..*until)).unwrap_or_default()
    }

    /// Takes a row's columns in place of what it had.
    pub fn put(&mut self, row: usize, words: &Words) {
        if self.of(row) == &**words {
            return;
        }
        self.clear(row);
        if self.places.len() <= row {
            self.places.resize(row + 1, (0, 0));
        }
        let from = self.text.len();
        self.text.push_str(words);
        self.places[row] = (from, self.text.len());
    }

    /// Forgets a row's columns.
    pub fn clear(&mut self, row: usize) {
        let Some(place) = self.places.get_mut(row) else { return };
        self.unused += place.1 - place.0;
        *place = (0, 0);
        if self.unused > UNUSED_MIN.max(self.text.len() / 2) {
            self.put_together();
        }
    }

    fn put_together(&mut self) {
        let mut text = String::with_capacity(self.text.len() - self.unused);
        for place in &mut self.places {
            let from = text.len();
            text.push_str(&self.text[place.0..place.1]);
            *place = (from, text.len());
        }
        (self.text, self.unused) = (text, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_row_keeps_the_columns_that_it_was_given_last(
            changes in proptest::collection::vec((0_usize..6, proptest::option::of("[a-zé]{0,900}")), 0..80),
        ) {
            let mut haystack = Haystack::default();
            let mut plain = vec![String::new(); 6];
            for (row, columns) in changes {
                if let Some(text) = columns {
                    haystack.put(row, &Words::of(&[&text, "x"]));
                    plain[row] = format!("{text}\u{1f}x");
                } else {
                    haystack.clear(row);
                    plain[row].clear();
                }
                for (row, text) in plain.iter().enumerate() {
                    proptest::prop_assert_eq!(haystack.of(row), text);
                }
            }
            let used: usize = plain.iter().map(String::len).sum();
            proptest::prop_assert!(haystack.text.len() <= 2 * used + 2 * UNUSED_MIN, "what is unused is let go");
        }
    }
}
