//! Remembering what a server's audit trail was like, so that whoever looked before notices that its history
//! was rewritten since: one small file a server, in the data directory of whoever looks.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Backend, BackendError, BackendResult};
use crate::{
    audit::{Hash, Rewritten, Witness, witness::Shown},
    clock::Clock,
    domain::{SafeText, hex, pretty},
    settings::edit::private_directory,
    wire::{TrailFault, WitnessView},
};

/// The version of the file's form.
const SCHEMA: u32 = 1;
/// Longest file that is read, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Where it is remembered what one server's trail was like. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory {
    file: PathBuf,
    place: String,
    clock: Arc<dyn Clock>,
}

/// What holding a trail against what is remembered of it has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnessed {
    /// What was remembered before; none at the first look, or where nothing is remembered here.
    pub remembered: Option<Remembered>,
    /// How many entries, from the first on, a checkpoint covers that goes on from what was remembered (at
    /// the first look, that was signed): they cannot be changed any more without being noticed here.
    pub proven_to: u64,
    /// The fingerprint of the key that signed that.
    pub key: Option<SafeText>,
    /// What does not go on from what was remembered. It stays until somebody accepts it.
    pub broken: Option<Broken>,
    /// What the server itself found of its trail that is not as it was written.
    pub fault: Option<TrailFault>,
    /// Why it could not be remembered.
    pub remark: Option<SafeText>,
}

/// What is remembered of a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// How many entries it had.
    pub size: u64,
    /// The fingerprint of the key that signed that.
    pub key: SafeText,
    /// When that was seen.
    pub at: DateTime<Utc>,
}

/// A trail whose history is not the one that was seen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// What kind of thing it is.
    pub why: Rewritten,
    /// The greatest size, smaller than the remembered one, up to which the trail is still as it was seen;
    /// none when nothing that was seen is.
    pub holds_to: Option<u64>,
    /// All of it in words for people, with what to do.
    pub message: SafeText,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    schema: u32,
    place: String,
    last: Sight,
    /// Older ones, ascending by size and thinned out: to find out since when history differs.
    #[serde(default)]
    earlier: Vec<Sight>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sight {
    key: String,
    note: String,
    at: DateTime<Utc>,
}

impl Sight {
    fn of(witness: &Witness, at: DateTime<Utc>) -> Self {
        Self { key: witness.key().to_string(), note: witness.note().to_owned(), at }
    }

    fn read(&self) -> Option<Witness> {
        Witness::new(self.key.parse().ok()?, &self.note).ok()
    }
}

impl Memory {
    /// The memory of the server at `place` (its URL), in a data directory. Makes no file yet.
    #[must_use]
    pub fn new(data: &Path, place: &str, clock: Arc<dyn Clock>) -> Self {
        let hash = Sha256::digest(place.as_bytes());
        Self { file: data.join("seen").join(format!("{}.json", hex(&hash[..12]))), place: place.to_owned(), clock }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Forgets what was remembered: what the server shows next is then taken as it is.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks the backend for its newest checkpoint, holds it against what is remembered, and remembers it
    /// where it goes on from that.
    ///
    /// # Errors
    /// [`BackendError`] when the backend does not answer. What is wrong with its trail is no error: it is
    /// in the answer.
    pub async fn look<B: Backend + ?Sized>(&self, backend: &B) -> BackendResult<Witnessed> {
        // What is remembered is read before the server is asked: a later answer never shows less.
        let (kept, mut remark) = match self.read() {
            Ok(kept) => (kept, None),
            Err(error) => {
                (None, Some(format!("what was remembered in {} cannot be read: {error}", self.file.display())))
            }
        };
        let known = kept.as_ref().and_then(|kept| Some((kept, kept.last.read()?)));
        let Some((kept, witness)) = known else {
            let shown = backend.witness(None).await?;
            let first = first(&shown);
            let mut witnessed = Witnessed { fault: shown.fault, ..Witnessed::default() };
            match first {
                Some(Ok(witness)) => {
                    witnessed.proven_to = witness.checkpoint().size;
                    witnessed.key = Some(SafeText::new(witness.key().fingerprint()));
                    let sight = Sight::of(&witness, self.clock.now());
                    remark = remark.or(self.keep(sight, Vec::new()).await);
                }
                Some(Err(why)) => {
                    let message = SafeText::new(format!("the audit trail of {}: {why}", self.place));
                    witnessed.broken = Some(Broken { why, holds_to: None, message });
                }
                None => {}
            }
            witnessed.remark = remark.map(SafeText::new);
            return Ok(witnessed);
        };
        let from = witness.checkpoint().size;
        let shown = backend.witness(Some(from)).await?;
        let remembered = Remembered { size: from, key: SafeText::new(witness.key().fingerprint()), at: kept.last.at };
        let mut witnessed =
            Witnessed { remembered: Some(remembered), fault: shown.fault.clone(), ..Witnessed::default() };
        match check(&witness, &shown) {
            Ok(now) => {
                witnessed.proven_to = now.checkpoint().size;
                witnessed.key = Some(SafeText::new(now.key().fingerprint()));
                if now != witness {
                    let earlier = thinned(kept, now.checkpoint().size);
                    remark = self.keep(Sight::of(&now, self.clock.now()), earlier).await;
                }
            }
            Err(why) => {
                let holds_to = self.holds_to(backend, kept).await?;
                witnessed.proven_to = holds_to.as_ref().map_or(0, |(size, _)| *size);
                let message = SafeText::new(self.message(&why, kept, holds_to.as_ref()));
                witnessed.broken = Some(Broken { why, holds_to: holds_to.map(|(size, _)| size), message });
            }
        }
        witnessed.remark = remark.map(SafeText::new);
        Ok(witnessed)
    }

    /// The greatest of what was seen earlier that the trail still goes on from, and when that was.
    async fn holds_to<B: Backend + ?Sized>(
        &self,
        backend: &B,
        kept: &Kept,
    ) -> BackendResult<Option<(u64, DateTime<Utc>)>> {
        for sight in kept.earlier.iter().rev() {
            let Some(witness) = sight.read() else { continue };
            let size = witness.checkpoint().size;
            let shown = match backend.witness(Some(size)).await {
                Ok(shown) => shown,
                Err(BackendError::Problem(_)) => continue,
                Err(error) => return Err(error),
            };
            if check(&witness, &shown).is_ok() {
                return Ok(Some((size, sight.at)));
            }
        }
        Ok(None)
    }

    fn message(&self, why: &Rewritten, kept: &Kept, holds_to: Option<&(u64, DateTime<Utc>)>) -> String {
        let form = "%Y-%m-%d %H:%M:%SZ";
        let seen = kept.last.at.format(form);
        let since = match (holds_to, kept.earlier.first()) {
            (Some((size, at)), _) => format!(
                "Up to entry {size}, seen at {}, it is as it was, and after that it is not: a backup that was \
                 restored looks like this, and so does a trail that was cut and written anew",
                at.format(form)
            ),
            (None, Some(oldest)) => format!(
                "Nothing that was seen here since {} is as it was: no restored backup explains that",
                oldest.at.format(form)
            ),
            (None, None) => {
                "Another server at this address looks like this too, and so may a backup that was restored".to_owned()
            }
        };
        format!(
            "THE AUDIT TRAIL OF {} IS NOT THE ONE SEEN HERE AT {seen}: {why}. {since}. The checkpoint that was signed \
             then is kept in {}; once you know why, `rolldeck audit verify --accept` goes on from what is there now",
            self.place,
            self.file.display()
        )
    }

    fn read(&self) -> io::Result<Option<Kept>> {
        match fs::metadata(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.len() > FILE_MAX => return Err(io::Error::other("it is too long")),
            Ok(_) => {}
        }
        let kept: Kept = serde_json::from_slice(&fs::read(&self.file)?)?;
        if kept.schema != SCHEMA || kept.place != self.place || kept.last.read().is_none() {
            return Err(io::Error::other("it is not what was written there"));
        }
        Ok(Some(kept))
    }

    /// Remembers; why it could not, where that is so.
    async fn keep(&self, last: Sight, earlier: Vec<Sight>) -> Option<String> {
        let kept = Kept { schema: SCHEMA, place: self.place.clone(), last, earlier };
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || write(&file, &kept)).await;
        let error = written.map_err(io::Error::other).and_then(|written| written).err()?;
        Some(format!("what was seen cannot be remembered in {}: {error}", self.file.display()))
    }
}

fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    private_directory(directory.parent().unwrap_or(directory))?;
    private_directory(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(pretty::json(kept)?.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// What a trail shows to somebody who remembers nothing of it.
fn first(shown: &WitnessView) -> Option<Result<Witness, Rewritten>> {
    let note = shown.note.as_ref()?;
    let none = || Rewritten::Key { remembered: "none".to_owned(), got: "that is none".to_owned() };
    let key = shown.key.as_str().parse().map_err(|_| none());
    Some(key.and_then(|key| Witness::new(key, note).map_err(Rewritten::Note)))
}

/// Holds what is shown against what is remembered.
///
/// # Errors
/// As [`Witness::check`].
pub fn check(witness: &Witness, shown: &WitnessView) -> Result<Witness, Rewritten> {
    // What is no hash proves nothing.
    let proof = shown.proof.as_ref().map(|hashes| {
        let decode = |hash: &SafeText| STANDARD.decode(hash.as_str()).ok().and_then(|bytes| bytes.try_into().ok());
        hashes.iter().map(|hash| decode(hash).unwrap_or_default()).collect::<Vec<Hash>>()
    });
    witness.check(&Shown {
        note: shown.note.as_deref(),
        key: shown.key.as_str(),
        successions: &shown.successions,
        proof: proof.as_deref(),
    })
}

/// What is kept of older sights when a tree of `size` entries is remembered: the oldest one of each
/// distance, which doubles, so that they are few and reach far back.
fn thinned(kept: &Kept, size: u64) -> Vec<Sight> {
    let mut thin: Vec<Sight> = Vec::new();
    let mut taken = None;
    for sight in kept.earlier.iter().chain([&kept.last]) {
        let Some(witness) = sight.read() else { continue };
        let distance = size.saturating_sub(witness.checkpoint().size).checked_ilog2();
        if taken != Some(distance) {
            taken = Some(distance);
            thin.push(sight.clone());
        }
    }
    thin
}

#[cfg(test)]
mod tests;
