//! The audit trail as one file of JSON Lines that verifies by itself, with no server.
//!
//! ```text
//! {"filtered":false,"key":"NAME+HASH+KEY","origin":"NAME","rolldeck_export":1}
//! {"from":1,"leaves":["base64", ...]}       the stored leaves of the entries that follow
//! {"action": ... ,"seq":1, ...}             entries, byte for byte as they are stored
//! {"checkpoint":"the signed note"}          checkpoints, the smallest first
//! ```
//!
//! The leaves are there so that a changed entry is named by its number; what proves the entries
//! are the checkpoints. The key in the first line is the file's own word: who does not trust where
//! the file comes from verifies with a key that came another way.

use std::io::{self, BufRead, Read as _, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    Hash, NoteError, Verifier,
    canonical::canonical_json,
    leaf_hash,
    verify::{Report, Verification},
};

/// The version of the file's form.
pub const FORM: u32 = 1;
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
    /// The C2SP verifier key of its checkpoints.
    pub key: String,
    /// Whether entries were left out, so that the tree cannot be made again.
    #[serde(default)]
    pub filtered: bool,
}

impl Header {
    /// The header of a log, whose name is in its verifier key.
    #[must_use]
    pub fn new(key: &str, filtered: bool) -> Self {
        let origin = key.split('+').next().unwrap_or_default().to_owned();
        Self { rolldeck_export: FORM, origin, key: key.to_owned(), filtered }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaves {
    from: u64,
    leaves: Vec<String>,
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
    block: Vec<(Vec<u8>, Hash)>,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn new(mut out: W, header: &Header) -> Result<Self, ExportError> {
        line(&mut out, header)?;
        Ok(Self { out, from: 0, block: Vec::new() })
    }

    /// The next entry with its stored leaf; without one the leaf of the bytes is written, which
    /// names changes made to the file and not those made before.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn entry(&mut self, seq: u64, bytes: Vec<u8>, leaf: Option<Hash>) -> Result<(), ExportError> {
        if self.block.len() == BLOCK || seq != self.from + self.block.len() as u64 {
            self.flush()?;
            self.from = seq;
        }
        let leaf = leaf.unwrap_or_else(|| leaf_hash(&bytes));
        self.block.push((bytes, leaf));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let leaves = self.block.iter().map(|(_, leaf)| STANDARD.encode(leaf)).collect();
        line(&mut self.out, &Leaves { from: self.from, leaves })?;
        for (bytes, _) in self.block.drain(..) {
            self.out.write_all(&bytes)?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Ends with the checkpoints, and gives back what was written to.
    ///
    /// # Errors
    /// [`ExportError::Io`].
    pub fn finish(mut self, checkpoints: impl IntoIterator<Item = String>) -> Result<W, ExportError> {
        self.flush()?;
        for checkpoint in checkpoints {
            line(&mut self.out, &Note { checkpoint })?;
        }
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
    if header.rolldeck_export != FORM {
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
    let mut leaves = Leaves { from: 0, leaves: Vec::new() };
    while let Some(line) = lines.next()? {
        if line.starts_with(br#"{"checkpoint":"#) {
            let note: Note = serde_json::from_slice(line).map_err(|_| lines.bad("a checkpoint"))?;
            verification.checkpoint(&note.checkpoint);
        } else if line.starts_with(br#"{"from":"#) {
            leaves = serde_json::from_slice(line).map_err(|_| lines.bad("a line of leaves"))?;
        } else {
            let seq = seq_of(line).unwrap_or(verification.expected());
            let leaf = leaf_at(&leaves, seq);
            verification.entry(seq, line, leaf);
        }
    }
    let mut report = verification.finish();
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
