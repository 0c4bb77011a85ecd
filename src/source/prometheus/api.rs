//! The HTTP API: one request, one answer within bounds, or a typed error whose text is safe to show.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Response, StatusCode, Url, header};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{
    Limits,
    answer::{self, Data, Expected, Unusable},
    ask::Ask,
};
use crate::{domain::SafeText, source::SourceError, wire::client};

/// Bodies of errors are read up to here, in bytes.
const ERROR_MAX: usize = 64 * 1024;

/// Where a server is asked.
#[derive(Debug)]
pub struct Api {
    pub http: Client,
    /// With a slash at the end.
    pub base: Url,
    pub name: String,
    pub timeout: Duration,
    pub limits: Limits,
}

/// An answer, and how long it was.
#[derive(Debug)]
pub struct Reply {
    pub data: Data,
    pub bytes: usize,
    /// The server's clock when it answered.
    pub date: Option<DateTime<Utc>>,
}

/// Why there is none.
#[derive(Debug, Clone)]
pub struct Failure {
    pub error: SourceError,
    /// Whether a smaller question may have an answer.
    pub too_much: bool,
    /// Whether no connection could be made at all.
    pub no_connection: bool,
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self { error, too_much: false, no_connection: false }
    }
}

#[derive(Debug, Default, Deserialize)]
struct BuildInfo {
    #[serde(default)]
    data: Build,
}

#[derive(Debug, Default, Deserialize)]
struct Build {
    #[serde(default)]
    version: SafeText,
    #[serde(default)]
    application: SafeText,
}

impl Api {
    /// Asks a query.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ask(&self, query: &str, ask: Ask) -> Result<Reply, Failure> {
        let (path, expected) = match ask {
            Ask::Range { .. } => ("api/v1/query_range", Expected::Matrix),
            Ask::Instant { .. } => ("api/v1/query", Expected::Vector),
        };
        let request = self
            .http
            .post(self.url(path)?)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(self.form(query, ask));
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let date = date(&response);
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(&response).into());
        }
        let limit = if status.is_success() { self.limits.bytes } else { ERROR_MAX };
        let body = client::body(response, limit).await.map_err(|error| self.unread(&error, status))?;
        let bytes = body.len();
        if !status.is_success() {
            return Err(self.failed(status, &body).into());
        }
        let limits = self.limits;
        let read = tokio::task::spawn_blocking(move || answer::read(&body, expected, &limits)).await;
        match read {
            Ok(Ok(data)) => Ok(Reply { data, bytes, date }),
            Ok(Err(unusable)) => Err(self.unusable(unusable)),
            Err(error) => Err(self.nonsense(&format!("reading it failed: {error}")).into()),
        }
    }

    /// The name and version that the server gives itself; none when it gives none.
    ///
    /// # Errors
    /// [`Failure`] when it cannot be reached, or refuses.
    pub async fn version(&self) -> Result<Option<SafeText>, Failure> {
        let request = self.http.get(self.url("api/v1/status/buildinfo")?).header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(&response).into());
        }
        let body = client::body(response, ERROR_MAX).await.map_err(|error| self.unread(&error, status))?;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.failed(status, &body).into()),
            status if status.is_success() => {
                let Ok(BuildInfo { data }) = serde_json::from_slice(&body) else { return Ok(None) };
                let application = if data.application.is_empty() { "Prometheus" } else { data.application.as_str() };
                let named = SafeText::new(format!("{application} {}", data.version));
                Ok((!data.version.is_empty()).then_some(named))
            }
            // Not every server that speaks the API has this.
            _ => Ok(None),
        }
    }

    fn form(&self, query: &str, ask: Ask) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("query", query);
        match ask {
            Ask::Range { start, end, step } => {
                form.append_pair("start", &start.to_string());
                form.append_pair("end", &end.to_string());
                form.append_pair("step", &step.to_string());
            }
            Ask::Instant { at } => {
                form.append_pair("time", &at.to_string());
            }
        }
        // What nobody waits for any more need not be evaluated.
        form.append_pair("timeout", &format!("{}ms", self.timeout.as_millis().max(1)));
        form.finish()
    }

    fn url(&self, path: &str) -> Result<Url, SourceError> {
        self.base.join(path).map_err(|error| self.unreachable(&format!("{}{path} is no URL: {error}", self.base)))
    }

    fn lost(&self, error: &reqwest::Error) -> Failure {
        let no_connection = error.is_connect();
        let error = if error.is_timeout() && !no_connection {
            self.unreachable(&format!("no answer within {} s", self.timeout.as_secs_f64()))
        } else {
            self.unreachable(&client::chain(error))
        };
        Failure { no_connection, ..error.into() }
    }

    fn unread(&self, error: &client::BodyError, status: StatusCode) -> Failure {
        match error {
            client::BodyError::TooLong(_) if !status.is_success() => {
                self.refused(&format!("{status}, with a page that is too long to read")).into()
            }
            client::BodyError::TooLong(limit) => {
                Failure { too_much: true, ..self.too_much(&format!("more than {limit} bytes")).into() }
            }
            client::BodyError::Broken(why) => self.unreachable(&format!("the answer broke off: {why}")).into(),
        }
    }

    fn too_much(&self, what: &str) -> SourceError {
        self.refuse(&format!("the answer is {what}: let the query keep fewer labels"))
    }

    fn unusable(&self, unusable: Unusable) -> Failure {
        match unusable {
            Unusable::Said { kind, error } => self.said(&kind, &error).into(),
            Unusable::TooMuch(what) => Failure { too_much: true, ..self.too_much(&what).into() },
            Unusable::Nonsense(what) => self.nonsense(&what).into(),
        }
    }

    fn said(&self, kind: &str, error: &str) -> SourceError {
        match kind {
            "timeout" | "unavailable" | "canceled" => self.unreachable(&format!("it says {kind}: {error}")),
            _ => self.refused(&format!("{kind}: {error}")),
        }
    }

    fn redirected(&self, response: &Response) -> SourceError {
        let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        // A login page has the whole question in its address.
        let to = to.split(['?', '#']).next().unwrap_or_default();
        self.nonsense(&format!(
            "{} redirects to {to}: redirects are not followed; give the URL of the API itself, with its path prefix",
            response.status()
        ))
    }

    fn failed(&self, status: StatusCode, body: &[u8]) -> SourceError {
        if let Err(Unusable::Said { kind, error }) = answer::read(body, Expected::Vector, &self.limits) {
            return self.said(&kind, &error);
        }
        let page = String::from_utf8_lossy(body);
        let says = if page.trim().is_empty() { String::new() } else { format!(": {}", answer::first_words(&page)) };
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                self.refused(&format!("{status}{says}; its credential or tenant does not permit it"))
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => self.nonsense(&format!(
                "{status}{says}; there is no Prometheus API at {}: is the path prefix right?",
                self.base
            )),
            StatusCode::TOO_MANY_REQUESTS => self.unreachable(&format!("{status}{says}")),
            status if status.is_server_error() => self.unreachable(&format!("{status}{says}")),
            _ => self.refused(&format!("{status}{says}")),
        }
    }

    pub fn unreachable(&self, why: &str) -> SourceError {
        SourceError::Unreachable { source_name: self.name.clone(), why: safe(why) }
    }

    pub fn refused(&self, why: &str) -> SourceError {
        SourceError::Refused { source_name: self.name.clone(), why: safe(why) }
    }

    /// An answer that is refused here.
    fn refuse(&self, why: &str) -> SourceError {
        SourceError::Refused { source_name: self.name.clone(), why: safe(why) }
    }

    pub fn nonsense(&self, what: &str) -> SourceError {
        SourceError::Nonsense { source_name: self.name.clone(), why: safe(what) }
    }
}

fn safe(text: &str) -> String {
    SafeText::new(text).into()
}

fn date(response: &Response) -> Option<DateTime<Utc>> {
    let text = response.headers().get(header::DATE)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

/// How far a clock is from another; none when it is within what a request explains.
#[must_use]
pub fn apart(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> Option<TimeDelta> {
    let apart = theirs - ours;
    (apart.abs() > TimeDelta::seconds(30)).then_some(apart)
}
