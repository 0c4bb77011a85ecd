//! A connection that reads, in one view of the database, and what is read from it alike in every store.

use super::{StoreError, StoredEntry, append::end_of_trail, query};
use crate::audit::CompactRange;

/// One view of a database: what is committed meanwhile is not in it.
#[async_trait::async_trait]
pub(super) trait View: Send {
    /// Where it is, without secrets.
    fn place(&self) -> String;
    /// Rows of two texts; `of` is `$1`, where there is one.
    async fn pairs(&mut self, sql: &'static str, of: Option<&'static str>)
    -> Result<Vec<(String, String)>, StoreError>;
    /// Rows of a text; `of` is `$1`, where there is one.
    async fn texts(&mut self, sql: &'static str, of: Option<&'static str>) -> Result<Vec<String>, StoreError>;
    /// The row of the tree beside the trail.
    async fn range(&mut self) -> Result<Option<(i64, Vec<u8>)>, StoreError>;
    /// How many entries there are, and the number of the last.
    async fn extent(&mut self) -> Result<(i64, i64), StoreError>;
    /// Shows every number with its leaf, in order.
    async fn leaves(
        &mut self,
        each: &mut (dyn FnMut(i64, Vec<u8>) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError>;
    /// What is wrong with the database itself, such as an index that leaves out what its table has; none where nothing
    /// is, or where it cannot be looked for.
    async fn damage(&mut self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
    /// Shows every entry, in order.
    async fn entries(&mut self, each: &mut (dyn FnMut(StoredEntry) + Send)) -> Result<(), StoreError>;
}

/// All checkpoints, ascending by size.
pub(super) async fn checkpoints(view: &mut dyn View) -> Result<Vec<String>, StoreError> {
    view.texts("SELECT note FROM checkpoints ORDER BY size", None).await
}

/// What [`Write::Meta`](super::Write::Meta) kept under a key.
pub(super) async fn meta(view: &mut dyn View, key: &'static str) -> Result<Option<String>, StoreError> {
    Ok(view.texts(query::META, Some(key)).await?.pop())
}

/// The compact range of the tree; none when it is missing or malformed.
pub(super) async fn range(view: &mut dyn View) -> Result<Option<CompactRange>, StoreError> {
    let row = view.range().await?;
    Ok(row.and_then(|(size, hashes)| CompactRange::from_bytes(u64::try_from(size).ok()?, &hashes).ok()))
}

/// How far the trail goes, and how many entries of it there are; refuses one that something else was added to.
pub(super) async fn end(view: &mut dyn View) -> Result<(CompactRange, u64), StoreError> {
    let range = view.range().await?;
    let (count, last) = view.extent().await?;
    Ok((end_of_trail(view.place(), range, last)?, u64::try_from(count).unwrap_or_default()))
}
