//! The gates of Flagger's load tester, and how they are reached from here: by the cluster's proxy to services.
//!
//! Addresses and answers as in fluxcd/flagger, `pkg/loadtester/server.go`: `/gate/check` says yes while the gate
//! is open, `/gate/open` and `/gate/close` change that, for one Canary at a time; likewise `/rollback/…`.

use serde_json::json;
use url::Url;

use crate::driver::{
    flagger::object::{Canary, Webhook},
    kubernetes::request::{Body, Kind, Request},
};

/// What a gate of the load tester is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// One that lets it go on. All confirm hooks of one Canary share it.
    Confirm,
    /// One that asks for a roll back.
    Rollback,
}

/// A gate of the load tester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// What it is for.
    pub sort: Sort,
    /// The namespace of its service.
    pub namespace: String,
    /// Its service, as a proxy is asked for it: `http:flagger-loadtester:80`.
    pub service: String,
    /// What comes before `/gate/check` in its path.
    prefix: String,
}

/// Whether a webhook says yes whatever anybody does.
pub fn is_always_open(webhook: &Webhook) -> bool {
    Url::parse(&webhook.url).is_ok_and(|url| url.path().ends_with("/gate/approve"))
}

/// The gate that a webhook asks.
///
/// # Errors
/// Why it cannot be opened from here, in a sentence that names the webhook and no secret of its address.
pub fn of(webhook: &Webhook) -> Result<Gate, String> {
    let name = &webhook.name;
    let not = |why: &str| format!("webhook {name} cannot be opened from here: {why}");
    let url = Url::parse(&webhook.url).map_err(|_| not("its address cannot be read"))?;
    let path = url.path().trim_end_matches('/');
    if path.ends_with("/gate/halt") {
        return Err(not("its address is /gate/halt, which always says no until it is changed in the Canary"));
    }
    let (sort, prefix) = if let Some(prefix) = path.strip_suffix("/gate/check") {
        (Sort::Confirm, prefix)
    } else if let Some(prefix) = path.strip_suffix("/rollback/check") {
        (Sort::Rollback, prefix)
    } else {
        return Err(not("it asks something else than the gate of a load tester"));
    };
    let port = url.port_or_known_default().filter(|_| matches!(url.scheme(), "http" | "https"));
    let (Some(port), Some(url::Host::Domain(host))) = (port, url.host()) else {
        return Err(not("its address names no service of the cluster"));
    };
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let (service, namespace) = match labels[..] {
        // A bare name is looked up where Flagger itself runs, and that is not told.
        [_] => return Err(not("its address does not say in which namespace the service is")),
        [service, namespace] | [service, namespace, "svc", ..] => (service, namespace),
        _ => return Err(not("its host is none of this cluster's services")),
    };
    Ok(Gate {
        sort,
        namespace: namespace.to_owned(),
        service: format!("{}:{service}:{port}", url.scheme()),
        prefix: prefix.to_owned(),
    })
}

impl Gate {
    /// Tells the gate to say yes.
    pub fn open(&self, canary: &Canary) -> Request {
        self.post(canary, "open")
    }

    /// Tells the gate to say no.
    pub fn close(&self, canary: &Canary) -> Request {
        self.post(canary, "close")
    }

    /// What it is and where, for a sentence.
    pub fn words(&self) -> String {
        let what = match self.sort {
            Sort::Confirm => "gate",
            Sort::Rollback => "rollback gate",
        };
        let service = self.service.split(':').nth(1).unwrap_or_default();
        format!("the {what} at service {service} in {}", self.namespace)
    }

    fn post(&self, canary: &Canary, verb: &str) -> Request {
        let word = match self.sort {
            Sort::Confirm => "gate",
            Sort::Rollback => "rollback",
        };
        Request {
            kind: Kind::SERVICE,
            namespace: self.namespace.clone(),
            name: self.service.clone(),
            subresource: Some(format!("proxy{}/{word}/{verb}", self.prefix)),
            body: Body::Post(json!({"name": canary.meta.name, "namespace": canary.meta.namespace})),
            // It answers 202 and no object: whether it did is seen by what Flagger does.
            expects: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::SafeText, driver::flagger::object::Hook};

    fn webhook(url: &str) -> Webhook {
        Webhook { index: 0, hook: Hook::ConfirmRollout, name: SafeText::new("approve"), url: url.to_owned() }
    }

    #[test]
    fn a_gate_is_opened_only_where_it_is_one_of_the_load_testers_in_this_cluster() {
        for (url, namespace, service, path) in [
            ("http://flagger-loadtester.test/gate/check", "test", "http:flagger-loadtester:80", "proxy/gate/open"),
            (
                "http://flagger-loadtester.test:8080/gate/check/",
                "test",
                "http:flagger-loadtester:8080",
                "proxy/gate/open",
            ),
            ("https://lt.test.svc/gate/check", "test", "https:lt:443", "proxy/gate/open"),
            ("http://lt.test.svc.cluster.local./gates/gate/check?x=1", "test", "http:lt:80", "proxy/gates/gate/open"),
            ("http://lt.test/rollback/check", "test", "http:lt:80", "proxy/rollback/open"),
        ] {
            let gate = of(&webhook(url)).unwrap();
            let request = gate.open(&Canary::default());
            assert_eq!((request.namespace.as_str(), request.name.as_str()), (namespace, service), "{url}");
            assert_eq!(request.subresource.as_deref(), Some(path), "{url}");
        }
        for (url, why) in [
            ("http://flagger-loadtester.test/gate/halt", "always says no"),
            ("http://flagger-loadtester.test/gate/approve", "something else"),
            ("http://flagger-loadtester/gate/check", "in which namespace"),
            ("https://gates.example.com/gate/check", "none of this cluster's services"),
            ("http://10.0.0.1/gate/check", "names no service"),
            ("http://[::1]/gate/check", "names no service"),
            ("ftp://lt.test/gate/check", "names no service"),
            ("http://slack.test/hook", "something else"),
            ("what", "cannot be read"),
            ("", "cannot be read"),
        ] {
            let told = of(&webhook(url)).unwrap_err();
            assert!(told.contains(why), "{url}: {told}");
        }
        let told = of(&webhook("https://me:hunter22@gates.example.com/gate/check?token=hunter22")).unwrap_err();
        assert!(!told.contains("hunter22"), "{told}");
        assert!(is_always_open(&webhook("http://lt.test/gate/approve")));
    }
}
