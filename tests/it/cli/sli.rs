//! Indicators on the command line: what is ready-made, what files come to, and what is sent of them.

use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::Shell;
use crate::support::prometheus::{Prometheus, Series};

/// As slok/sloth examples/multifile.yml: two services, one in each document.
const SLOTH: &str = "version: prometheus/v1
service: shop
slos:
  - name: requests-availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(requests_total{job=\"shop\",code=~\"5..\"}[{{.window}}]))
        total_query: sum(rate(requests_total{job=\"shop\"}[{{.window}}]))
    alerting: {name: HighErrorRate}
";

const PLAN: &str = "rollout: pick
target: dc-west
snapshot: sha256:0000000000000000000000000000000000000000000000000000000000000000
telemetry: {source: main}
gates:
  better: {verdict: [requests-availability]}
  spare: {budget: requests-availability, above: 10%}
stages:
  - canary: 1 site
  - all: all
";

#[test]
fn ready_made_indicators_are_listed_and_shown_in_every_form() {
    let shell = Shell::new();
    let list = shell.run(&["sli", "list"]).exits(0).out;
    for name in ["request_success_rate", "request_latency", "unit_health_ratio", "resource_cost_delta"] {
        assert!(list.contains(name), "{name} is not in {list}");
    }
    let listed = shell.run(&["sli", "list", "-o", "json"]).exits(0).json();
    for ready in listed["ready_made"].as_array().unwrap() {
        let name = ready["name"].as_str().unwrap();
        let shown = shell.run(&["sli", "show", name, "-o", "json", "--arms", "release"]).exits(0).json();
        assert_eq!(shown["means"], ready["means"]);
        let asks = shown["queries"].to_string();
        assert_eq!(asks.contains("$release"), !shown["metrics"].as_array().unwrap().is_empty(), "{asks}");
    }
    let shown = shell.run(&["sli", "show", "request_success_rate"]).exits(0).out;
    for part in
        ["99.9%", "http_requests_total{service, track, code}", "{good, total}", "$window", "use: request_success_rate"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(shell.run(&["sli", "show", "request_latency", "-o", "yaml"]).exits(0).out.contains("kind: latency"));
    shell.run(&["sli", "show", "request-latency"]).exits(3).says("did you mean request_latency?");
    shell.run(&["sli", "show", "\u{1b}[31m"]).exits(3).says("no ready-made indicator");
}

#[test]
fn what_is_converted_is_a_plans_and_checks_as_the_file_did() {
    let shell = Shell::new();
    let file = shell.file("slos.yaml", SLOTH);
    let file = file.to_str().unwrap();
    let checked = shell.run(&["sli", "check", file, "-o", "json"]).exits(0).json();
    assert_eq!(checked["slis"][0]["objective"], json!(0.999));
    assert_eq!(checked["slis"][0]["family"], json!("availability"));
    let table = shell.run(&["sli", "check", file]).exits(0).out;
    assert!(table.contains("99.9%") && table.contains("30d") && table.contains("shop"), "{table}");

    let converted = shell.run(&["sli", "convert", file]).exits(0).says("[sources.NAME]").out;
    let slis: String = converted.split_inclusive('\n').skip_while(|line| !line.starts_with("slis:")).collect();
    let plan = shell.file("plan.yaml", &format!("{PLAN}{slis}"));
    let again = shell.run(&["sli", "check", plan.to_str().unwrap(), "-o", "json"]).exits(0).json();
    assert_eq!(again["slis"][0]["queries"], checked["slis"][0]["queries"], "{converted}");
    assert_eq!(again["slis"][0]["objective"], checked["slis"][0]["objective"]);

    // By release, and of one service of several.
    let two = shell.file("two.yaml", &format!("{SLOTH}---\n{}", SLOTH.replace("service: shop", "service: desk")));
    let two = two.to_str().unwrap();
    shell.run(&["sli", "convert", two]).exits(2).says("desk, shop");
    let desk =
        shell.run(&["sli", "convert", two, "--service", "desk", "--arms", "release", "-o", "json"]).exits(0).json();
    assert!(desk.to_string().contains("by (release)") && desk["telemetry"]["arms"] == "release", "{desk}");
    assert_eq!(shell.run(&["sli", "check", two, "-o", "json"]).exits(0).json()["slis"].as_array().unwrap().len(), 2);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_name_document_line_and_field() {
    let shell = Shell::new();
    let table = [
        (
            SLOTH.replace("sum(rate(requests_total{job=\"shop\",code", "max(rate(requests_total{job=\"shop\",code"),
            "document 1, line 8, column 22: slos[0].sli.events.error_query: ",
            "events are summed",
        ),
        (SLOTH.replace("99.9", "80"), "document 1, line 5, column 16: slos[0].objective: ", "could never fire"),
        (
            format!("{SLOTH}---\napiVersion: openslo/v1alpha\n"),
            "document 2, line 12, column 13: apiVersion: ",
            "openslo/v1",
        ),
        (
            SLOTH.replace("name: requests-availability", "name: \"\\e[31mrequests\""),
            "document 1, line 4, column 11: slos[0].name: ",
            "letters, digits",
        ),
        (PLAN.to_owned(), "", "declares no indicator"),
        (
            format!("{PLAN}slis:\n  requests-availability: {{use: request_sucess_rate}}\n"),
            "line 12, column 32: slis.requests-availability.use: ",
            "did you mean \"request_success_rate\"?",
        ),
        (
            format!("{PLAN}slis:\n  requests-availability: {{use: conversion_rate}}\n"),
            "gates.spare: ",
            "has no error budget",
        ),
        ("\u{0}".to_owned(), "", "cannot be read"),
    ];
    for (text, place, said) in table {
        let file = shell.file("file.yaml", &text);
        let file = file.to_str().unwrap();
        for verb in ["check", "convert"] {
            if verb == "convert" && text.starts_with("rollout") {
                continue;
            }
            let ran = shell.run(&["sli", verb, file]).exits(2).says(&format!("{file}: {place}")).says(said);
            assert!(ran.out.is_empty() && !ran.err.contains('\u{1b}'), "{ran:?}");
        }
    }
    shell.run(&["sli", "check", "/nowhere.yaml"]).exits(2).says("/nowhere.yaml");
    let file = shell.file("file.yaml", SLOTH);
    shell.run(&["sli", "check", file.to_str().unwrap(), "--source", "main"]).exits(3).says("[sources.main]");
}

async fn deck() -> MockServer {
    let server = MockServer::start().await;
    let effect = json!({"summary": "begins", "changes": [], "unchanged": [], "checks": [], "units": 0});
    let reply = json!({"outcome": "intended", "effect": effect, "audit": null, "rollout": null});
    Mock::given(method("POST"))
        .and(path("/api/v1/rollouts"))
        .respond_with(ResponseTemplate::new(200).set_body_json(reply))
        .mount(&server)
        .await;
    server
}

async fn plans(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| request.body_json::<Value>().unwrap()["plan"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_indicators_is_sent_with_those_of_a_file() {
    let (shell, server) = (Shell::new(), deck().await);
    let plan = shell.file("plan.yaml", PLAN);
    let slis = shell.file("config/slis.yaml", SLOTH);
    let (plan, slis) = (plan.to_str().unwrap(), slis.to_str().unwrap());
    let start = ["start", plan, "--dry-run"];
    // Its gates ask for an indicator that nobody declares.
    shell.run(&[&start[..], &["--server", &server.uri()]].concat()).exits(2).says("requests-availability");
    shell.run(&[&start[..], &["--slis", slis, "--server", &server.uri()]].concat()).exits(0);
    // And the context names the same file, beside the config.
    shell.file(
        "config/config.toml",
        &format!("current = 'here'\n[contexts.here]\nserver = '{}'\nslis = 'slis.yaml'\n", server.uri()),
    );
    shell.run(&start).exits(0);
    let sent = plans(&server).await;
    assert_eq!(sent.len(), 2);
    for plan in &sent {
        assert_eq!(plan["slis"][0]["requests-availability"]["objective"], json!(0.999), "{plan}");
        assert_eq!((&plan["telemetry"]["source"], &plan["telemetry"]["service"]), (&json!("main"), &json!("shop")));
    }
    // A plan that declares its own is sent as it is written, whatever the context says.
    let own = format!("{PLAN}slis:\n  requests-availability: {{use: request_success_rate}}\n");
    let own = shell.file("own.yaml", &own);
    shell.run(&["start", own.to_str().unwrap(), "--dry-run"]).exits(0);
    assert!(plans(&server).await[2].as_str().is_some_and(|text| text.contains("use: request_success_rate")));
    shell.run(&["start", own.to_str().unwrap(), "--dry-run", "--slis", slis]).exits(2).says("of its own");
    // What is wrong with the file stops it before anything is sent.
    shell.file("config/slis.yaml", &SLOTH.replace("{{.window}}", "{{.range}}"));
    shell.run(&start).exits(2).says("document 1, line 8").says("{{.window}}");
    assert_eq!(plans(&server).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_says_whether_it_answers_each_query() {
    let (shell, server) = (Shell::new(), Prometheus::start());
    let from = chrono::Utc::now().timestamp() - 300;
    let growing = |labels: &[(&str, &str)]| {
        Series::new("requests_total", labels).each(from, 15, (0..=20).map(|n| f64::from(n) * 10.0))
    };
    server
        .write(&[
            growing(&[("job", "shop"), ("code", "200"), ("track", "baseline")]),
            growing(&[("job", "shop"), ("code", "200"), ("track", "canary")]),
            growing(&[("job", "shop"), ("code", "503"), ("track", "canary")]),
        ])
        .await;
    shell.file("config/config.toml", &format!("[sources.main]\nurl = '{}'\n", server.url()));
    let file = shell.file("slos.yaml", SLOTH);
    let check = |file: &std::path::Path, more: &[&str]| {
        shell.run(&[&["sli", "check", file.to_str().unwrap(), "--source", "main"], more].concat())
    };
    let answers = check(&file, &["-o", "json"]).exits(0).json()["slis"][0]["answers"].clone();
    assert_eq!((&answers["bad"]["series"], &answers["bad"]["arms"]), (&json!(1), &json!(["canary"])), "{answers}");
    assert_eq!(answers["total"]["arms"], json!(["baseline", "canary"]));
    assert!(check(&file, &[]).exits(0).out.contains("total: 2 series, of baseline, canary"));
    // A metric without the label is no error, and is said.
    assert!(check(&file, &["--arms", "cohort"]).exits(0).out.contains("no series"));
    // What the server refuses is one, in its own words.
    let slis = "slis:\n  load:\n    value: avg by (track) (no_such_function(x{track=~\"$track\"}))\n";
    let refused = shell.file("refused.yaml", slis);
    let ran = check(&refused, &[]).exits(1).says("no_such_function");
    assert!(ran.out.contains("FAILED"), "{ran:?}");
    let doctor = shell.run(&["doctor", "-o", "json"]).json();
    assert!(doctor.to_string().contains("answers, "), "{doctor}");
    // And one that is not there is what it is.
    drop(server);
    check(&file, &[]).exits(7).says("main");
}
