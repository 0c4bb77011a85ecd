//! What the audit trail keeps.

use rolldeck::{
    audit::verify_consistency,
    control::AuditQuery,
    domain::{Action, Outcome, SubjectKind},
};

use super::world::{WHY, World, mira};

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
