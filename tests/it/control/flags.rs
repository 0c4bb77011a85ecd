//! Flags that outlive the process, and a kill that outlives the disk.

use std::{sync::atomic::Ordering, time::Duration};

use chrono::SubsecRound as _;
use rolldeck::{
    control::{Control, NamedPlace},
    domain::{FlagKey, Outcome, Role},
    wire::{Code, Conditions, FlagRequest, ReasonRequest},
};
use serde_json::json;

use super::{
    trouble::troubled,
    world::{WHY, World, mira, person, unit},
};

fn key() -> FlagKey {
    "dim-lights".parse().unwrap()
}

fn request(enabled: bool) -> FlagRequest {
    let definition = json!({
        "kind": "ops", "owner": "team-picking", "enabled": enabled,
        "variants": {"on": 1.0, "off": 0.5}, "default_variant": "on", "off_variant": "off",
    });
    serde_json::from_value(json!({"definition": definition, "reason": WHY})).unwrap()
}

fn because() -> ReasonRequest {
    serde_json::from_value(json!({"reason": WHY})).unwrap()
}

fn here() -> NamedPlace {
    NamedPlace { group: Some("dc-west".parse().unwrap()), site: Some("s1".parse().unwrap()), lane: None }
}

fn served(control: &Control) -> Option<String> {
    let from = control.standpoint(&mira(), &here()).unwrap();
    let flags = control.flag_set();
    let found = flags.evaluate(&key(), &from, &serde_json::Map::new())?;
    Some(found.outcome.unwrap().value.to_string())
}

#[tokio::test]
async fn flags_their_revision_and_when_they_were_last_evaluated_are_there_after_a_restart() {
    let world = World::new().await;
    let agent = person("s1", Role::Commander, &["*"]);
    let labels = std::collections::BTreeMap::new();
    world.control.desired(&agent, &unit("s1"), labels, 0, Duration::ZERO).await.unwrap();
    world.control.put_flag(&mira(), &key(), request(true), Conditions::default()).await.unwrap();
    assert_eq!(served(&world.control).as_deref(), Some("1.0"));
    world.control.kill_flag(&mira(), &key(), because()).await.unwrap();
    assert_eq!(served(&world.control).as_deref(), Some("0.5"));
    let before = world.control.flags(&mira()).await.unwrap();
    let place = before.flags[0].places[0].clone();
    assert_eq!(place.evaluations, 2);

    let world = world.restart().await;
    // At once: nobody is told that there is no such flag because the server has just begun.
    assert_eq!(served(&world.control).as_deref(), Some("0.5"));
    let after = world.control.flags(&mira()).await.unwrap();
    assert_eq!(after.flags[0].flag, before.flags[0].flag);
    assert_eq!(after.flags[0].flag.revision, 2);
    assert!(after.flags[0].places[0].last_evaluated_at >= place.last_evaluated_at);
    assert_eq!(after.flags[0].places[0].evaluations, 1, "counted since the server began");
}

#[tokio::test]
async fn when_a_flag_was_last_evaluated_is_known_although_nobody_asked_since_the_restart() {
    let world = World::new().await;
    world.control.put_flag(&mira(), &key(), request(true), Conditions::default()).await.unwrap();
    served(&world.control).unwrap();
    let before = world.control.flags(&mira()).await.unwrap().flags[0].last_evaluated_at;
    assert!(before.is_some());
    let world = world.restart().await;
    assert_eq!(world.control.flags(&mira()).await.unwrap().flags[0].last_evaluated_at, before);
}

#[tokio::test]
async fn a_flag_that_only_a_site_s_agent_is_asked_for_is_in_use() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    world.sites(&["s1"], &old).await;
    world.control.put_flag(&mira(), &key(), request(true), Conditions::default()).await.unwrap();
    // Instants are kept in microseconds.
    let asked = (chrono::Utc::now() - chrono::TimeDelta::minutes(3)).trunc_subsecs(6);
    let report = serde_json::from_value(json!({
        "generation": 0, "state": "idle", "evaluated": {"dim-lights": asked, "no-such": asked},
    }));
    world.control.report(&mira(), &unit("s1"), report.unwrap()).await.unwrap();
    let view = world.control.flags(&mira()).await.unwrap().flags.remove(0);
    assert_eq!((view.last_evaluated_at, view.places[0].last_evaluated_at), (Some(asked), Some(asked)));
}

#[tokio::test]
async fn on_a_full_disk_a_flag_is_killed_and_narrowed_and_none_is_widened() {
    let (control, disk, _folder) = troubled().await;
    control.put_flag(&mira(), &key(), request(true), Conditions::default()).await.unwrap();
    let other: FlagKey = "other".parse().unwrap();
    control.put_flag(&mira(), &other, request(true), Conditions::default()).await.unwrap();

    disk.full.store(true, Ordering::SeqCst);
    let killed = control.kill_flag(&mira(), &key(), because()).await.unwrap();
    assert_eq!(killed.outcome, Outcome::Applied);
    assert_eq!(served(&control).as_deref(), Some("0.5"));
    let third: FlagKey = "third".parse().unwrap();
    let refused = control.put_flag(&mira(), &third, request(true), Conditions::default()).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable);
    let seen = Conditions { revision: Some(serde_json::from_value(json!("1")).unwrap()), ..Conditions::default() };
    let off = control.put_flag(&mira(), &other, request(false), seen).await.unwrap();
    assert_eq!(off.body.outcome, Outcome::Applied);
    control.shutdown().await;
}
