//! The row below a chart: what changed when, and round instants where that leaves room.

/// A row of columns in the making.
pub(super) struct Ruler {
    columns: Vec<char>,
}

/// The sign of a change.
const SIGN: char = '^';

impl Ruler {
    pub fn new(width: usize) -> Self {
        Self { columns: vec![' '; width] }
    }

    /// Puts a sign at the column of each change, and its word beside it where there is room; the newest
    /// one, which comes last, first of all.
    pub fn changes(&mut self, changes: &[(usize, &str)]) {
        for (column, _) in changes {
            if let Some(cell) = self.columns.get_mut(*column) {
                *cell = SIGN;
            }
        }
        let mut named: Vec<usize> = Vec::new();
        for (column, word) in changes.iter().rev() {
            if *column >= self.columns.len() || named.contains(column) {
                continue;
            }
            named.push(*column);
            let length = word.chars().count();
            if self.is_free(column + 1, length, column + 1) {
                self.write(column + 1, word);
            } else if let Some(from) = column.checked_sub(length).filter(|from| self.is_free(*from, length, *column)) {
                self.write(from, word);
            }
        }
    }

    /// Names an instant at its column, if nothing stands near.
    pub fn tick(&mut self, column: usize, word: &str) {
        if self.is_free(column, word.chars().count(), usize::MAX) {
            self.write(column, word);
        }
    }

    /// Whether that many columns are empty, and the ones beside them, but for the side that the word
    /// belongs to.
    fn is_free(&self, from: usize, length: usize, sign_beside: usize) -> bool {
        let to = from + length;
        if to > self.columns.len() {
            return false;
        }
        let empty = |at: usize| self.columns.get(at).is_none_or(|c| *c == ' ');
        let left = from == sign_beside || from == 0 || empty(from - 1);
        let right = to == sign_beside || empty(to);
        left && right && (from..to).all(empty)
    }

    fn write(&mut self, from: usize, word: &str) {
        for (cell, c) in self.columns.iter_mut().skip(from).zip(word.chars()) {
            // One column each, whatever comes.
            *cell = if c.is_ascii_graphic() { c } else { '?' };
        }
    }

    pub fn text(&self) -> String {
        self.columns.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_has_its_sign_and_a_word_where_there_is_room() {
        let mut ruler = Ruler::new(30);
        ruler.changes(&[(2, "canary"), (4, "pause"), (20, "resume"), (28, "wave1"), (99, "later")]);
        assert_eq!(ruler.text(), "  ^ ^pause    resume^  wave1^ ");
    }

    #[test]
    fn a_round_instant_is_named_only_where_no_change_is() {
        let mut ruler = Ruler::new(30);
        ruler.changes(&[(10, "pause")]);
        for (column, word) in [(0, "11:30"), (13, "11:45"), (20, "11:50"), (28, "11:55")] {
            ruler.tick(column, word);
        }
        assert_eq!(ruler.text(), "11:30     ^pause    11:50     ");
    }

    proptest::proptest! {
        #[test]
        fn nothing_widens_it(changes in proptest::collection::vec((0_usize..60, "\\PC{0,12}"), 0..12), width in 0_usize..50) {
            let mut ruler = Ruler::new(width);
            let changes: Vec<(usize, &str)> = changes.iter().map(|(at, word)| (*at, word.as_str())).collect();
            ruler.changes(&changes);
            ruler.tick(7, "11:45");
            proptest::prop_assert_eq!(ruler.text().len(), width);
        }
    }
}
