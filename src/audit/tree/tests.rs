use proptest::prelude::*;

use super::*;

/// The leaves that Certificate Transparency's own tests use.
pub(in crate::audit) const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// The roots of the trees of the first 0 to 8 of them.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hex(hash: &Hash) -> String {
    crate::domain::Digest::of(*hash).as_str()["sha256:".len()..].to_owned()
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

/// The definition of RFC 6962, 2.1, word by word.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&by_definition(&leaves[..k]), &by_definition(&leaves[k..]))
        }
    }
}

#[test]
fn the_roots_of_the_well_known_leaves_are_the_well_known_roots() {
    let mut tree = Tree::default();
    assert_eq!(hex(&tree.root()), ROOTS[0]);
    for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
        tree.append(leaf_hash(&unhex(leaf)));
        assert_eq!(hex(&tree.root()), *root, "at {}", tree.size());
    }
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(hex(&tree.root_at(size as u64).unwrap()), *root, "looking back at {size}");
    }
    assert_eq!(tree.root_at(9), None);
}

#[test]
fn built_at_once_or_leaf_by_leaf_it_is_the_tree_of_the_definition() {
    let all = leaves(130);
    let mut grown = Tree::default();
    let mut range = CompactRange::default();
    for size in 0..=130 {
        let expected = by_definition(&all[..size]);
        let built = Tree::new(all[..size].to_vec());
        assert_eq!((built.root(), grown.root(), range.root()), (expected, expected, expected), "at {size}");
        assert_eq!(built.compact_range(), range);
        assert_eq!(built.leaves(), grown.leaves());
        if size < 130 {
            grown.append(all[size]);
            range.append(all[size]);
        }
    }
}

#[test]
fn a_batch_that_was_taken_back_leaves_no_trace() {
    for size in 0..=40_u64 {
        for back in 0..=size {
            let mut tree = Tree::new(leaves(size));
            tree.truncate(back);
            assert_eq!((tree.size(), tree.root()), (back, by_definition(&leaves(back))));
            tree.truncate(back + 5);
            tree.append([7; 32]);
            let mut expected = leaves(back);
            expected.push([7; 32]);
            assert_eq!(tree.root(), by_definition(&expected), "{size} back to {back}");
        }
    }
}

#[test]
fn a_compact_range_survives_being_stored_and_refuses_what_is_not_one() {
    for size in 0..=70 {
        let range = Tree::new(leaves(size)).compact_range();
        let bytes = range.to_bytes();
        assert_eq!(CompactRange::from_bytes(size, &bytes).unwrap(), range);
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(CompactRange::from_bytes(size, &longer).is_err());
        longer.resize(bytes.len() + 32, 0);
        assert!(CompactRange::from_bytes(size, &longer).is_err());
    }
}

#[test]
fn there_is_no_proof_for_sizes_that_are_none() {
    let tree = Tree::new(leaves(5));
    for (from, to) in [(0, 0), (0, 3), (4, 3), (3, 6), (6, 6)] {
        assert_eq!(tree.consistency(from, to), None, "{from} to {to}");
    }
    for (index, size) in [(0, 0), (3, 3), (0, 6)] {
        assert_eq!(tree.inclusion(index, size), None, "{index} in {size}");
    }
}

proptest! {
    #[test]
    fn any_series_of_batches_kept_or_taken_back_ends_in_the_same_tree(
        batches in proptest::collection::vec((0_u8..20, any::<bool>()), 0..30)
    ) {
        let mut tree = Tree::default();
        let mut kept = Vec::new();
        let mut next = 0_u64;
        for (count, durable) in batches {
            let before = tree.size();
            for _ in 0..count {
                let leaf = leaf_hash(&next.to_be_bytes());
                next += 1;
                tree.append(leaf);
                if durable {
                    kept.push(leaf);
                }
            }
            if !durable {
                tree.truncate(before);
            }
        }
        prop_assert_eq!(tree.leaves(), &kept[..]);
        prop_assert_eq!(tree.root(), by_definition(&kept));
    }
}
