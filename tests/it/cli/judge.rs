//! Judging what is in a file, without a server.

use std::{collections::BTreeMap, io::Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    domain::{
        SafeText, VersionRef,
        sli::{Direction, Family, Scoring, SliKind},
    },
    judge::{
        act::{AutomaticAct, Origin},
        evidence::{Amount, Evidence, Observed, Spec},
        ledger::{Given, Ledger},
        overall::{Memory, Situation, Step},
    },
};
use serde_json::{Value, json};

use super::{Ran, Shell, with_patience};

fn analysis() -> Value {
    json!({
        "judge": "kayenta",
        "thresholds": {"pass": 95, "marginal": 75},
        "groups": {"system": 60, "requests": 40},
        "metrics": [
            {"name": "cpu", "groups": ["system"], "control": [1, 2, 3, 4], "experiment": [10, 20, 30, 40]},
            {"name": "latency", "groups": ["requests"], "direction": "increase",
                "control": [1, 2, 3, null, 4], "experiment": [4, 3, null, 2, 1]},
            {"name": "memory\u{1b}[31m", "groups": ["system"], "critical": true, "muted": true,
                "control": [null], "experiment": [1.0]}
        ]
    })
}

fn judged(shell: &Shell, document: &Value, format: &str) -> Ran {
    let file = shell.file("analysis.json", &document.to_string());
    shell.run(&["judge", file.to_str().unwrap(), "-o", format])
}

#[test]
fn a_kayenta_analysis_is_judged_and_a_failure_is_no_failure_of_the_program() {
    let shell = Shell::new();
    let result = judged(&shell, &analysis(), "json").exits(0).json();
    let labels: Vec<&str> =
        result["results"].as_array().unwrap().iter().map(|result| result["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["High", "Pass", "Nodata"]);
    assert_eq!(result["results"][0]["ratio"], 10.0);
    assert_eq!(result["results"][1]["control"]["count"], 4);
    assert_eq!(result["groups"][0], json!({"name": "system", "score": 0.0, "no_data": false, "labels": {"High": 1}}));
    assert_eq!(result["score"], json!({"score": 40.0, "classification": "Fail", "reason": null}));

    let table = judged(&shell, &analysis(), "table").exits(0).out;
    for line in ["cpu", "High", "10.0", "22.5", "6.00 to 39.0", "4 and 4", "muted: does not count", "score 40 Fail"] {
        assert!(table.contains(line), "no {line:?} in\n{table}");
    }
    assert!(!table.contains('\u{1b}'), "{table:?}");
    assert!(judged(&shell, &analysis(), "yaml").exits(0).out.contains("classification: Fail"));
}

#[test]
fn the_words_of_kayentas_own_configuration_are_understood() {
    let shell = Shell::new();
    let mut document = analysis();
    document["judge"] = json!("NetflixACAJudge-v1.0");
    document["groupWeights"] = document["groups"].take();
    document.as_object_mut().unwrap().remove("groups");
    document["metrics"] = json!([{
        "name": "cpu", "groups": ["system"], "nanStrategy": "replace", "mustHaveData": true,
        "outliers": {"strategy": "remove", "outlierFactor": 1.5},
        "effectSize": {"measure": "meanRatio", "allowedIncrease": 30, "criticalIncrease": 40},
        "control": [1, 2, 3, 4], "experiment": [10, 20, 30, 40],
    }]);
    let result = judged(&shell, &document, "json").exits(0).json();
    // The increase of twenty-fold is allowed; the outliers 1 and 4, 10 and 40 are outside p1 and p99.
    assert_eq!((&result["results"][0]["label"], &result["score"]["score"]), (&json!("Pass"), &json!(60.0)));
}

#[test]
fn a_document_comes_from_a_pipe_too() {
    let shell = Shell::new();
    for args in [&["judge", "-"][..], &["judge"]] {
        let mut command = shell.command(args);
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(analysis().to_string().as_bytes()).unwrap();
        let ran = with_patience(child);
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        assert!(String::from_utf8(ran.stdout).unwrap().contains("score 40 Fail"));
    }
}

#[test]
fn what_cannot_be_judged_names_file_field_and_what_was_expected() {
    let shell = Shell::new();
    let with = |path: &str, value: Value| {
        let mut document = analysis();
        *document.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
        document.to_string()
    };
    for (text, said) in [
        (String::new(), "EOF"),
        ("{".to_owned(), "EOF"),
        ("[1]".to_owned(), "expected"),
        ("{}".to_owned(), "there is nothing to judge in it"),
        (analysis().to_string() + "x", "trailing characters"),
        (
            with("/judge", json!("random")),
            "judge: unknown variant `random`, expected `NetflixACAJudge-v1.0` or `kayenta`",
        ),
        (with("/thresholds", json!({"pass": 95})), "thresholds: missing field `marginal`"),
        (with("/groups/system", json!("all")), "groups.system: invalid type: string \"all\", expected f64"),
        (with("/metrics", json!([])), "metrics: there is none to judge"),
        (with("/metrics/1/direction", json!("up")), "metrics[1].direction: unknown variant `up`"),
        (with("/metrics/0/control/2", json!("3")), "metrics[0].control[2]: invalid type: string \"3\", expected f64"),
        (with("/metrics/0", json!({"name": "cpu", "control": []})), "metrics[0]: missing field `experiment`"),
        (analysis().to_string().replace("\"muted\"", "\"mutd\""), "unknown field `mutd`"),
        (analysis().to_string().replacen("10", "1e999", 1), "number out of range"),
        (
            with(
                "/metrics/0",
                json!({"name": "cpu", "outliers": {"strategy": "remove", "factor": 0},
                "control": [1], "experiment": [1]}),
            ),
            "metric cpu: the factor of outliers is 0, and must be above 0",
        ),
        ("[".repeat(100_000), "EOF"),
        (with("/judge", json!("\u{1b}]0;owned\u{7}")), "unknown variant"),
    ] {
        let file = shell.file("analysis.json", &text);
        let ran = shell.run(&["judge", file.to_str().unwrap()]).exits(2).says(said).says("analysis.json: ");
        assert!(ran.out.is_empty() && !ran.err.contains('\u{1b}'), "{ran:?}");
    }
    shell.run(&["judge", "nowhere.json"]).exits(2).says("nowhere.json");
    shell.run(&["judge", "/dev/null"]).exits(2).says("EOF");
}

#[test]
fn a_file_that_is_too_large_is_not_read_to_its_end() {
    let shell = Shell::new();
    let path = shell.path("large.json");
    std::fs::File::create(&path).unwrap().set_len(65 * 1024 * 1024 * 1024).unwrap();
    shell.run(&["judge", path.to_str().unwrap()]).exits(2).says("larger than 64 MiB");
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::minutes(minute)
}

/// Thirty minutes of a gauge whose canary is a quarter higher, as a source gives them.
fn evidence(name: &str) -> Evidence {
    let spec = Spec {
        name: SafeText::new(name),
        kind: SliKind::Gauge,
        family: Family::Saturation,
        unit: SafeText::new("cores"),
        direction: Direction::HigherIsWorse,
        critical: false,
        required: true,
        observe_only: false,
        objective: None,
        period: 2_592_000.0,
        threshold: None,
        limit: Some(0.5),
        scoring: Scoring::Sequential,
    };
    let slices: Vec<Observed> = (0..30)
        .map(|minute| {
            let wobble = (minute * 7919 % 31) as f64 / 100.0;
            Observed {
                at: at(minute),
                canary: Some(Amount::Value(5.0 + wobble)),
                baseline: Some(Amount::Value(4.31 - wobble)),
            }
        })
        .collect();
    let mut ledger = Ledger::new(spec, 60, TimeDelta::minutes(3));
    ledger.begin_step(at(0));
    ledger.take(at(33), Ok(Given { slices: &slices, ..Given::default() }));
    ledger.evidence(at(33))
}

fn act() -> String {
    let origin = Origin {
        rollout: "dc-west/pick-assist".parse().unwrap(),
        stable: VersionRef { version: Some(SafeText::new("1.0")), snapshot: None },
        candidate: VersionRef { version: Some(SafeText::new("2.0")), snapshot: None },
        source: SafeText::new("prometheus"),
        queries: BTreeMap::new(),
    };
    let situation = Situation {
        at: at(33),
        step: Step { since: at(0), dwell: 600.0, ends: None },
        indicators: vec![evidence("cpu"), evidence("memory\u{1b}[31m")],
        correlated: Vec::new(),
        before: Memory::default(),
    };
    AutomaticAct::new(origin, situation).to_json().unwrap()
}

fn judge_file(shell: &Shell, text: &str, format: &str) -> Ran {
    let file = shell.file("act.json", text);
    shell.run(&["judge", file.to_str().unwrap(), "-o", format])
}

#[test]
fn what_an_automatic_act_was_judged_from_is_judged_again_and_comes_to_the_same_bytes() {
    let shell = Shell::new();
    let kept = act();
    let again = judge_file(&shell, &kept, "json").exits(0).json();
    assert_eq!((&again["same"], &again["differs"]), (&json!(true), &json!([])));
    assert_eq!(again["act"], serde_json::from_str::<Value>(&kept).unwrap());
    let table = judge_file(&shell, &kept, "table").exits(0).out;
    for said in ["dc-west/pick-assist", "the same, byte for byte", "cpu", "mann_whitney", "limit 0.50 cores", " points"]
    {
        assert!(table.contains(said), "no {said:?} in\n{table}");
    }
    assert!(!table.contains('\u{1b}'), "{table:?}");
    // A tool that made it readable took nothing away.
    let readable = serde_json::from_str::<AutomaticAct>(&kept).unwrap();
    judge_file(&shell, &serde_json::to_string_pretty(&readable).unwrap(), "table").exits(0);
}

#[test]
fn what_was_changed_since_is_told_and_is_exit_code_1() {
    let shell = Shell::new();
    let change = |path: &str, value: Value| {
        let mut document: Value = serde_json::from_str(&act()).unwrap();
        *document.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
        serde_json::to_string(&serde_json::from_value::<AutomaticAct>(document).unwrap()).unwrap()
    };
    for (text, said) in [
        (change("/judgements/0/verdict", json!("pass")), "cpu was pass, and is "),
        (change("/situation/indicators/1/spec/limit", json!(5.0)), ", and is pass"),
        (change("/conclusion/decision", json!("promote")), "the decision was promote"),
        (act().replacen("{\"schema\":1,", "{\"schema\":1,\"more\":true,", 1), "the text has more than"),
    ] {
        let table = judge_file(&shell, &text, "table").exits(1).out;
        assert!(table.contains("DIFFERENT") && table.contains(said), "no {said:?} in\n{table}");
        let again = judge_file(&shell, &text, "json").exits(1).json();
        assert_eq!(again["same"], false);
    }
    let older = change("/rolldeck", json!("0.0.1"));
    judge_file(&shell, &older, "table").exits(0);
    let table = judge_file(&shell, &older.replacen("\"limit\":0.5", "\"limit\":5.0", 1), "table").exits(1).out;
    assert!(table.contains("judged by Rolldeck 0.0.1"), "{table}");
}

#[test]
fn evidence_is_judged_from_where_the_audit_trail_has_it() {
    let shell = Shell::new();
    let entry = json!({"seq": 7, "action": "rollback", "evidence": act()});
    let one = judge_file(&shell, &entry.to_string(), "json").exits(0).json();
    assert_eq!((&one["seq"], &one["same"]), (&json!(7), &json!(true)));
    let page = json!({"entries": [{"seq": 6}, entry, {"seq": 8, "evidence": act()}], "checkpoint": null});
    let both = judge_file(&shell, &page.to_string(), "json").exits(0).json();
    assert_eq!((&both[0]["seq"], &both[1]["seq"]), (&json!(7), &json!(8)));
    judge_file(&shell, r#"{"seq": 6, "evidence": null}"#, "table").exits(2).says("no entry in it has evidence");
    judge_file(&shell, r#"{"seq": 6, "evidence": "{}"}"#, "table").exits(2).says("entry 6: missing field");
}

#[test]
fn the_evidence_of_one_indicator_is_judged_by_itself() {
    let shell = Shell::new();
    let text = serde_json::to_string(&evidence("cpu")).unwrap();
    let judgement = judge_file(&shell, &text, "json").exits(0).json();
    assert_eq!(judgement["found"], "fail");
    assert_eq!(judgement, serde_json::to_value(rolldeck::judge::judge(&evidence("cpu"))).unwrap());
    assert!(judge_file(&shell, &text, "table").exits(0).out.contains("mann_whitney"));
    judge_file(&shell, &text.replacen("\"schema\":1", "\"schema\":99", 1), "table").exits(2).says("schema: it is 99");
    let wrong = text.replacen("\"higher_is_worse\"", "\"up\"", 1);
    judge_file(&shell, &wrong, "table").exits(2).says("spec.direction: unknown variant `up`");
    let other_form = act().replacen("{\"schema\":1,", "{\"schema\":99,", 1);
    judge_file(&shell, &other_form, "table").exits(2).says("form 99");
}
