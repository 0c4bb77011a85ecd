//! The server's own look at its audit trail: what is stored is held against what was signed and remembered when it
//! is taken up again, and read anew from then on, as slowly as nobody minds. What is found stops nothing, for the
//! way back stays open; it is journalled, logged, counted, and said to whoever looks at the trail.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    Shared,
    core::Core,
    journal::Draft,
    writer::{Job, ask},
};
use crate::{
    audit::{
        Checkpoint, CompactRange, Hash, Keyring, NoteError, Tree, Verifier, Witness, verify::Verification,
        witness::Shown,
    },
    domain::{Actor, Outcome, SafeText, Subject, SubjectKind},
    store::{AUDIT_FAULT, AUDIT_SEAL, AuditFilter, Loaded, StoreError, VERIFIER_KEY, Write, seen},
    wire::TrailFault,
};

/// How long after a start the first reading begins.
const FIRST: Duration = Duration::from_secs(2);
/// The least time between two readings.
const EVERY: Duration = Duration::from_mins(10);
/// A reading takes at most one part in so many of the time.
const SHARE: u32 = 50;
/// Entries that are read at once.
const PAGE: u32 = 500;
/// What is left to others between two pages.
const BREATH: Duration = Duration::from_millis(10);
/// Signatures that are verified at once.
const SIGNATURES: usize = 64;

/// By which look something was found: each is told of once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// When the trail was taken up.
    Start,
    /// When its entries were read again.
    Reading,
}

impl Look {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reading => "reading",
        }
    }
}

/// What is stored beside the leaves, to hold them against.
#[derive(Debug)]
pub(super) struct Stored {
    size: u64,
    range: Option<CompactRange>,
    checkpoint: Option<String>,
    seal: Option<String>,
    /// The key that signed is lost, and another takes over.
    key_lost: bool,
}

impl Stored {
    pub(super) fn of(loaded: &Loaded) -> Self {
        Self {
            size: loaded.leaves.len() as u64,
            range: loaded.range.clone(),
            checkpoint: loaded.checkpoint.clone(),
            seal: loaded.meta.get(AUDIT_SEAL).cloned(),
            key_lost: loaded.meta.get(VERIFIER_KEY).is_some_and(String::is_empty),
        }
    }
}

impl Core {
    /// Holds the trail, as it was just read, against what is stored beside it and remembered apart from it.
    pub(super) fn take_up(&mut self, stored: &Stored, beside: Option<&Path>) {
        let remembered = beside.map_or(Ok(None), seen::read);
        let keys = Keyring::new(self.signer.verifier(), self.successions.iter().map(String::as_str));
        let mut found = held_against_stored(&self.tree, stored, &keys);
        if let Some(fault) = self.held_against_memory(stored, remembered.as_ref().ok().and_then(Option::as_ref)) {
            let aside =
                beside.zip(remembered.as_ref().ok().and_then(Option::as_ref)).map(
                    |(dir, witness)| match seen::put_aside(dir, witness.checkpoint().size) {
                        Ok(aside) => format!("the checkpoint that was signed then is kept in {}", aside.display()),
                        Err(error) => format!("the checkpoint that was signed then could not be put aside: {error}"),
                    },
                );
            let why = format!("{}; {}", fault.why, aside.unwrap_or_default());
            let first = found.get_or_insert(TrailFault { why: SafeText::new(&why), ..fault.clone() });
            if first.why.as_str() != why {
                *first = TrailFault {
                    after: first.after.min(fault.after),
                    why: SafeText::new(format!("{}; {why}", first.why)),
                };
            }
        }
        if let Err(error) = remembered {
            tracing::warn!("what this server remembered of its audit trail cannot be read, and is taken anew: {error}");
        }
        if let Some(fault) = found {
            self.found_of_trail(Look::Start, Some(fault));
        }
    }

    /// What does not go on from what is remembered beside the key.
    fn held_against_memory(&self, stored: &Stored, remembered: Option<&Witness>) -> Option<TrailFault> {
        let witness = remembered.filter(|_| !stored.key_lost)?;
        let from = witness.checkpoint().size;
        let keys = Keyring::new(self.signer.verifier(), self.successions.iter().map(String::as_str));
        let is_known = keys.keys().any(|key| key == witness.key());
        if let (Some(root), true) = (self.tree.root_at(from), is_known && from <= stored.size)
            && root == witness.checkpoint().root
        {
            // What is stored was signed for with every commit since: without that nobody knows who wrote the rest.
            let unsealed = stored.seal.is_none() && stored.size > from;
            return unsealed.then(|| TrailFault {
                after: from,
                why: SafeText::new(format!(
                    "the signature over the last {} of the {} entries is gone from the store",
                    stored.size - from,
                    stored.size
                )),
            });
        }
        let note = self.signer.sign(stored.size, &self.tree.root_at(stored.size).unwrap_or_default());
        let key = self.signer.verifier_key();
        let proof = self.tree.consistency(from, stored.size);
        let shown = Shown { note: Some(&note), key: &key, successions: &self.successions, proof: proof.as_deref() };
        let why = witness.check(&shown).err()?;
        let after = self.checkpoint.as_ref().map_or(0, |(size, ..)| *size).min(stored.size);
        Some(TrailFault {
            after: after.min(from),
            why: SafeText::new(format!("the store was changed while no server ran: {why}")),
        })
    }

    /// Takes what a look at the trail found, or that it found nothing.
    pub(super) fn found_of_trail(&mut self, look: Look, found: Option<TrailFault>) {
        let told = self.faults_told.get(look.name());
        // The other look may have told of the same thing before.
        let is_new = |why: &str| self.faults_told.values().all(|told| told != why);
        let (action, outcome, reason) = match (&found, told) {
            (Some(fault), _) if is_new(fault.why.as_str()) => {
                tracing::error!(
                    "the audit trail is not as it was written: {} (run `rolldeck audit verify`)",
                    fault.why
                );
                ("audit_inconsistent", Outcome::Failed, fault.why.clone())
            }
            // What is found at a start is not found again once it was signed over, and none the better for it.
            (None, Some(_)) if look == Look::Reading => {
                let text = "every entry is again what its leaf, its columns and the checkpoints say";
                ("audit_consistent", Outcome::Applied, SafeText::new(text))
            }
            _ => {
                self.set_fault(look, found);
                return;
            }
        };
        match &found {
            Some(fault) => drop(self.faults_told.insert(look.name().to_owned(), fault.why.to_string())),
            None => drop(self.faults_told.remove(look.name())),
        }
        self.set_fault(look, found);
        let told = serde_json::to_string(&self.faults_told).unwrap_or_default();
        self.batch.push(Write::Meta(AUDIT_FAULT.to_owned(), told));
        let subject = Subject { kind: SubjectKind::Server, target: None, name: SafeText::new("audit trail") };
        self.journal(Draft { reason: Some(reason), ..Draft::new(Actor::system("server"), action, subject, outcome) });
    }

    fn set_fault(&mut self, look: Look, found: Option<TrailFault>) {
        match found {
            Some(fault) => drop(self.faults.insert(look.name(), fault)),
            None => drop(self.faults.remove(look.name())),
        }
        self.figures.audit_inconsistent = !self.faults.is_empty();
    }

    /// Of what was found the first place.
    pub(super) fn fault(&self) -> Option<&TrailFault> {
        self.faults.values().min_by_key(|fault| fault.after)
    }
}

/// What the leaves, the tree kept beside them, the newest checkpoint and the seal say of one another.
fn held_against_stored(tree: &Tree, stored: &Stored, keys: &Keyring) -> Option<TrailFault> {
    let size = stored.size;
    let leaves = tree.leaves().iter().take(usize::try_from(size).unwrap_or(usize::MAX));
    if let Some(after) = leaves.enumerate().find_map(|(index, leaf)| (*leaf == Hash::default()).then_some(index as u64))
    {
        let why = SafeText::new(format!("entry {} is missing", after + 1));
        return Some(TrailFault { after, why });
    }
    let read = |note: &String| keys.verify(note);
    let mut good = 0;
    for (note, what) in [(&stored.checkpoint, "newest checkpoint"), (&stored.seal, "signature over the last commit")] {
        let Some(note) = note else { continue };
        match read(note) {
            // Signed by the key that is lost, or by none that is known: it proves nothing, and is for verification to say.
            Err(NoteError::Unsigned { .. }) if stored.key_lost => {}
            Err(error) => {
                return Some(TrailFault {
                    after: good,
                    why: SafeText::new(format!("the {what} does not verify: {error}")),
                });
            }
            Ok(signed) if signed.size > size => {
                let why =
                    format!("{} entries were signed for, and there are {size}: some at the end are gone", signed.size);
                return Some(TrailFault { after: size, why: SafeText::new(why) });
            }
            Ok(Checkpoint { size: at, root, .. }) if tree.root_at(at) != Some(root) => {
                let why =
                    format!("the first {at} entries are not those that were signed for: one or more were changed");
                return Some(TrailFault { after: good, why: SafeText::new(why) });
            }
            Ok(Checkpoint { size: at, .. }) if what != "newest checkpoint" && at < size => {
                let why = format!(
                    "entries from {} to {size} were added by something else than the server, which signs for what it writes",
                    at + 1
                );
                return Some(TrailFault { after: at, why: SafeText::new(why) });
            }
            Ok(signed) => good = signed.size,
        }
    }
    let range = stored.range.as_ref()?;
    let same = range.size() == size && tree.root_at(size) == Some(range.root());
    (!same).then(|| TrailFault {
        after: good,
        why: SafeText::new("the tree that is stored beside the entries is not that of their leaves"),
    })
}

/// Reads the trail again and again for as long as the server runs.
pub(super) async fn run(shared: Arc<Shared>, jobs: mpsc::Sender<Job>) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = shared.clock.sleep(pause) => {}
            () = shared.stop.cancelled() => return,
        }
        let began = shared.clock.uptime();
        let looked = tokio::select! {
            looked = read(&shared, &jobs) => looked,
            () = shared.stop.cancelled() => return,
        };
        match looked {
            Ok(Looked::Found(fault)) => tell(&jobs, Some(fault)).await,
            Ok(Looked::Sound) => tell(&jobs, None).await,
            Ok(Looked::Gone) => {}
            Err(error) => tracing::warn!("the audit trail was not read again, which will be tried later: {error}"),
        }
        pause = (shared.clock.uptime().saturating_sub(began) * SHARE).max(EVERY);
    }
}

async fn tell(jobs: &mpsc::Sender<Job>, found: Option<TrailFault>) {
    ask(jobs, move |core| core.found_of_trail(Look::Reading, found)).await;
}

/// What came of a reading.
enum Looked {
    /// Everything is as it was written.
    Sound,
    /// The first thing that is not.
    Found(TrailFault),
    /// The writer is gone, and nobody is left to tell.
    Gone,
}

/// One reading.
async fn read(shared: &Shared, jobs: &mpsc::Sender<Job>) -> Result<Looked, StoreError> {
    let Some(size) = ask(jobs, |core| core.tree.size()).await else { return Ok(Looked::Gone) };
    let mut verification = Verification::without_tree();
    let mut after = 0;
    loop {
        let page = shared.store.audit(&AuditFilter { after, limit: PAGE, ..AuditFilter::default() }).await?;
        let Some(last) = page.last().map(|entry| entry.seq) else { break };
        after = last;
        let leaves: Vec<(u64, Hash)> = page.iter().map(|entry| (entry.seq, entry.leaf)).collect();
        let Some(others) = ask(jobs, move |core| core.others_than_in_memory(&leaves)).await else {
            return Ok(Looked::Gone);
        };
        for entry in &page {
            entry.show(&mut verification);
            if others.first() == Some(&entry.seq) {
                return Ok(Looked::Found(fault(entry.seq, "was changed while the server ran")));
            }
        }
        shared.clock.sleep(BREATH).await;
    }
    if let Some((seq, what)) = verification.fault() {
        return Ok(Looked::Found(fault(seq, &what)));
    }
    if after < size {
        return Ok(Looked::Found(fault(after + 1, "is missing")));
    }
    checkpoints(shared, jobs).await
}

fn fault(seq: u64, what: &str) -> TrailFault {
    TrailFault { after: seq.saturating_sub(1), why: SafeText::new(format!("entry {seq} {what}")) }
}

/// Holds all stored checkpoints against the tree.
async fn checkpoints(shared: &Shared, jobs: &mpsc::Sender<Job>) -> Result<Looked, StoreError> {
    let notes = shared.store.checkpoints(0).await?;
    let keys = ask(jobs, |core| (core.signer.verifier(), core.successions.clone())).await;
    let Some((key, successions)) = keys else { return Ok(Looked::Gone) };
    let keys = Keyring::new(Verifier::clone(&key), successions.iter().map(String::as_str));
    let mut good = 0;
    for some in notes.chunks(SIGNATURES) {
        let mut signed = Vec::new();
        let mut bad = None;
        for note in some {
            match keys.verify(note) {
                Ok(checkpoint) => signed.push(checkpoint),
                // By a key that was lost before it could pass the trail on: it proves nothing, and is for verification to say.
                Err(NoteError::Unsigned { .. }) => {}
                Err(error) => {
                    bad = Some((Checkpoint::parse(note).map_or(0, |checkpoint| checkpoint.size), error));
                    break;
                }
            }
        }
        let asked: Vec<(u64, Hash)> = signed.iter().map(|checkpoint| (checkpoint.size, checkpoint.root)).collect();
        let differs = ask(jobs, move |core| {
            asked.into_iter().find(|(size, root)| core.tree.root_at(*size) != Some(*root)).map(|(size, _)| size)
        });
        let Some(differs) = differs.await else { return Ok(Looked::Gone) };
        let held = signed.iter().map(|checkpoint| checkpoint.size).take_while(|size| Some(*size) != differs);
        good = held.max().unwrap_or(good);
        if let Some(size) = differs {
            let why = format!("the first {size} entries are not those that the checkpoint of {size} was signed for");
            return Ok(Looked::Found(TrailFault { after: good, why: SafeText::new(why) }));
        }
        if let Some((size, error)) = bad {
            let why = format!("the checkpoint of {size} entries does not verify: {error}");
            return Ok(Looked::Found(TrailFault { after: good, why: SafeText::new(why) }));
        }
        shared.clock.sleep(BREATH).await;
    }
    Ok(Looked::Sound)
}

impl Core {
    /// Those of these entries whose leaf is another than the one that was appended here, in their order.
    pub(super) fn others_than_in_memory(&self, leaves: &[(u64, Hash)]) -> Vec<u64> {
        let ours = self.tree.leaves();
        let differs = |(seq, leaf): &&(u64, Hash)| {
            let at = seq.checked_sub(1).and_then(|index| usize::try_from(index).ok());
            at.and_then(|at| ours.get(at)) != Some(leaf)
        };
        leaves.iter().filter(differs).map(|(seq, _)| *seq).collect()
    }
}
