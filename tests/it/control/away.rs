//! A store that goes away and comes back, as a database on another machine does.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rolldeck::{
    clock,
    control::{Control, Options, Policy},
    domain::Digest,
    store::{
        AuditFilter, Loaded, Store, StoreError, StoredEntry, Write,
        sqlite::{Durability, Sqlite},
    },
    wire::{Code, Problem, SnapshotRequest},
};

use super::world::mira;

/// A store behind a way that can be cut.
#[derive(Debug)]
struct Distant {
    inner: Sqlite,
    away: AtomicBool,
    /// What the next commit is answered with.
    says: Mutex<Option<StoreError>>,
}

impl Distant {
    fn reached(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(StoreError::Unreachable { place: "postgres://far/deck".into(), detail: "gone".into() });
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Store for Distant {
    async fn load(&self) -> Result<Loaded, StoreError> {
        self.reached()?;
        self.inner.load().await
    }
    async fn commit(&self, batch: &[Write]) -> Result<(), StoreError> {
        self.reached()?;
        let says = self.says.lock().unwrap().take();
        says.map_or(Ok(()), Err)?;
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
        Ok(false)
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}

async fn add(control: &Control, version: &str) -> Result<(), Problem> {
    let request = SnapshotRequest {
        version: version.to_owned(),
        group: Some("dc-west".parse().unwrap()),
        ..SnapshotRequest::default()
    };
    control.add_snapshot(&mira(), request).await.map(|_| ())
}

#[tokio::test]
async fn while_the_store_is_away_everybody_is_told_at_once_and_it_goes_on_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let inner = Sqlite::open(folder.path(), Durability::Relaxed).await.unwrap();
    let store = Arc::new(Distant { inner, away: AtomicBool::new(false), says: Mutex::default() });
    let options = Options {
        simulated: false,
        signing_seed: [7; 32],
        origin: "rolldeck.test/audit".to_owned(),
        sources: Vec::new(),
        drivers: Vec::new(),
        declared: None,
        pauses: true,
        policy: Policy::default(),
    };
    let control = Control::start(Arc::clone(&store) as Arc<dyn Store>, clock::system(), options).await.unwrap();
    add(&control, "1.0").await.unwrap();
    assert!(control.ready());

    store.away.store(true, Ordering::SeqCst);
    for n in 0..20 {
        let told = tokio::time::timeout(Duration::from_secs(20), add(&control, "2.0")).await;
        let problem = told.expect("nobody waits for a store that is away").unwrap_err();
        assert_eq!(problem.code, Code::Unavailable, "{n}: {problem}");
    }
    assert!(!control.ready());
    control.rollouts(&mira(), None, Duration::ZERO).await.unwrap();

    store.away.store(false, Ordering::SeqCst);
    let again = async {
        while add(&control, "2.0").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("it goes on by itself");
    assert!(control.ready());

    // A commit of which nobody can say what became is not called one that changed nothing.
    let unknown = StoreError::Unconfirmed { place: "postgres://far/deck".into(), detail: "cut".into() };
    *store.says.lock().unwrap() = Some(unknown);
    let problem = add(&control, "3.0").await.unwrap_err().to_string();
    assert!(problem.contains("idempotency key") && !problem.contains("nothing was changed"), "{problem}");
    control.shutdown().await;
}
