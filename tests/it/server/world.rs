//! A control plane in a temporary directory behind the API, and calls to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode},
};
use rolldeck::{
    clock,
    control::{Control, Options},
    domain::{ActorKind, Binding, Holder, Principal, Role, SafeText, TokenText, Via},
    server::{ServerOptions, router},
    store::sqlite::{Durability, Sqlite},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub const WHY: &str = "because the test says so";

/// The API over a fresh control plane.
pub struct World {
    pub control: Control,
    pub router: Router,
    _folder: tempfile::TempDir,
}

pub fn options() -> ServerOptions {
    ServerOptions::loopback(clock::system())
}

pub fn local() -> Principal {
    Principal {
        id: SafeText::new("local"),
        kind: ActorKind::Human,
        role: Role::Commander,
        targets: vec!["*".to_owned()],
        binding: None,
        credential: None,
        via: Via::Api,
        source: None,
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(options()).await
    }

    pub async fn with(options: ServerOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path(), Durability::Relaxed).await.unwrap();
        let set = Options {
            simulated: false,
            signing_seed: [7; 32],
            origin: "rolldeck.test/audit".to_owned(),
            sources: Vec::new(),
            drivers: Vec::new(),
            declared: None,
            pauses: true,
            policy: rolldeck::control::Policy::default(),
            beside: None,
        };
        let control = Control::start(Arc::new(store), clock::system(), set).await.unwrap();
        Self { router: router(control.clone(), options), control, _folder: folder }
    }

    /// Adds a token; from the first on, every call needs one.
    pub async fn token(&self, name: &str, role: Role, targets: &[&str], binding: Option<Binding>) -> TokenText {
        self.held_token(name, role, targets, binding, None).await
    }

    /// Adds a token that says who holds it.
    pub async fn held_token(
        &self,
        name: &str,
        role: Role,
        targets: &[&str],
        binding: Option<Binding>,
        holder: Option<Holder>,
    ) -> TokenText {
        let token = TokenText::new(clock::secret().unwrap()[..5].try_into().unwrap(), &clock::secret().unwrap());
        let record = rolldeck::wire::TokenRequest {
            id: token.id(),
            name: name.to_owned(),
            secret_hash: token.hash(),
            role,
            holder,
            targets: targets.iter().map(|t| (*t).to_owned()).collect(),
            binding,
        };
        self.control.add_token(&local(), record).await.unwrap();
        token
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Call::get(path)).await
    }

    pub async fn send(&self, call: Call) -> Reply {
        Self::through(self.router.clone(), call).await
    }

    /// An answer that goes on: its head, and what comes of its body.
    pub async fn open(&self, call: Call) -> (StatusCode, HeaderMap, axum::body::BodyDataStream) {
        let (parts, body) = self.router.clone().oneshot(call.request()).await.unwrap().into_parts();
        (parts.status, parts.headers, body.into_data_stream())
    }

    pub async fn through(router: Router, call: Call) -> Reply {
        let answering = router.oneshot(call.request());
        let response = tokio::time::timeout(Duration::from_mins(1), answering).await.expect("an answer").unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Reply {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A snapshot of group `dc-west`; its digest.
    pub async fn snapshot(&self, version: &str) -> String {
        let call = Call::post("/api/v1/snapshots").json(&json!({"version": version, "group": "dc-west"}));
        let reply = self.send(call).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json["snapshot"]["digest"].as_str().unwrap().to_owned()
    }

    /// Enrols a site of group `dc-west` that reports to run `present`.
    pub async fn site(&self, site: &str, present: &str) {
        let reply = self.get(&desired(site, 0)).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
        let call = Call::post(&report(site)).json(&json!({"generation": 0, "state": "idle", "measured": present}));
        let reply = self.send(call).await;
        assert_eq!(reply.status, 204, "{}", reply.text);
    }

    /// A rollout `dc-west/pick-assist` over three sites, just begun.
    pub async fn rollout(&self) -> Value {
        let old = self.snapshot("1.0.0").await;
        for site in ["s1", "s2", "s3"] {
            self.site(site, &old).await;
        }
        let new = self.snapshot("1.1.0").await;
        let reply = self.send(start(&new, "key-of-the-start")).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json["rollout"].clone()
    }
}

pub fn plan(snapshot: &str) -> String {
    format!(
        "rollout: pick-assist\ntarget: dc-west\nsnapshot: {snapshot}\nowner: team-picking\n\
         gates:\n  good: ok\nstages:\n  - canary: 1 site\n  - fleet: all\n"
    )
}

pub fn start(snapshot: &str, key: &str) -> Call {
    Call::post("/api/v1/rollouts").header("idempotency-key", key).json(&json!({"plan": plan(snapshot), "reason": WHY}))
}

pub fn act(action: &str) -> Call {
    Call::post("/api/v1/rollouts/dc-west/pick-assist/actions").json(&json!({"action": action, "reason": WHY}))
}

pub fn desired(site: &str, generation: u64) -> String {
    format!("/agent/v1/groups/dc-west/sites/{site}/lanes/main/desired?generation={generation}")
}

pub fn report(site: &str) -> String {
    format!("/agent/v1/groups/dc-west/sites/{site}/lanes/main/report")
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub json: Value,
    pub text: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a problem of this status and code, in the one form that they have.
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["type"], format!("urn:rolldeck:problem:{code}"));
        assert!(self.json["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{}", self.text);
    }
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    peer: SocketAddr,
}

impl Call {
    pub fn new(method: &'static str, path: &str) -> Self {
        let peer = SocketAddr::from(([127, 0, 0, 1], 40_000));
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new(), peer }
            .header("host", "localhost:7890")
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Adds a header, or replaces the one of that name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(had, _)| had != name);
        self.again(name, value)
    }

    /// Adds a header, however many of that name there are.
    pub fn again(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(had, _)| had != name);
        self
    }

    pub fn bearer(self, token: &TokenText) -> Self {
        self.header("authorization", &format!("Bearer {}", token.expose()))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    pub fn body(mut self, media: &str, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", media)
    }

    pub fn from(mut self, peer: &str) -> Self {
        self.peer = SocketAddr::new(peer.parse().unwrap(), 40_000);
        self
    }

    fn request(self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(self.path).body(Body::from(self.body)).unwrap();
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request
    }
}
