//! What proofs cost at ten million entries: appends, consistency and inclusion proofs, roots of the past,
//! their checking by a client, and the memory that the tree takes.
//!
//! `cargo bench --bench audit`; prints figures. Another number of entries: `-- --entries 1000000`.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use rolldeck::audit::{CompactRange, Hash, Signer, Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion};

const ENTRIES: u64 = 10_000_000;
/// How often each thing is done.
const ROUNDS: u64 = 1000;

fn main() {
    let named = std::env::args().skip_while(|argument| argument != "--entries").nth(1);
    let entries = named.map_or(ENTRIES, |count| count.parse().unwrap());
    let before = resident();
    let mut tree = Tree::default();
    let mut range = CompactRange::default();
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    for n in 0..entries {
        let leaf = leaf_hash(&n.to_be_bytes());
        let one = Instant::now();
        tree.append(leaf);
        slowest = slowest.max(one.elapsed());
    }
    let built = begun.elapsed();
    println!("{entries} entries, hashed and appended: {built:.1?}, {:.0} ns each", per(built, entries));
    println!("  slowest single append (a row that had to grow is moved): {slowest:.1?}");
    if let (Some(before), Some(after)) = (before, resident()) {
        let taken = after.saturating_sub(before);
        println!("  memory: {} MiB, {:.1} bytes an entry", taken >> 20, taken as f64 / entries as f64);
    }
    for n in 0..entries {
        // The same without the tree: what the store does at each commit.
        range.append(tree.leaves()[usize::try_from(n).unwrap()]);
    }
    assert_eq!(range.root(), tree.root());

    let hash = time(ROUNDS * 100, |n| node_hash(&[n as u8; 32], &[1; 32]));
    println!("one inner node: {:.0} ns", per(hash, ROUNDS * 100));

    // An append makes one leaf, and one inner node for each bit set at the end of the size before it.
    let nodes = |sizes: std::ops::Range<u64>| sizes.map(|size| u64::from(size.trailing_ones())).collect::<Vec<_>>();
    let counted = nodes(entries..entries + ROUNDS);
    let most = nodes(0..entries).into_iter().max().unwrap();
    let mean = counted.iter().sum::<u64>() as f64 / ROUNDS as f64;
    println!("hashes of an append: 1 leaf and {mean:.2} nodes on average, {most} at most since the first entry");
    let grown = time(ROUNDS, |n| tree.append(leaf_hash(&(entries + n).to_be_bytes())));
    println!("append at {entries}: {:.0} ns", per(grown, ROUNDS));
    let kept = time(ROUNDS, |n| range.append(leaf_hash(&(entries + n).to_be_bytes())));
    println!("append to the compact range at {entries}: {:.0} ns", per(kept, ROUNDS));

    let size = tree.size();
    let signer = Signer::new("rolldeck.bench/audit", &[1; 32]);
    println!("root: {:.1?}", time(ROUNDS, |_| tree.root()) / ROUNDS as u32);
    println!("root and signature: {:.1?}", time(ROUNDS, |_| signer.sign(size, &tree.root())) / ROUNDS as u32);

    // From sizes all over the tree, in an order that no cache likes.
    let sizes: Vec<u64> = (0..ROUNDS).map(|n| 1 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (size - 1)).collect();
    let mut proofs: Vec<(u64, Hash, Vec<Hash>)> = Vec::new();
    let took = each(&sizes, |from| {
        let proof = tree.consistency(from, size).unwrap();
        proofs.push((from, [0; 32], proof));
    });
    let longest = proofs.iter().map(|(.., proof)| proof.len()).max().unwrap();
    println!("consistency proof to {size}: {}, {longest} hashes at most", spread(took));
    for (from, root, _) in &mut proofs {
        *root = tree.root_at(*from).unwrap();
    }
    println!(
        "root of a past size: {}",
        spread(each(&sizes, |from| {
            black_box(tree.root_at(from));
        }))
    );
    let root = tree.root();
    let checked = time(ROUNDS, |n| {
        let (from, old, proof) = &proofs[usize::try_from(n).unwrap()];
        assert!(verify_consistency(*from, old, size, &root, proof));
    });
    println!("consistency proof, checked by a client: {:.1?}", checked / ROUNDS as u32);
    let took = each(&sizes, |index| {
        let proof = tree.inclusion(index, size).unwrap();
        let leaf = tree.leaves()[usize::try_from(index).unwrap()];
        assert!(verify_inclusion(&leaf, index, size, &root, &proof));
    });
    println!("inclusion proof, made and checked: {}", spread(took));
}

fn time<T>(rounds: u64, mut work: impl FnMut(u64) -> T) -> Duration {
    let begun = Instant::now();
    for n in 0..rounds {
        black_box(work(black_box(n)));
    }
    begun.elapsed()
}

fn each(sizes: &[u64], mut work: impl FnMut(u64)) -> Vec<Duration> {
    sizes.iter().map(|size| time(1, |_| work(*size))).collect()
}

fn spread(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 1000];
    format!("median {:.1?}, 99.9% {:.1?}, slowest {:.1?}", at(500), at(999), at(1000))
}

fn per(took: Duration, count: u64) -> f64 {
    took.as_nanos() as f64 / count as f64
}

/// Bytes of this process in memory, where the system says so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}
