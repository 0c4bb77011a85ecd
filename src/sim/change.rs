//! What else is under change control in a demo: windows that lie ahead, and flags at every point of
//! their lives. All of it is asked for as people ask, with a reason each time.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    SimError,
    fleet::Scene,
    people::principal,
    scenario::{ADAMS, BERG, LIND, Person, ROOS},
};
use crate::{
    domain::{FlagDefinition, FlagKey},
    wire::{Code, Conditions, FlagRequest, Problem, ReasonRequest, WindowRequest},
};

/// A flag of the demo.
struct Told {
    key: &'static str,
    definition: serde_json::Value,
    by: Person,
    reason: &'static str,
    /// Who killed it, and why.
    killed: Option<(Person, &'static str)>,
}

/// Adds windows and flags.
pub(super) async fn set(scene: &Scene) -> Result<(), SimError> {
    let now = scene.pace.clock().now();
    for (by, window) in windows(now) {
        let request: WindowRequest = read(window).map_err(|problem| SimError::story(&"a window", &problem))?;
        let added = scene.control.add_window(&principal(by), request, Conditions::default()).await;
        added.map_err(|problem| SimError::story(&"a window", &problem))?;
    }
    for told in flags(now) {
        add(scene, &told).await.map_err(|problem| SimError::story(&told.key, &problem))?;
    }
    Ok(())
}

async fn add(scene: &Scene, told: &Told) -> Result<(), Problem> {
    let key = FlagKey::new(told.key).map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    let definition: FlagDefinition = read(told.definition.clone())?;
    let request = FlagRequest {
        definition,
        reason: told.reason.to_owned(),
        ticket: None,
        override_id: None,
        saw: None,
        revive: false,
        dry_run: false,
    };
    scene.control.put_flag(&principal(told.by), &key, request, Conditions::default()).await?;
    if let Some((by, reason)) = told.killed {
        let request: ReasonRequest = read(json!({ "reason": reason }))?;
        scene.control.kill_flag(&principal(by), &key, request).await?;
    }
    Ok(())
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| Problem::new(Code::Invalid, error.to_string()))
}

/// Windows of the days to come: a pilot on one site, a stocktaking, and a night that comes every week. None
/// of them holds while the demo begins.
fn windows(now: DateTime<Utc>) -> [(Person, serde_json::Value); 3] {
    let ahead = |hours: i64| now + TimeDelta::hours(hours);
    let day = (now + TimeDelta::days(2)).date_naive();
    [
        (
            ADAMS,
            json!({
                "scope": "target=dc-west,lane=pick", "name": "pilot", "from": ahead(20), "until": ahead(26),
                "reason": "The pilot shift runs on the pick lanes: nothing else may move there",
                "overridable": "two_person", "contact": "m.adams",
            }),
        ),
        (
            LIND,
            json!({
                "scope": "target=stores-nordic", "name": "stocktaking", "from": ahead(30), "until": ahead(40),
                "reason": "Stocktaking in all stores of the region",
            }),
        ),
        (
            LIND,
            json!({
                "scope": "target=cold-chain", "name": "defrosting",
                "schedule": {
                    "zone": "Europe/Berlin", "start": format!("{day}T01:00:00"), "duration": "PT3H",
                    "rrule": "FREQ=WEEKLY",
                },
                "reason": "The freezers are defrosted: alarms there are not to be mixed with those of a change",
            }),
        ),
    ]
}

/// Flags at every point of their lives.
fn flags(now: DateTime<Utc>) -> Vec<Told> {
    let switch = |kind: &str, owner: &str, about: &str, enabled: bool| {
        json!({
            "kind": kind, "owner": owner, "description": about, "enabled": enabled,
            "variants": { "on": true, "off": false }, "default_variant": "off", "off_variant": "off",
        })
    };
    let with = |mut flag: serde_json::Value, more: serde_json::Value| {
        if let (Some(flag), serde_json::Value::Object(more)) = (flag.as_object_mut(), more) {
            flag.extend(more);
        }
        flag
    };
    let later = |days: i64| now + TimeDelta::days(days);
    let told = |key, definition, by, reason| Told { key, definition, by, reason, killed: None };
    vec![
        told(
            "pick-by-voice",
            with(
                switch("release", "team-picking", "spoken pick lists in place of the scanner's screen", true),
                json!({
                    "scope": "target=dc-west", "expires_at": later(60),
                    "rules": [{ "id": "pick-lanes", "when": "lane == \"pick\"", "serve": { "variant": "on" } }],
                }),
            ),
            BERG,
            "Voice picking for the pilot shift on the pick lanes",
        ),
        told(
            "fast-slotting",
            with(
                switch("release", "team-slotting", "slots by the last hour in place of the last day", true),
                json!({
                    "expires_at": later(45),
                    "rules": [{
                        "id": "share-of-sites", "serve": { "sites": { "variant": "on", "percent": 25.0 } },
                    }],
                }),
            ),
            BERG,
            "A quarter of the sites first, as agreed in the slotting review",
        ),
        told(
            "express-returns",
            with(
                switch("experiment", "team-returns", "ask for photos only where the value is high", true),
                json!({
                    "expires_at": later(30),
                    "rules": [{
                        "id": "one-in-five",
                        "serve": { "split": [{ "variant": "on", "weight": 20 }, { "variant": "off", "weight": 80 }] },
                    }],
                }),
            ),
            ADAMS,
            "One customer in five, to compare the cost of fraud",
        ),
        told(
            "deposit-line",
            with(
                switch("permission", "team-stores", "the deposit on a line of its own", true),
                json!({ "rules": [{ "id": "everywhere", "serve": { "variant": "on" } }] }),
            ),
            ROOS,
            "The law asks for it in all stores from this month on",
        ),
        told(
            "old-label-layout",
            with(
                switch("release", "team-stores", "labels as they were before the deposit", true),
                json!({ "review_at": later(-3), "expires_at": later(20) }),
            ),
            ROOS,
            "Kept for two stores whose printers are not replaced yet",
        ),
        Told {
            killed: Some((LIND, "Two carts met in aisle 14: off until the cause is known")),
            ..told(
                "cart-overtaking",
                with(
                    switch("ops", "team-routing", "carts may overtake one another", true),
                    json!({ "rules": [{ "id": "everywhere", "serve": { "variant": "on" } }] }),
                ),
                BERG,
                "Overtaking shortens the way in narrow aisles",
            )
        },
        told(
            "log-sampling",
            json!({
                "kind": "ops", "owner": "team-platform", "description": "lines of the log that are kept, in percent",
                "enabled": false, "variants": { "all": 100, "some": 10 }, "default_variant": "some",
                "off_variant": "all",
            }),
            BERG,
            "To be switched on should the log stores run full",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reason;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_774_526_671, 0).unwrap()
    }

    #[test]
    fn every_flag_of_the_demo_is_one_and_its_reasons_are_taken() {
        for told in flags(now()) {
            let definition: FlagDefinition =
                read(told.definition.clone()).unwrap_or_else(|e| panic!("{}: {e}", told.key));
            assert!(FlagKey::new(told.key).is_ok(), "{}", told.key);
            assert!(!definition.kind.expires() || definition.expires_at.is_some(), "{}", told.key);
            for reason in std::iter::once(told.reason).chain(told.killed.map(|(_, reason)| reason)) {
                assert!(Reason::new(reason).is_ok(), "{}: {reason}", told.key);
            }
        }
    }

    #[test]
    fn no_window_of_the_demo_holds_while_it_begins() {
        for (_, window) in windows(now()) {
            let request: WindowRequest = read(window).unwrap();
            assert!(Reason::new(&request.reason).is_ok(), "{}", request.reason);
            let begins = request.from.or(request.schedule.map(|schedule| schedule.start.and_utc()));
            assert!(begins.unwrap() > now() + TimeDelta::hours(12), "{begins:?}");
        }
    }
}
