use proptest::prelude::*;

use super::*;
use crate::audit::{Tree, leaf_hash};

fn tree(count: u64) -> Tree {
    Tree::new((0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect())
}

#[test]
fn every_pair_of_small_sizes_has_a_proof_that_verifies_with_its_own_roots_only() {
    let tree = tree(40);
    for to in 1..=40 {
        for from in 1..=to {
            let (old, new) = (tree.root_at(from).unwrap(), tree.root_at(to).unwrap());
            let proof = tree.consistency(from, to).unwrap();
            assert!(verify_consistency(from, &old, to, &new, &proof), "{from} to {to}");
            assert!(!verify_consistency(from, &[1; 32], to, &new, &proof), "{from} to {to}, old root");
            assert!(!verify_consistency(from, &old, to, &[1; 32], &proof), "{from} to {to}, new root");
            let mut longer = proof.clone();
            longer.push([0; 32]);
            assert!(!verify_consistency(from, &old, to, &new, &longer), "{from} to {to}, longer");
            if let Some((_, shorter)) = proof.split_last() {
                assert!(!verify_consistency(from, &old, to, &new, shorter), "{from} to {to}, shorter");
            }
        }
    }
}

#[test]
fn a_proof_from_nothing_is_refused() {
    let root = tree(3).root();
    assert!(!verify_consistency(0, &root, 3, &root, &[]));
    assert!(!verify_consistency(0, &tree(0).root(), 0, &tree(0).root(), &[]));
    assert!(!verify_consistency(3, &root, 2, &root, &[]));
}

#[test]
fn every_leaf_of_every_small_tree_is_proven_to_be_where_it_is_and_nowhere_else() {
    let tree = tree(33);
    for size in 1..=33 {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let leaf = tree.leaves()[index as usize];
            let proof = tree.inclusion(index, size).unwrap();
            assert!(verify_inclusion(&leaf, index, size, &root, &proof), "{index} in {size}");
            assert!(!verify_inclusion(&[9; 32], index, size, &root, &proof), "{index} in {size}, another leaf");
            assert!(!verify_inclusion(&leaf, index + 1, size, &root, &proof), "{index} in {size}, moved");
            let mut longer = proof.clone();
            longer.push([0; 32]);
            assert!(!verify_inclusion(&leaf, index, size, &root, &longer), "{index} in {size}, longer");
        }
        assert!(!verify_inclusion(&root, size, size, &root, &[]));
    }
}

proptest! {
    #[test]
    fn one_flipped_bit_anywhere_in_a_proof_or_root_is_found(
        (to, from, bit) in (1_u64..3000).prop_flat_map(|to| (Just(to), 1..=to, any::<u32>()))
    ) {
        let tree = tree(to);
        let mut hashes = vec![tree.root_at(from).unwrap(), tree.root()];
        hashes.extend(tree.consistency(from, to).unwrap());
        prop_assert!(verify_consistency(from, &hashes[0], to, &hashes[1], &hashes[2..]));
        let bit = bit as usize % (hashes.len() * 256);
        hashes[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_consistency(from, &hashes[0], to, &hashes[1], &hashes[2..]));
    }

    #[test]
    fn hostile_proofs_of_any_form_never_panic(
        from in any::<u64>(), to in any::<u64>(), proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70)
    ) {
        prop_assert!(!verify_consistency(from, &[0; 32], to, &[1; 32], &proof));
        prop_assert!(!verify_inclusion(&[0; 32], from, to, &[1; 32], &proof) || to > from);
    }
}
