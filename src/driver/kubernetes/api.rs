//! Asks an API server: one request, one answer, or a typed error that says whether anything was sent.
//!
//! Nothing is sent a second time here. Names come from objects that others write, and are refused when they
//! would lead to another path.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _};
use http::{Method, Request as Http, header};
use kube::{
    Client,
    api::{ListParams, WatchParams},
    client::AuthError,
    core::{Request as Paths, Status, WatchEvent},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    client::{ClientError, Connection, credential_error},
    request::{Body, Kind, Request},
};
use crate::domain::SafeText;

/// The name under which everything is written.
pub const FIELD_MANAGER: &str = "rolldeck";

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// The server refused.
    #[error("{message}")]
    Status {
        /// The code.
        code: u16,
        /// The server's word for it: `Expired`, `AlreadyExists`.
        reason: String,
        /// What it says.
        message: SafeText,
        /// After how long it may be asked again, where it says so.
        retry_after: Option<Duration>,
    },
    /// No connection was made: nothing was sent.
    #[error("cannot connect to {server}: {why}")]
    Unsent {
        /// Where to.
        server: String,
        /// Why.
        why: String,
    },
    /// It was sent, and no whole answer came.
    #[error("{server} did not answer: {why}")]
    Lost {
        /// Whom.
        server: String,
        /// Why.
        why: String,
    },
    /// There is an answer, and it is none of an API server.
    #[error("the answer of {server} cannot be read: {why}")]
    Unreadable {
        /// Whose.
        server: String,
        /// Why.
        why: String,
    },
    /// A name would lead elsewhere.
    #[error("{0:?} is no name of an object")]
    Name(String),
    /// There is no client: nothing was sent.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl ApiError {
    /// What the server says, where it says it with an object.
    #[must_use]
    pub fn of_status(status: &Status) -> Self {
        Self::Status {
            code: status.code,
            reason: status.reason.clone(),
            message: SafeText::new(if status.message.is_empty() { &status.reason } else { &status.message }),
            retry_after: status
                .details
                .as_ref()
                .map(|details| details.retry_after_seconds)
                .filter(|seconds| *seconds > 0)
                .map(|seconds| Duration::from_secs(seconds.into())),
        }
    }

    /// The code, where the server refused.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether it is certain that the server did nothing.
    #[must_use]
    pub const fn nothing_done(&self) -> bool {
        match self {
            Self::Status { code, .. } => *code < 500,
            Self::Unsent { .. } | Self::Name(_) | Self::Client(_) => true,
            Self::Lost { .. } | Self::Unreadable { .. } => false,
        }
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    /// What is on it.
    #[serde(default = "Vec::new")]
    pub items: Vec<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMeta {
    resource_version: String,
    r#continue: String,
}

impl<T> Page<T> {
    /// From where to watch on.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }

    /// How to ask for the next one; none on the last.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        Some(self.metadata.r#continue.as_str()).filter(|token| !token.is_empty())
    }
}

/// Which objects of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; all, when empty.
    pub namespace: String,
    /// By their labels.
    pub labels: Option<String>,
    /// By their fields.
    pub fields: Option<String>,
}

impl Selection {
    /// All objects of a kind.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), labels: None, fields: None }
    }
}

/// An API server.
#[derive(Debug)]
pub struct Api {
    connection: Connection,
}

impl Api {
    /// Asks through that connection.
    #[must_use]
    pub const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// The connection.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// One object.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Value, ApiError> {
        let path = format!("{}/{}", path(kind, namespace)?, segment(name)?);
        self.json(self.request(Method::GET, &path, None)?).await
    }

    /// One page of a list.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list<T: DeserializeOwned>(
        &self,
        selection: &Selection,
        limit: u32,
        next: Option<String>,
    ) -> Result<Page<T>, ApiError> {
        let params = ListParams {
            label_selector: selection.labels.clone(),
            field_selector: selection.fields.clone(),
            limit: Some(limit),
            continue_token: next,
            ..ListParams::default()
        };
        let paths = Paths::new(path(selection.kind, &selection.namespace)?);
        let request = paths.list(&params).map_err(|error| self.unreadable(&error.to_string()))?;
        self.json(request).await
    }

    /// Changes of the selected objects from a version on, with bookmarks.
    ///
    /// # Errors
    /// [`ApiError`] when the watch does not begin; an item when it breaks.
    pub async fn watch<T: Clone + DeserializeOwned + Send + 'static>(
        &self,
        selection: &Selection,
        version: &str,
        seconds: u32,
    ) -> Result<impl Stream<Item = Result<WatchEvent<T>, ApiError>> + Send + use<T>, ApiError> {
        let params = WatchParams {
            label_selector: selection.labels.clone(),
            field_selector: selection.fields.clone(),
            timeout: Some(seconds),
            bookmarks: true,
            send_initial_events: false,
        };
        let paths = Paths::new(path(selection.kind, &selection.namespace)?);
        let request = paths.watch(&params, version).map_err(|error| self.unreadable(&error.to_string()))?;
        let client = self.connection.client().await?;
        let begun = tokio::time::timeout(self.timeout(), client.request_events::<T>(request)).await;
        let stream = match begun {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.failed(&client, &error).await),
            Err(_) => return Err(self.silent()),
        };
        let server = self.connection.server().to_owned();
        Ok(stream.map(move |item| item.map_err(|error| broken(&server, &error))))
    }

    /// Sends a request that changes something. Nothing is read into its answer but the object that it holds.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn send(&self, request: &Request) -> Result<Value, ApiError> {
        let mut at = path(request.kind, &request.namespace)?;
        if !request.name.is_empty() {
            at = format!("{at}/{}", segment(&request.name)?);
        }
        if let Some(subresource) = &request.subresource {
            for part in subresource.split('/') {
                at = format!("{at}/{}", segment(part)?);
            }
        }
        let managed = format!("{at}?fieldManager={FIELD_MANAGER}");
        let http = match &request.body {
            Body::Merge(body) => self.request(Method::PATCH, &managed, Some(("application/merge-patch+json", body))),
            Body::Json(body) => self.request(Method::PATCH, &managed, Some(("application/json-patch+json", body))),
            Body::Create(body) => self.request(Method::POST, &managed, Some(("application/json", body))),
            Body::Post(body) => self.request(Method::POST, &at, Some(("application/json", body))),
        }?;
        match request.body {
            // What lies behind a proxy answers as it likes.
            Body::Post(_) => {
                self.text(http).await.map(|text| serde_json::from_slice(text.as_bytes()).unwrap_or(Value::String(text)))
            }
            _ => self.json(http).await,
        }
    }

    /// Creates what is asked of the server itself: a review.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn review(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.json(self.request(Method::POST, path, Some(("application/json", body)))?).await
    }

    /// Whether the server answers at all. Any answer of its own counts, but that it does not know who asks.
    ///
    /// # Errors
    /// [`ApiError`] when it does not.
    pub async fn beat(&self) -> Result<(), ApiError> {
        match self.text(self.request(Method::GET, "/version", None)?).await {
            Err(error) if error.code().is_none_or(|code| code == 401) => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a kind is served.
    ///
    /// # Errors
    /// [`ApiError`] when the server does not say.
    pub async fn serves(&self, kind: Kind) -> Result<bool, ApiError> {
        let path = format!("/apis/{}/{}", kind.group, kind.version);
        match self.json::<Value>(self.request(Method::GET, &path, None)?).await {
            Ok(found) => {
                let resources = found.get("resources").and_then(Value::as_array);
                let named = |resource: &Value| resource.get("name").and_then(Value::as_str) == Some(kind.plural);
                Ok(resources.is_some_and(|resources| resources.iter().any(named)))
            }
            Err(error) if error.code() == Some(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn timeout(&self) -> Duration {
        self.connection.options().timeout
    }

    fn request(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<Http<Vec<u8>>, ApiError> {
        let mut builder = Http::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
        let mut bytes = Vec::new();
        if let Some((mime, body)) = body {
            builder = builder.header(header::CONTENT_TYPE, mime);
            bytes = serde_json::to_vec(body).map_err(|error| self.unreadable(&error.to_string()))?;
        }
        builder.body(bytes).map_err(|_| ApiError::Name(path.to_owned()))
    }

    async fn json<T: DeserializeOwned>(&self, request: Http<Vec<u8>>) -> Result<T, ApiError> {
        let text = self.text(request).await?;
        serde_json::from_slice(text.as_bytes())
            .map_err(|error| self.unreadable(&format!("{error}, of {} bytes", text.len())))
    }

    async fn text(&self, request: Http<Vec<u8>>) -> Result<String, ApiError> {
        let client = self.connection.client().await?;
        match tokio::time::timeout(self.timeout(), client.request_text(request)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(error)) => Err(self.failed(&client, &error).await),
            Err(_) => Err(self.silent()),
        }
    }

    fn silent(&self) -> ApiError {
        let why = format!("nothing came within {} s", self.timeout().as_secs_f64());
        ApiError::Lost { server: self.connection.server().to_owned(), why }
    }

    fn unreadable(&self, why: &str) -> ApiError {
        ApiError::Unreadable { server: self.connection.server().to_owned(), why: why.to_owned() }
    }

    async fn failed(&self, client: &Arc<Client>, error: &kube::Error) -> ApiError {
        if let kube::Error::Service(error) = error
            && let Some(error) = error.downcast_ref::<AuthError>()
        {
            return credential_error(&self.connection, error).into();
        }
        let error = broken(self.connection.server(), error);
        if error.code() == Some(401) {
            self.connection.renew(client).await;
        }
        error
    }
}

/// What went wrong with a request, in words that hold nothing of it.
fn broken(server: &str, error: &kube::Error) -> ApiError {
    use std::error::Error as _;
    let server = server.to_owned();
    match error {
        kube::Error::Api(status) => ApiError::of_status(status),
        kube::Error::Service(error) => {
            let Some(http) = error.downcast_ref::<hyper_util::client::legacy::Error>() else {
                return ApiError::Lost { server, why: "the request could not be made".to_owned() };
            };
            let mut why = "the connection broke".to_owned();
            let mut cause = http.source();
            while let Some(error) = cause {
                why = error.to_string();
                cause = error.source();
            }
            if http.is_connect() { ApiError::Unsent { server, why } } else { ApiError::Lost { server, why } }
        }
        kube::Error::HyperError(error) => ApiError::Lost { server, why: error.to_string() },
        kube::Error::ReadEvents(error) => ApiError::Lost { server, why: error.to_string() },
        kube::Error::SerdeError(error) => ApiError::Unreadable { server, why: error.to_string() },
        kube::Error::FromUtf8(_) => ApiError::Unreadable { server, why: "it is not UTF-8".to_owned() },
        _ => ApiError::Lost { server, why: "the request could not be made".to_owned() },
    }
}

/// Where objects of a kind are.
fn path(kind: Kind, namespace: &str) -> Result<String, ApiError> {
    let root = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    if namespace.is_empty() {
        return Ok(format!("{root}/{}", kind.plural));
    }
    Ok(format!("{root}/namespaces/{}/{}", segment(namespace)?, kind.plural))
}

/// A part of a path, as names of objects and of ports are written.
fn segment(name: &str) -> Result<&str, ApiError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let safe = !name.is_empty() && name.len() <= 300 && name.chars().all(fine) && name.chars().any(|c| c != '.');
    if safe { Ok(name) } else { Err(ApiError::Name(name.chars().take(80).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        assert_eq!(path(Kind::POD, "shop").unwrap(), "/api/v1/namespaces/shop/pods");
        assert_eq!(path(Kind::ROLLOUT, "").unwrap(), "/apis/argoproj.io/v1alpha1/rollouts");
        for name in ["", ".", "..", "a/b", "a?x=1", "a%2fb", "../secrets/x", "a\u{1b}b", "ä"] {
            assert!(segment(name).is_err(), "{name:?}");
        }
        for name in ["basket-1.v2", "http:flagger-loadtester:80", "initial_x"] {
            assert_eq!(segment(name).unwrap(), name);
        }
    }

    #[test]
    fn only_an_answer_that_may_follow_a_deed_leaves_it_open_whether_it_was_done() {
        let status =
            |code| ApiError::Status { code, reason: String::new(), message: SafeText::default(), retry_after: None };
        for (error, nothing) in [
            (status(409), true),
            (status(429), true),
            (status(500), false),
            (status(504), false),
            (ApiError::Unsent { server: String::new(), why: String::new() }, true),
            (ApiError::Lost { server: String::new(), why: String::new() }, false),
        ] {
            assert_eq!(error.nothing_done(), nothing, "{error:?}");
        }
    }
}
