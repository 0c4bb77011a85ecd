//! The compact range: the hashes of the perfect subtrees that a tree is made of. It is what the
//! store keeps beside the entries, one row for the whole tree.

use super::{
    Hash,
    tree::{empty_root, node_hash},
};

/// The perfect subtrees of an RFC 6962 tree from the left, one for each bit set in its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    hashes: Vec<Hash>,
}

/// Bytes that are not a compact range of the size they claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} entries has {expected} hashes of 32 bytes in its compact range, got {got} bytes")]
pub struct RangeError {
    /// The size claimed.
    pub size: u64,
    /// Hashes that such a tree has.
    pub expected: u32,
    /// Bytes found.
    pub got: usize,
}

impl CompactRange {
    pub(super) fn from_parts(size: u64, hashes: Vec<Hash>) -> Self {
        debug_assert_eq!(size.count_ones() as usize, hashes.len());
        Self { size, hashes }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`RangeError`] when the number of hashes is not that of a tree of `size` leaves.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, RangeError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() != size.count_ones() as usize {
            return Err(RangeError { size, expected: size.count_ones(), got: bytes.len() });
        }
        Ok(Self { size, hashes: hashes.to_vec() })
    }

    /// Its hashes one after the other, that of the greatest subtree first: 0 to 2 048 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }

    /// How many leaves it covers.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn append(&mut self, leaf: Hash) {
        let mut carry = leaf;
        for _ in 0..self.size.trailing_ones() {
            // There is a hash for each bit set in the size.
            if let Some(left) = self.hashes.pop() {
                carry = node_hash(&left, &carry);
            }
        }
        self.hashes.push(carry);
        self.size += 1;
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev();
        let Some(&last) = hashes.next() else { return empty_root() };
        hashes.fold(last, |right, left| node_hash(left, &right))
    }
}
