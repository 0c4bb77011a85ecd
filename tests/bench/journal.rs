//! What the journal costs: synced commits, one request alone and many that share one, in SQLite and in PostgreSQL
//! where that is installed, and the tree with its proofs at 100 000 entries.
//!
//! `cargo bench --bench journal`; items are requests, entries, leaves or proofs.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

#[path = "../it/support/postgres.rs"]
#[expect(clippy::pedantic, clippy::panic, reason = "what tests share reads as tests do")]
mod postgres;

use std::sync::OnceLock;

use divan::{Bencher, counter::ItemsCount};
use rolldeck::{
    audit::{Signer, Tree, canonical_json, leaf_hash, verify::Verification, verify_consistency},
    store::{
        Store, StoredEntry, Write,
        postgres::{Address, Postgres},
        sqlite::{Durability, Sqlite},
    },
};
use serde_json::json;
use tokio::runtime::Runtime;

/// Leaves of the great tree.
const MANY: u64 = 100_000;

fn main() {
    divan::main();
}

fn entry(seq: u64) -> StoredEntry {
    let bytes = canonical_json(&json!({
        "action": "pause", "actor": {"id": "anna", "kind": "human"}, "seq": seq, "reason": "drops went up on lane 3",
        "subject": {"kind": "rollout", "name": "pick-assist", "target": "dc-west"}, "schema": 1
    }))
    .unwrap();
    let leaf = leaf_hash(&bytes);
    let rollout = Some("dc-west/pick-assist".to_owned());
    StoredEntry {
        seq,
        bytes,
        leaf,
        at: chrono::DateTime::UNIX_EPOCH,
        actor: "anna".into(),
        action: "pause".into(),
        rollout,
    }
}

/// A rollout's state of some 4 KB and the audit entry that explains it: what an action writes.
fn request(seq: u64) -> [Write; 2] {
    let state = json!({"revision": seq, "units": (0..40).map(|n| json!({"site": format!("site-{n}"), "lane": "main",
        "state": "healthy", "measured": "sha256:0123456789abcdef"})).collect::<Vec<_>>()});
    [Write::Rollout("dc-west/pick-assist".parse().unwrap(), state), Write::Audit(entry(seq))]
}

/// Requests that share a synced commit, on the disk that the target directory is on.
#[divan::bench(args = [1, 10, 100], sample_count = 50)]
fn synced_commit_of_requests(bencher: Bencher<'_, '_>, shared: u64) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = runtime.block_on(Sqlite::open(dir.path(), Durability::Full)).unwrap();
    commits(bencher, &runtime, &store, shared);
}

/// A PostgreSQL on the disk that the directory of temporary files is on, which syncs.
fn cluster() -> &'static postgres::Cluster {
    static CLUSTER: OnceLock<postgres::Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| postgres::Cluster::start(&[]))
}

/// A new database of it.
fn database(runtime: &Runtime) -> Postgres {
    runtime.block_on(async {
        let address = Address::of_argument(&cluster().url(&cluster().database().await)).unwrap();
        Postgres::open(&address).await.unwrap()
    })
}

/// The same in PostgreSQL, over a socket of this machine.
#[divan::bench(args = [1, 10, 100], sample_count = 50, ignore = !postgres::is_there())]
fn synced_commit_of_requests_in_postgresql(bencher: Bencher<'_, '_>, shared: u64) {
    let runtime = Runtime::new().unwrap();
    let store = database(&runtime);
    commits(bencher, &runtime, &store, shared);
}

/// Reading everything at the start from PostgreSQL.
#[divan::bench(args = [1_000, 10_000], sample_count = 5, ignore = !postgres::is_there())]
fn load_from_postgresql(bencher: Bencher<'_, '_>, entries: u64) {
    let runtime = Runtime::new().unwrap();
    let store = database(&runtime);
    loads(bencher, &runtime, &store, entries);
}

fn commits(bencher: Bencher<'_, '_>, runtime: &Runtime, store: &dyn Store, shared: u64) {
    let mut seq = 0;
    bencher
        .counter(ItemsCount::new(shared))
        .with_inputs(|| {
            let batch: Vec<Write> = (1..=shared).flat_map(|n| request(seq + n)).collect();
            seq += shared;
            batch
        })
        .bench_local_values(|batch| runtime.block_on(store.commit(&batch)).unwrap());
    runtime.block_on(store.close());
}

/// Reading everything at the start.
#[divan::bench(args = [1_000, 10_000], sample_count = 5)]
fn load(bencher: Bencher<'_, '_>, entries: u64) {
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = runtime.block_on(Sqlite::open(dir.path(), Durability::Relaxed)).unwrap();
    loads(bencher, &runtime, &store, entries);
}

fn loads(bencher: Bencher<'_, '_>, runtime: &Runtime, store: &dyn Store, entries: u64) {
    let batch: Vec<Write> = (1..=entries).map(|seq| Write::Audit(entry(seq))).collect();
    runtime.block_on(store.commit(&batch)).unwrap();
    bencher.counter(ItemsCount::new(entries)).bench_local(|| runtime.block_on(store.load()).unwrap().leaves.len());
    runtime.block_on(store.close());
}

fn leaves() -> Vec<[u8; 32]> {
    (0..MANY).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

#[divan::bench(sample_count = 5)]
fn tree_of_100_000_leaf_by_leaf(bencher: Bencher<'_, '_>) {
    let leaves = leaves();
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
        let mut tree = Tree::default();
        for leaf in &leaves {
            tree.append(*leaf);
        }
        tree
    });
}

#[divan::bench]
fn root_and_checkpoint_at_100_000(bencher: Bencher<'_, '_>) {
    let (tree, signer) = (Tree::new(leaves()), Signer::new("rolldeck.bench/audit", &[1; 32]));
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| signer.sign(tree.size(), &tree.root()));
}

#[divan::bench(args = [1, 77_777, 99_999])]
fn consistency_proof_to_100_000(bencher: Bencher<'_, '_>, from: u64) {
    let tree = Tree::new(leaves());
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| tree.consistency(from, MANY));
}

#[divan::bench]
fn consistency_proof_checked_by_a_client(bencher: Bencher<'_, '_>) {
    let tree = Tree::new(leaves());
    let (old, new) = (tree.root_at(77_777).unwrap(), tree.root());
    let proof = tree.consistency(77_777, MANY).unwrap();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| assert!(verify_consistency(77_777, &old, MANY, &new, &proof)));
}

#[divan::bench(sample_count = 5)]
fn verification_of_10_000_entries(bencher: Bencher<'_, '_>) {
    let entries: Vec<_> = (1..=10_000).map(entry).collect();
    bencher.counter(ItemsCount::new(entries.len())).bench_local(|| {
        let mut verification = Verification::new(None);
        for entry in &entries {
            verification.entry(entry.seq, &entry.bytes, Some(entry.leaf));
        }
        let report = verification.finish();
        assert_eq!(report.first_bad, None);
    });
}
