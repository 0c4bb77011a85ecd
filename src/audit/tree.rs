//! The RFC 6962 Merkle tree over all leaves, kept in memory with the hashes of its perfect
//! subtrees, so that roots and proofs of any size cost O(log n) hashes.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::CompactRange;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// `SHA-256(0x00 || bytes)`: the leaf of an entry.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(bytes).finalize().into()
}

/// `SHA-256(0x01 || left || right)`: an inner node.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves: the hash of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// An RFC 6962 Merkle tree over leaf hashes kept in memory: 64 bytes an entry.
#[derive(Clone, Default)]
pub struct Tree {
    /// `levels[k][i]` is the hash over the leaves `[i * 2^k, (i + 1) * 2^k)`, for every such block
    /// that is full. `levels[0]` are the leaves.
    levels: Vec<Vec<Hash>>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Tree {
    /// The tree of these leaves.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        loop {
            let below = &levels[levels.len() - 1];
            if below.len() < 2 {
                break;
            }
            let above = below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.leaves().len() as u64
    }

    /// The leaves, in order.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        self.levels.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// Appends a leaf: two hashes at most on average, O(log n) at worst.
    pub fn append(&mut self, leaf: Hash) {
        let mut carry = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(carry);
            if row.len() % 2 == 1 {
                break;
            }
            carry = node_hash(&row[row.len() - 2], &row[row.len() - 1]);
        }
    }

    /// Forgets all leaves from `size` on: a batch that did not become durable. Does nothing when
    /// there are not more.
    pub fn truncate(&mut self, size: u64) {
        for (level, row) in self.levels.iter_mut().enumerate() {
            row.truncate(usize::try_from(size >> level).unwrap_or(usize::MAX));
        }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.compact_range().root()
    }

    /// The root that it had with its first `size` leaves; none when it has fewer.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        match size {
            0 => Some(empty_root()),
            size if size <= self.size() => Some(self.range(0, size)),
            _ => None,
        }
    }

    /// The hashes that are enough to append to it and to know its root: at most 64.
    #[must_use]
    pub fn compact_range(&self) -> CompactRange {
        let size = self.size();
        let hashes = (0..self.levels.len())
            .rev()
            .filter(|level| size >> level & 1 == 1)
            .filter_map(|level| self.levels[level].last().copied())
            .collect();
        CompactRange::from_parts(size, hashes)
    }

    /// The consistency proof between two sizes; none when they are not `0 < from <= to <= size`.
    /// It is empty between a size and itself.
    #[must_use]
    pub fn consistency(&self, from: u64, to: u64) -> Option<Vec<Hash>> {
        if from == 0 || from > to || to > self.size() {
            return None;
        }
        // RFC 6962, 2.1.2: SUBPROOF(m, D[n], b) from the outside in; its hashes come inside out.
        let (mut start, mut end, mut whole) = (0, to, true);
        let mut proof = Vec::new();
        while from != end {
            let middle = start + split(end - start);
            if from <= middle {
                proof.push(self.range(middle, end));
                end = middle;
            } else {
                proof.push(self.range(start, middle));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            proof.push(self.range(start, end));
        }
        proof.reverse();
        Some(proof)
    }

    /// The inclusion proof of the leaf at `index` (from 0) in the tree of the first `size` leaves;
    /// none when it is not `index < size <= self.size()`.
    #[must_use]
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        if index >= size || size > self.size() {
            return None;
        }
        let (mut start, mut end) = (0, size);
        let mut proof = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                proof.push(self.range(middle, end));
                end = middle;
            } else {
                proof.push(self.range(start, middle));
                start = middle;
            }
        }
        proof.reverse();
        Some(proof)
    }

    /// The RFC 6962 hash over the leaves `[start, end)`, where `start` is a multiple of the
    /// greatest power of two below or at their count, as it is for all ranges a proof names.
    fn range(&self, start: u64, end: u64) -> Hash {
        let count = end - start;
        if count.is_power_of_two() {
            let level = count.trailing_zeros();
            return self.levels[level as usize][(start >> level) as usize];
        }
        let middle = start + split(count);
        node_hash(&self.range(start, middle), &self.range(middle, end))
    }
}

/// The greatest power of two below `count`, for counts of two or more.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

#[cfg(test)]
mod tests;
