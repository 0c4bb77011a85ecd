//! Which plans are read as what, and what is said of those that are not.

mod indicators;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The plan of the design, as it circulates, with a digest in place of the dots.
const CIRCULATING: &str = r"rollout: pick-assist
target: dc-west
snapshot: sha256:...
owner: team-picking
gates:
  health: runtime_healthy && adapter_connected
  telemetry: gap < 10s && drops == 0
  behavior: acceptance_suite_passed
stages:
  - canary: 1 site
  - batch: 10 sites
    hold: 30m
  - fleet: all
on_breach: rollback        # or pause
";

fn circulating() -> String {
    CIRCULATING.replace("sha256:...", DIGEST)
}

/// A plan with these stages, from line 4 on.
fn with_stages(stages: &str) -> String {
    format!("rollout: r\ntarget: t\nsnapshot: {DIGEST}\n{stages}")
}

fn gate(name: &str) -> GateName {
    name.parse().unwrap()
}

#[test]
fn the_plan_that_circulates_means_what_the_design_says() {
    let plan = Plan::from_yaml(&circulating()).unwrap();
    assert_eq!(plan.id().to_string(), "dc-west/pick-assist");
    assert_eq!((plan.snapshot.as_ref().unwrap().as_str(), plan.owner.as_str()), (DIGEST, "team-picking"));
    let gates: Vec<_> = plan.gates.iter().map(|(name, text)| (name.as_str(), text.shown())).collect();
    assert_eq!(
        gates,
        [
            ("health", "runtime_healthy && adapter_connected".to_owned()),
            ("telemetry", "gap < 10s && drops == 0".to_owned()),
            ("behavior", "acceptance_suite_passed".to_owned()),
        ],
        "in the plan's order"
    );
    let stage = |name: &str, selects| PlanStage::new(name.parse().unwrap(), selects);
    let mut batch = stage("batch", Selection::Sites(10));
    batch.hold = Duration::from_mins(30);
    assert_eq!(plan.stages, [stage("canary", Selection::Sites(1)), batch, stage("fleet", Selection::All)]);
    assert!(plan.stages.iter().all(|s| s.advance == Advance::Manual && s.gates.is_none()), "a person promotes");
    assert_eq!((plan.on_breach, plan.on_breach_of.len()), (BreachResponse::Rollback, 0));
    let pause = circulating().replace("on_breach: rollback", "on_breach: pause");
    assert_eq!(Plan::from_yaml(&pause).unwrap().on_breach, BreachResponse::Pause);
}

#[test]
fn every_setting_of_a_stage_is_read() {
    let text = with_stages(
        "gates: {a: x, b: y}
slis:
  errors: {unit: ratio, direction: higher_is_worse, critical: true, limit: 0.01}
  rate:
stages:
  - pilot: 2 lanes
    hold: 1h30m
    advance: automatic
    gates: [b]
    slis: [rate]
    deadline: 2h
  - quarter: 25%
    gates: []
  - half: 50.5 %
on_breach:
  b: pause
",
    );
    let plan = Plan::from_yaml(&text).unwrap();
    let pilot = &plan.stages[0];
    assert_eq!(pilot.selects, Selection::Units(2));
    assert_eq!((pilot.hold, pilot.deadline), (Duration::from_mins(90), Some(Duration::from_hours(2))));
    assert_eq!(pilot.advance, Advance::Automatic);
    assert_eq!(pilot.gates.as_deref(), Some([gate("b")].as_slice()));
    assert_eq!(pilot.slis.as_deref(), Some([SafeText::new("rate")].as_slice()));
    assert_eq!(plan.stages[1].gates.as_deref(), Some([].as_slice()), "no gate is another thing than all gates");
    assert_eq!(plan.stages[2].selects, Selection::Percent(50.5));
    assert_eq!(plan.owner.as_str(), "");
    assert_eq!(plan.on_breach, BreachResponse::Rollback, "of the gates that are not named");
    assert_eq!(plan.on_breach_of, BTreeMap::from([(gate("b"), BreachResponse::Pause)]));
    assert_eq!(plan.slis[0].direction, Direction::HigherIsWorse);
    assert_eq!((plan.slis[0].critical, plan.slis[0].limit, plan.slis[0].unit.as_str()), (true, Some(0.01), "ratio"));
    assert_eq!(plan.slis[1], PlanSli::new("rate"));
}

#[test]
fn each_mistake_is_named_by_its_place_and_what_was_expected() {
    let one = "stages:\n  - canary: 1 site\n";
    let stage =
        |text: &str| with_stages(&format!("gates: {{health: ok, telemetry: gap < 10s}}\nstages:\n  - {text}\n"));
    let table: Vec<(String, &str)> = vec![
        (String::new(), "line 1, column 1: the plan is empty; it needs rollout, target, snapshot and stages"),
        (
            "rollout".to_owned(),
            "line 1, column 1: a plan is a mapping with rollout, target, snapshot and stages, not text",
        ),
        (
            with_stages(one).replace("rollout: r\n", ""),
            "line 1, column 1: rollout: it is missing; the plan needs the rollout's name",
        ),
        (
            with_stages(""),
            "line 1, column 1: stages: it is missing; the plan needs at least one stage, such as `- canary: 1 site`",
        ),
        (
            CIRCULATING.to_owned(),
            "line 3, column 11: snapshot: \"sha256:...\" is a placeholder: give the digest that `rolldeck snapshot add` printed",
        ),
        (
            with_stages(one).replace(DIGEST, "sha256:abc"),
            "line 3, column 11: snapshot: a digest has 64 hex digits after sha256:, this one has 3: give the digest that `rolldeck snapshot add` printed",
        ),
        (
            with_stages(one).replace(DIGEST, &DIGEST.replace("ab", "AB")),
            "line 3, column 11: snapshot: the digits of a digest are lower case",
        ),
        (
            with_stages(one).replace(DIGEST, "v2.4.1"),
            "line 3, column 11: snapshot: a snapshot is sha256: and 64 hex digits, got \"v2.4.1\": give the digest that `rolldeck snapshot add` printed",
        ),
        (
            with_stages(&format!("onwer: me\n{one}")),
            "line 4, column 1: onwer: there is no such field; did you mean \"owner\"?",
        ),
        (
            with_stages(&format!("zzz: me\n{one}")),
            "line 4, column 1: zzz: there is no such field; known are rollout, target, snapshot, owner, gates, slis, telemetry, stages, on_breach, approvals",
        ),
        (
            with_stages(one).replace("target: t", "target: dc west"),
            "line 2, column 9: target: a target must be 1 to 253 characters of a-z, A-Z, 0-9, '-', '_' and '.', and start with a letter or digit, got \"dc west\"",
        ),
        (
            with_stages(one).replace("rollout: r", "rollout: 7"),
            "line 1, column 10: rollout: expected a name, got a number; put it in quotes if it is meant as text",
        ),
        (
            with_stages("stages: []"),
            "line 4, column 9: stages: the list is empty; a plan needs at least one stage, such as `- canary: 1 site`",
        ),
        (
            with_stages("stages:\n  canary: 1 site"),
            "line 5, column 3: stages: expected a list of stages, such as `- canary: 1 site`, got a mapping",
        ),
        (
            stage("canary"),
            "line 6, column 5: stages[0]: a stage is its name and what it selects, such as `canary: 1 site`, not text",
        ),
        (
            stage("hold: 30m"),
            "line 6, column 5: stages[0]: the stage has no name: write what it selects under a name of its own, such as `canary: 1 site`",
        ),
        (
            stage("canary: 1 site\n    holdd: 30m"),
            "line 7, column 5: stages[0].holdd: there is no such field; did you mean \"hold\"?",
        ),
        (
            stage("canary: 1 site\n    batch: 30m"),
            "line 7, column 5: stages[0].batch: a stage has one name, and \"canary\" is one already; beside it are only hold, advance, select, gates, slis, deadline, flag",
        ),
        (stage("canary: 10"), "line 6, column 13: stages[0].canary: 10 of what? write `10 sites`, `10 units` or `10%`"),
        (
            stage("canary: 0 sites"),
            "line 6, column 13: stages[0].canary: \"0\" is out of range; a stage counts 1 to 1000000",
        ),
        (
            stage("canary: 101%"),
            "line 6, column 13: stages[0].canary: \"101%\" is out of range; a share is above 0% and at most 100%",
        ),
        (
            stage("canary: 0%"),
            "line 6, column 13: stages[0].canary: \"0%\" is out of range; a share is above 0% and at most 100%",
        ),
        (
            stage("canary: some sites"),
            "line 6, column 13: stages[0].canary: \"some sites\" is not what a stage selects; write `1 site`, `10 sites`, `3 units`, `25%` or `all`",
        ),
        (
            stage("canary:"),
            "line 6, column 11: stages[0].canary: it says nothing about what the stage selects; write `1 site`, `10 sites`, `3 units`, `25%` or `all`",
        ),
        (
            stage("a b: all"),
            "line 6, column 5: stages[0].\"a b\": a stage's name must be 1 to 253 characters of a-z, A-Z, 0-9, '-', '_' and '.', and start with a letter or digit, got \"a b\"",
        ),
        (stage("x: 1 site\n  - x: all"), "line 7, column 5: stages[1].x: there are two stages \"x\""),
        (
            stage("x: all\n  - y: 1 site"),
            "line 7, column 5: stages[1].y: nothing is left for it: stage x takes all, so it must be the last",
        ),
        (
            stage("x: 50%\n  - y: 25%"),
            "line 7, column 5: stages[1].y: nothing is left for it: shares are of all sites, and stage x goes up to 50% already",
        ),
        (
            stage("x: 100%\n  - y: all"),
            "line 7, column 5: stages[1].y: nothing is left for it: stage x goes up to 100%",
        ),
        (
            stage("x: all\n    hold: 30"),
            "line 7, column 11: stages[0].hold: 30 what? write a duration with its unit: 30s, 30m or 30h",
        ),
        (
            stage("x: all\n    hold: soon"),
            "line 7, column 11: stages[0].hold: \"soon\" is not a duration: write 10s, 250ms, 5m or 1h30m",
        ),
        (
            stage("x: all\n    hold: 2h\n    deadline: 30m"),
            "line 8, column 15: stages[0].deadline: 30m is over before the hold of 2h can be",
        ),
        (
            stage("x: all\n    deadline: 0s"),
            "line 7, column 15: stages[0].deadline: a deadline of nothing cannot be met; leave it out for none",
        ),
        (
            stage("x: all\n    advance: auto"),
            "line 7, column 14: stages[0].advance: expected manual or automatic, got \"auto\"",
        ),
        (
            stage("x: all\n    select: label:ring=pilot"),
            "line 7, column 13: stages[0].select: select is not supported yet; leave it out, and the stage counts any units",
        ),
        (
            stage("x: all\n    gates: [helth]"),
            "line 7, column 13: stages[0].gates: the plan has no gate \"helth\"; did you mean \"health\"?",
        ),
        (stage("x: all\n    gates: [health, health]"), "line 7, column 21: stages[0].gates: it is in the list twice"),
        (
            stage("x: all\n    gates: health"),
            "line 7, column 12: stages[0].gates: expected a list of names of gates, such as `[health]`, got text",
        ),
        (
            stage("x: all\non_breach: {speed: pause}"),
            "line 7, column 13: on_breach.speed: the plan has no gate \"speed\"; known are health, telemetry",
        ),
        (
            stage("x: all\non_breach: rolback"),
            "line 7, column 12: on_breach: expected rollback or pause, got \"rolback\"; did you mean \"rollback\"?",
        ),
        (
            with_stages(&format!("gates: {{health: \"\"}}\n{one}")),
            "line 4, column 17: gates.health: the expression is empty; a gate needs one, such as `drops == 0`",
        ),
        (
            with_stages(&format!("gates: {{health: [a]}}\n{one}")),
            "line 4, column 17: gates.health: expected an expression, such as `gap < 10s && drops == 0`, or `{verdict: all}`, `{verdict: [errors]}` or `{budget: errors, above: 10%}`, got a list",
        ),
        (
            with_stages(&format!("slis: {{errors: {{limt: 1}}}}\n{one}")),
            "line 4, column 17: slis.errors.limt: there is no such field; did you mean \"limit\"?",
        ),
        (
            with_stages(&format!("slis: {{errors: {{limit: lots}}}}\n{one}")),
            "line 4, column 24: slis.errors.limit: expected a number in the indicator's unit, got text",
        ),
        (
            with_stages("slis: {errors: {}}\nstages: [{x: all, slis: [error]}]"),
            "line 5, column 26: stages[0].slis: the plan has no indicator \"error\"; did you mean \"errors\"?",
        ),
        (
            with_stages(&format!("owner: \"a\\e[31m\"\n{one}")),
            "line 4, column 8: owner: a control or invisible character at position 2: write it as plain text",
        ),
    ];
    for (text, expected) in table {
        let error = Plan::from_yaml(&text).unwrap_err();
        assert_eq!(error.to_string(), expected, "of\n{text}");
    }
}

#[test]
fn what_is_no_yaml_is_refused_with_its_place_and_without_harm() {
    let deep = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    let blocks = (0..300).map(|n| format!("{}a:", " ".repeat(n))).collect::<Vec<_>>().join("\n");
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (before, name) in ('a'..='o').zip('b'..='p') {
        let eight = vec![format!("*{before}"); 8].join(",");
        bomb = format!("{bomb}{name}: &{name} [{eight}]\n");
    }
    for (what, text, expected) in [
        ("tab", "rollout:\n\ttarget: b", "line 2, column 2: the YAML cannot be read: tabs disallowed"),
        ("unclosed", "rollout: [a", "line 1, column 10: the YAML cannot be read: unclosed bracket '['"),
        (
            "duplicate",
            "rollout: a\nrollout: b",
            "line 2, column 1: the YAML cannot be read: duplicate mapping key: rollout",
        ),
        (
            "merge",
            "a: &a {b: c}\nd:\n  <<: *a",
            "line 3, column 3: the YAML cannot be read: YAML merge keys are not allowed",
        ),
        (
            "unknown alias",
            "rollout: *nobody",
            "line 1, column 10: the YAML cannot be read: alias references unknown anchor",
        ),
        (
            "two documents",
            "rollout: a\n---\nrollout: b",
            "line 2, column 1: the YAML cannot be read: it has more than one document",
        ),
        (
            "alias bomb",
            &bomb,
            "line 5, column 8: the YAML cannot be read: it is larger or more deeply nested than any plan",
        ),
        (
            "nested lists",
            &deep,
            "line 1, column 20: the YAML cannot be read: it is larger or more deeply nested than any plan",
        ),
        (
            "nested blocks",
            &blocks,
            "line 17, column 17: the YAML cannot be read: it is larger or more deeply nested than any plan",
        ),
        ("huge", &"x".repeat(SIZE_MAX + 1), "the plan has 65537 bytes, more than the 65536 that are read"),
    ] {
        let said = Plan::from_yaml(text).unwrap_err().to_string();
        assert!(said.starts_with(expected), "{what}: {said}");
    }
}

#[test]
fn a_gate_that_does_not_compile_is_reported_at_its_line() {
    let refuse = |name: &GateName, text: &str| {
        if name.as_str() == "telemetry" { Err(format!("`{text}` is odd")) } else { Ok(()) }
    };
    let error = Plan::from_yaml_checked(&circulating(), refuse).unwrap_err();
    assert_eq!(error.to_string(), "line 7, column 14: gates.telemetry: `gap < 10s && drops == 0` is odd");
    let as_json = Plan::from_yaml(&circulating()).unwrap().to_value();
    let error = Plan::from_value_checked(&as_json, refuse).unwrap_err();
    assert_eq!(error.to_string(), "gates.telemetry: `gap < 10s && drops == 0` is odd");
    let later = PlanError::in_gate(&gate("health"), Some(6), "unknown function `size`");
    assert_eq!(later.to_string(), "line 6: gates.health: unknown function `size`");
}

#[test]
fn json_says_the_same_as_yaml_and_text_in_json_is_yaml() {
    let plan = Plan::from_yaml(&circulating()).unwrap();
    let object = json!({
        "rollout": "pick-assist",
        "target": "dc-west",
        "snapshot": DIGEST,
        "owner": "team-picking",
        "gates": [
            {"health": "runtime_healthy && adapter_connected"},
            {"telemetry": "gap < 10s && drops == 0"},
            {"behavior": "acceptance_suite_passed"},
        ],
        "stages": [{"canary": "1 site"}, {"batch": "10 sites", "hold": "30m"}, {"fleet": "all"}],
        "on_breach": "rollback",
    });
    assert_eq!(Plan::from_value(&object).unwrap(), plan);
    assert_eq!(plan.to_value(), object);
    assert_eq!(Plan::from_value(&json!(circulating())).unwrap(), plan);
    let mut seconds = object.clone();
    seconds["stages"][1]["hold"] = json!(1800);
    assert_eq!(Plan::from_value(&seconds).unwrap(), plan, "in JSON, durations are in seconds");
    let error = Plan::from_value(&json!({"rollout": "a", "stage": []})).unwrap_err();
    assert_eq!(error.to_string(), "stage: there is no such field; did you mean \"stages\"?");
    for (odd, message) in [
        (json!(null), "the plan is empty; it needs rollout, target, snapshot and stages"),
        (json!([1]), "a plan is a mapping with rollout, target, snapshot and stages, not a list"),
    ] {
        assert_eq!(Plan::from_value(&odd).unwrap_err().to_string(), message);
    }
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    assert!(Plan::from_value(&deep).unwrap_err().to_string().contains("too deeply"));
}

#[test]
fn a_stage_sets_a_flag_and_a_plan_of_such_stages_needs_no_snapshot() {
    let flags = "rollout: r\ntarget: t\nstages:\n- canary: 1 unit\n  flag: {key: fast-path, variant: on}\n- rest: all\n  flag:\n    key: fast-path\n    variant: on\n";
    let plan = Plan::from_yaml(flags).unwrap();
    assert_eq!((plan.snapshot.as_ref(), plan.candidate().as_str()), (None, "fast-path=on"));
    assert_eq!(plan.flags().count(), 1, "one flag, whichever stages set it");
    let beside = Plan::from_yaml(&with_stages(
        "stages:\n- canary: 1 site\n  flag: {key: a.b_c-1, variant: dark mode}\n- fleet: all\n",
    ))
    .unwrap();
    assert_eq!(beside.stages[0].flag.as_ref().unwrap().to_string(), "a.b_c-1=dark mode");
    assert_eq!(beside.stages[1].flag, None);
    for (stages, message) in [
        (
            "flag: fast-path",
            "stages[0].flag: expected a flag and what it serves here, such as `{key: fast-path, variant: on}`, got text",
        ),
        (
            "flag: {key: fast-path}",
            "stages[0].flag.variant: it is missing; a stage sets a flag and what it serves here",
        ),
        ("flag: {variant: on}", "stages[0].flag.key: it is missing"),
        ("flag: {key: Fast Path, variant: on}", "stages[0].flag.key: a flag's key is 1 to 128 characters"),
        ("flag: {key: fast-path, variant: ''}", "stages[0].flag.variant: expected the name of a variant"),
        ("flag: {key: fast-path, variant: on, share: 5}", "stages[0].flag.share: there is no such field"),
        ("flagg: {key: fast-path, variant: on}", "stages[0].flagg: there is no such field; did you mean \"flag\"?"),
    ] {
        let error =
            Plan::from_yaml(&with_stages(&format!("stages:\n- canary: 1 site\n  {stages}\n"))).unwrap_err().to_string();
        assert!(error.contains(message), "{stages}: {error}");
    }
    for (stages, message) in [
        ("- a: 1 site\n", "snapshot: it is missing; the plan needs the digest"),
        (
            "- a: 1 site\n  flag: {key: f, variant: on}\n- b: all\n",
            "snapshot: it is missing, and stage b sets no flag: name a snapshot, or a flag in each stage",
        ),
    ] {
        let error = Plan::from_yaml(&format!("rollout: r\ntarget: t\nstages:\n{stages}")).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,8}".prop_filter("not reserved", |n| {
        !["hold", "advance", "select", "gates", "slis", "deadline", "flag"].contains(&n.as_str())
    })
}

/// A gate's rule on these indicators, or an expression, where there are none or `kind` says so.
fn rule(kind: usize, expression: &str, slis: &[PlanSli]) -> GateRule {
    let voting: Vec<&PlanSli> = slis.iter().filter(|sli| !sli.observe_only).collect();
    let budget = voting.iter().find(|sli| sli.objective.is_some() || sli.uses.is_some());
    match (kind, budget) {
        (1, _) if voting.iter().any(|sli| sli.required) => GateRule::Verdict(Vec::new()),
        (2, _) if !voting.is_empty() => GateRule::Verdict(voting.iter().map(|sli| sli.name.clone()).collect()),
        (3 | 4, Some(sli)) => GateRule::Budget { sli: sli.name.clone(), above: [0.0, 0.1][kind - 3] },
        _ => GateRule::Expression(expression.trim().to_owned()),
    }
}

prop_compose! {
    fn plans()(
        names in proptest::collection::btree_set(name(), 2..6),
        gates in proptest::collection::btree_map(name(), ("[a-z<>=&|0-9. ]{1,20}[a-z]", 0_usize..6), 0..4),
        slis in proptest::collection::btree_map(name(), indicators::slis(), 0..3),
        telemetry in indicators::telemetry(),
        holds in proptest::collection::vec((0_u64..10_000_000, proptest::option::of(1_u64..10_000_000), any::<bool>(), 0_usize..4), 6),
        breach in (any::<bool>(), any::<bool>()),
        owner in "[a-zäöü -]{0,12}",
        flags_only in any::<bool>(),
    ) -> Plan {
        let respond = |pause| if pause { BreachResponse::Pause } else { BreachResponse::Rollback };
        let slis: Vec<PlanSli> =
            slis.into_iter().rev().map(|(n, sli)| PlanSli { name: SafeText::new(n), ..sli }).collect();
        let gates: Vec<(GateName, GateRule)> =
            gates.into_iter().rev().map(|(n, (text, kind))| (gate(&n), rule(kind, &text, &slis))).collect();
        let answers = |rule: &GateRule| match rule {
            GateRule::Expression(_) => true,
            GateRule::Verdict(_) => telemetry.on_fail.is_none(),
            GateRule::Budget { .. } => false,
        };
        let on_breach_of: BTreeMap<_, _> = gates.iter().filter(|(_, rule)| breach.0 && answers(rule)).map(|(n, _)| (n.clone(), respond(breach.1))).collect();
        let stages = names.iter().zip(&holds).enumerate().map(|(index, (name, (hold, deadline, automatic, kind)))| {
            let mut stage = PlanStage::new(name.parse().unwrap(), match kind {
                0 => Selection::Sites(1 + *hold as u32 % 50),
                1 => Selection::Units(1 + *hold as u32 % 50),
                _ => Selection::Percent(0.1 + index as f64),
            });
            stage.hold = Duration::from_micros(*hold);
            stage.deadline = deadline.map(|more| stage.hold + Duration::from_micros(more));
            stage.advance = if *automatic { Advance::Automatic } else { Advance::Manual };
            if *kind == 3 {
                stage.gates = Some(gates.iter().map(|(n, _)| n.clone()).collect());
                stage.slis = Some(slis.iter().map(|s| s.name.clone()).collect());
            }
            if *kind == 2 || flags_only {
                let variant = if *automatic { "on" } else { "off" };
                stage.flag = Some(StageFlag { key: "fast-path".parse().unwrap(), variant: SafeText::new(variant) });
            }
            stage
        }).collect();
        Plan {
            rollout: "r".parse().unwrap(),
            target: "t".parse().unwrap(),
            snapshot: (!flags_only).then(|| DIGEST.parse().unwrap()),
            owner: SafeText::new(owner.trim()),
            on_breach: if on_breach_of.is_empty() { respond(breach.1) } else { BreachResponse::Rollback },
            telemetry, gates, slis, stages, on_breach_of,
            approvals: Vec::new(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_stored_plan_reads_back_as_itself(plan in plans()) {
        let value = plan.to_value();
        prop_assert_eq!(&Plan::from_value(&value).unwrap(), &plan);
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Plan>(&text).unwrap(), &plan);
        // JSON is YAML too.
        prop_assert_eq!(&Plan::from_yaml(&text).unwrap(), &plan);
    }

    #[test]
    fn no_text_makes_it_panic_and_every_error_can_be_shown(
        text in any::<String>(),
        cut in 0_usize..400,
        noise in "[-:{}\\[\\],&*!|>'\"%#\t a0\u{1b}\u{202e}\n]{1,6}",
    ) {
        let mut broken = circulating();
        broken.insert_str(cut.min(broken.len()), &noise);
        for text in [text, broken] {
            if let Err(error) = Plan::from_yaml(&text) {
                let said = error.to_string();
                prop_assert_eq!(super::super::text::first_hostile(&said), None, "{}", said);
            }
        }
    }
}

#[test]
fn the_example_that_is_shipped_reads() {
    let plan = Plan::from_yaml(include_str!("../../../assets/examples/pick-assist.yaml")).unwrap();
    assert_eq!((plan.stages.len(), plan.gates.len(), plan.slis.len()), (3, 3, 1));
}
