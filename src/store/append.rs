//! Appending to the audit trail, decided alike by every store: what may follow what, and what stands in for
//! content that expired.

use super::{StoreError, Write};
use crate::audit::{CompactRange, Tombstone, leaf_hash};

/// A batch that must not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("audit entry {got} cannot follow entry {last}")]
    Gap { last: u64, got: u64 },
    #[error("audit entry {0} does not hash to its leaf")]
    Leaf(u64),
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The compact range after the batch, if its entries follow one another and are what they say.
pub(super) fn extended(range: &CompactRange, batch: &[Write]) -> Result<CompactRange, Refused> {
    let mut range = range.clone();
    for write in batch {
        if let Write::Audit(entry) = write {
            if entry.seq != range.size() + 1 {
                return Err(Refused::Gap { last: range.size(), got: entry.seq });
            }
            if leaf_hash(&entry.bytes) != entry.leaf {
                return Err(Refused::Leaf(entry.seq));
            }
            range.append(entry.leaf);
        }
    }
    Ok(range)
}

/// How far the trail goes, of what is stored of it; refuses to append where something else already has.
pub(super) fn end_of_trail(
    place: impl std::fmt::Display,
    range: Option<(i64, Vec<u8>)>,
    last: i64,
) -> Result<CompactRange, StoreError> {
    let damaged = |detail: String| StoreError::Damaged { place: place.to_string(), detail };
    let (size, hashes) = range.ok_or_else(|| damaged("the tree of the audit trail is missing".to_owned()))?;
    let range = u64::try_from(size).ok().and_then(|size| CompactRange::from_bytes(size, &hashes).ok());
    let range = range.ok_or_else(|| damaged("the tree of the audit trail is malformed".to_owned()))?;
    if last > size {
        return Err(damaged(format!("audit entry {last} was added by something else: the trail ends at {size}")));
    }
    Ok(range)
}

/// The bytes that stand in for an entry's content; none for a leaf that is no hash, which was changed by hand
/// and is left for verification to name.
pub(super) fn tombstone(seq: i64, leaf: Vec<u8>, reason: &str) -> Result<Option<Vec<u8>>, Refused> {
    let place = u64::try_from(seq).unwrap_or_default();
    let Ok(leaf) = leaf.try_into() else { return Ok(None) };
    Tombstone::new(place, &leaf, reason).bytes().map(Some).map_err(|_| Refused::Leaf(place))
}

/// A count as databases keep it. Counts of entries do not reach 2^63.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
