//! Checking proofs without the tree: what a client does with two checkpoints that it holds.

use super::{Hash, tree::node_hash};

/// Whether the proof shows that the tree of `to` leaves only added to that of `from` leaves
/// (RFC 9162, 2.1.4.2). A proof from nothing shows nothing, so `from` 0 is refused.
#[must_use]
pub fn verify_consistency(from: u64, from_root: &Hash, to: u64, to_root: &Hash, proof: &[Hash]) -> bool {
    if from == 0 || from > to {
        return false;
    }
    if from == to {
        return proof.is_empty() && from_root == to_root;
    }
    // A power of two is itself a subtree: its root is where the proof starts.
    let mut hashes = from.is_power_of_two().then_some(from_root).into_iter().chain(proof);
    let Some(first) = hashes.next() else { return false };
    let (mut old, mut new) = (*first, *first);
    let (mut f, mut s) = (from - 1, to - 1);
    while f & 1 == 1 {
        f >>= 1;
        s >>= 1;
    }
    for hash in hashes {
        if s == 0 {
            return false;
        }
        if f & 1 == 1 || f == s {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            new = node_hash(&new, hash);
        }
        f >>= 1;
        s >>= 1;
    }
    s == 0 && old == *from_root && new == *to_root
}

/// Whether the proof shows that `leaf` is at `index` (from 0) in the tree of `size` leaves
/// (RFC 9162, 2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    inclusion_root(leaf, index, size, proof).as_ref() == Some(root)
}

/// The root that the proof leads to, from `leaf` at `index` in the tree of `size` leaves; none when it is
/// not a proof of that.
#[must_use]
pub fn inclusion_root(leaf: &Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut f, mut s) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if s == 0 {
            return None;
        }
        if f & 1 == 1 || f == s {
            hash = node_hash(sibling, &hash);
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        f >>= 1;
        s >>= 1;
    }
    (s == 0).then_some(hash)
}

#[cfg(test)]
mod tests;
