//! What a filter lets through: words that are looked for, loosely, in the columns that a row shows.
//!
//! Every word has to be found in some column: `pick` loosely (its letters in that order), `'pick` as it
//! is, `^pick` at a column's beginning, `pick$` at its end, `!pick` in none. `state:pick` looks into one
//! column only. Nothing is allocated for a row, so that ten thousand rows cost a letter no more than they
//! cost a cursor key.

pub mod haystack;

use std::cell::RefCell;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{Atom, AtomKind, CaseMatching, Normalization},
};

/// Between the columns of [`Words`]; no text that passed the edge has it.
const SEPARATOR: char = '\u{1f}';
/// The best row is looked for among so many of those that fit, the first ones: to weigh a row takes ten times
/// as long as to see whether it fits.
pub const BEST_OF: usize = 200;
/// Most words of a filter that count.
const TERMS_MAX: usize = 12;

/// A column that a filter looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name before a colon, such as `state`.
    pub name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Letters may lie apart.
    Name,
    /// Letters that lie about in a sentence say nothing: it has to have the word as it is.
    Sentence,
    /// A part of another column, which is looked into only when it is named.
    Part,
}

impl Column {
    /// A column of names.
    #[must_use]
    pub const fn name(name: &'static str) -> Self {
        Self { name, kind: Kind::Name }
    }

    /// A column of sentences.
    #[must_use]
    pub const fn sentence(name: &'static str) -> Self {
        Self { name, kind: Kind::Sentence }
    }

    /// A part of another column.
    #[must_use]
    pub const fn part(name: &'static str) -> Self {
        Self { name, kind: Kind::Part }
    }
}

/// The columns of one row, as a filter sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Box<str>);

impl Words {
    /// The words of a row, by column.
    #[must_use]
    pub fn of(columns: &[&str]) -> Self {
        Self(columns.join("\u{1f}").into_boxed_str())
    }
}

impl std::ops::Deref for Words {
    type Target = str;

    /// The columns one after the other, as a filter reads them.
    fn deref(&self) -> &str {
        &self.0
    }
}

/// One of the columns of a row.
#[must_use]
pub fn column(words: &str, index: usize) -> &str {
    words.split(SEPARATOR).nth(index).unwrap_or_default()
}

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// The only column that it is looked for in.
    column: Option<usize>,
    atom: Atom,
    /// The same, to be found as it is.
    literal: Atom,
    /// Its letters, where they may lie apart and are all of ASCII.
    letters: Option<Box<str>>,
}

impl Term {
    fn read(text: &str, columns: &[Column]) -> Option<Self> {
        let (sign, rest) = match text.strip_prefix('!') {
            Some(rest) => ("!", rest),
            None => ("", text),
        };
        let (column, rest) = match rest.split_once(':') {
            Some((name, rest)) => match columns.iter().position(|column| column.name == name) {
                Some(column) => (Some(column), rest),
                None => (None, rest_of(text)),
            },
            None => (None, rest),
        };
        let atom = Atom::parse(&format!("{sign}{rest}"), CaseMatching::Ignore, Normalization::Smart);
        if atom.needle_text().is_empty() {
            // A sign that is typed before its word is no word yet.
            return None;
        }
        let letters = match atom.needle_text() {
            Utf32Str::Ascii(text) if atom.kind == AtomKind::Fuzzy => std::str::from_utf8(text).ok().map(Into::into),
            _ => None,
        };
        let mut literal = atom.clone();
        if literal.kind == AtomKind::Fuzzy {
            literal.kind = AtomKind::Substring;
        }
        Some(Self { column, atom, literal, letters })
    }

    fn atom(&self, column: Column) -> &Atom {
        if column.kind == Kind::Sentence { &self.literal } else { &self.atom }
    }

    /// Whether a column's text has it: what [`Atom::score`] says too, and slowly, for it looks for the best way
    /// to find it.
    fn is_in(&self, text: &str, column: Column, finder: &mut Finder) -> bool {
        match &self.letters {
            Some(letters) if text.is_ascii() => match column.kind {
                Kind::Sentence => has_word(text, letters),
                Kind::Name | Kind::Part => has_letters(text, letters),
            },
            _ => {
                let Finder { matcher, chars, .. } = finder;
                self.atom(column).score(Utf32Str::new(text, chars), matcher).is_some()
            }
        }
    }

    /// Whether it is looked for in a column.
    fn looks_into(&self, index: usize, column: Column) -> bool {
        self.column.map_or(column.kind != Kind::Part, |only| only == index)
    }

    /// Whether whatever this lets through was let through by another one.
    fn narrows(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let longer = || {
            let mut chars = self.atom.needle_text().chars();
            other.atom.needle_text().chars().all(|c| chars.next() == Some(c))
        };
        let grows = matches!(self.atom.kind, AtomKind::Fuzzy | AtomKind::Substring | AtomKind::Prefix);
        let same = self.column == other.column && self.atom.kind == other.atom.kind;
        same && grows && !self.atom.negative && !other.atom.negative && longer()
    }
}

/// Whether a text has these letters in that order; both of ASCII.
fn has_letters(text: &str, letters: &str) -> bool {
    let mut bytes = text.bytes();
    letters.bytes().all(|letter| bytes.any(|byte| byte.eq_ignore_ascii_case(&letter)))
}

/// Whether a text has these letters one after the other; both of ASCII.
fn has_word(text: &str, letters: &str) -> bool {
    text.as_bytes().windows(letters.len()).any(|part| part.eq_ignore_ascii_case(letters.as_bytes()))
}

/// Without the sign that it begins with.
fn rest_of(text: &str) -> &str {
    text.strip_prefix('!').unwrap_or(text)
}

/// What it takes to look for words: some memory, kept from one row to the next.
struct Finder {
    matcher: Matcher,
    chars: Vec<char>,
    indices: Vec<u32>,
}

thread_local! {
    // Scratch memory only: what is found depends on nothing in it.
    static FINDER: RefCell<Finder> = RefCell::new(Finder {
        matcher: Matcher::new(Config::DEFAULT),
        chars: Vec::new(),
        indices: Vec::new(),
    });
}

/// What typing changed about a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Same,
    /// It lets nothing through that it did not let through before.
    Narrower,
    /// Anything.
    Other,
}

/// A filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    columns: &'static [Column],
    text: String,
    terms: Vec<Term>,
}

impl Filter {
    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns that it looks into.
    #[must_use]
    pub fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// Whether all rows are let through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Looks for something else, in rows of these columns.
    pub fn set(&mut self, text: &str, columns: &'static [Column]) -> Change {
        let terms: Vec<Term> =
            text.split_whitespace().take(TERMS_MAX).filter_map(|word| Term::read(word, columns)).collect();
        let change = if terms == self.terms && columns == self.columns {
            Change::Same
        } else if terms.len() >= self.terms.len()
            && columns == self.columns
            && terms.iter().zip(&self.terms).all(|(new, old)| new.narrows(old))
        {
            Change::Narrower
        } else {
            Change::Other
        };
        text.clone_into(&mut self.text);
        (self.columns, self.terms) = (columns, terms);
        change
    }

    /// Whether a row is let through, by its [`Words`].
    #[must_use]
    pub fn fits(&self, words: &str) -> bool {
        FINDER.with_borrow_mut(|finder| {
            self.terms.iter().all(|term| {
                let mut columns = words.split(SEPARATOR).zip(self.columns).enumerate();
                let mut has = |(index, (text, column)): (usize, (&str, &Column))| {
                    term.looks_into(index, *column).then(|| term.is_in(text, *column, finder))
                };
                if term.atom.negative {
                    columns.all(|at| has(at) != Some(false))
                } else {
                    columns.any(|at| has(at) == Some(true))
                }
            })
        })
    }

    /// How well a row fits, or nothing where some word is not found in it.
    #[must_use]
    pub fn score(&self, words: &str) -> Option<u32> {
        FINDER.with_borrow_mut(|Finder { matcher, chars, .. }| {
            self.terms.iter().try_fold(0_u32, |sum, term| {
                let mut best = None;
                for (index, (text, column)) in words.split(SEPARATOR).zip(self.columns).enumerate() {
                    if !term.looks_into(index, *column) {
                        continue;
                    }
                    let found = term.atom(*column).score(Utf32Str::new(text, chars), matcher);
                    match (found, term.atom.negative) {
                        // It is in this column, and so it is not in none.
                        (None, true) => return None,
                        (found, _) => best = best.max(found.map(u32::from)),
                    }
                }
                Some(sum + best?)
            })
        })
    }

    /// Which graphemes of a column's text were looked for, counted from its beginning, in order.
    #[must_use]
    pub fn found(&self, column: &str, text: &str) -> Vec<u32> {
        if self.terms.is_empty() {
            return Vec::new();
        }
        let Some((index, column)) = self.columns.iter().enumerate().find(|(_, known)| known.name == column) else {
            return Vec::new();
        };
        FINDER.with_borrow_mut(|Finder { matcher, chars, indices }| {
            indices.clear();
            for term in self.terms.iter().filter(|term| !term.atom.negative && term.looks_into(index, *column)) {
                term.atom(*column).indices(Utf32Str::new(text, chars), matcher, indices);
            }
            indices.sort_unstable();
            indices.dedup();
            indices.clone()
        })
    }
}

/// How well a name fits what is typed of it, the better the more; nothing where it does not. For lists of
/// completions: the letters loosely, in that order.
pub fn rank<'n, T>(typed: &str, names: impl Iterator<Item = (T, &'n str)>, mut take: impl FnMut(T, u32)) {
    let atom = Atom::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false);
    FINDER.with_borrow_mut(|Finder { matcher, chars, .. }| {
        for (item, name) in names {
            // Most names are ruled out before the best way through them is looked for.
            if typed.is_ascii() && name.is_ascii() && !has_letters(name, typed) {
                continue;
            }
            if let Some(score) = atom.score(Utf32Str::new(name, chars), matcher) {
                take(item, u32::from(score));
            }
        }
    });
}

/// Which graphemes of a text [`rank`] found.
#[must_use]
pub fn ranked(typed: &str, text: &str) -> Vec<u32> {
    let atom = Atom::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false);
    FINDER.with_borrow_mut(|Finder { matcher, chars, .. }| {
        let mut indices = Vec::new();
        atom.indices(Utf32Str::new(text, chars), matcher, &mut indices);
        indices.sort_unstable();
        indices.dedup();
        indices
    })
}

#[cfg(test)]
mod tests;
