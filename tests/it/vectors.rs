//! Vectors that other people published, held against what Rolldeck computes. `vectors/README.md` names
//! their sources and licences.

use rolldeck::audit::{
    Hash, Tree, canonical_json, leaf_hash, node_hash, tree::empty_root, verify_consistency, verify_inclusion,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Merkle {
    leaves: Vec<String>,
    nodes: Vec<Vec<String>>,
    roots: Vec<String>,
    other_hash: String,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    from: u64,
    to: u64,
    proof: Vec<String>,
}

fn merkle() -> Merkle {
    serde_json::from_str(include_str!("vectors/merkle.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hash(hex: &str) -> Hash {
    bytes(hex).try_into().unwrap()
}

fn hashes(hex: &[String]) -> Vec<Hash> {
    hex.iter().map(|hex| hash(hex)).collect()
}

fn tree(vectors: &Merkle) -> Tree {
    Tree::new(vectors.leaves.iter().map(|leaf| leaf_hash(&bytes(leaf))).collect())
}

/// Each way to spoil a list of hashes: removed, added in front and behind, one bit flipped in each.
fn spoilt(proof: &[Hash], others: &[Hash], bit: u8) -> Vec<Vec<Hash>> {
    let mut all = vec![];
    if let [rest @ .., _] = proof {
        all.extend([rest.to_vec(), proof[1..].to_vec(), vec![]]);
    }
    for other in others {
        all.push([proof, &[*other]].concat());
        all.push([&[*other], proof].concat());
        if proof.len() > 1 {
            all.push([&proof[..1], &[*other], &proof[1..]].concat());
        }
    }
    if let Some(first) = proof.first() {
        all.push([&[*first], proof].concat());
    }
    for at in 0..proof.len() {
        let mut one = proof.to_vec();
        one[at][0] ^= bit;
        all.push(one);
    }
    all
}

#[test]
fn every_node_and_every_root_of_the_published_tree_comes_out() {
    let vectors = merkle();
    let tree = tree(&vectors);
    assert_eq!(tree.leaves(), hashes(&vectors.nodes[0]));
    for level in vectors.nodes.windows(2) {
        let above: Vec<Hash> = hashes(&level[0]).chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        assert_eq!(above, hashes(&level[1]));
    }
    assert_eq!(vectors.roots.len(), 9);
    assert_eq!(hash(&vectors.roots[0]), empty_root());
    for (size, root) in vectors.roots.iter().enumerate() {
        assert_eq!(tree.root_at(size as u64), Some(hash(root)), "{size}");
        let mut grown = Tree::default();
        tree.leaves()[..size].iter().for_each(|leaf| grown.append(*leaf));
        assert_eq!((grown.root(), grown.compact_range().root()), (hash(root), hash(root)), "{size}, leaf by leaf");
    }
}

#[test]
fn the_published_inclusion_proofs_are_made_and_verify_and_their_corruptions_do_not() {
    let vectors = merkle();
    let (tree, other) = (tree(&vectors), hash(&vectors.other_hash));
    let mut refused = 0;
    for Inclusion { index, size, proof } in &vectors.inclusion {
        let (index, size, proof) = (*index, *size, hashes(proof));
        let (leaf, root) = (tree.leaves()[index as usize], hash(&vectors.roots[size as usize]));
        assert_eq!(tree.inclusion(index, size).unwrap(), proof, "{index} in {size}");
        assert!(verify_inclusion(&leaf, index, size, &root, &proof), "{index} in {size}");
        let mut bad = vec![
            (leaf, index.wrapping_sub(1), size, root, proof.clone()),
            (leaf, index + 1, size, root, proof.clone()),
            (leaf, index ^ 2, size, root, proof.clone()),
            (leaf, index, size / 2, root, proof.clone()),
            (leaf, index, size * 2, root, proof.clone()),
            (leaf, index, 0, root, proof.clone()),
            (other, index, size, root, proof.clone()),
            (leaf, index, size, other, proof.clone()),
            (leaf, index, size, empty_root(), proof.clone()),
        ];
        bad.extend(
            spoilt(&proof, &[root, other, [0; 32]], 8).into_iter().map(|proof| (leaf, index, size, root, proof)),
        );
        for (leaf, index, size, root, proof) in bad {
            assert!(!verify_inclusion(&leaf, index, size, &root, &proof), "{index} in {size}: {proof:?}");
            refused += 1;
        }
    }
    // In the suite: a tree of nothing, and an index outside of its tree.
    for (index, size) in [(0, 0), (0, 1), (1, 0), (2, 1)] {
        assert!(!verify_inclusion(&other, index, size, &empty_root(), &[]));
    }
    assert!(tree.inclusion(0, 0).is_none() && tree.inclusion(8, 8).is_none());
    assert!(refused > 90, "{refused}");
}

#[test]
fn the_published_consistency_proofs_are_made_and_verify_and_their_corruptions_do_not() {
    let vectors = merkle();
    let (tree, other) = (tree(&vectors), hash(&vectors.other_hash));
    let mut refused = 0;
    for Consistency { from, to, proof } in &vectors.consistency {
        let (from, to, proof) = (*from, *to, hashes(proof));
        let (old, new) = (hash(&vectors.roots[from as usize]), hash(&vectors.roots[to as usize]));
        assert_eq!(tree.consistency(from, to).unwrap(), proof, "{from} to {to}");
        assert!(verify_consistency(from, &old, to, &new, &proof), "{from} to {to}");
        let mut bad = vec![(from, to, other, new, proof.clone()), (from, to, old, other, proof.clone())];
        bad.extend(
            spoilt(&proof, &[old, new, other, [0; 32]], 16).into_iter().map(|proof| (from, to, old, new, proof)),
        );
        // The suite has these for proofs with something in them.
        if !proof.is_empty() {
            for (from, to) in
                [(from - 1, to), (from + 1, to), (from ^ 2, to), (from, to * 2), (from, to / 2), (to, from)]
            {
                bad.push((from, to, old, new, proof.clone()));
            }
            bad.push((from, to, new, old, proof.clone()));
        }
        for (from, to, old, new, proof) in bad {
            assert!(!verify_consistency(from, &old, to, &new, &proof), "{from} to {to}: {proof:?}");
            refused += 1;
        }
    }
    assert!(refused > 80, "{refused}");
}

#[test]
fn a_proof_from_size_zero_is_refused_although_the_suite_accepts_it() {
    // `TestVerifyConsistency` of the suite calls (0, 0) with equal roots and (0, 1) with any "always
    // consistent". That shows nothing, and whoever remembers nothing is told so.
    let vectors = merkle();
    let root = |size: usize| hash(&vectors.roots[size]);
    for (to, old, new) in [(0, root(0), root(0)), (1, root(0), root(1)), (8, root(0), root(8)), (1, root(1), root(1))] {
        assert!(!verify_consistency(0, &old, to, &new, &[]), "to {to}");
        assert!(!verify_consistency(0, &old, to, &new, &[new]), "to {to}");
    }
    assert!(tree(&vectors).consistency(0, 8).is_none(), "and none is made");
    // Going back in time.
    assert!(!verify_consistency(2, &root(2), 1, &root(1), &[]));
    assert!(!verify_consistency(1, &root(1), 0, &root(0), &[]));
}

#[test]
fn the_inputs_of_rfc_8785_come_out_byte_for_byte() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        input: String,
        output: String,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("vectors/jcs.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for Case { name, input, output } in cases {
        let value: serde_json::Value = serde_json::from_str(&input).unwrap();
        assert_eq!(String::from_utf8(canonical_json(&value).unwrap()).unwrap(), output, "{name}");
        let again: serde_json::Value = serde_json::from_str(&output).unwrap();
        assert_eq!(canonical_json(&again).unwrap(), output.as_bytes(), "{name}, again");
    }
}
