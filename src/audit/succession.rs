//! How one key of a log passes it on to the next: a checkpoint that names both in its signed text and
//! that both have signed, so that whoever trusts either of them can follow to the other.
//!
//! ```text
//! rolldeck.example/audit
//! 42
//! 3oH...=
//! rolldeck-succession PREVIOUS-VERIFIER-KEY NEXT-VERIFIER-KEY
//!
//! — rolldeck.example/audit Az3g...=      by the previous key
//! — rolldeck.example/audit Bm9x...=      by the next key
//! ```
//!
//! Anybody can add a signature to a checkpoint that is not theirs; nobody can add a line to its text.

use super::{
    Checkpoint, Hash, NoteError, Signer, Verifier,
    note::{self, extensions},
};

/// The word that the line begins with.
const WORD: &str = "rolldeck-succession ";

/// A checkpoint by which a log was passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// What it covers: the last that the previous key answers for.
    pub checkpoint: Checkpoint,
    /// The key that signed until then.
    pub previous: Verifier,
    /// The key that signs from then on.
    pub next: Verifier,
}

impl Succession {
    /// The note by which one key passes a log on to the next. Both must be of one log, or nobody follows it.
    #[must_use]
    pub fn sign(previous: &Signer, next: &Signer, size: u64, root: &Hash) -> String {
        let line = format!("{WORD}{} {}", previous.verifier_key(), next.verifier_key());
        note::sign_all(&[previous, next], size, root, &[line])
    }

    /// Reads a note: none when it is another checkpoint.
    ///
    /// # Errors
    /// [`NoteError`] when it says that it is one, and is not signed by both keys that it names.
    pub fn read(note: &str) -> Result<Option<Self>, NoteError> {
        let mut lines = extensions(note)?.filter_map(|line| line.strip_prefix(WORD));
        let Some(keys) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            return Err(NoteError::Form("two lines that pass the log on"));
        }
        let (previous, next) =
            keys.split_once(' ').ok_or(NoteError::Form("a succession that does not name two keys"))?;
        let (previous, next): (Verifier, Verifier) = (previous.parse()?, next.parse()?);
        if previous == next {
            return Err(NoteError::Form("a key that is passed on to itself"));
        }
        let checkpoint = previous.verify(note)?;
        next.verify(note)?;
        Ok(Some(Self { checkpoint, previous, next }))
    }
}

/// The keys of a log, each for the checkpoints that it may sign, as far as one trusted key leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    /// Each key signs checkpoints of more entries than the number beside it, the first one any.
    keys: Vec<(u64, Verifier)>,
}

impl Keyring {
    /// Follows the successions among these notes from the trusted key, back and on. What is no succession,
    /// or does not hang together with the key, is passed over.
    #[must_use]
    pub fn new<'a>(trusted: Verifier, notes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all: Vec<Succession> =
            notes.into_iter().filter_map(|note| Succession::read(note).ok().flatten()).collect();
        all.sort_by_key(|succession| succession.checkpoint.size);
        let mut keys = vec![(0, trusted)];
        // Back: each was passed on to by a smaller checkpoint.
        let mut before = u64::MAX;
        while let Some(found) =
            all.iter().rev().find(|s| s.checkpoint.size < before && keys.first().is_some_and(|(_, key)| *key == s.next))
        {
            before = found.checkpoint.size;
            keys[0].0 = before;
            keys.insert(0, (0, found.previous.clone()));
        }
        // On: each passes on by a greater one. Of two the first counts: a key that has passed the log on
        // does not pass it on again.
        while let Some((since, last)) = keys.last().cloned()
            && let Some(found) = all.iter().find(|s| s.checkpoint.size > since && s.previous == last)
        {
            keys.push((found.checkpoint.size, found.next.clone()));
        }
        Self { keys }
    }

    /// The key that may sign a checkpoint of that many entries.
    #[must_use]
    pub fn at(&self, size: u64) -> &Verifier {
        let found = self.keys.iter().rev().find(|(since, _)| *since < size);
        &found.unwrap_or(&self.keys[0]).1
    }

    /// The key that signs now.
    #[must_use]
    pub fn newest(&self) -> &Verifier {
        &self.keys[self.keys.len() - 1].1
    }

    /// All of them, the oldest first.
    pub fn keys(&self) -> impl Iterator<Item = &Verifier> {
        self.keys.iter().map(|(_, key)| key)
    }

    /// Reads a checkpoint that the key of its time signed.
    ///
    /// # Errors
    /// [`NoteError`] when it is no checkpoint, is of another log, or that key did not sign it: one that
    /// was passed on before does not count any more.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let claimed = Checkpoint::parse(note)?;
        self.at(claimed.size).verify(note)
    }
}

#[cfg(test)]
mod tests;
