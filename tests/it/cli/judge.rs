//! Judging what is in a file, without a server.

use std::io::Write as _;

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
        *document.pointer_mut(path).unwrap() = value;
        document.to_string()
    };
    for (text, said) in [
        (String::new(), "EOF"),
        ("{".to_owned(), "EOF"),
        ("[1]".to_owned(), "expected"),
        ("{}".to_owned(), "no Kayenta analysis"),
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
