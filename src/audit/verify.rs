//! Verification: entries in order, checkpoints and a key in; what is proven, or the first thing
//! that is wrong, out. It needs no store and no server.
//!
//! An entry is held against its stored leaf first, so that a change to one entry is named by its
//! number; whoever changed entry and leaf together changed the tree, which then differs from the
//! next signed checkpoint. The columns that a store finds an entry by are held against its bytes,
//! for one that is filed under another name is hidden from whoever asks for it. Entries after the last checkpoint are intact as far as anyone can tell,
//! and not proven: the report counts them apart.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};

use super::{
    Checkpoint, CompactRange, Hash, Keyring, NoteError, Tree, Verifier,
    canonical::parse_canonical,
    leaf_hash,
    proof::inclusion_root,
    tombstone::{self, Tombstone},
};

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether nothing is wrong, and a signed checkpoint proves what it covers.
    pub ok: bool,
    /// How many entries were read.
    pub entries: u64,
    /// How many, from the first on, a signed checkpoint proves.
    pub proven: u64,
    /// Of how many the content has expired, so that only their leaf is left.
    pub expired: u64,
    /// The `seq` of the first entry that is missing, does not hash to its leaf, is not canonical,
    /// or says that it is another one.
    pub first_bad: Option<u64>,
    /// The size of the last good checkpoint (0: none) before the tree differs, or before one that
    /// does not verify, where no single entry is to blame.
    pub differs_after: Option<u64>,
    /// What was found, in one sentence.
    pub detail: String,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Missing,
    Leaf,
    Canonical,
    Seq,
    Column(&'static str),
    Expired,
    Unproven,
    Foreign,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Leaf => "was changed: its bytes do not hash to its leaf",
            Self::Canonical => "was changed: its bytes are not the canonical JSON of an entry",
            Self::Seq => "was changed: its bytes carry another seq",
            Self::Expired => "has lost its content, and no expiry in the trail says so",
            Self::Unproven => "is not where it says in any signed tree",
            Self::Foreign => "was added by something else than its server, which signs for what it writes",
            Self::Column(name) => {
                return write!(f, "was changed: its column {name} does not say what its bytes say");
            }
        })
    }
}

/// The columns that a store finds an entry by, beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// The actor's id.
    pub actor: &'a str,
    /// The action.
    pub action: &'a str,
    /// `TARGET/NAME` of the rollout it is about.
    pub rollout: Option<&'a str>,
}

impl Columns<'_> {
    /// The first column that is not what the entry says.
    fn astray(&self, entry: &serde_json::Value) -> Option<&'static str> {
        let text = |pointer: &str| entry.pointer(pointer).and_then(serde_json::Value::as_str);
        let at = text("/at").and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        // A store keeps microseconds.
        if entry.get("tombstone").is_none() && at.map(|at| at.timestamp_micros()) != Some(self.at.timestamp_micros()) {
            return Some("at");
        }
        if entry.get("tombstone").is_some() {
            // Who and what went with the content; the time stays.
            let blank = self.actor.is_empty() && self.rollout.is_none();
            return (!blank || self.action != tombstone::ACTION).then_some("action");
        }
        if text("/actor/id") != Some(self.actor) {
            return Some("actor");
        }
        if text("/action") != Some(self.action) {
            return Some("action");
        }
        let rollout = match (text("/subject/kind"), text("/subject/target"), text("/subject/name")) {
            (Some("rollout"), Some(target), Some(name)) => Some(format!("{target}/{name}")),
            _ => None,
        };
        (rollout.as_deref() != self.rollout).then_some("rollout")
    }
}

/// What is wrong with an entry by itself, in words that go on from `entry N`; none when nothing is.
#[must_use]
pub fn fault_of(seq: u64, bytes: &[u8], leaf: Hash, columns: Columns<'_>) -> Option<String> {
    let mut alone = Verification::filtered(None);
    alone.stored(seq, bytes, leaf, columns);
    alone.first_bad.map(|(_, fault)| fault.to_string())
}

/// A verification under way. Holds 64 bytes for each entry that it was shown.
#[derive(Debug, Default)]
pub struct Verification {
    key: Option<Verifier>,
    /// Whether entries were left out on purpose, so that there is no tree to compare.
    filtered: bool,
    /// Whether somebody else has the tree.
    without_tree: bool,
    /// What its server signed with its last commit.
    seal: Option<String>,
    /// A checkpoint that was remembered elsewhere.
    remembered: Option<Checkpoint>,
    tree: Tree,
    /// The `seq` of the last entry.
    last: u64,
    entries: u64,
    /// Whether the tree stopped growing because an entry is missing.
    broken: bool,
    first_bad: Option<(u64, Fault)>,
    notes: Vec<String>,
    range: Option<CompactRange>,
    /// Numbers of entries whose content has expired.
    expired: Vec<u64>,
    /// Through which entry the trail says that contents have expired.
    expired_through: u64,
    /// Of entries that come with proofs of their own: the trees that those lead to, how many lead there, and
    /// the first of them.
    included: BTreeMap<(u64, Hash), (u64, u64)>,
    proofs: u64,
}

/// What the checkpoints say, once all of them were shown.
#[derive(Debug, Default)]
struct Signed {
    /// Size and root of those with a good signature, ascending.
    good: Vec<(u64, Hash)>,
    /// The smallest that does not verify: the size it claims, and why.
    bad: Option<(Option<u64>, NoteError)>,
    /// Fingerprints of the keys, the oldest first.
    keys: String,
}

impl Verification {
    /// Begins. Without a key no checkpoint proves anything, and the report says so.
    #[must_use]
    pub fn new(key: Option<Verifier>) -> Self {
        Self { key, ..Self::default() }
    }

    /// Begins for entries of which some were left out: each is checked by itself, and the report
    /// says that the tree could not be.
    #[must_use]
    pub fn filtered(key: Option<Verifier>) -> Self {
        Self { key, filtered: true, ..Self::default() }
    }

    /// Begins for entries whose leaves the caller holds against a tree of its own: only
    /// [`fault`](Self::fault) is to be asked for then. It keeps nothing of what is well.
    #[must_use]
    pub fn without_tree() -> Self {
        Self { without_tree: true, ..Self::default() }
    }

    /// The first entry that is wrong by itself, or missing before another one, and what it is; none when
    /// nothing is.
    #[must_use]
    pub fn fault(mut self) -> Option<(u64, String)> {
        self.blame_lost();
        self.first_bad.map(|(seq, fault)| (seq, fault.to_string()))
    }

    /// The `seq` that the next entry must have, where none is left out.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.last + 1
    }

    /// The next entry of a store, with the columns that it is found by.
    pub fn stored(&mut self, seq: u64, bytes: &[u8], leaf: Hash, columns: Columns<'_>) {
        self.next(seq, bytes, Some(leaf), Some(columns));
    }

    /// The next entry: its stored number, its stored bytes, and its stored leaf where there is one.
    pub fn entry(&mut self, seq: u64, bytes: &[u8], leaf: Option<Hash>) {
        self.next(seq, bytes, leaf, None);
    }

    fn next(&mut self, seq: u64, bytes: &[u8], leaf: Option<Hash>, columns: Option<Columns<'_>>) {
        self.entries += 1;
        let expected = self.expected();
        let gap = if self.filtered { seq < expected } else { seq != expected };
        if gap {
            self.blame(expected, Fault::Missing);
            self.broken = true;
        }
        self.last = self.last.max(seq);
        let computed = match Tombstone::read(bytes) {
            Some(left) => self.tombstone(seq, &left, leaf, columns),
            None => self.content(seq, bytes, leaf, columns),
        };
        if !self.broken && !self.filtered && !self.without_tree {
            self.tree.append(leaf.unwrap_or(computed));
        }
    }

    /// An entry with its content; its leaf.
    fn content(&mut self, seq: u64, bytes: &[u8], leaf: Option<Hash>, columns: Option<Columns<'_>>) -> Hash {
        let computed = leaf_hash(bytes);
        if leaf.is_some_and(|leaf| leaf != computed) {
            self.blame(seq, Fault::Leaf);
            return computed;
        }
        match parse_canonical(bytes) {
            None => self.blame(seq, Fault::Canonical),
            Some(value) if value.get("seq").and_then(serde_json::Value::as_u64) != Some(seq) => {
                self.blame(seq, Fault::Seq);
            }
            Some(value) => {
                if let Some(column) = columns.and_then(|columns| columns.astray(&value)) {
                    self.blame(seq, Fault::Column(column));
                }
                // Contents expire before the entry that says so, and not after.
                let through = tombstone::expired_through(&value).filter(|through| *through < seq);
                self.expired_through = self.expired_through.max(through.unwrap_or(0));
            }
        }
        computed
    }

    /// What is left of an entry; its leaf.
    fn tombstone(&mut self, seq: u64, left: &Tombstone, leaf: Option<Hash>, columns: Option<Columns<'_>>) -> Hash {
        self.expired.push(seq);
        let own = left.leaf();
        if own.is_none() || leaf.is_some_and(|leaf| Some(leaf) != own) {
            self.blame(seq, Fault::Leaf);
        } else if left.seq != seq {
            self.blame(seq, Fault::Seq);
        } else if let Some(column) = columns.and_then(|columns| {
            let value = serde_json::to_value(left).unwrap_or_default();
            columns.astray(&value)
        }) {
            self.blame(seq, Fault::Column(column));
        }
        own.unwrap_or_default()
    }

    /// The proof that the entry shown last is in the tree of `size` entries: what proves an entry where
    /// others were left out.
    pub fn included(&mut self, leaf: &Hash, size: u64, proof: &[Hash]) {
        let root = self.last.checked_sub(1).and_then(|index| inclusion_root(leaf, index, size, proof));
        let (count, _) = self.included.entry((size, root.unwrap_or_default())).or_insert((0, self.last));
        *count += 1;
        self.proofs += 1;
    }

    /// A checkpoint, in any order and at any time before the end. Those by which a key passed the log on
    /// are among them.
    pub fn checkpoint(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// What the server signed with its last commit: a checkpoint, and what is behind it was not written by it.
    pub fn seal(&mut self, note: String) {
        self.notes.push(note.clone());
        self.seal = Some(note);
    }

    /// A checkpoint that was remembered where whoever changes the store does not come by: the tree must go on from it.
    pub fn remembered(&mut self, checkpoint: Checkpoint) {
        self.remembered = Some(checkpoint);
    }

    fn signed(&self) -> Signed {
        let keyring = self.key.clone().map(|key| Keyring::new(key, self.notes.iter().map(String::as_str)));
        let mut signed = Signed::default();
        for note in &self.notes {
            let read = keyring.as_ref().map_or_else(|| Checkpoint::parse(note), |keyring| keyring.verify(note));
            match read {
                Ok(checkpoint) => signed.good.push((checkpoint.size, checkpoint.root)),
                Err(error) => {
                    let size = Checkpoint::parse(note).ok().map(|checkpoint| checkpoint.size);
                    // The smallest one is where the trouble begins.
                    if signed.bad.as_ref().is_none_or(|(known, _)| size < *known) {
                        signed.bad = Some((size, error));
                    }
                }
            }
        }
        signed.good.sort_unstable();
        let keys = keyring.iter().flat_map(|keyring| keyring.keys().map(Verifier::fingerprint).collect::<Vec<_>>());
        signed.keys = keys.collect::<Vec<_>>().join(", then ");
        signed
    }

    /// The compact range stored beside the entries.
    pub fn range(&mut self, range: CompactRange) {
        self.range = Some(range);
    }

    fn blame(&mut self, seq: u64, fault: Fault) {
        if self.first_bad.is_none_or(|(known, _)| seq < known) {
            self.first_bad = Some((seq, fault));
        }
    }

    /// Contents that are gone, and that no entry says to have expired.
    fn blame_lost(&mut self) {
        if let Some(lost) = self.expired.iter().copied().find(|seq| *seq > self.expired_through) {
            self.blame(lost, Fault::Expired);
        }
    }

    /// Draws the conclusion.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let signed = self.signed();
        if self.filtered {
            return self.finish_filtered(&signed);
        }
        self.blame_lost();
        let size = self.tree.size();
        let (mut good, mut differs_after, mut covered) = (0, None, size);
        for &(at, root) in &signed.good {
            covered = covered.max(at);
            match self.tree.root_at(at) {
                Some(ours) if ours == root => good = at,
                Some(_) => {
                    differs_after = Some(good);
                    break;
                }
                // Beyond what is there: a missing entry, which is said below.
                None => break,
            }
        }
        if let Some(range) = &self.range {
            covered = covered.max(range.size());
            let same = self.tree.root_at(range.size()).is_none_or(|root| root == range.root());
            let whole = range.size() >= size;
            if differs_after.is_none() && !self.broken && !(same && whole) {
                differs_after = Some(good);
            }
        }
        if let Some(remembered) = &self.remembered {
            covered = covered.max(remembered.size);
            if differs_after.is_none() && self.tree.root_at(remembered.size).is_some_and(|root| root != remembered.root)
            {
                differs_after =
                    Some(signed.good.iter().map(|(at, _)| *at).filter(|at| *at < remembered.size).max().unwrap_or(0));
            }
        }
        if covered > self.last && !self.broken {
            self.blame(self.last + 1, Fault::Missing);
        }
        let sealed = self.seal.as_deref().and_then(|note| Checkpoint::parse(note).ok());
        if let Some(sealed) =
            sealed.filter(|sealed| sealed.size < size && signed.good.contains(&(sealed.size, sealed.root)))
        {
            self.blame(sealed.size + 1, Fault::Foreign);
        }
        let tree_differs = differs_after.is_some();
        if let Some((at, _)) = &signed.bad {
            let before = signed.good.iter().map(|(size, _)| *size).filter(|size| at.is_none_or(|at| *size < at));
            let before = before.filter(|size| *size <= good).max().unwrap_or(0);
            differs_after = Some(differs_after.map_or(before, |known: u64| known.min(before)));
        }
        // A changed entry explains a tree that differs from the next checkpoint on.
        if let (Some(after), Some((seq, _))) = (differs_after, self.first_bad)
            && signed.bad.is_none()
            && signed.good.iter().find(|(size, _)| *size > after).is_none_or(|(size, _)| seq <= *size)
        {
            differs_after = None;
        }
        let proven = match (&self.key, self.first_bad) {
            (None, _) => 0,
            (Some(_), Some((seq, _))) => good.min(seq.saturating_sub(1)),
            (Some(_), None) => good,
        };
        let sound = self.first_bad.is_none() && differs_after.is_none();
        let detail = self.sentence(&signed, proven, good, differs_after.filter(|_| tree_differs));
        Report {
            ok: sound && self.key.is_some() && (proven > 0 || self.entries == 0),
            entries: self.entries,
            proven,
            expired: self.expired.len() as u64,
            first_bad: self.first_bad.map(|(seq, _)| seq),
            differs_after,
            detail,
        }
    }

    fn sentence(&self, signed: &Signed, proven: u64, good: u64, differs_after: Option<u64>) -> String {
        let mut parts = Vec::new();
        if let Some((seq, fault)) = self.first_bad {
            parts.push(format!("entry {seq} {fault}"));
        }
        if let Some((size, error)) = &signed.bad {
            let of = size.map_or_else(String::new, |size| format!(" of {size} entries"));
            parts.push(format!("the checkpoint{of} does not verify: {error}"));
        }
        if let Some(after) = differs_after {
            parts.push(if after == 0 {
                "the tree differs before the first checkpoint that it could be held against".to_owned()
            } else {
                format!("the tree differs after the checkpoint of {after} entries: one or more after it were rewritten")
            });
        }
        let entries = counted(self.entries);
        if !parts.is_empty() {
            return parts.join("; ");
        }
        if self.key.is_none() {
            return format!("{entries}, and no key to check the checkpoints with: nothing is proven");
        }
        let key = format!("key {}", signed.keys);
        let mut text = match self.entries.saturating_sub(good) {
            _ if self.entries == 0 => "there are no entries".to_owned(),
            _ if proven == 0 => format!("{entries}, intact, and no signed checkpoint yet: nothing is proven"),
            0 => format!("{entries}, all proven by the checkpoint of {good} ({key})"),
            rest => format!(
                "{entries}: {proven} proven by a checkpoint ({key}), the last {rest} intact and not covered by one yet"
            ),
        };
        if !self.expired.is_empty() {
            let expired = self.expired.len();
            text = format!("{text}; the content of {expired} has expired, as the trail itself says");
        }
        text
    }

    fn finish_filtered(mut self, signed: &Signed) -> Report {
        let (mut proven, mut unproven) = (0, None);
        for (tree, (count, first)) in &self.included {
            if self.key.is_some() && signed.good.binary_search(tree).is_ok() {
                proven += count;
            } else {
                unproven = Some(unproven.map_or(*first, |known: u64| known.min(*first)));
            }
        }
        if let Some(seq) = unproven.filter(|_| self.key.is_some()) {
            self.blame(seq, Fault::Unproven);
        }
        let whole = self.entries > 0 && self.proofs == self.entries && proven == self.entries;
        let entries = counted(self.entries);
        let detail = match self.first_bad {
            Some((seq, Fault::Missing)) => format!("the entries are not in order at {seq}"),
            Some((seq, fault)) => format!("entry {seq} {fault}"),
            None if whole => format!(
                "{entries}, each proven to be in the trail (key {}); a filter chose them, and nothing shows that it \
                 left none out: export without one for that",
                signed.keys
            ),
            None => format!(
                "{entries}, each well-formed; a filter left others out, so they cannot be held against the tree: \
                 export without a filter to verify"
            ),
        };
        Report {
            ok: whole && self.first_bad.is_none(),
            entries: self.entries,
            proven: if self.first_bad.is_some() { 0 } else { proven },
            expired: self.expired.len() as u64,
            first_bad: self.first_bad.map(|(seq, _)| seq),
            differs_after: None,
            detail,
        }
    }
}

fn counted(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}

#[cfg(test)]
pub(in crate::audit) mod tests;
