//! What a cluster says of itself: its version, that it lives, and which kinds it serves.

use axum::{body::Body, http::Response};
use serde_json::{Value, json};

use super::{
    answer::{json_response, nothing_here, text_response},
    kinds::{EVENTS, EVENTS_GROUP, RESOURCES, by_plural},
    server::Call,
    world::World,
};

/// The reviews that are answered: group, resources and their kinds.
pub const REVIEWS: [(&str, &[(&str, &str)]); 2] = [
    ("authentication.k8s.io", &[("selfsubjectreviews", "SelfSubjectReview")]),
    (
        "authorization.k8s.io",
        &[
            ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
            ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ],
    ),
];

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Answers what is of no object; none when it is of one.
pub fn answer(world: &World, call: &Call) -> Option<Response<Body>> {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let ok = |body: Value| Some(json_response(200, &body));
    match parts.as_slice() {
        ["version"] => ok(json!({
            "major": "1", "minor": "34", "gitVersion": "v1.34.1", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.24.6", "compiler": "gc", "platform": "linux/amd64",
        })),
        ["livez" | "readyz" | "healthz"] => Some(text_response(200, "ok")),
        ["api"] => ok(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
        })),
        ["apis"] => {
            let groups: Vec<Value> = groups(world).iter().map(|(group, version)| group_of(group, version)).collect();
            ok(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["api", "v1"] => ok(list(world, "", "v1")),
        ["apis", group] => Some(match groups(world).into_iter().find(|(known, _)| known == group) {
            Some((group, version)) => {
                let mut body = group_of(&group, &version);
                body["kind"] = json!("APIGroup");
                body["apiVersion"] = json!("v1");
                json_response(200, &body)
            }
            None => nothing_here(),
        }),
        ["apis", group, version] => {
            let served = groups(world).iter().any(|known| (known.0.as_str(), known.1.as_str()) == (*group, *version));
            Some(if served { json_response(200, &list(world, group, version)) } else { nothing_here() })
        }
        ["api" | "apis", ..] => None,
        _ => Some(nothing_here()),
    }
}

/// The groups of which anything is served, but for the core one.
fn groups(world: &World) -> Vec<(String, String)> {
    let mut groups: Vec<(String, String)> = Vec::new();
    let present = RESOURCES.iter().enumerate().filter(|(place, _)| !world.absent.contains(place));
    let kinds = present.map(|(_, resource)| (resource.group, resource.version));
    let events = (!world.absent.contains(&by_plural(EVENTS))).then_some((EVENTS_GROUP, "v1"));
    let reviews = REVIEWS.iter().map(|(group, _)| (*group, "v1"));
    for (group, version) in kinds.chain(events).chain(reviews).filter(|(group, _)| !group.is_empty()) {
        let one = (group.to_owned(), version.to_owned());
        if !groups.contains(&one) {
            groups.push(one);
        }
    }
    groups
}

fn group_of(group: &str, version: &str) -> Value {
    let one = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [one], "preferredVersion": one})
}

fn list(world: &World, group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for (place, resource) in RESOURCES.iter().enumerate() {
        let newer_event = group == EVENTS_GROUP && resource.plural == EVENTS;
        if world.absent.contains(&place) || ((resource.group, resource.version) != (group, version) && !newer_event) {
            continue;
        }
        let mut one = json!({
            "name": resource.plural, "singularName": resource.kind.to_lowercase(), "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": VERBS,
        });
        if !resource.short.is_empty() {
            one["shortNames"] = json!(resource.short);
        }
        resources.push(one);
        if resource.status {
            resources.push(json!({
                "name": format!("{}/status", resource.plural), "singularName": "", "namespaced": resource.namespaced,
                "kind": resource.kind, "verbs": ["get", "patch", "update"],
            }));
        }
        if resource.plural == "services" {
            resources.push(json!({
                "name": "services/proxy", "singularName": "", "namespaced": true, "kind": "ServiceProxyOptions",
                "verbs": ["create", "delete", "get", "patch", "update"],
            }));
        }
    }
    for (_, reviews) in REVIEWS.iter().filter(|(of, _)| *of == group) {
        for (name, kind) in *reviews {
            resources.push(json!({
                "name": name, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"],
            }));
        }
    }
    let named = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": named, "resources": resources})
}
