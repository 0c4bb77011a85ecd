//! What the audit trail keeps.

use rolldeck::{
    audit::verify_consistency,
    clock,
    control::AuditQuery,
    control::{Control, Options},
    domain::{Action, Outcome, Role, SubjectKind},
    store::{
        Store as _, VERIFIER_KEY, Write,
        sqlite::{Durability, Sqlite},
    },
};

use super::world::{WHY, World, mira, person};
use crate::store::sqlite::shell;

#[tokio::test]
async fn every_action_lands_once_with_who_why_and_revision_and_the_trail_verifies() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b"], &old).await;
    world.start(&new, "  - canary: 1 site\n  - fleet: all\n").await.unwrap();
    world.act(Action::Pause).await.unwrap();
    world.act(Action::Rollback).await.unwrap();
    let page = world.control.audit(&mira(), AuditQuery::default()).await.unwrap();
    for verb in ["start", "pause", "rollback"] {
        let entries: Vec<_> = page.entries.iter().filter(|e| e.action.as_str() == verb).collect();
        assert_eq!(entries.len(), 1, "{verb}");
        let entry = entries[0];
        assert_eq!(entry.actor.id.as_str(), "mira");
        assert_eq!(entry.reason.as_ref().unwrap().as_str(), WHY);
        assert_eq!(entry.subject.kind, SubjectKind::Rollout);
        assert_eq!(entry.outcome, Outcome::Applied);
        assert!(entry.revision.after.is_some());
    }
    let seqs: Vec<u64> = page.entries.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "dense from 1");
    let report = world.control.verify(&mira()).await.unwrap();
    assert!(report.ok, "{report:?}");
    assert_eq!(report.proven, report.entries);
}

#[tokio::test]
async fn an_entry_changed_to_rubbish_hides_no_other_and_is_shown_as_what_it_is() {
    let world = World::new().await;
    for version in ["1.0", "2.0", "3.0"] {
        world.snapshot(version, false).await;
    }
    shell(world.folder.path(), "DROP TRIGGER audit_keeps_what_it_has; UPDATE audit SET bytes = x'00' WHERE seq = 2")
        .await
        .unwrap();
    let page = world.control.audit(&mira(), AuditQuery::default()).await.unwrap();
    assert_eq!(page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(page.entries[1].subject.name.as_str(), "UNREADABLE");
    assert_eq!(page.entries[1].outcome, Outcome::Unconfirmed);
    let bound = person("bo", Role::Viewer, &["dc-west"]);
    let theirs = world.control.audit(&bound, AuditQuery::default()).await.unwrap();
    assert!(theirs.entries.iter().all(|entry| entry.seq != 2), "it may be about what they may not see");
    assert_eq!(world.control.verify(&mira()).await.unwrap().first_bad, Some(2));
}

#[tokio::test]
async fn a_dashboard_that_remembers_a_checkpoint_can_prove_that_nothing_was_rewritten() {
    use base64::Engine as _;
    let decode = |text: &str| -> [u8; 32] {
        base64::engine::general_purpose::STANDARD.decode(text).unwrap().try_into().unwrap()
    };
    let world = World::new().await;
    world.snapshot("1.0", false).await;
    let before = world.control.checkpoint(&mira()).await.unwrap();
    for version in ["2.0", "3.0", "4.0"] {
        world.snapshot(version, false).await;
    }
    let after = world.control.checkpoint(&mira()).await.unwrap();
    assert!(after.size > before.size);
    let proof = world.control.proof(&mira(), before.size, after.size).await.unwrap();
    let hashes: Vec<[u8; 32]> = proof.hashes.iter().map(|h| decode(h.as_str())).collect();
    let (first, second) = (decode(before.root.as_str()), decode(after.root.as_str()));
    assert!(verify_consistency(before.size, &first, after.size, &second, &hashes));
    assert!(!verify_consistency(before.size, &second, after.size, &second, &hashes), "another past does not verify");
}

#[tokio::test]
async fn who_sees_few_targets_gets_whole_pages_of_them() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    for n in 0..12 {
        let request = rolldeck::wire::SnapshotRequest { version: format!("9.{n}"), ..Default::default() };
        world.control.add_snapshot(&mira(), request).await.unwrap();
        let request = rolldeck::wire::SnapshotRequest {
            version: format!("9.{n}"),
            group: Some("dc-east".parse().unwrap()),
            metadata: [("of".to_owned(), "east".to_owned())].into(),
            ..Default::default()
        };
        world.control.add_snapshot(&mira(), request).await.unwrap();
    }
    world.sites(&["a"], &old).await;
    let ben = person("ben", Role::Viewer, &["dc-west"]);
    for newest in [false, true] {
        let query = AuditQuery { limit: 2, newest, action: Some("enrolled".to_owned()), ..AuditQuery::default() };
        assert_eq!(world.control.audit(&ben, query).await.unwrap().entries.len(), 1);
        let query = AuditQuery { limit: 14, newest, ..AuditQuery::default() };
        let page = world.control.audit(&ben, query).await.unwrap();
        assert_eq!(page.entries.len(), 14, "entries of other targets leave no gap");
        assert!(page.entries.is_sorted_by_key(|entry| entry.seq));
        assert!(page.entries.iter().all(|e| e.subject.target.as_ref().is_none_or(|t| t.as_str() == "dc-west")));
    }
}

#[tokio::test]
async fn a_trail_is_not_gone_on_with_under_another_key_unless_somebody_says_so() {
    let world = World::new().await;
    world.snapshot("1.0", false).await;
    world.control.shutdown().await;
    let start = async || {
        let store = Sqlite::open(world.folder.path(), Durability::Relaxed).await.unwrap();
        let options = Options {
            simulated: false,
            signing_seed: [8; 32],
            origin: "rolldeck.test/audit".to_owned(),
            sources: Vec::new(),
            drivers: Vec::new(),
            declared: None,
            pauses: true,
            policy: rolldeck::control::Policy::default(),
            beside: None,
        };
        Control::start(std::sync::Arc::new(store), clock::system(), options).await
    };
    let refused = start().await.unwrap_err().to_string();
    assert!(refused.contains("audit.key") && refused.contains("backup"), "{refused}");
    let store = Sqlite::open(world.folder.path(), Durability::Relaxed).await.unwrap();
    store.commit(&[Write::Meta(VERIFIER_KEY.to_owned(), String::new())]).await.unwrap();
    store.close().await;
    drop(store);
    let control = start().await.unwrap();
    let page = control.audit(&mira(), AuditQuery::default()).await.unwrap();
    assert_eq!(page.entries.last().unwrap().action.as_str(), "audit_key_replaced");
    assert!(!control.verify(&mira()).await.unwrap().ok, "what the lost key signed is not proven");
    control.shutdown().await;
}
