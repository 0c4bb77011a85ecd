//! What `assets/kubernetes` says: that its roles grant what the drivers need and nothing beside it, that the server
//! runs as it should, and that the commands on the page for newcomers are ones.

use std::collections::BTreeSet;

use rolldeck::{
    cli,
    domain::action::ACTIONS,
    driver::{
        argo, flagger,
        kubernetes::request::{Kind, Rule},
    },
};
use serde_json::{Value, json};

const VIEWER: &str = include_str!("../../assets/kubernetes/viewer.yaml");
const OPERATOR: &str = include_str!("../../assets/kubernetes/operator.yaml");
const SERVE: &str = include_str!("../../assets/kubernetes/serve.yaml");
const PAGE: &str = include_str!("../../assets/kubernetes/FROM-KUBECTL.md");

/// `patch rollouts.argoproj.io/status`.
type Grant = String;

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

fn find<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    documents
        .iter()
        .find(|document| document["kind"] == kind && document["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// Everything that a role grants.
fn grants(text: &str, role: &str) -> BTreeSet<Grant> {
    let documents = documents(text);
    let mut granted = BTreeSet::new();
    for rule in find(&documents, "ClusterRole", role)["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    assert!(![group, resource, verb].contains(&"*"), "{rule}");
                    assert!(granted.insert(grant(verb, group, resource)), "{verb} {resource} is granted twice");
                }
            }
        }
    }
    granted
}

fn grant(verb: &str, group: &str, resource: &str) -> Grant {
    match (group, resource.split_once('/')) {
        ("", _) => format!("{verb} {resource}"),
        (_, None) => format!("{verb} {resource}.{group}"),
        (_, Some((resource, subresource))) => format!("{verb} {resource}.{group}/{subresource}"),
    }
}

/// A rule as a role without a namespace grants it.
fn of(rule: &Rule) -> Grant {
    rule.to_string().split(" in ").next().unwrap().to_owned()
}

/// What is read and watched, and what is asked of the cluster about oneself.
fn reading() -> BTreeSet<Grant> {
    let kinds = [
        Kind::ROLLOUT,
        Kind::ANALYSIS_RUN,
        Kind::EXPERIMENT,
        Kind::CANARY,
        Kind::METRIC_TEMPLATE,
        Kind::REPLICA_SET,
        Kind::DEPLOYMENT,
        Kind::DAEMON_SET,
        Kind::POD,
        Kind::EVENT,
    ];
    let reads = kinds.iter().flat_map(|kind| ["get", "list", "watch"].map(|verb| grant(verb, kind.group, kind.plural)));
    reads
        .chain([
            grant("create", "authentication.k8s.io", "selfsubjectreviews"),
            grant("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
        ])
        .collect()
}

/// Rollouts and Canaries for which each action that there is can be done.
fn acting() -> BTreeSet<Grant> {
    let rollout = |spec: Value, status: Value| {
        let mut object = json!({
            "metadata": {"name": "basket", "namespace": "shop", "generation": 1, "annotations": {"rollout.argoproj.io/revision": "2"}},
            "spec": {"replicas": 1, "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}},
            "status": {"observedGeneration": "1", "currentPodHash": "b", "stableRS": "a", "currentStepIndex": 1, "phase": "Paused"},
        });
        for (at, fields) in [("spec", spec), ("status", status)] {
            for (name, value) in fields.as_object().unwrap() {
                object[at][name] = value.clone();
            }
        }
        argo::Rollout::read(&object)
    };
    let refers = |api_version: &str, kind: &str| json!({"workloadRef": {"apiVersion": api_version, "kind": kind, "name": "basket"}});
    let done = || json!({"phase": "Healthy", "stableRS": "b", "currentStepIndex": 2});
    let rollouts = [
        rollout(json!({}), json!({})),
        rollout(json!({"paused": true}), json!({})),
        rollout(json!({}), json!({"phase": "Degraded", "abort": true})),
        rollout(json!({}), done()),
        rollout(refers("apps/v1", "Deployment"), done()),
        rollout(refers("apps/v1", "ReplicaSet"), done()),
        rollout(refers("v1", "PodTemplate"), done()),
    ];
    let canary = |kind: &str, phase: &str, hook: &str, path: &str, allow: bool| {
        flagger::Canary::read(&json!({
            "metadata": {"name": "basket", "namespace": "shop",
                "annotations": {"rolldeck.dev/allow-status-rollback": if allow { "true" } else { "false" }}},
            "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": kind, "name": "basket"}, "analysis": {"stepWeight": 10,
                "webhooks": [{"name": "gate", "type": hook, "url": format!("http://loadtester.test/{path}")}]}},
            "status": {"phase": phase, "canaryWeight": 10, "lastAppliedSpec": "b", "lastPromotedSpec": "a"},
        }))
    };
    let canaries = [
        canary("Deployment", "Progressing", "rollout", "", true),
        canary("Deployment", "Progressing", "rollback", "rollback/check", false),
        canary("Deployment", "WaitingPromotion", "confirm-promotion", "gate/check", false),
        canary("Deployment", "Failed", "rollout", "", false),
        canary("DaemonSet", "Failed", "rollout", "", false),
    ];
    let rules = ACTIONS.iter().flat_map(|spec| {
        let argo = rollouts.iter().flat_map(|rollout| argo::rules(rollout, spec.action));
        let flagger = canaries.iter().flat_map(|canary| flagger::rules(canary, spec.action));
        argo.chain(flagger).collect::<Vec<_>>()
    });
    rules.map(|rule| of(&rule)).collect()
}

#[test]
fn a_viewer_reads_what_is_shown_and_can_change_nothing() {
    assert_eq!(grants(VIEWER, "rolldeck-viewer"), reading());
}

#[test]
fn an_operator_can_do_every_action_and_nothing_beside_it() {
    let mut needed = acting();
    let gates: BTreeSet<Grant> = needed.iter().filter(|grant| grant.ends_with("services/proxy")).cloned().collect();
    assert_eq!(gates, grants(OPERATOR, "rolldeck-gates"), "gates have a role of their own");
    needed.retain(|grant| !gates.contains(grant));
    needed.extend(reading());
    // What is left of an action in the cluster, and the pod template that an undo compares with.
    needed.extend([grant("create", "", "events"), grant("get", "", "podtemplates")]);
    assert_eq!(grants(OPERATOR, "rolldeck-operator"), needed);
}

#[test]
fn bindings_name_roles_that_there_are() {
    for (text, bound) in [(VIEWER, VIEWER), (OPERATOR, OPERATOR), (SERVE, OPERATOR)] {
        let roles = documents(bound);
        let documents = documents(text);
        let bindings: Vec<_> = documents.iter().filter(|document| document["kind"] == "ClusterRoleBinding").collect();
        assert!(!bindings.is_empty());
        for binding in bindings {
            find(&roles, "ClusterRole", binding["roleRef"]["name"].as_str().unwrap());
            assert!(!binding["subjects"].as_array().unwrap().is_empty());
        }
    }
    // What is to be put in their place is written as comments, and is YAML too.
    for text in [VIEWER, OPERATOR] {
        let commented: Vec<&str> = text.lines().skip_while(|line| *line != "#---").collect();
        let commented =
            commented.iter().map(|line| line.strip_prefix('#').expect("a comment")).collect::<Vec<_>>().join("\n");
        let roles = documents(text);
        for binding in documents(&commented) {
            assert_eq!(binding["kind"], "RoleBinding");
            find(&roles, "ClusterRole", binding["roleRef"]["name"].as_str().unwrap());
        }
    }
}

fn accepted(words: &[String]) -> Result<(), String> {
    cli::command().try_get_matches_from(words).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn the_server_is_started_as_its_command_line_has_it_and_without_rights_it_does_not_need() {
    let documents = documents(SERVE);
    for (kind, name) in [("Deployment", "rolldeck"), ("Job", "rolldeck-first-token")] {
        let pod = &find(&documents, kind, name)["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let words: Vec<String> = ["rolldeck"].into_iter().chain(texts(&container["args"])).map(str::to_owned).collect();
        accepted(&words).unwrap();
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        // The signing key is refused where the group can read it.
        assert_eq!(pod["securityContext"]["fsGroupChangePolicy"], "OnRootMismatch");
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert_eq!(texts(&container["securityContext"]["capabilities"]["drop"]), ["ALL"]);
        let mounts = container["volumeMounts"].as_array().unwrap();
        let volumes: Vec<_> = pod["volumes"].as_array().unwrap().iter().map(|volume| &volume["name"]).collect();
        assert!(mounts.iter().all(|mount| volumes.contains(&&mount["name"])));
    }
    let deployment = find(&documents, "Deployment", "rolldeck");
    assert_eq!(deployment["spec"]["replicas"], 1, "one process holds the journal");
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate", "and the next one only after it");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let get = &container[probe]["httpGet"];
        assert_eq!((get["path"].as_str(), get["scheme"].as_str()), (Some(path), Some("HTTPS")), "{probe}");
    }
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let service = find(&documents, "Service", "rolldeck");
    for (name, value) in service["spec"]["selector"].as_object().unwrap() {
        assert_eq!(&labels[name], value);
    }
}

#[test]
fn every_command_on_the_page_for_newcomers_is_one() {
    let mut commands: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in PAGE.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            commands.push(line.split("   ").next().unwrap().to_owned());
        } else if let Some(cell) = line.strip_prefix("| `").and_then(|line| line.split(" | ").nth(1)) {
            let spans =
                cell.split('`').skip(1).step_by(2).filter(|span| !span.starts_with('-') && *span != "rolldeck ...");
            commands.extend(spans.map(str::to_owned));
        }
    }
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let words = words(&command);
        let words: Vec<String> = match words.first().map(String::as_str) {
            Some("rolldeck") => words,
            _ => std::iter::once("rolldeck".to_owned()).chain(words).collect(),
        };
        accepted(&words).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

/// Words as a shell takes them, as far as the page needs it: text in quotes is one.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
