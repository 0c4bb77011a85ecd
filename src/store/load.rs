//! Reading everything at the start, alike in every store.

use serde::de::DeserializeOwned;

use super::{
    Loaded, RecordKind, StoreError,
    view::{self, View},
};
use crate::domain::{LaneName, SiteName, TargetName, UnitId};

/// Everything that a view shows.
pub(super) async fn load(view: &mut dyn View) -> Result<Loaded, StoreError> {
    let place = view.place();
    let mut loaded = Loaded::default();
    for (id, body) in view.pairs("SELECT id, body FROM rollouts ORDER BY id", None).await? {
        let key = id.parse().map_err(|_| strange(&place, "rollout", &id))?;
        loaded.rollouts.push((key, read(&place, "rollout", &id, &body)?));
    }
    for (id, body) in view.pairs("SELECT id, body FROM units ORDER BY id", None).await? {
        let key = unit(&id).ok_or_else(|| strange(&place, "unit", &id))?;
        loaded.units.push((key, read(&place, "unit", &id, &body)?));
    }
    for (id, body) in view.pairs("SELECT id, body FROM windows ORDER BY id", None).await? {
        loaded.windows.push(read(&place, "window", &id, &body)?);
    }
    for kind in RecordKind::ALL {
        let sql = "SELECT id, body FROM records WHERE kind = $1 ORDER BY id";
        for (id, body) in view.pairs(sql, Some(kind.as_str())).await? {
            let document = read(&place, kind.as_str(), &id, &body)?;
            loaded.records.push((kind, id, document));
        }
    }
    for (id, body) in view.pairs("SELECT id, body FROM snapshots ORDER BY id", None).await? {
        loaded.snapshots.push(read(&place, "snapshot", &id, &body)?);
    }
    for (id, body) in view.pairs("SELECT id, body FROM tokens ORDER BY id", None).await? {
        loaded.tokens.push(read(&place, "token", &id, &body)?);
    }
    for (key, body) in view.pairs("SELECT key, body FROM idempotency ORDER BY at", None).await? {
        loaded.idempotency.push(read(&place, "answer to the idempotency key", &key, &body)?);
    }
    loaded.meta = view.pairs("SELECT key, value FROM meta", None).await?.into_iter().collect();
    let (range, count) = view::end(view).await?;
    loaded.leaves = leaves(view, &place, range.size(), count).await?;
    loaded.range = Some(range);
    loaded.successions = view
        .texts("SELECT note FROM checkpoints WHERE note LIKE '%\nrolldeck-succession %' ORDER BY size", None)
        .await?;
    loaded.checkpoint = view.texts("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1", None).await?.pop();
    Ok(loaded)
}

fn read<T: DeserializeOwned>(place: &str, what: &str, id: &str, body: &str) -> Result<T, StoreError> {
    serde_json::from_slice(body.as_bytes())
        .map_err(|error| damaged(place, format!("the {what} {} cannot be read: {error}", shown(id))))
}

fn strange(place: &str, what: &str, id: &str) -> StoreError {
    damaged(place, format!("{} names no {what}", shown(id)))
}

fn damaged(place: &str, detail: String) -> StoreError {
    StoreError::Damaged { place: place.to_owned(), detail }
}

/// An id as it may be shown, whatever somebody wrote into the database.
fn shown(id: &str) -> String {
    format!("{:?}", id.chars().take(80).collect::<String>())
}

/// Reads `GROUP/SITE/LANE`.
fn unit(id: &str) -> Option<UnitId> {
    let mut parts = id.split('/');
    let (group, site, lane) = (parts.next()?, parts.next()?, parts.next()?);
    let unit = UnitId {
        group: TargetName::new(group).ok()?,
        site: SiteName::new(site).ok()?,
        lane: LaneName::new(lane).ok()?,
    };
    parts.next().is_none().then_some(unit)
}

/// Most entries that may be gone without it being called damage.
const GONE_MAX: u64 = 1_000_000;

/// All leaves. An entry that is gone leaves its place empty rather than stop the start: the way
/// back must stay open, and verification names it.
async fn leaves(view: &mut dyn View, place: &str, size: u64, count: u64) -> Result<Vec<[u8; 32]>, StoreError> {
    if size.saturating_sub(count) > GONE_MAX {
        return Err(damaged(place, format!("its audit trail has {count} entries and says that it has {size}")));
    }
    let mut leaves = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    view.leaves(&mut |seq, leaf| {
        let before = u64::try_from(seq).ok().filter(|seq| (1..=size).contains(seq));
        let before = before.ok_or_else(|| damaged(place, format!("an audit entry has the number {seq}")))?;
        leaves.resize(usize::try_from(before - 1).unwrap_or(usize::MAX), [0; 32]);
        leaves.push(leaf.try_into().unwrap_or([0; 32]));
        Ok(())
    })
    .await?;
    leaves.resize(usize::try_from(size).unwrap_or(usize::MAX), [0; 32]);
    Ok(leaves)
}
