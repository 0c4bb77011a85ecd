//! A control plane over a store that gets into trouble when it is told to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use rolldeck::{
    clock,
    control::{Control, Policy},
    domain::Digest,
    store::{
        AuditFilter, Loaded, Store, StoreError, StoredEntry, Write,
        sqlite::{Durability, Sqlite},
    },
};

use super::world::options;

/// A store behind a way that can be cut, on a disk that can fill up.
#[derive(Debug)]
pub struct Troubled {
    inner: Sqlite,
    /// It is not to be reached.
    pub away: AtomicBool,
    /// Its disk is full, but for what the reserve leaves.
    pub full: AtomicBool,
    reserve: AtomicBool,
    /// What the next commit is answered with.
    pub says: Mutex<Option<StoreError>>,
}

impl Troubled {
    fn reached(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable { place: "postgres://far/deck".into(), detail: "gone".into() });
        }
        Ok(())
    }
}

/// A control plane over such a store, which has no trouble yet; what its files are in has to be kept.
pub async fn troubled() -> (Control, Arc<Troubled>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Troubled {
        inner: Sqlite::open(folder.path(), Durability::Relaxed).await.unwrap(),
        away: AtomicBool::new(false),
        full: AtomicBool::new(false),
        reserve: AtomicBool::new(true),
        says: Mutex::default(),
    });
    let over = Arc::clone(&store) as Arc<dyn Store>;
    let control = Control::start(over, clock::system(), options(Policy::default())).await.unwrap();
    (control, store, folder)
}

#[async_trait::async_trait]
impl Store for Troubled {
    async fn load(&self) -> Result<Loaded, StoreError> {
        self.reached()?;
        self.inner.load().await
    }
    async fn commit(&self, batch: &[Write]) -> Result<(), StoreError> {
        self.reached()?;
        let says = self.says.lock().unwrap().take();
        says.map_or(Ok(()), Err)?;
        if self.full.load(Ordering::SeqCst) && self.reserve.load(Ordering::SeqCst) {
            return Err(StoreError::Full { place: "a disk".to_owned(), left: "free some" });
        }
        self.inner.commit(batch).await
    }
    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.inner.meta(key).await
    }
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner.audit(filter).await
    }
    async fn audit_before(&self, at: chrono::DateTime<chrono::Utc>) -> Result<(u64, u64), StoreError> {
        self.inner.audit_before(at).await
    }
    async fn checkpoints(&self, after: u64) -> Result<Vec<String>, StoreError> {
        self.inner.checkpoints(after).await
    }
    async fn artifact(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.artifact(digest).await
    }
    async fn release_reserve(&self) -> Result<bool, StoreError> {
        Ok(self.reserve.swap(false, Ordering::SeqCst))
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}
