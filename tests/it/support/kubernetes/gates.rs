//! Flagger's load tester behind the service proxy: gates that are opened, closed and asked
//! (flagger v1.36.1 pkg/loadtester/server.go and gate.go).

use std::collections::{BTreeMap, BTreeSet};

use axum::{body::Body, http::Response};
use serde_json::Value;

use super::{
    answer::{Refusal, nothing_here, text_response},
    kinds::{RESOURCES, by_plural},
    server::{Call, Target},
    world::World,
};

/// Load testers by namespace and service, and which of their gates are open. A gate's key is `name.namespace`, and
/// `rollback.name.namespace`: all the confirmations of a canary share one.
#[derive(Debug, Default)]
pub struct Gates {
    testers: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Gates {
    pub fn add(&mut self, namespace: &str, service: &str) {
        self.testers.entry((namespace.to_owned(), service.to_owned())).or_default();
    }

    /// What a load tester answers: the code and the text.
    pub fn ask(&mut self, namespace: &str, service: &str, path: &str, body: &Value) -> Option<(u16, &'static str)> {
        let open = self.testers.get_mut(&(namespace.to_owned(), service.to_owned()))?;
        let (Some(name), Some(place)) = (body["name"].as_str(), body["namespace"].as_str()) else {
            return Some((400, "Bad Request\n"));
        };
        let (gate, rollback) = (format!("{name}.{place}"), format!("rollback.{name}.{place}"));
        let check = |open: &BTreeSet<String>, gate: &String| {
            if open.contains(gate) { (200, "Approved") } else { (403, "Forbidden") }
        };
        Some(match path.trim_matches('/') {
            "gate/approve" => (200, "OK"),
            "gate/halt" => (403, "Forbidden"),
            "gate/check" => check(open, &gate),
            "rollback/check" => check(open, &rollback),
            "gate/open" => {
                open.insert(gate);
                (202, "")
            }
            "gate/close" => {
                open.remove(&gate);
                (202, "")
            }
            "rollback/open" => {
                open.insert(rollback);
                (202, "")
            }
            "rollback/close" => {
                open.remove(&rollback);
                (202, "")
            }
            _ => (404, "404 page not found\n"),
        })
    }
}

impl World {
    /// Answers what goes through the proxy to a service.
    pub fn gates_answer(&mut self, call: &Call, target: &Target) -> Result<Response<Body>, Refusal> {
        let namespace = target.wanted.namespace.clone().unwrap_or_default();
        // `http:name:port`, `name:port`, `name`.
        let parts: Vec<&str> = target.wanted.name.split(':').collect();
        let (name, port) = match parts.as_slice() {
            [name] => (*name, ""),
            [name, port] | [_, name, port] => (*name, *port),
            _ => return Ok(nothing_here()),
        };
        let services = by_plural("services");
        let key = (services, namespace.clone(), name.to_owned());
        let service = self.store.get(&key).ok_or_else(|| Refusal::not_found(&RESOURCES[services], name))?;
        let ports = service["spec"]["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
        let has =
            |one: &Value| one["port"].as_u64().is_some_and(|number| port.parse() == Ok(number)) || one["name"] == port;
        if !port.is_empty() && !ports.iter().any(has) {
            return Err(Refusal::unavailable(format!("no service port {port} found for service \"{name}\"")));
        }
        let body = serde_json::from_slice(&call.body).unwrap_or_default();
        match self.gates.ask(&namespace, name, &target.rest, &body) {
            Some((code, text)) => Ok(text_response(code, text)),
            None => Err(Refusal::unavailable(format!("no endpoints available for service \"{name}\""))),
        }
    }
}
