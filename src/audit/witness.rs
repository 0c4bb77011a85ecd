//! Remembering a checkpoint and holding a newer one against it: how whoever looked before notices that
//! history was rewritten since, although each of its signatures is good.

use super::{Checkpoint, Hash, Keyring, NoteError, Verifier, verify_consistency};

/// The last checkpoint of a log that somebody saw, and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    key: Verifier,
    checkpoint: Checkpoint,
    note: String,
}

/// What a log shows to somebody who remembers a checkpoint of it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its newest checkpoint; none where it says that it has none.
    pub note: Option<&'a str>,
    /// The key that signs now.
    pub key: &'a str,
    /// Notes by which its keys passed the log on.
    pub successions: &'a [String],
    /// The consistency proof from the remembered size to that of the newest checkpoint.
    pub proof: Option<&'a [Hash]>,
}

/// Why what is shown does not go on from what is remembered. The signed note that is remembered is the
/// evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rewritten {
    /// There are fewer entries than there were.
    #[error("the trail has {got} entries now and had {remembered}: entries that were there are gone")]
    Smaller {
        /// How many there were.
        remembered: u64,
        /// How many there are.
        got: u64,
    },
    /// There are as many, and not the same.
    #[error("the trail has {size} entries as before, and not the same ones: at least one was changed")]
    OtherRoot {
        /// How many there were and are.
        size: u64,
    },
    /// There are more, and they do not begin with those that were there.
    #[error("the {to} entries of now do not begin with the {from} that were there: history was rewritten")]
    NotAnExtension {
        /// How many there were.
        from: u64,
        /// How many there are.
        to: u64,
    },
    /// That they do was not shown.
    #[error("it is not shown that the {to} entries of now begin with the {from} that were there")]
    NoProof {
        /// How many there were.
        from: u64,
        /// How many there are.
        to: u64,
    },
    /// Another key signs, and the one before did not pass the log on to it.
    #[error("key {got} signs now, and key {remembered}, which signed before, did not pass the trail on to it")]
    Key {
        /// The fingerprint of the key that signed.
        remembered: String,
        /// That of the one that signs.
        got: String,
    },
    /// It is another log.
    #[error("it is another trail, {got:?}, where {remembered:?} was")]
    Log {
        /// Its name then.
        remembered: String,
        /// Its name now.
        got: String,
    },
    /// The newest checkpoint is none.
    #[error("its newest checkpoint does not verify: {0}")]
    Note(NoteError),
}

impl Witness {
    /// Remembers a checkpoint that the key signed.
    ///
    /// # Errors
    /// [`NoteError`] when it did not.
    pub fn new(key: Verifier, note: &str) -> Result<Self, NoteError> {
        let checkpoint = key.verify(note)?;
        Ok(Self { key, checkpoint, note: note.to_owned() })
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &Verifier {
        &self.key
    }

    /// What it says.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note as it was: what can be shown to others.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Holds what is shown now against what is remembered. The answer is to be remembered from now on;
    /// after an error what was remembered is.
    ///
    /// # Errors
    /// [`Rewritten`], which says what does not go on from it.
    pub fn check(&self, shown: &Shown<'_>) -> Result<Self, Rewritten> {
        let (from, remembered) = (self.checkpoint.size, self.key.fingerprint());
        let note = shown.note.ok_or(Rewritten::Smaller { remembered: from, got: 0 })?;
        let other = |got: String| Rewritten::Key { remembered: remembered.clone(), got };
        let claimed: Verifier = shown.key.parse().map_err(|_| other("that is none".to_owned()))?;
        if claimed.origin() != self.checkpoint.origin {
            let (remembered, got) = (self.checkpoint.origin.clone(), claimed.origin().to_owned());
            return Err(Rewritten::Log { remembered, got });
        }
        let keyring = Keyring::new(self.key.clone(), shown.successions.iter().map(String::as_str));
        // The checkpoint with which a key is passed on is signed by both: either may be the one remembered.
        let signed_then = [keyring.at(from), keyring.at(from + 1)];
        if *keyring.newest() != claimed || !signed_then.contains(&&self.key) {
            return Err(other(claimed.fingerprint()));
        }
        let now = keyring.verify(note).map_err(Rewritten::Note)?;
        let to = now.size;
        if to < from {
            return Err(Rewritten::Smaller { remembered: from, got: to });
        }
        if to == from {
            // The key of a checkpoint of the same size is the same.
            let same = now.root == self.checkpoint.root;
            return if same { Ok(self.clone()) } else { Err(Rewritten::OtherRoot { size: from }) };
        }
        let proof = shown.proof.ok_or(Rewritten::NoProof { from, to })?;
        if !verify_consistency(from, &self.checkpoint.root, to, &now.root, proof) {
            return Err(Rewritten::NotAnExtension { from, to });
        }
        Ok(Self { key: keyring.at(to).clone(), checkpoint: now, note: note.to_owned() })
    }
}

#[cfg(test)]
mod tests;
