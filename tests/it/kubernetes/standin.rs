//! That the stand-in behaves as a real API server was measured to behave: each fact is a function of an API server,
//! and holds of the stand-in and of a real one.

mod access;
mod controller;
mod faults;
mod objects;
mod read;
mod watch;
mod write;

use std::{collections::BTreeMap, panic::AssertUnwindSafe, path::Path};

use axum::body::BodyDataStream;
use futures_util::{FutureExt as _, StreamExt as _};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use crate::support::{
    kubernetes::{ADMIN, Allow, StandIn, User},
    pty::SOON,
};

/// Runs facts on the stand-in as tests of their own, and makes `all` of them, for a real server.
macro_rules! facts {
    ($($name:ident),* $(,)?) => {
        mod on_the_stand_in {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::Api::stand_in().await).await;
            })*
        }

        pub async fn all(api: &super::Api, wrong: &mut Vec<String>) {
            $(super::note(stringify!($name), $name(api), wrong).await;)*
        }
    };
}
use facts;

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Admin,
    /// May get rollouts, and patch their status.
    StatusOnly,
    /// May nothing.
    Nobody,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::StatusOnly => "facts-status-only",
            Self::Nobody => "facts-nobody",
        }
    }
}

/// An API server that facts are looked for at.
struct Api {
    clients: BTreeMap<Who, Client>,
    /// Where nobody else makes anything.
    namespace: String,
    stand_in: Option<StandIn>,
}

/// What it answers.
#[derive(Debug)]
struct Answer {
    code: u16,
    warnings: Vec<String>,
    retry_after: Option<String>,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    fn names(&self) -> Vec<&str> {
        let items = self.body["items"].as_array().unwrap_or_else(|| panic!("no list: {self:?}"));
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
    }

    fn version(&self) -> &str {
        self.body["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    /// Its entry of who manages what.
    fn managed_by(&self, manager: &str, subresource: Option<&str>) -> &Value {
        let entries = self.body["metadata"]["managedFields"].as_array().unwrap();
        entries
            .iter()
            .find(|entry| entry["manager"] == manager && entry["subresource"].as_str() == subresource)
            .unwrap_or(&Value::Null)
    }
}

async fn client(text: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::from_yaml(text).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    // It would ask again by itself where it is told to come back later.
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

impl Api {
    async fn stand_in() -> Self {
        let stand_in = StandIn::start().await;
        let namespace = "facts".to_owned();
        stand_in.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        let rules = vec![
            Allow::new("get", "argoproj.io", "rollouts", Some(&namespace)),
            Allow::new("patch", "argoproj.io", "rollouts/status", Some(&namespace)),
        ];
        stand_in.user("token-s", User::new(Who::StatusOnly.name(), rules));
        stand_in.user("token-n", User::new(Who::Nobody.name(), Vec::new()));
        let mut clients = BTreeMap::new();
        for (who, token) in [(Who::Admin, ADMIN), (Who::StatusOnly, "token-s"), (Who::Nobody, "token-n")] {
            clients.insert(who, client(&stand_in.kubeconfig(token, &namespace)).await);
        }
        Self { clients, namespace, stand_in: Some(stand_in) }
    }

    /// A real one, in a namespace of its own: whoever the file names must be allowed everything.
    async fn real(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let admin = client(&text).await;
        let clients = [Who::Admin, Who::StatusOnly, Who::Nobody].map(|who| (who, admin.clone())).into();
        let namespace = format!("rolldeck-facts-{}", std::process::id());
        let api = Self { clients, namespace, stand_in: None };
        api.create("/api/v1/namespaces", json!({"metadata": {"name": api.namespace}})).await;
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", api.namespace);
        let rules = json!([
            {"apiGroups": ["argoproj.io"], "resources": ["rollouts"], "verbs": ["get"]},
            {"apiGroups": ["argoproj.io"], "resources": ["rollouts/status"], "verbs": ["patch"]},
        ]);
        let named = |kind: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "facts"}});
        let mut role = named("Role");
        role["rules"] = rules;
        api.create(&format!("{rbac}/roles"), role).await;
        let mut binding = named("RoleBinding");
        binding["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "facts"});
        binding["subjects"] =
            json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": Who::StatusOnly.name()}]);
        api.create(&format!("{rbac}/rolebindings"), binding).await;
        api
    }

    fn request(
        &self,
        who: Who,
        method: &str,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> http::Request<kube::client::Body> {
        let mut request = http::Request::builder().method(method).uri(path).header("user-agent", "facts/1.0 (test)");
        if !body.is_empty() {
            request = request.header("content-type", kind);
        }
        if self.stand_in.is_none() && who != Who::Admin {
            request = request.header("impersonate-user", who.name());
        }
        request.body(body.into()).unwrap()
    }

    async fn ask(&self, who: Who, method: &str, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.request(who, method, path, kind, body.into());
        let response = tokio::time::timeout(SOON, self.clients[&who].send(request)).await.unwrap().unwrap();
        let code = response.status().as_u16();
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let warnings = response.headers().get_all("warning").iter().map(text).collect();
        let retry_after = response.headers().get("retry-after").map(text);
        let bytes = response.into_body().collect_bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { code, warnings, retry_after, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Who::Admin, "GET", path, JSON, "").await
    }

    async fn create(&self, path: &str, body: Value) -> Answer {
        let answer = self.ask(Who::Admin, "POST", path, JSON, body.to_string()).await;
        assert_eq!(answer.code, 201, "{answer:?}");
        answer
    }

    async fn merge(&self, path: &str, body: Value) -> Answer {
        self.ask(Who::Admin, "PATCH", path, MERGE, body.to_string()).await
    }

    async fn json_patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Who::Admin, "PATCH", path, JSON_PATCH, body.to_string()).await
    }

    /// `/apis/argoproj.io/v1alpha1/namespaces/NAMESPACE/KIND`, and what follows.
    fn argo(&self, rest: &str) -> String {
        format!("/apis/argoproj.io/v1alpha1/namespaces/{}/{rest}", self.namespace)
    }

    /// Makes a rollout that no controller looks at; its path.
    async fn rollout(&self, name: &str) -> String {
        self.rollout_with(name, json!({})).await
    }

    async fn rollout_with(&self, name: &str, labels: Value) -> String {
        let mut object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": 1, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}},
                "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
            },
        });
        object["metadata"]["labels"]["argo-rollouts.argoproj.io/controller-instance-id"] = json!("nobody");
        self.create(&self.argo("rollouts"), object).await;
        self.argo(&format!("rollouts/{name}"))
    }

    /// Opens a watch.
    async fn watch(&self, path: &str) -> Watch {
        let request = self.request(Who::Admin, "GET", path, JSON, Vec::new());
        let response = tokio::time::timeout(SOON, self.clients[&Who::Admin].send(request)).await.unwrap().unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        Watch { pieces: axum::body::Body::new(response.into_body()).into_data_stream(), rest: Vec::new() }
    }
}

/// An open watch.
struct Watch {
    pieces: BodyDataStream,
    rest: Vec<u8>,
}

impl Watch {
    /// The next event; none at its end, an error where the connection breaks.
    async fn next(&mut self) -> Option<Result<Value, String>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).map_err(|error| error.to_string()));
            }
            match tokio::time::timeout(SOON, self.pieces.next()).await.expect("an event, or an end") {
                Some(Ok(piece)) => self.rest.extend_from_slice(&piece),
                Some(Err(error)) => return Some(Err(error.to_string())),
                None => return None,
            }
        }
    }

    /// The next event: its type, and the object's name.
    async fn event(&mut self) -> (String, Value) {
        let event = self.next().await.expect("an event, not the end").unwrap();
        (event["type"].as_str().unwrap().to_owned(), event["object"].clone())
    }

    async fn expect(&mut self, kind: &str, name: &str) -> Value {
        let (is, object) = self.event().await;
        assert_eq!((is.as_str(), object["metadata"]["name"].as_str().unwrap_or_default()), (kind, name), "{object}");
        object
    }
}

/// Notes which facts do not hold, and goes on with the others.
async fn note(name: &str, fact: impl Future<Output = ()>, wrong: &mut Vec<String>) {
    if let Err(panic) = AssertUnwindSafe(fact).catch_unwind().await {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        wrong.push(format!("{name}: {}", text.unwrap_or_default()));
    }
}

#[tokio::test]
#[ignore = "needs ROLLDECK_TEST_KUBECONFIG: a kubeconfig that may do everything on an API server with the definitions of Argo Rollouts and Flagger"]
async fn all_facts_hold_of_a_real_api_server() {
    let Ok(path) = std::env::var("ROLLDECK_TEST_KUBECONFIG") else {
        panic!("ROLLDECK_TEST_KUBECONFIG must name a kubeconfig that may do everything on an API server for tests")
    };
    let api = Api::real(Path::new(&path)).await;
    let mut wrong = Vec::new();
    read::all(&api, &mut wrong).await;
    write::all(&api, &mut wrong).await;
    watch::all(&api, &mut wrong).await;
    access::all(&api, &mut wrong).await;
    objects::all(&api, &mut wrong).await;
    api.ask(Who::Admin, "DELETE", &format!("/api/v1/namespaces/{}", api.namespace), JSON, "").await;
    assert!(wrong.is_empty(), "{} facts do not hold of the real server:\n{}", wrong.len(), wrong.join("\n"));
}
