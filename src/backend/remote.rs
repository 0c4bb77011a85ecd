//! A control plane over HTTP.
//!
//! Every request has an end (a connection within 3 s, an answer 10 s after the longest wait), every
//! answer a bound, and whatever is not the answer of a control plane becomes a typed error: nothing
//! that a server says can hang, fill or crash the program.

mod answer;
mod export;

pub use export::ExportFailure;

use std::time::Duration;

use chrono::{DateTime, Utc};

use reqwest::{Client, Method, RequestBuilder, Response, Url, header};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendError, BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Conditions, Cursor, FlagReply,
    FlagRequest, FlagsPage, ImportReply, Memory, NOT_CONNECTED, OverrideChange, OverrideReply, OverrideRequest,
    OverridesPage, ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest,
    SnapshotsPage, StartRequest, Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply,
    WindowRequest, WindowsImport, WindowsPage, WindowsQuery, WindowsState, WitnessView,
};
use crate::{
    domain::{Digest, FlagKey, Rollout, RolloutId, SafeText, TokenText, Via},
    settings::{Endpoint, SecretError},
    wire::client::{self, ClientError, ClientOptions, Credential},
};

/// How long a connection may take to be made: a person waits for it.
pub const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take after the wait that was asked for.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long an action may take beyond that: a cluster is waited for until it was seen to take it up.
const ACT: Duration = Duration::from_secs(15);
/// Longest answer, in bytes: ten thousand rollouts with four indicators each are thirty million.
pub const ANSWER_MAX: usize = 64 * 1024 * 1024;
/// Longest artifact, in bytes.
pub const ARTIFACT_MAX: usize = 256 * 1024 * 1024;
/// How long a verification of the whole trail may take.
const VERIFY: Duration = Duration::from_mins(2);
/// The slowest link that an upload is given time for, in bytes a second.
const SLOWEST_UPLOAD: u64 = 16 * 1024;

/// A control plane over HTTP.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Client,
    base: Url,
    place: String,
    via: Via,
    grace: Duration,
    memory: Option<Memory>,
}

/// Why there is no connection to be tried.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The token or the CA file cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The URL, token or certificates are no such.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Remote {
    /// The backend of an endpoint. Reads its token and CA file; connects to nothing yet.
    ///
    /// # Errors
    /// [`ConnectError`], which never shows a token.
    pub fn of_endpoint(endpoint: &Endpoint, via: Via) -> Result<Self, ConnectError> {
        let token = endpoint.token.read()?;
        let ca = endpoint.ca()?;
        Ok(Self::new(&endpoint.server, token.as_ref(), ca.as_deref(), via)?)
    }

    /// The backend at a URL.
    ///
    /// # Errors
    /// [`ClientError`] when URL, token or certificates are no such.
    pub fn new(server: &str, token: Option<&TokenText>, ca: Option<&[u8]>, via: Via) -> Result<Self, ClientError> {
        let base = crate::domain::address::server_url(server).map_err(client::ClientError::from)?;
        let secret = token.map(|token| secrecy::SecretString::from(token.expose().to_owned()));
        let options = ClientOptions {
            credential: secret.as_ref().map(Credential::Bearer),
            ca,
            ..ClientOptions::new(&base, VERIFY)
        };
        let client = client::client_within(&options, CONNECT)?;
        let place = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client, base, place, via, grace: GRACE, memory: None })
    }

    /// The backend behind a socket of this user's.
    ///
    /// # Errors
    /// [`ClientError`] when a client cannot be made.
    pub fn on_socket(socket: &std::path::Path, via: Via) -> Result<Self, ClientError> {
        // The host is never looked up: every connection is made through the socket.
        let base = crate::domain::address::server_url("http://localhost/").map_err(client::ClientError::from)?;
        let options = ClientOptions { socket: Some(socket), ..ClientOptions::new(&base, VERIFY) };
        let client = client::client_within(&options, CONNECT)?;
        Ok(Self { client, base, place: socket.display().to_string(), via, grace: GRACE, memory: None })
    }

    /// The same, remembering what the audit trail was like.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    fn request(&self, method: Method, path: &[&str], wait: Duration) -> RequestBuilder {
        self.request_under(["api", "v1"], method, path, wait)
    }

    fn request_under(&self, root: [&str; 2], method: Method, path: &[&str], wait: Duration) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // The segments are encoded as they are pushed.
            segments.pop_if_empty().extend(root).extend(path);
        }
        let via = match self.via {
            Via::Tui => "tui",
            Via::Cli => "cli",
            Via::Api => "api",
            Via::Agent => "agent",
        };
        self.client.request(method, url).timeout(wait + self.grace).header("rolldeck-via", via)
    }

    async fn send(&self, request: RequestBuilder) -> BackendResult<Response> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> BackendError {
        let why = match () {
            () if error.is_connect() && error.is_timeout() => {
                format!("{NOT_CONNECTED} within {} s", CONNECT.as_secs())
            }
            () => client::chain(error),
        };
        BackendError::Unreachable { place: self.place.clone(), why: SafeText::new(why).to_string() }
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, String)]) -> BackendResult<T> {
        let request = self.request(Method::GET, path, Duration::ZERO).query(query);
        answer::read(&self.place, self.send(request).await?).await
    }

    async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        conditions: &Conditions,
    ) -> BackendResult<T> {
        self.send_body(Method::PUT, path, body, conditions, Duration::ZERO).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        conditions: &Conditions,
    ) -> BackendResult<T> {
        self.post_for(path, body, conditions, Duration::ZERO).await
    }

    /// The same for what may take a while to be done.
    async fn post_for<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        conditions: &Conditions,
        takes: Duration,
    ) -> BackendResult<T> {
        self.send_body(Method::POST, path, body, conditions, takes).await
    }

    async fn send_body<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
        conditions: &Conditions,
        takes: Duration,
    ) -> BackendResult<T> {
        let bytes = serde_json::to_vec(body).map_err(|error| BackendError::Unreachable {
            place: self.place.clone(),
            why: format!("{NOT_CONNECTED}: the request cannot be written as JSON: {error}"),
        })?;
        let upload = Duration::from_secs(bytes.len() as u64 / SLOWEST_UPLOAD);
        let mut request =
            self.request(method, path, upload + takes).header(header::CONTENT_TYPE, "application/json").body(bytes);
        if let Some(key) = &conditions.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(revision) = &conditions.revision {
            request = request.header(header::IF_MATCH, format!("\"{revision}\""));
        }
        answer::read(&self.place, self.send(request).await?).await
    }
}

fn seconds(wait: Duration) -> String {
    wait.as_secs().to_string()
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// What of a question about windows is named.
fn windows_query(query: &WindowsQuery) -> Vec<(&'static str, String)> {
    [
        ("at", query.at.map(rfc3339)),
        ("target", query.target.as_ref().map(ToString::to_string)),
        ("rollout", query.rollout.as_ref().map(ToString::to_string)),
        ("site", query.site.as_ref().map(ToString::to_string)),
        ("lane", query.lane.as_ref().map(ToString::to_string)),
        ("stage", query.stage.as_ref().map(ToString::to_string)),
        ("action", query.action.map(|action| action.to_string())),
        ("initiator", query.initiator.map(|initiator| initiator.as_str().to_owned())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
    .collect()
}

/// What of a query filters entries.
fn audit_query(query: AuditQuery) -> Vec<(&'static str, String)> {
    let optional = [
        ("rollout", query.rollout),
        ("actor", query.actor),
        ("action", query.action),
        ("since", query.since.map(rfc3339)),
        ("until", query.until.map(rfc3339)),
        ("filter", query.expression.filter(|filter| !filter.is_empty()).map(|filter| filter.to_string())),
    ];
    optional.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

#[async_trait::async_trait]
impl Backend for Remote {
    fn place(&self) -> String {
        self.place.clone()
    }

    async fn info(&self) -> BackendResult<ServerInfo> {
        self.get(&["server"], &[]).await
    }

    async fn view(&self, after: Option<Cursor>, wait: Duration) -> BackendResult<RolloutsPage> {
        let mut query = Vec::new();
        if let Some(Cursor(after)) = after {
            query = vec![("after", after.to_string()), ("wait", seconds(wait))];
        }
        let request = self.request(Method::GET, &["rollouts"], wait).query(&query);
        answer::read(&self.place, self.send(request).await?).await
    }

    async fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> BackendResult<Tagged<Rollout>> {
        let path = ["rollouts", id.target.as_str(), id.name.as_str()];
        let mut request = self.request(Method::GET, &path, wait);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, format!("\"{tag}\"")).query(&[("wait", seconds(wait))]);
        }
        answer::tagged(&self.place, self.send(request).await?).await
    }

    async fn start(&self, request: StartRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        self.post(&["rollouts"], &request, &conditions).await
    }

    async fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        let path = ["rollouts", id.target.as_str(), id.name.as_str(), "actions"];
        self.post_for(&path, &request, &conditions, ACT).await
    }

    async fn audit(&self, query: AuditQuery) -> BackendResult<AuditPage> {
        let mut pairs = vec![("after", query.after.to_string()), ("limit", query.limit.to_string())];
        if query.before > 0 {
            pairs.push(("before", query.before.to_string()));
        }
        if query.newest {
            pairs.push(("newest", "true".to_owned()));
        }
        pairs.extend(audit_query(query));
        self.get(&["audit"], &pairs).await
    }

    async fn checkpoint(&self) -> BackendResult<CheckpointView> {
        self.get(&["audit", "checkpoint"], &[]).await
    }

    async fn witness(&self, from: Option<u64>) -> BackendResult<WitnessView> {
        let query: Vec<_> = from.map(|from| ("from", from.to_string())).into_iter().collect();
        self.get(&["audit", "witness"], &query).await
    }

    fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    async fn proof(&self, from: u64, to: u64) -> BackendResult<ProofView> {
        self.get(&["audit", "proof"], &[("from", from.to_string()), ("to", to.to_string())]).await
    }

    async fn verify(&self) -> BackendResult<VerifyReport> {
        let request = self.request(Method::GET, &["audit", "verify"], VERIFY);
        answer::read(&self.place, self.send(request).await?).await
    }

    async fn windows(&self) -> BackendResult<WindowsPage> {
        self.get(&["windows"], &[]).await
    }

    async fn add_window(&self, request: WindowRequest, conditions: Conditions) -> BackendResult<WindowReply> {
        self.post(&["windows"], &request, &conditions).await
    }

    async fn lift_window(&self, id: &str, request: ReasonRequest) -> BackendResult<WindowReply> {
        self.post(&["windows", id, "lift"], &request, &Conditions::default()).await
    }

    async fn change_window(
        &self,
        id: &str,
        request: WindowRequest,
        conditions: Conditions,
    ) -> BackendResult<WindowReply> {
        self.put(&["windows", id], &request, &conditions).await
    }

    async fn windows_state(&self, query: WindowsQuery) -> BackendResult<WindowsState> {
        self.get(&["windows", "state"], &windows_query(&query)).await
    }

    async fn calendar(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> BackendResult<CalendarPage> {
        self.get(&["windows", "calendar"], &[("from", rfc3339(from)), ("until", rfc3339(until))]).await
    }

    async fn import_windows(&self, request: WindowsImport, conditions: Conditions) -> BackendResult<ImportReply> {
        self.post(&["windows", "import"], &request, &conditions).await
    }

    async fn overrides(&self) -> BackendResult<OverridesPage> {
        self.get(&["overrides"], &[]).await
    }

    async fn add_override(&self, request: OverrideRequest, conditions: Conditions) -> BackendResult<OverrideReply> {
        self.post(&["overrides"], &request, &conditions).await
    }

    async fn change_override(
        &self,
        id: &str,
        change: OverrideChange,
        request: ReasonRequest,
    ) -> BackendResult<OverrideReply> {
        self.post(&["overrides", id, change.as_str()], &request, &Conditions::default()).await
    }

    async fn approvals(&self) -> BackendResult<ApprovalsPage> {
        self.get(&["approvals"], &[]).await
    }

    async fn decide_approval(
        &self,
        id: &str,
        change: ApprovalChange,
        request: ReasonRequest,
    ) -> BackendResult<ApprovalReply> {
        self.post_for(&["approvals", id, change.as_str()], &request, &Conditions::default(), ACT).await
    }

    async fn flags(&self) -> BackendResult<FlagsPage> {
        self.get(&["flags"], &[]).await
    }

    async fn put_flag(&self, key: &FlagKey, request: FlagRequest, conditions: Conditions) -> BackendResult<FlagReply> {
        self.put(&["flags", key.as_str()], &request, &conditions).await
    }

    async fn kill_flag(&self, key: &FlagKey, request: ReasonRequest) -> BackendResult<FlagReply> {
        self.post(&["flags", key.as_str(), "kill"], &request, &Conditions::default()).await
    }

    async fn sites(&self) -> BackendResult<SitesPage> {
        self.get(&["sites"], &[]).await
    }

    async fn snapshots(&self) -> BackendResult<SnapshotsPage> {
        self.get(&["snapshots"], &[]).await
    }

    async fn add_snapshot(&self, request: SnapshotRequest) -> BackendResult<SnapshotReply> {
        self.post(&["snapshots"], &request, &Conditions::default()).await
    }

    async fn artifact(&self, digest: &Digest) -> BackendResult<Vec<u8>> {
        // As long as bytes keep coming, it may take its time.
        let path = ["snapshots", digest.as_str(), "artifact"];
        let request = self.request_under(["agent", "v1"], Method::GET, &path, Duration::from_hours(1));
        answer::bytes(&self.place, self.send(request).await?).await
    }

    async fn checkpoints(&self) -> BackendResult<CheckpointsPage> {
        self.get(&["audit", "checkpoints"], &[]).await
    }

    async fn tokens(&self) -> BackendResult<TokensPage> {
        self.get(&["tokens"], &[]).await
    }

    async fn add_token(&self, request: TokenRequest) -> BackendResult<TokenReply> {
        self.post(&["tokens"], &request, &Conditions::default()).await
    }

    async fn revoke_token(&self, id: &str, request: ReasonRequest) -> BackendResult<TokenReply> {
        self.post(&["tokens", id, "revoke"], &request, &Conditions::default()).await
    }
}

#[cfg(test)]
mod tests;
