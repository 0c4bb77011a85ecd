//! The audit trail as one file of JSON Lines that verifies by itself, with no server.
//!
//! ```text
//! {"filtered":false,"key":"NAME+HASH+KEY","keys":[...],"origin":"NAME","rolldeck_export":2}
//! {"from":1,"leaves":["base64", ...]}       the stored leaves of the entries that follow
//! {"action": ... ,"seq":1, ...}             entries, byte for byte as they are stored
//! {"checkpoint":"the signed note"}          checkpoints, the smallest first
//! {"checkpoints":3,"end":2,"entries":600}   the last line: without it the file was cut off
//! ```
//!
//! Where a filter left entries out, the line of leaves carries an inclusion proof for each of its entries:
//! `{"from":7,"leaves":["..."],"proofs":[["base64", ...]],"size":600}`, which leads to the checkpoint of
//! that size. What such a file proves is that each of its entries is in the trail, and not that none is
//! missing. An entry whose content has expired is its [`Tombstone`](super::Tombstone).
//! `assets/audit/verify.md` says how to verify a file without Rolldeck.
//!
//! The leaves are there so that a changed entry is named by its number; what proves the entries
//! are the checkpoints. The key in the first line is the file's own word: who does not trust where
//! the file comes from verifies with a key that came another way.

use std::io::{self, BufRead, Read as _, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    Hash, Keyring, NoteError, Verifier,
    canonical::canonical_json,
    leaf_hash,
    verify::{Report, Verification},
};

/// The version of the file's form.
pub const FORM: u32 = 2;
/// The first version, which has no last line.
const ENDLESS: u32 = 1;
/// Longest line that is read, in bytes.
pub const LINE_MAX: usize = 1024 * 1024;
/// Entries whose leaves share a line.
const BLOCK: usize = 256;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORM`].
    pub rolldeck_export: u32,
    /// The log that the entries are from.
    pub origin: String,
    /// The C2SP verifier key that signs its checkpoints now.
    pub key: String,
    /// All keys that signed them, the oldest first; the checkpoints themselves say when each was passed on.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Whether entries were left out, so that the tree cannot be made again.
    #[serde(default)]
    pub filtered: bool,
    /// The filter, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl Header {
    /// The header of a log, whose name is in its verifier key.
    #[must_use]
    pub fn new(key: &str, filtered: bool) -> Self {
        let origin = key.split('+').next().unwrap_or_default().to_owned();
        let keys = vec![key.to_owned()];
        Self { rolldeck_export: FORM, origin, key: key.to_owned(), keys, filtered, filter: None }
    }

    /// The same for a log whose key was passed on by some of these checkpoints.
    #[must_use]
    pub fn with_keys_of(self, notes: &[String]) -> Self {
        let Ok(key) = self.key.parse::<Verifier>() else { return self };
        let keyring = Keyring::new(key, notes.iter().map(String::as_str));
        Self { keys: keyring.keys().map(Verifier::to_string).collect(), ..self }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the file")]
struct Leaves {
    from: u64,
    leaves: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    proofs: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the file")]
struct End {
    checkpoints: u64,
    end: u32,
    entries: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    checkpoint: String,
}

/// Why a file is not an export that can be verified.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It could not be read or written.
    #[error("it could not be read or written")]
    Io(#[from] io::Error),
    /// The first line says that it is something else.
    #[error(
        "line 1: it is not an audit export, which begins with {{\"rolldeck_export\":1,...}}: make one with `rolldeck audit export`"
    )]
    NotExport,
    /// It has a newer form.
    #[error("line 1: its form is {0}, this rolldeck knows {FORM}: use a newer one")]
    TooNew(u32),
    /// The key in the first line is none.
    #[error("line 1: the key of its checkpoints cannot be read")]
    Key(#[source] NoteError),
    /// A line is longer than any that is written.
    #[error("line {0}: longer than 1 MiB, so no line of an export")]
    TooLong(u64),
    /// A line of leaves or a checkpoint has not its form.
    #[error("line {0}: it begins like {1} and is none")]
    Line(u64, &'static str),
}

/// Writes an export.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    from: u64,
    block: Vec<Item>,
    /// The size of the tree that proofs lead to.
    size: Option<u64>,
    entries: u64,
}

/// An entry that waits for the others of its block.
#[derive(Debug)]
struct Item {
    bytes: Vec<u8>,
    leaf: Hash,
    proof: Option<Vec<Hash>>,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn new(mut out: W, header: &Header) -> Result<Self, ExportError> {
        line(&mut out, header)?;
        Ok(Self { out, from: 0, block: Vec::new(), size: None, entries: 0 })
    }

    /// The next entry with its stored leaf; without one the leaf of the bytes is written, which
    /// names changes made to the file and not those made before.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn entry(&mut self, seq: u64, bytes: Vec<u8>, leaf: Option<Hash>) -> Result<(), ExportError> {
        let leaf = leaf.unwrap_or_else(|| leaf_hash(&bytes));
        self.item(seq, Item { bytes, leaf, proof: None }, None)
    }

    /// The next entry with its stored leaf and the proof that it is in the tree of `size` entries: where
    /// others are left out.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn proven(
        &mut self,
        seq: u64,
        bytes: Vec<u8>,
        leaf: Hash,
        size: u64,
        proof: Vec<Hash>,
    ) -> Result<(), ExportError> {
        self.item(seq, Item { bytes, leaf, proof: Some(proof) }, Some(size))
    }

    fn item(&mut self, seq: u64, item: Item, size: Option<u64>) -> Result<(), ExportError> {
        if self.block.len() == BLOCK || seq != self.from + self.block.len() as u64 || size != self.size {
            self.flush()?;
            (self.from, self.size) = (seq, size);
        }
        self.block.push(item);
        self.entries += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let text = |hashes: &[Hash]| hashes.iter().map(|hash| STANDARD.encode(hash)).collect::<Vec<_>>();
        let leaves = self.block.iter().map(|item| STANDARD.encode(item.leaf)).collect();
        let proofs = self.block.iter().filter_map(|item| Some(text(item.proof.as_deref()?))).collect();
        line(&mut self.out, &Leaves { from: self.from, leaves, proofs, size: self.size })?;
        for item in self.block.drain(..) {
            self.out.write_all(&item.bytes)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Ends with the checkpoints and the last line, and gives back what was written to.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn finish(mut self, checkpoints: impl IntoIterator<Item = String>) -> Result<W, ExportError> {
        self.flush()?;
        let mut count = 0;
        for checkpoint in checkpoints {
            line(&mut self.out, &Note { checkpoint })?;
            count += 1;
        }
        line(&mut self.out, &End { checkpoints: count, end: FORM, entries: self.entries })?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> Result<(), ExportError> {
    let mut bytes = canonical_json(value).map_err(io::Error::other)?;
    bytes.push(b'\n');
    out.write_all(&bytes)?;
    Ok(())
}

/// Verifies an export. With a key of the caller's own the file's word for it is not needed; without
/// one the report says that the key is the file's own.
///
/// # Errors
/// [`ExportError`] when it is no export; what is wrong with entries and checkpoints is in the report.
pub fn verify(input: impl BufRead, key: Option<Verifier>) -> Result<Report, ExportError> {
    let mut lines = Lines { input, number: 0, line: Vec::new() };
    let header = lines.next()?.and_then(|line| serde_json::from_slice::<Header>(line).ok());
    let header = header.ok_or(ExportError::NotExport)?;
    if !(ENDLESS..=FORM).contains(&header.rolldeck_export) {
        return Err(ExportError::TooNew(header.rolldeck_export));
    }
    let trusted = key.is_some();
    let key = match key {
        Some(key) => key,
        None => header.key.parse().map_err(ExportError::Key)?,
    };
    let fingerprint = key.fingerprint();
    let mut verification =
        if header.filtered { Verification::filtered(Some(key)) } else { Verification::new(Some(key)) };
    let mut leaves = Leaves { from: 0, leaves: Vec::new(), proofs: Vec::new(), size: None };
    let (mut entries, mut checkpoints, mut end, mut beyond) = (0, 0, None, false);
    while let Some(line) = lines.next()? {
        beyond |= end.is_some();
        if line.starts_with(br#"{"checkpoint":"#) {
            let note: Note = serde_json::from_slice(line).map_err(|_| lines.bad("a checkpoint"))?;
            verification.checkpoint(&note.checkpoint);
            checkpoints += 1;
        } else if line.starts_with(br#"{"checkpoints":"#) {
            end = Some(serde_json::from_slice::<End>(line).map_err(|_| lines.bad("a last line"))?);
        } else if line.starts_with(br#"{"from":"#) {
            leaves = serde_json::from_slice(line).map_err(|_| lines.bad("a line of leaves"))?;
        } else {
            let seq = seq_of(line).unwrap_or(verification.expected());
            let leaf = leaf_at(&leaves, seq);
            verification.entry(seq, line, leaf);
            if let (Some(leaf), Some(size), Some(proof)) = (leaf, leaves.size, proof_at(&leaves, seq)) {
                verification.included(&leaf, size, &proof);
            }
            entries += 1;
        }
    }
    let mut report = verification.finish();
    let cut = match &end {
        None if header.rolldeck_export == ENDLESS => None,
        None => Some("the file was cut off: its last line is missing".to_owned()),
        Some(_) if beyond => Some("there are lines after its last one".to_owned()),
        Some(end) if (end.entries, end.checkpoints) != (entries, checkpoints) => Some(format!(
            "its last line says {} entries and {} checkpoints, and it has {entries} and {checkpoints}",
            end.entries, end.checkpoints
        )),
        Some(_) => None,
    };
    // An export is written from a checkpoint backwards: what is behind all of them was put there later.
    let loose = report.entries.saturating_sub(report.proven);
    let cut = cut.or_else(|| {
        (report.ok && !header.filtered && header.rolldeck_export > ENDLESS && loose > 0).then(|| {
            format!(
                "its last {loose} entries are covered by no checkpoint, which an export always ends with: it was edited"
            )
        })
    });
    if let Some(cut) = cut {
        report.ok = false;
        report.detail = format!("{cut}; {}", report.detail);
    }
    if report.ok && !trusted {
        let remark = "is the file's own word: compare it with the server's";
        report.detail = format!("{}; key {fingerprint} {remark}", report.detail);
    }
    Ok(report)
}

/// The number that a line says it has, if it is an entry at all.
fn seq_of(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        seq: u64,
    }
    serde_json::from_slice::<Numbered>(line).ok().map(|numbered| numbered.seq)
}

/// The leaf written for an entry. One that is no hash is a leaf that nothing hashes to.
fn leaf_at(leaves: &Leaves, seq: u64) -> Option<Hash> {
    let at = usize::try_from(seq.checked_sub(leaves.from)?).ok()?;
    let text = leaves.leaves.get(at)?;
    Some(STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default())
}

/// The inclusion proof written for an entry. One with what is no hash leads nowhere.
fn proof_at(leaves: &Leaves, seq: u64) -> Option<Vec<Hash>> {
    let at = usize::try_from(seq.checked_sub(leaves.from)?).ok()?;
    let decode = |text: &String| STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    Some(leaves.proofs.get(at)?.iter().map(|text| decode(text).unwrap_or_default()).collect())
}

/// Lines of bounded length, without their line break.
struct Lines<R> {
    input: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line that has anything in it.
    fn next(&mut self) -> Result<Option<&[u8]>, ExportError> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.input).take(LINE_MAX as u64 + 1).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            if self.line.len() > LINE_MAX {
                return Err(ExportError::TooLong(self.number));
            }
            if !self.line.is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }

    fn bad(&self, what: &'static str) -> ExportError {
        ExportError::Line(self.number, what)
    }
}

#[cfg(test)]
mod tests;
