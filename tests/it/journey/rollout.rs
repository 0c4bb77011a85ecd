//! A real change goes out to real processes and comes back.

use super::stage::{Stage, WHY};

const PICK: &str = "dc-west/pick-assist";
const STAGES: &str = "  - canary: 1 site\n  - batch: 3 sites\n  - fleet: all\n";

fn sites() -> Vec<String> {
    (1..=12).map(|n| format!("site-{n:02}")).collect()
}

/// Twelve sites that run 1.0, and 2.0 on its way.
fn rolling() -> (Stage, String, String) {
    let mut stage = Stage::new();
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    for site in sites() {
        stage.agent(&site);
    }
    stage.wait("every site is given the known-good snapshot", |s| sites().iter().all(|site| s.runs(site) == old));
    stage.wait("every site has measured it", |s| {
        let measured = s.json(&["site", "list"]);
        let lanes = measured["sites"].as_array().unwrap();
        lanes.len() == 12 && lanes.iter().all(|site| site["lanes"][0]["report"]["measured"] == old.as_str())
    });
    let new = stage.snapshot("2.0", &[]);
    let plan = stage.plan(&new, STAGES);
    stage.code(&["start", &plan, "--reason", WHY], 0);
    (stage, old, new)
}

#[test]
fn twelve_agents_are_promoted_paused_frozen_and_rolled_back() {
    let (stage, old, new) = rolling();
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    assert_eq!(sites().iter().filter(|site| stage.runs(site) == new).count(), 1, "the canary and nobody else");
    stage.code(&["promote", PICK, "--reason", "short"], 2);
    stage.code(&["promote", PICK, "--reason", WHY, "--if-revision", "r999"], 5);

    stage.code(&["window", "add", "--scope", "dc-west", "--reason", "stocktaking tonight"], 0);
    stage.code(&["promote", PICK, "--reason", WHY], 4);
    stage.code(&["pause", PICK, "--reason", WHY], 0);
    stage.code(&["resume", PICK, "--reason", WHY], 4);
    let windows = stage.json(&["window", "list"]);
    let id = windows["windows"][0]["id"].as_str().unwrap().to_owned();
    stage.code(&["window", "lift", &id, "--reason", "stocktaking is over"], 0);
    stage.code(&["resume", PICK, "--reason", WHY], 0);
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);

    stage.code(&["promote", PICK, "--reason", WHY], 0);
    stage.wait("four sites run it", |s| sites().iter().filter(|site| s.runs(site) == new).count() == 4);
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    assert_eq!(sites().iter().filter(|site| stage.runs(site) == new).count(), 4, "exposure is what the stages select");

    stage.code(&["rollback", PICK, "--reason", WHY], 0);
    stage.code(&["wait", PICK, "--for", "rolled_back", "--timeout", "60s"], 0);
    assert!(sites().iter().all(|site| stage.runs(site) == old), "every site is back");
    stage.code(&["audit", "verify"], 0);
    stage.code(&["show", "dc-west/nobody"], 3);
}

#[test]
fn a_gate_that_breaches_on_the_canary_brings_it_back_by_itself() {
    let (stage, old, new) = rolling();
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    let canary = sites().into_iter().find(|site| stage.runs(site) == new).unwrap();
    std::fs::write(stage.path(&canary).join("bad"), "").unwrap();
    stage.code(&["wait", PICK, "--for", "rolled_back", "--timeout", "60s"], 0);
    assert_eq!(stage.runs(&canary), old);
    let trail = stage.json(&["audit", "list", "--rollout", PICK]);
    let entries = trail["entries"].as_array().unwrap();
    assert!(
        entries.iter().any(|e| e["actor"]["kind"] == "system" && e["reason"].to_string().contains("health")),
        "{trail}"
    );
}

#[test]
fn a_site_that_refuses_is_shown_with_its_category_and_told_again_on_retry() {
    let mut stage = Stage::new();
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    stage.agent("site-01");
    stage.wait("it runs the known-good snapshot", |s| s.runs("site-01") == old);
    stage.wait("it has measured it", |s| {
        s.json(&["site", "list"])["sites"][0]["lanes"][0]["report"]["measured"] == old.as_str()
    });
    std::fs::write(stage.path("site-01").join("refuse"), "").unwrap();
    let new = stage.snapshot("2.0", &[]);
    let plan = stage.plan(&new, "  - all-of-it: all\n");
    stage.code(&["start", &plan, "--reason", WHY], 0);
    stage.code(&["wait", PICK, "--for", "degraded", "--timeout", "60s"], 0);
    let rollout = stage.json(&["show", PICK]);
    assert_eq!(rollout["failures"][0]["category"], "apply", "{rollout}");
    std::fs::remove_file(stage.path("site-01").join("refuse")).unwrap();
    stage.code(&["retry", PICK, "--reason", WHY], 0);
    stage.code(&["wait", PICK, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    assert_eq!(stage.runs("site-01"), new);
}
