//! A flag goes out lane by lane to real agents, with checks between, and comes back.

use super::stage::{Stage, WHY};

const LIGHTS: &str = "dc-west/lights";

/// Three sites that run 1.0, a flag that nobody has, and a plan that widens it.
fn lit() -> (Stage, String) {
    let mut stage = Stage::new();
    let old = stage.snapshot("1.0", &["--known-good", "--reason", WHY]);
    for site in ["site-01", "site-02", "site-03"] {
        stage.agent(site);
    }
    stage.wait("every site has measured the known-good snapshot", |s| {
        let measured = s.json(&["site", "list"]);
        let sites = measured["sites"].as_array().unwrap();
        sites.len() == 3 && sites.iter().all(|site| site["lanes"][0]["report"]["measured"] == old.as_str())
    });
    let flag = stage.path("flag.yaml");
    let definition = "kind: ops\nowner: team-picking\nenabled: true\nvariants: {on: true, off: false}\ndefault_variant: off\noff_variant: off\n";
    std::fs::write(&flag, definition).unwrap();
    stage.code(&["flag", "set", "dim-lights", flag.to_str().unwrap(), "--reason", WHY], 0);
    stage.wait("every site's agent holds the flag", |stage| {
        ["site-01", "site-02", "site-03"].iter().all(|site| holds(stage, site) == "off")
    });
    let plan = stage.path("lights.yaml");
    let sets = "flag: {key: dim-lights, variant: on}";
    let text = format!(
        "rollout: lights\ntarget: dc-west\ngates:\n  health: runtime_healthy\n  lit: flag('dim-lights') == 'on'\nstages:\n- canary: 1 site\n  {sets}\n- rest: all\n  {sets}\n"
    );
    std::fs::write(&plan, text).unwrap();
    (stage, plan.to_str().unwrap().to_owned())
}

/// What a site's agent holds of the flag.
fn holds(stage: &Stage, site: &str) -> String {
    let flags = stage.json(&["flag", "list"]);
    let places = flags["flags"][0]["places"].as_array().unwrap();
    let place = places.iter().find(|place| place["site"] == site).unwrap();
    place["actual"].as_str().unwrap_or("-").to_owned()
}

#[test]
fn a_flag_is_widened_site_by_site_and_is_as_it_was_after_a_gate_breaches() {
    let (stage, plan) = lit();
    let applied = |site: &str| std::fs::metadata(stage.path(site).join("running")).unwrap().modified().unwrap();
    let before = ["site-01", "site-02", "site-03"].map(applied);
    stage.code(&["start", &plan, "--reason", WHY], 0);
    stage.code(&["wait", LIGHTS, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    assert_eq!(["site-01", "site-02", "site-03"].map(|site| holds(&stage, site)), ["on", "off", "off"]);
    let shown = String::from_utf8(stage.run(&["show", LIGHTS]).stdout).unwrap();
    assert!(shown.contains("1 site, dim-lights=on"), "{shown}");

    stage.code(&["promote", LIGHTS, "--reason", WHY], 0);
    stage.code(&["wait", LIGHTS, "--for", "awaiting_promotion", "--timeout", "60s"], 0);
    assert_eq!(["site-01", "site-02", "site-03"].map(|site| holds(&stage, site)), ["on", "on", "on"]);
    assert_eq!(["site-01", "site-02", "site-03"].map(applied), before, "nothing was applied anywhere");

    std::fs::write(stage.path("site-02").join("bad"), "").unwrap();
    stage.code(&["wait", LIGHTS, "--for", "rolled_back", "--timeout", "60s"], 0);
    assert_eq!(["site-01", "site-02", "site-03"].map(|site| holds(&stage, site)), ["off", "off", "off"]);
    let flags = stage.json(&["flag", "list"]);
    assert!(flags["flags"][0]["rules"].is_null(), "no rule is left behind: {flags}");
    let trail = stage.json(&["audit", "list", "--action", "flag_restore"]);
    assert_eq!(trail["entries"][0]["subject"]["name"], "dim-lights", "{trail}");
    stage.code(&["audit", "verify"], 0);
}
