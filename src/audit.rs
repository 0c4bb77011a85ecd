//! The audit trail as mathematics: canonical bytes, RFC 6962 tree, C2SP checkpoints, proofs.
//!
//! An entry's stored form is its RFC 8785 canonical bytes ([`canonical()`]), its leaf is
//! `SHA-256(0x00 || bytes)` ([`leaf_hash`]), and the leaves in order of `seq` make the [`Tree`]
//! whose root a [`Signer`] puts into signed checkpoints. Nothing here stores, reads a clock or
//! does I/O, so that anyone can verify with what was handed over and nothing else.

pub mod canonical;
pub mod export;
pub mod filter;
pub mod note;
pub mod proof;
pub mod range;
pub mod succession;
pub mod tombstone;
pub mod tree;
pub mod verify;
pub mod witness;

pub use canonical::{CanonicalError, canonical, canonical_json};
pub use filter::{EntryFilter, EntryFilterError};
pub use note::{Checkpoint, NoteError, Signer, Verifier};
pub use proof::{verify_consistency, verify_inclusion};
pub use range::CompactRange;
pub use succession::{Keyring, Succession};
pub use tombstone::Tombstone;
pub use tree::{Hash, Tree, leaf_hash, node_hash};
pub use witness::{Rewritten, Witness};
