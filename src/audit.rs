//! The audit trail as mathematics: canonical bytes, RFC 6962 tree, C2SP checkpoints, proofs.

use crate::domain::AuditEntry;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The RFC 8785 canonical bytes of an entry: what is stored and hashed.
#[must_use]
pub fn canonical(entry: &AuditEntry) -> Vec<u8> {
    let _ = entry;
    todo!()
}

/// `SHA-256(0x00 || bytes)`.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    let _ = bytes;
    todo!()
}

/// An RFC 6962 Merkle tree over leaf hashes kept in memory (32 bytes an entry), with its compact range.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    leaves: Vec<Hash>,
}

impl Tree {
    /// The tree of these leaves.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Self {
        Self { leaves }
    }
    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }
    /// Appends a leaf in O(log n).
    pub fn append(&mut self, leaf: Hash) {
        let _ = leaf;
        todo!()
    }
    /// Forgets all leaves from `size` on: a batch that did not become durable.
    pub fn truncate(&mut self, size: u64) {
        let _ = size;
        todo!()
    }
    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        todo!()
    }
    /// The consistency proof between two sizes; none when they are not `0 < from <= to <= size`.
    #[must_use]
    pub fn consistency(&self, from: u64, to: u64) -> Option<Vec<Hash>> {
        let _ = (from, to);
        todo!()
    }
}

/// The key that signs checkpoints.
#[derive(Debug)]
pub struct Signer {}

impl Signer {
    /// The key of a seed; `origin` names the log in every checkpoint.
    #[must_use]
    pub fn new(origin: &str, seed: &[u8; 32]) -> Self {
        let _ = (origin, seed);
        todo!()
    }
    /// A signed C2SP checkpoint (a signed note) of the tree.
    #[must_use]
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let _ = (size, root);
        todo!()
    }
    /// The verifier key: `name+hash+base64`, as C2SP signed notes write it.
    #[must_use]
    pub fn verifier_key(&self) -> String {
        todo!()
    }
}
