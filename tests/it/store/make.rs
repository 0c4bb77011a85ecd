//! Things to store, and a trail that grows as control's does.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use rolldeck::{
    audit::{self, Signer, Tree},
    domain::{AuditEntry, Digest, RolloutId, Snapshot, UnitId, Window},
    store::{IdempotencyRecord, Store, StoreError, StoredEntry, TokenRecord, Write},
};
use serde_json::json;

/// Noon of a day.
pub fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// So many minutes after noon.
pub fn at(minutes: i64) -> DateTime<Utc> {
    noon() + Duration::minutes(minutes)
}

pub fn rollout(name: &str) -> RolloutId {
    format!("dc-west/{name}").parse().unwrap()
}

pub fn unit(lane: &str) -> UnitId {
    UnitId { group: "dc-west".parse().unwrap(), site: "s1".parse().unwrap(), lane: lane.parse().unwrap() }
}

pub fn digest(n: u8) -> Digest {
    Digest::of([n; 32])
}

pub fn snapshot(n: u8) -> Snapshot {
    serde_json::from_value(json!({
        "digest": digest(n), "version": format!("1.{n}.0"), "group": "dc-west", "known_good": n % 2 == 0,
        "known_good_at": null, "size": 42, "metadata": {"commit": "abc"}, "added_by": "anna", "added_at": noon()
    }))
    .unwrap()
}

pub fn window(id: &str) -> Window {
    serde_json::from_value(json!({
        "id": id, "revision": 3, "scope": "target=dc-*", "reason": "the pilot site takes stock", "ticket": null,
        "from": noon(), "until": null, "created_by": "anna", "created_at": noon(), "lifted": null
    }))
    .unwrap()
}

pub fn token(id: &str) -> TokenRecord {
    serde_json::from_value(json!({
        "id": id, "name": "deploy", "secret_hash": "00ff", "role": "agent", "targets": ["dc-*"],
        "binding": {"group": "dc-west", "site": "s1", "lane": null}, "created_at": noon(), "revoked_at": null
    }))
    .unwrap()
}

pub fn answer(key: &str, minutes: i64) -> IdempotencyRecord {
    IdempotencyRecord {
        principal: "anna".into(),
        rollout: "dc-west/pick-assist".into(),
        key: key.into(),
        fingerprint: "ab".into(),
        status: 200,
        body: "{\"outcome\":\"applied\"}".into(),
        at: at(minutes),
    }
}

/// A trail that is written as control writes it.
pub struct Trail {
    pub tree: Tree,
    pub signer: Signer,
}

impl Trail {
    pub fn new(seed: [u8; 32]) -> Self {
        Self { tree: Tree::default(), signer: Signer::new("rolldeck.test/audit", &seed) }
    }

    /// The next entry. Every third is about another rollout, every fourth by another actor.
    pub fn next(&mut self) -> Write {
        let seq = self.tree.size() + 1;
        let (actor, rollout) = (if seq % 4 == 0 { "engine" } else { "anna" }, if seq % 3 == 0 { "b" } else { "a" });
        let action = if seq % 2 == 0 { "pause" } else { "resume" };
        let entry: AuditEntry = serde_json::from_value(json!({
            "seq": seq, "id": format!("id-{seq}"), "at": at(seq as i64),
            "actor": {"id": actor, "kind": "human", "role": null, "via": null, "credential": null, "source": null},
            "action": action, "subject": {"kind": "rollout", "target": "dc-west", "name": rollout},
            "outcome": "applied", "intent": null, "reason": "drops went up on lane 3", "ticket": null, "override": null,
            "revision": {"before": null, "after": null}, "effect": null, "saw": null, "blockers": [],
            "idempotency_key": null, "correlation_id": null, "schema": 1
        }))
        .unwrap();
        let bytes = audit::canonical(&entry);
        let leaf = audit::leaf_hash(&bytes);
        self.tree.append(leaf);
        Write::Audit(StoredEntry {
            seq,
            bytes,
            leaf,
            at: entry.at,
            actor: actor.into(),
            action: action.into(),
            rollout: Some(format!("dc-west/{rollout}")),
        })
    }

    pub fn checkpoint(&self) -> Write {
        let size = self.tree.size();
        Write::Checkpoint { size, at: at(size as i64), note: self.signer.sign(size, &self.tree.root()) }
    }

    /// Commits so many entries, ten at a time, each batch with a checkpoint.
    pub async fn commit(&mut self, store: &dyn Store, count: u64) -> Result<(), StoreError> {
        let mut left = count;
        while left > 0 {
            let now = left.min(10);
            let mut batch: Vec<Write> = (0..now).map(|_| self.next()).collect();
            batch.push(self.checkpoint());
            store.commit(&batch).await?;
            left -= now;
        }
        Ok(())
    }
}

/// One of everything.
pub fn everything(trail: &mut Trail) -> Vec<Write> {
    vec![
        Write::Rollout(rollout("pick-assist"), json!({"phase": "progressing", "n": 1, "f": 0.5, "t": "ü\u{0}\n"})),
        Write::Unit(unit("main"), json!({"generation": 7})),
        Write::Window(Box::new(window("w-1"))),
        Write::Snapshot(snapshot(1)),
        Write::Artifact(digest(1), Arc::from(&b"\x00\xff artifact"[..])),
        Write::Token(token("t-1")),
        Write::Idempotency(answer("k-1", 0)),
        trail.next(),
        trail.next(),
        trail.checkpoint(),
        Write::Meta("verifier_key".into(), trail.signer.verifier_key()),
    ]
}
