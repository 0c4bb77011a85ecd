//! What can follow what is typed on the command line: the best of it, with one line of help each.

use std::cmp::Reverse;

use super::filter;

/// Most completions that are kept: nobody goes through more, and typing a letter is faster.
pub const KEPT: usize = 60;

/// One completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole line that it makes.
    pub line: String,
    /// What is shown of it.
    pub label: String,
    /// Which graphemes of the label were typed.
    pub found: Vec<u32>,
    /// What may follow.
    pub argument: &'static str,
    /// What it does.
    pub help: String,
    /// The keys that do the same here.
    pub keys: String,
    /// Why it cannot be done now.
    pub refused: Option<String>,
}

impl Candidate {
    /// A completion with nothing to say about it.
    #[must_use]
    pub fn plain(line: String, label: String) -> Self {
        let (help, keys) = (String::new(), String::new());
        Self { line, label, found: Vec::new(), argument: "", help, keys, refused: None }
    }
}

/// The completions of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    /// The best of them, the best first.
    pub list: Vec<Candidate>,
    /// How many there are in all.
    pub total: usize,
    /// The one that is chosen.
    pub cursor: Option<usize>,
}

impl Palette {
    /// Chooses the next or the one before, and round; says which line that makes.
    pub fn step(&mut self, forward: bool) -> Option<&str> {
        let count = self.list.len();
        let next = match (self.cursor, forward) {
            _ if count == 0 => return None,
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        };
        self.cursor = Some(next);
        Some(&self.list[next].line)
    }
}

/// Ranks what fits what was typed, and keeps the best. What is not kept is never made: of ten thousand names
/// only those are copied that are shown.
#[derive(Debug)]
pub struct Ranking<'t> {
    typed: &'t str,
    /// How well it fits, and how many came before it.
    best: Vec<(Reverse<u32>, usize, Candidate)>,
    total: usize,
}

impl<'t> Ranking<'t> {
    /// Nothing yet.
    #[must_use]
    pub fn new(typed: &'t str) -> Self {
        Self { typed, best: Vec::new(), total: 0 }
    }

    /// Whether a name fits what is typed.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        let mut fits = false;
        filter::rank(self.typed, std::iter::once(((), name)), |(), _| fits = true);
        fits
    }

    /// Takes names; `make` makes a completion of one that is among the best.
    pub fn take<'n, T>(&mut self, names: impl Iterator<Item = (T, &'n str)>, mut make: impl FnMut(T) -> Candidate) {
        filter::rank(self.typed, names, |item, score| {
            let at = self.total;
            self.total += 1;
            let place = (Reverse(score), at);
            let worst = self.best.last().map(|(score, at, _)| (*score, *at));
            if self.best.len() == KEPT && worst.is_some_and(|worst| worst < place) {
                return;
            }
            let to = self.best.partition_point(|(score, at, _)| (*score, *at) < place);
            self.best.insert(to, (place.0, at, make(item)));
            self.best.truncate(KEPT);
        });
    }

    /// The best of what came.
    #[must_use]
    pub fn palette(self) -> Palette {
        let typed = self.typed;
        let mark = |mut candidate: Candidate| {
            candidate.found = filter::ranked(typed, &candidate.label);
            candidate
        };
        let list = self.best.into_iter().map(|(.., candidate)| mark(candidate)).collect();
        Palette { list, total: self.total, cursor: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(typed: &str, names: &[&str]) -> (Vec<String>, usize) {
        let mut ranking = Ranking::new(typed);
        ranking
            .take(names.iter().map(|name| (*name, *name)), |name| Candidate::plain(name.to_owned(), name.to_owned()));
        let palette = ranking.palette();
        (palette.list.into_iter().map(|candidate| candidate.line).collect(), palette.total)
    }

    #[test]
    fn the_best_is_first_and_what_does_not_fit_is_left_out() {
        let names = ["set", "sites", "resume", "rollouts", "follow"];
        assert_eq!(ranked("si", &names).0, ["sites"]);
        assert_eq!(ranked("s", &names).0.len(), 5 - 1, "follow has no s");
        assert_eq!(ranked("", &names), (names.map(str::to_owned).to_vec(), 5));
    }

    #[test]
    fn of_ten_thousand_names_only_the_best_are_made() {
        let names: Vec<String> = (0..10_000).map(|n| format!("dc-{}/change-{n:05}", n % 40)).collect();
        let mut ranking = Ranking::new("change-07777");
        let mut made = 0;
        ranking.take(names.iter().map(|name| (name, name.as_str())), |name| {
            made += 1;
            Candidate::plain(name.clone(), name.clone())
        });
        let palette = ranking.palette();
        assert_eq!(palette.list[0].line, "dc-17/change-07777");
        assert!(made < 500, "{made} were made");
        let mut ranking = Ranking::new("");
        let mut made = 0;
        ranking.take(names.iter().map(|name| (name, name.as_str())), |name| {
            made += 1;
            Candidate::plain(name.clone(), name.clone())
        });
        assert_eq!((made, ranking.palette().total), (KEPT, 10_000));
    }

    #[test]
    fn going_through_the_list_goes_round_and_an_empty_one_goes_nowhere() {
        let mut palette = Palette {
            list: ["a", "b"].map(|name| Candidate::plain(name.to_owned(), name.to_owned())).to_vec(),
            ..Palette::default()
        };
        assert_eq!(palette.step(true), Some("a"));
        assert_eq!(palette.step(true), Some("b"));
        assert_eq!(palette.step(true), Some("a"));
        assert_eq!(palette.step(false), Some("b"));
        assert_eq!(Palette::default().step(true), None);
    }
}
