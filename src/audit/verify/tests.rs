use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::audit::{Signer, canonical_json};

/// A log as a store would hold it.
#[derive(Clone)]
pub(in crate::audit) struct Log {
    pub(in crate::audit) signer: std::rc::Rc<Signer>,
    pub(in crate::audit) entries: Vec<(u64, Vec<u8>, Hash)>,
    pub(in crate::audit) notes: Vec<String>,
    range: CompactRange,
}

pub(in crate::audit) fn bytes(seq: u64, reason: &str) -> Vec<u8> {
    canonical_json(&json!({"action": "pause", "seq": seq, "reason": reason})).unwrap()
}

impl Log {
    /// `count` entries with checkpoints at these sizes.
    pub(in crate::audit) fn new(count: u64, checkpoints: &[u64]) -> Self {
        let signer = std::rc::Rc::new(Signer::new("rolldeck.test/audit", &[5; 32]));
        let (mut entries, mut notes, mut range) = (Vec::new(), Vec::new(), CompactRange::default());
        for seq in 1..=count {
            let bytes = bytes(seq, "drops went up after the last stage");
            let leaf = leaf_hash(&bytes);
            range.append(leaf);
            entries.push((seq, bytes, leaf));
            if checkpoints.contains(&seq) {
                notes.push(signer.sign(seq, &range.root()));
            }
        }
        Self { signer, entries, notes, range }
    }

    /// Rewrites an entry and, for whoever is thorough, its leaf.
    fn rewrite(&mut self, seq: u64, thorough: bool) {
        let entry = &mut self.entries[seq as usize - 1];
        entry.1 = bytes(seq, "nothing happened here");
        if thorough {
            entry.2 = leaf_hash(&entry.1);
        }
    }

    fn verify(&self) -> Report {
        self.verify_with(Some(self.signer.verifier()))
    }

    fn verify_with(&self, key: Option<Verifier>) -> Report {
        let mut verification = Verification::new(key);
        for (seq, bytes, leaf) in &self.entries {
            verification.entry(*seq, bytes, Some(*leaf));
        }
        for note in &self.notes {
            verification.checkpoint(note);
        }
        verification.range(self.range.clone());
        verification.finish()
    }
}

#[test]
fn an_untouched_log_is_proven_up_to_its_last_checkpoint() {
    let report = Log::new(100, &[10, 64, 100]).verify();
    assert_eq!((report.ok, report.entries, report.proven), (true, 100, 100), "{}", report.detail);
    assert_eq!((report.first_bad, report.differs_after), (None, None));

    let report = Log::new(103, &[10, 64, 100]).verify();
    assert_eq!((report.ok, report.entries, report.proven), (true, 103, 100));
    assert!(report.detail.contains("the last 3 intact and not covered"), "{}", report.detail);

    let report = Log::new(0, &[]).verify();
    assert_eq!((report.ok, report.entries, report.proven), (true, 0, 0));
}

#[test]
fn a_log_without_checkpoints_or_without_a_key_is_not_called_proven() {
    let log = Log::new(20, &[]);
    assert_eq!((log.verify().ok, log.verify().proven), (false, 0));
    let log = Log::new(20, &[20]);
    let report = log.verify_with(None);
    assert_eq!((report.ok, report.proven), (false, 0));
    assert!(report.detail.contains("no key"), "{}", report.detail);
}

#[test]
fn a_changed_entry_is_named_by_its_number_wherever_it_is() {
    for seq in [1, 9, 10, 11, 64, 65, 99, 100] {
        let mut log = Log::new(100, &[10, 64]);
        log.rewrite(seq, false);
        let report = log.verify();
        assert_eq!((report.ok, report.first_bad, report.differs_after), (false, Some(seq), None), "{}", report.detail);
        assert!(report.proven < seq);
        assert!(report.detail.starts_with(&format!("entry {seq} was changed")), "{}", report.detail);
    }
}

#[test]
fn of_several_changed_entries_the_first_is_named() {
    let mut log = Log::new(100, &[10, 64]);
    log.rewrite(70, false);
    log.rewrite(12, false);
    log.rewrite(30, false);
    assert_eq!(log.verify().first_bad, Some(12));
}

#[test]
fn an_entry_changed_together_with_its_leaf_shows_in_the_next_checkpoint() {
    for (seq, after) in [(1, 0), (10, 0), (11, 10), (64, 10), (65, 64)] {
        let mut log = Log::new(100, &[10, 64, 90]);
        log.rewrite(seq, true);
        let report = log.verify();
        assert_eq!(
            (report.ok, report.first_bad, report.differs_after),
            (false, None, Some(after)),
            "{}",
            report.detail
        );
        assert_eq!(report.proven, after);
    }
    // After the last checkpoint the stored compact range still tells.
    let mut log = Log::new(100, &[10, 64, 90]);
    log.rewrite(95, true);
    assert_eq!((log.verify().ok, log.verify().differs_after), (false, Some(90)));
}

#[test]
fn a_thorough_change_before_a_clumsy_one_is_reported_beside_it() {
    let mut log = Log::new(100, &[10, 64, 90]);
    log.rewrite(5, true);
    log.rewrite(80, false);
    let report = log.verify();
    assert_eq!((report.first_bad, report.differs_after, report.proven), (Some(80), Some(0), 0), "{}", report.detail);
}

#[test]
fn a_missing_entry_is_named_in_the_middle_and_at_the_end() {
    for seq in [1, 2, 40, 63, 64] {
        let mut log = Log::new(100, &[10, 64]);
        log.entries.remove(seq as usize - 1);
        let report = log.verify();
        assert_eq!((report.first_bad, report.differs_after), (Some(seq), None), "{}", report.detail);
        assert!(report.detail.contains(&format!("entry {seq} is missing")), "{}", report.detail);
    }
    for kept in [0, 5, 63, 64, 99] {
        let mut log = Log::new(100, &[10, 64]);
        log.entries.truncate(kept);
        let report = log.verify();
        assert_eq!((report.ok, report.first_bad), (false, Some(kept as u64 + 1)), "{}", report.detail);
    }
}

#[test]
fn an_entry_moved_or_made_up_is_found() {
    let mut log = Log::new(30, &[30]);
    log.entries.swap(3, 4);
    assert_eq!(log.verify().first_bad, Some(4));

    let mut log = Log::new(30, &[30]);
    let other = log.entries[8].1.clone();
    log.entries[3] = (4, other.clone(), leaf_hash(&other));
    assert_eq!(log.verify().first_bad, Some(4), "{}", log.verify().detail);

    let mut log = Log::new(30, &[30]);
    log.entries.push((31, bytes(31, "never happened"), leaf_hash(&bytes(31, "never happened"))));
    assert_eq!((log.verify().ok, log.verify().differs_after), (false, Some(30)), "{}", log.verify().detail);

    let mut log = Log::new(30, &[]);
    let loose = br#"{"seq": 7}"#.to_vec();
    log.entries[6] = (7, loose.clone(), leaf_hash(&loose));
    assert_eq!(log.verify().first_bad, Some(7));
}

#[test]
fn a_changed_or_foreign_checkpoint_is_found() {
    let mut log = Log::new(100, &[10, 64, 90]);
    log.notes[1] = log.notes[1].replace("\n64\n", "\n63\n");
    let report = log.verify();
    assert_eq!((report.ok, report.first_bad, report.differs_after), (false, None, Some(10)), "{}", report.detail);
    assert!(report.detail.contains("changed after it was signed"), "{}", report.detail);

    let mut log = Log::new(100, &[10, 64, 90]);
    log.notes[2] = Signer::new("rolldeck.test/audit", &[6; 32]).sign(90, &log.range.root());
    assert_eq!((log.verify().ok, log.verify().differs_after, log.verify().proven), (false, Some(64), 64));

    let mut log = Log::new(100, &[10, 64, 90]);
    log.notes.push("nonsense".into());
    assert_eq!((log.verify().ok, log.verify().differs_after), (false, Some(90)), "{}", log.verify().detail);
}

#[test]
fn entries_of_a_filter_are_checked_one_by_one_and_not_called_proven() {
    let log = Log::new(30, &[30]);
    let mut verification = Verification::filtered(Some(log.signer.verifier()));
    for (seq, bytes, leaf) in log.entries.iter().filter(|(seq, ..)| seq % 3 == 0) {
        verification.entry(*seq, bytes, Some(*leaf));
    }
    let report = verification.finish();
    assert_eq!((report.ok, report.entries, report.proven, report.first_bad), (false, 10, 0, None));
    assert!(report.detail.contains("export without a filter"), "{}", report.detail);

    let mut verification = Verification::filtered(None);
    verification.entry(3, &bytes(3, "changed"), Some(log.entries[2].2));
    assert_eq!(verification.finish().first_bad, Some(3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_flipped_bit_in_an_entry_or_leaf_is_found_at_its_number(
        count in 1_u64..60, which in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(), leaf in any::<bool>()
    ) {
        let mut log = Log::new(count, &[count / 2, count]);
        let at = which.index(log.entries.len());
        let field = if leaf { &mut log.entries[at].2[..] } else { &mut log.entries[at].1[..] };
        let bit = bit.index(field.len() * 8);
        field[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(log.verify().first_bad, Some(at as u64 + 1));
    }
}

/// The content of the entries up to `through` has expired; entry `by` says so.
fn expire(log: &mut Log, through: u64, by: u64, said: u64) {
    let told = canonical_json(&json!({"action": tombstone::EXPIRED, "outcome": "applied", "seq": by,
        "changes": [{"field": tombstone::THROUGH, "before": null, "after": said.to_string()}]}))
    .unwrap();
    log.entries[by as usize - 1] = (by, told.clone(), leaf_hash(&told));
    let tree = Tree::new(log.entries.iter().map(|(.., leaf)| *leaf).collect());
    log.range = tree.compact_range();
    log.notes = vec![log.signer.sign(tree.size(), &tree.root())];
    for (seq, bytes, leaf) in log.entries.iter_mut().take(through as usize) {
        *bytes = Tombstone::new(*seq, leaf, "older than 400 days").bytes().unwrap();
    }
}

#[test]
fn a_trail_whose_old_contents_expired_still_verifies_and_says_how_many() {
    let mut log = Log::new(100, &[]);
    expire(&mut log, 60, 90, 60);
    let report = log.verify();
    assert_eq!((report.ok, report.proven, report.expired), (true, 100, 60), "{}", report.detail);
    assert!(report.detail.contains("the content of 60 has expired"), "{}", report.detail);
    // A later expiry takes the content of an earlier one's entry with it.
    expire(&mut log, 95, 99, 95);
    assert_eq!((log.verify().ok, log.verify().expired), (true, 95));
}

#[test]
fn content_that_is_gone_without_an_expiry_in_the_trail_is_named() {
    for (through, said, first_bad) in [(60, 40, 41), (60, 0, 1), (1, 0, 1)] {
        let mut log = Log::new(100, &[]);
        expire(&mut log, through, 90, said);
        let report = log.verify();
        assert_eq!((report.ok, report.first_bad), (false, Some(first_bad)), "{}", report.detail);
        assert!(report.detail.contains("no expiry in the trail says so"), "{}", report.detail);
    }
    // An expiry cannot speak of what came after it.
    let mut log = Log::new(100, &[]);
    expire(&mut log, 50, 60, 99);
    assert_eq!(log.verify().first_bad, Some(1));
}

#[test]
fn a_tombstone_of_another_entry_leaf_or_form_is_a_change_like_any_other() {
    let mut sound = Log::new(100, &[]);
    expire(&mut sound, 60, 90, 60);
    let leaf = sound.entries[10].2;
    for other in [
        Tombstone::new(12, &leaf, "older than 400 days").bytes().unwrap(),
        Tombstone::new(11, &[1; 32], "older than 400 days").bytes().unwrap(),
        canonical_json(&json!({"leaf": "AAAA", "seq": 11, "tombstone": 1, "reason": "x"})).unwrap(),
        canonical_json(&json!({"leaf": "AAAA", "seq": 11, "tombstone": 2, "reason": "x"})).unwrap(),
        b"{\"leaf\":\"".to_vec(),
    ] {
        let mut log = sound.clone();
        log.entries[10].1 = other;
        let report = log.verify();
        assert_eq!((report.ok, report.first_bad), (false, Some(11)), "{}", report.detail);
    }
    // With the leaf changed in both places the tree tells.
    let mut log = sound.clone();
    log.entries[10] = (11, Tombstone::new(11, &[1; 32], "x").bytes().unwrap(), [1; 32]);
    assert_eq!(log.verify().differs_after, Some(0));
}
