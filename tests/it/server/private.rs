//! Two programs of one user and one journal: the second asks the first through a socket, and takes
//! over when the first is gone.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rolldeck::{
    backend::{
        ActionRequest, Backend, BackendError, Code, Conditions, SnapshotRequest, WindowRequest, lazy::Lazy,
        remote::Remote,
    },
    clock,
    domain::{Action, OnEnter, Revision, Via},
    server::serve_privately,
};
use tokio_util::sync::CancellationToken;

use super::world::{WHY, World};

async fn shared(world: &World, socket: &std::path::Path) -> CancellationToken {
    let stop = CancellationToken::new();
    serve_privately(world.control.clone(), socket, "mira".into(), clock::system(), stop.clone()).unwrap();
    stop
}

#[tokio::test]
async fn a_second_program_of_the_same_user_acts_under_the_same_name() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    // What a process that was killed left behind is no obstacle.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let stop = shared(&world, &socket).await;
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let remote = Remote::on_socket(&socket, Via::Cli).unwrap();
    let info = remote.info().await.unwrap();
    assert_eq!(info.actor.as_str(), "mira");
    let request = WindowRequest {
        scope: "shop".parse().unwrap(),
        reason: WHY.to_owned(),
        from: None,
        until: None,
        on_enter: OnEnter::Hold,
        ticket: None,
        ..WindowRequest::default()
    };
    let reply = remote.add_window(request, Conditions::default()).await.unwrap();
    assert_eq!(reply.audit.actor.id.as_str(), "mira");
    assert_eq!(reply.audit.actor.via, Some(Via::Cli));
    // A revision of a workload is one that a header takes.
    let request = ActionRequest {
        action: Action::Promote,
        reason: WHY.to_owned(),
        ticket: None,
        to: None,
        override_id: None,
        saw: None,
        dry_run: false,
        ask: false,
    };
    let seen = Conditions {
        revision: Some(Revision("2-c6576ddc9:1w-39a30948".into())),
        idempotency_key: Some("k".to_owned()),
    };
    let answer = remote.act(&"shop/basket".parse().unwrap(), request, seen).await.unwrap_err();
    assert_eq!(answer.code(), Some(Code::NotFound), "{answer}");
    stop.cancel();
    world.control.shutdown().await;
}

#[tokio::test]
async fn a_backend_that_was_lost_is_opened_again_by_whoever_asks_next() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let stop = shared(&world, &first).await;
    let _other = shared(&world, &second).await;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let sockets = [first, second];
    let lazy = Lazy::new(
        "prod",
        Box::new(move || {
            let at = count.fetch_add(1, Ordering::SeqCst);
            let remote = Remote::on_socket(&sockets[at.min(1)], Via::Cli);
            Box::pin(async move { Ok(Arc::new(remote.unwrap()) as Arc<dyn Backend>) })
        }),
    );
    lazy.info().await.unwrap();
    lazy.add_snapshot(SnapshotRequest { version: "1.0".to_owned(), ..SnapshotRequest::default() }).await.unwrap();
    assert_eq!(opened.load(Ordering::SeqCst), 1, "it is opened once");
    stop.cancel();
    let mut lost = false;
    for _ in 0..200 {
        match lazy.info().await {
            Err(BackendError::Unreachable { .. }) => lost = true,
            Ok(_) if lost => break,
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(lost, "the first one went away");
    assert_eq!(opened.load(Ordering::SeqCst), 2, "and the second was opened once");
    world.control.shutdown().await;
}
