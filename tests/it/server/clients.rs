//! The product's own client against the server: every call of one is understood by the other.

use std::{sync::Arc, time::Duration};

use rolldeck::{
    backend::{
        ActionRequest, AuditQuery, Backend, BackendError, Code, Conditions, ReasonRequest, RolloutsPage,
        SnapshotRequest, StartRequest, Tagged, TokenRequest, WindowRequest, remote::Remote,
    },
    domain::{Action, Outcome, Role, TokenText, Via},
    server::Server,
};
use tokio_util::sync::CancellationToken;

use super::world::{WHY, World, options, plan};

fn keyed(key: &str) -> Conditions {
    Conditions { revision: None, idempotency_key: Some(key.to_owned()) }
}

#[tokio::test]
async fn every_call_of_the_client_is_understood_by_the_server() {
    let world = World::new().await;
    let server = Server::bind(world.control.clone(), options()).unwrap();
    let remote: Arc<dyn Backend> = Arc::new(Remote::new(&server.url(), None, None, Via::Tui).unwrap());
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.run(shutdown.clone()));

    let info = remote.info().await.unwrap();
    assert_eq!((info.actor.as_str(), info.role), ("local", Role::Commander));
    let version = |version: &str| SnapshotRequest {
        version: version.to_owned(),
        artifact: Some("QUJD".to_owned()),
        group: Some("dc-west".parse().unwrap()),
        ..SnapshotRequest::default()
    };
    let old = remote.add_snapshot(version("1.0.0")).await.unwrap().snapshot;
    assert_eq!(remote.artifact(&old.digest).await.unwrap(), b"ABC");
    for site in ["s1", "s2"] {
        world.site(site, old.digest.as_str()).await;
    }
    assert_eq!(remote.sites().await.unwrap().sites.len(), 2);
    let new = remote.add_snapshot(SnapshotRequest { artifact: None, ..version("1.1.0") }).await.unwrap().snapshot;
    assert_eq!(remote.snapshots().await.unwrap().snapshots.len(), 2);

    let RolloutsPage::All { cursor, .. } = remote.view(None, Duration::ZERO).await.unwrap() else {
        panic!("no cursor was given")
    };
    let request = StartRequest {
        plan: plan(new.digest.as_str()).into(),
        reason: WHY.to_owned(),
        ticket: Some("OPS-1".to_owned()),
        dry_run: false,
        override_id: None,
        saw: None,
    };
    let proposed =
        remote.start(StartRequest { dry_run: true, ..request.clone() }, Conditions::default()).await.unwrap();
    assert_eq!((proposed.outcome, proposed.rollout), (Outcome::Intended, None));
    let begun = remote.start(request.clone(), keyed("start")).await.unwrap();
    assert_eq!(remote.start(request, keyed("start")).await.unwrap(), begun, "a lost answer is asked for again");
    let id = begun.rollout.unwrap().id();
    let page = remote.view(Some(cursor), Duration::from_secs(10)).await.unwrap();
    assert!(matches!(page, RolloutsPage::Changed { changed, .. } if changed.len() == 1));

    let Tagged::Fresh(shown, tag) = remote.rollout(&id, None, Duration::ZERO).await.unwrap() else {
        panic!("no tag was named")
    };
    assert_eq!(remote.rollout(&id, Some(tag), Duration::ZERO).await.unwrap(), Tagged::Unchanged);
    let request = |action| ActionRequest {
        action,
        reason: WHY.to_owned(),
        ticket: None,
        to: None,
        override_id: None,
        saw: Some("canary at 1 of 2".to_owned()),
        dry_run: false,
        ask: false,
    };
    let paused = remote.act(&id, request(Action::Pause), keyed("pause")).await.unwrap();
    assert_eq!(paused.audit.unwrap().actor.via, Some(Via::Tui));
    let stale = Conditions { revision: Some(shown.revision), ..keyed("resume") };
    let Err(BackendError::Problem(problem)) = remote.act(&id, request(Action::Resume), stale).await else {
        panic!("the revision is an old one")
    };
    assert_eq!((problem.code, problem.revision), (Code::RevisionMismatch, Some(paused.rollout.unwrap().revision)));

    let freeze = WindowRequest {
        on_enter: rolldeck::domain::OnEnter::Hold,
        scope: "dc-west".parse().unwrap(),
        reason: WHY.to_owned(),
        from: None,
        until: None,
        ticket: None,
        ..WindowRequest::default()
    };
    let window = remote.add_window(freeze, keyed("freeze")).await.unwrap().window.window;
    assert_eq!(remote.windows().await.unwrap().windows.len(), 1);
    let reason = || ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    remote.lift_window(window.id.as_str(), reason()).await.unwrap();

    let query = AuditQuery {
        after: 0,
        before: 0,
        rollout: Some(id.to_string()),
        actor: Some("local".to_owned()),
        action: Some("pause".to_owned()),
        since: Some(begun.audit.unwrap().at),
        until: Some(chrono::DateTime::from_timestamp(4_000_000_000, 0).unwrap()),
        limit: 10,
        newest: true,
        expression: None,
    };
    assert_eq!(remote.audit(query).await.unwrap().entries.len(), 1);
    let checkpoint = remote.checkpoint().await.unwrap();
    assert!(remote.checkpoints().await.unwrap().notes.contains(&checkpoint.note));
    assert_eq!(remote.proof(1, checkpoint.size).await.unwrap().to, checkpoint.size);
    assert!(remote.verify().await.unwrap().ok);

    let token = TokenText::new([3; 5], &[4; 32]);
    let request = TokenRequest {
        id: token.id(),
        name: "otto".to_owned(),
        secret_hash: token.hash(),
        role: Role::Commander,
        holder: None,
        targets: vec!["*".to_owned()],
        binding: None,
    };
    remote.add_token(request).await.unwrap();
    let Err(BackendError::Problem(problem)) = remote.tokens().await else {
        panic!("from the first token on, one is needed")
    };
    assert_eq!(problem.code, Code::Unauthenticated);
    let holder = Remote::new(&remote.place(), Some(&token), None, Via::Cli).unwrap();
    assert_eq!(holder.tokens().await.unwrap().tokens.len(), 1);
    assert!(holder.revoke_token(&token.id(), reason()).await.unwrap().token.revoked_at.is_some());

    shutdown.cancel();
    serving.await.unwrap().unwrap();
}
