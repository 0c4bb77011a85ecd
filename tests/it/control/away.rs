//! A store that goes away and comes back, as a database on another machine does.

use std::{sync::atomic::Ordering, time::Duration};

use rolldeck::{
    control::Control,
    store::StoreError,
    wire::{Code, Problem, SnapshotRequest},
};

use super::{trouble::troubled, world::mira};

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
    let (control, store, _folder) = troubled().await;
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
