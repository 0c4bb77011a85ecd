//! What every store promises. Each test is handed a way to open the same store anew.

use std::sync::Arc;

use rolldeck::{
    audit::Tree,
    store::{AuditFilter, Store, StoreError, StoredEntry, Write, offline::verify_store},
};
use serde_json::json;

use super::make::{Trail, answer, at, digest, everything, rollout, snapshot, token, unit, window};

pub async fn everything_committed_is_there_after_a_restart<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let mut trail = Trail::new([1; 32]);
    let store = open().await;
    let batch = everything(&mut trail);
    store.commit(&batch).await.unwrap();
    store.close().await;
    drop(store);

    let store = open().await;
    let loaded = store.load().await.unwrap();
    assert_eq!(
        loaded.rollouts,
        [(rollout("pick-assist"), json!({"phase": "progressing", "n": 1, "f": 0.5, "t": "ü\u{0}\n"}))]
    );
    assert_eq!(loaded.units, [(unit("main"), json!({"generation": 7}))]);
    assert_eq!(loaded.windows, [window("w-1")]);
    assert_eq!(loaded.snapshots, [snapshot(1)]);
    assert_eq!(loaded.tokens, [token("t-1")]);
    assert_eq!(loaded.idempotency, [answer("k-1", 0)]);
    assert_eq!(loaded.leaves, trail.tree.leaves());
    assert_eq!(loaded.checkpoint, Some(trail.signer.sign(2, &trail.tree.root())));
    assert_eq!(loaded.meta["verifier_key"], trail.signer.verifier_key());
    assert_eq!(store.artifact(&digest(1)).await.unwrap().unwrap(), b"\x00\xff artifact");
    assert_eq!(store.artifact(&digest(2)).await.unwrap(), None);

    let written: Vec<_> =
        batch.iter().filter_map(|w| if let Write::Audit(e) = w { Some(e.clone()) } else { None }).collect();
    assert_eq!(store.audit(&AuditFilter::default()).await.unwrap(), written);
    store.close().await;
}

pub async fn an_empty_store_is_empty<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    let loaded = store.load().await.unwrap();
    assert!(loaded.rollouts.is_empty() && loaded.leaves.is_empty() && loaded.checkpoint.is_none());
    assert_eq!(store.audit(&AuditFilter::default()).await.unwrap(), []);
    store.commit(&[]).await.unwrap();
    store.close().await;
}

pub async fn what_is_written_again_replaces_what_was_there<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    let mut changed = window("w-1");
    changed.revision = 4;
    let mut revoked = token("t-1");
    revoked.revoked_at = Some(at(9));
    let mut good = snapshot(1);
    good.known_good = true;
    store.commit(&everything(&mut Trail::new([1; 32]))).await.unwrap();
    store
        .commit(&[
            Write::Rollout(rollout("pick-assist"), json!({"phase": "paused"})),
            Write::Unit(unit("main"), json!({"generation": 8})),
            Write::Unit(unit("lane-2"), json!({"generation": 1})),
            Write::Window(Box::new(changed.clone())),
            Write::Snapshot(good.clone()),
            Write::Token(revoked.clone()),
            Write::Meta("verifier_key".into(), "another".into()),
        ])
        .await
        .unwrap();
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.rollouts, [(rollout("pick-assist"), json!({"phase": "paused"}))]);
    assert_eq!(loaded.units.len(), 2);
    assert!(loaded.units.contains(&(unit("main"), json!({"generation": 8}))));
    assert_eq!((loaded.windows, loaded.snapshots, loaded.tokens), (vec![changed], vec![good], vec![revoked]));
    assert_eq!(loaded.meta["verifier_key"], "another");
    store.close().await;
}

pub async fn an_answer_is_forgotten_and_others_are_kept<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    let answers = [answer("a", 0), answer("b", 10), answer("c", 20)];
    store.commit(&answers.clone().map(Write::Idempotency)).await.unwrap();
    let (principal, rollout, key) = ("anna".into(), "dc-west/pick-assist".into(), "a".into());
    store.commit(&[Write::ForgetIdempotency { principal, rollout, key }]).await.unwrap();
    assert_eq!(store.load().await.unwrap().idempotency, answers[1..]);
    store.close().await;
}

pub async fn a_batch_with_a_gap_leaves_nothing_of_itself_and_the_next_one_works<O: AsyncFn() -> Arc<dyn Store>>(
    open: O,
) {
    let store = open().await;
    let mut trail = Trail::new([1; 32]);
    trail.commit(&*store, 5).await.unwrap();
    let before = trail.tree.size();
    let mut lost = Trail { tree: trail.tree.clone(), signer: rolldeck::audit::Signer::new("x", &[0; 32]) };
    let (six, seven, eight) = (lost.next(), lost.next(), lost.next());
    let mut forged = six.clone();
    if let Write::Audit(entry) = &mut forged {
        entry.bytes.push(b' ');
    }
    for bad in [vec![seven.clone()], vec![six.clone(), eight], vec![six.clone(), six.clone()], vec![forged]] {
        let mut batch = vec![Write::Rollout(rollout("ghost"), json!({}))];
        batch.extend(bad);
        assert!(matches!(store.commit(&batch).await, Err(StoreError::Failed { .. })));
    }
    let loaded = store.load().await.unwrap();
    assert!(loaded.rollouts.is_empty(), "nothing of a refused batch is seen");
    assert_eq!(loaded.leaves.len() as u64, before);
    trail.commit(&*store, 5).await.unwrap();
    assert_eq!(store.load().await.unwrap().leaves, trail.tree.leaves());
    store.close().await;
}

pub async fn a_batch_that_nobody_waits_for_any_more_is_there_whole_or_not_at_all<O: AsyncFn() -> Arc<dyn Store>>(
    open: O,
) {
    let store = open().await;
    let mut trail = Trail::new([1; 32]);
    for round in 0..30_u64 {
        let kept = trail.tree.size();
        let batch: Vec<_> = (0..20).map(|_| trail.next()).collect();
        // Given up after so many turns of the future, wherever it is then.
        let mut commit = Box::pin(store.commit(&batch));
        let mut turns = 0;
        let done = std::future::poll_fn(|context| {
            turns += 1;
            match commit.as_mut().poll(context) {
                std::task::Poll::Ready(result) => std::task::Poll::Ready(Some(result)),
                std::task::Poll::Pending if turns > round * 2 => std::task::Poll::Ready(None),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        })
        .await;
        drop(commit);
        // The next commit finds out how far the trail goes, whatever became of the last one.
        store.commit(&[Write::Meta("round".into(), round.to_string())]).await.unwrap();
        let there = store.load().await.unwrap().leaves.len() as u64;
        match done {
            Some(result) => {
                result.unwrap();
                assert_eq!(there, kept + 20);
            }
            None => assert!(there == kept || there == kept + 20, "{there} of {kept} + 20"),
        }
        trail.tree.truncate(there);
    }
    assert!(verify_store(&*store, trail.signer.verifier(), None).await.unwrap().first_bad.is_none());
    store.close().await;
}

pub async fn entries_are_found_by_each_filter_and_all_together<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    Trail::new([1; 32]).commit(&*store, 60).await.unwrap();
    let all = store.audit(&AuditFilter::default()).await.unwrap();
    assert_eq!(all.len(), 60);
    let none = AuditFilter::default();
    type Keep = fn(&StoredEntry) -> bool;
    let cases: [(AuditFilter, Keep); 8] = [
        (AuditFilter { after: 57, ..none.clone() }, |e| e.seq > 57),
        (AuditFilter { before: 3, ..none.clone() }, |e| e.seq < 3),
        (AuditFilter { rollout: Some("dc-west/b".into()), ..none.clone() }, |e| e.seq % 3 == 0),
        (AuditFilter { actor: Some("engine".into()), ..none.clone() }, |e| e.seq % 4 == 0),
        (AuditFilter { action: Some("pause".into()), ..none.clone() }, |e| e.seq % 2 == 0),
        (AuditFilter { since: Some(at(10)), until: Some(at(20)), ..none.clone() }, |e| (10..20).contains(&e.seq)),
        (AuditFilter { actor: Some("nobody' OR 1=1 --".into()), ..none.clone() }, |_| false),
        (
            AuditFilter {
                after: 12,
                rollout: Some("dc-west/b".into()),
                actor: Some("engine".into()),
                action: Some("pause".into()),
                since: Some(at(13)),
                until: Some(at(60)),
                ..none.clone()
            },
            |e| [24, 36, 48].contains(&e.seq),
        ),
    ];
    for (filter, keep) in cases {
        let expected: Vec<_> = all.iter().filter(|entry| keep(entry)).cloned().collect();
        assert_eq!(store.audit(&filter).await.unwrap(), expected, "{filter:?}");
        let newest = AuditFilter { limit: 2, newest: true, ..filter.clone() };
        let tail = &expected[expected.len().saturating_sub(2)..];
        assert_eq!(store.audit(&newest).await.unwrap(), tail, "the newest two, ascending: {filter:?}");
        let oldest = AuditFilter { limit: 2, ..filter };
        assert_eq!(store.audit(&oldest).await.unwrap(), &expected[..expected.len().min(2)]);
    }
    store.close().await;
}

pub async fn checkpoints_are_listed_ascending_and_the_same_one_twice_is_one<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    let mut trail = Trail::new([1; 32]);
    trail.commit(&*store, 30).await.unwrap();
    store.commit(&[trail.checkpoint()]).await.unwrap();
    let notes = store.checkpoints(0).await.unwrap();
    let sizes: Vec<_> = notes.iter().map(|note| trail.signer.verifier().verify(note).unwrap().size).collect();
    assert_eq!(sizes, [10, 20, 30]);
    assert_eq!(store.checkpoints(10).await.unwrap(), notes[1..]);
    assert_eq!(store.load().await.unwrap().checkpoint.as_ref(), notes.last());
    store.close().await;
}

pub async fn the_stored_trail_verifies_while_it_grows<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    let mut trail = Trail::new([1; 32]);
    trail.commit(&*store, 300).await.unwrap();
    let verifier = trail.signer.verifier();
    let growing = {
        let store = store.clone();
        tokio::spawn(async move {
            trail.commit(&*store, 100).await.unwrap();
            trail
        })
    };
    loop {
        let done = growing.is_finished();
        let report = verify_store(&*store, verifier.clone(), None).await.unwrap();
        assert!(report.ok, "{report:?}");
        if done {
            assert_eq!((report.entries, report.proven), (400, 400));
            break;
        }
        // A store that never waits would let nobody else have this thread.
        tokio::task::yield_now().await;
    }
    assert_eq!(Tree::new(store.load().await.unwrap().leaves).root(), growing.await.unwrap().tree.root());
    store.close().await;
}

pub async fn a_closed_store_says_so<O: AsyncFn() -> Arc<dyn Store>>(open: O) {
    let store = open().await;
    store.close().await;
    store.close().await;
    assert!(store.commit(&[Write::Meta("a".into(), "b".into())]).await.is_err());
    assert!(store.load().await.is_err());
}
