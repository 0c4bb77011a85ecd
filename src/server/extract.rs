//! What is read from a request, and what is said when it cannot be: bodies, queries, paths, conditions.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::PathRejection},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    App,
    problem::{Answer, Failure},
};
use crate::{
    domain::{Revision, SafeText},
    wire::{Code, Conditions},
};

/// Longest hold of a long poll.
pub const WAIT_MAX: Duration = Duration::from_secs(30);
/// Longest `Idempotency-Key`, in characters.
pub const KEY_MAX: usize = 255;
/// Most bytes of a body that says who asks for a flag.
pub const SMALL_BODY: usize = 64 * 1024;
/// Bytes of an oversized body that are read and dropped, so that the client gets to read the answer.
const DRAIN_MAX: usize = 16 * 1024 * 1024;
/// How long an oversized body is read and dropped.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// A JSON body, in and out.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body of up to [`super::Limits::large_body`] bytes; few are read at a time.
#[derive(Debug)]
pub struct LargeJson<T>(pub T);

/// The query of a request; a name that is not known is refused, so that a typo filters nothing silently.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// Names in the path of a request, checked.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        is_json(request.headers())?;
        let bytes = read(request, app.options.limits.body, app.options.limits.body_time).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: DeserializeOwned> FromRequest<App> for LargeJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        is_json(request.headers())?;
        // The semaphore is never closed; were it, the request goes on without a turn.
        let _turn = app.large_bodies.acquire().await.ok();
        let bytes = read(request, app.options.limits.large_body, app.options.limits.large_body_time).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer has no JSON form");
                super::problem::broken().into_response()
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Failure::invalid("query", rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(Failure::invalid("path", error.kind().to_string()))
            }
            Err(error) => Err(Failure::invalid("path", error.body_text())),
        }
    }
}

/// A JSON body as it came, of up to [`SMALL_BODY`] bytes, for those who say in words of their own what is wrong
/// with it; empty where there is none.
#[derive(Debug)]
pub struct SmallJson(pub Answer<Bytes>);

impl FromRequest<App> for SmallJson {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        let media = is_json(request.headers());
        let bytes = read(request, SMALL_BODY, app.options.limits.body_time).await;
        // Nothing is nothing, whatever it is called.
        Ok(Self(bytes.and_then(|bytes| if bytes.is_empty() { Ok(bytes) } else { media.map(|()| bytes) })))
    }
}

fn is_json(headers: &HeaderMap) -> Answer<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" || (media.starts_with("application/") && media.ends_with("+json")) {
        return Ok(());
    }
    let got = if given.is_empty() { "none".to_owned() } else { format!("{given:?}") };
    Err(Failure::invalid("Content-Type", format!("the body must be sent as application/json, got {got}")))
}

async fn read(request: Request, limit: usize, time: Duration) -> Answer<Bytes> {
    let too_large = || {
        Failure::new(Code::TooLarge, format!("the body has more than the {limit} bytes that are read here: send less"))
    };
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    let mut body = request.into_body().into_data_stream();
    if declared.is_some_and(|length| length > limit) {
        drain(body).await;
        return Err(too_large());
    }
    let mut all = Vec::with_capacity(declared.unwrap_or(0).min(limit));
    let reading = async {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| Failure::new(Code::Invalid, "the body ended before it was complete"))?;
            if all.len() + chunk.len() > limit {
                return Ok(false);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(true)
    };
    match tokio::time::timeout(time, reading).await {
        Ok(Ok(true)) => Ok(all.into()),
        Ok(Ok(false)) => {
            drain(body).await;
            Err(too_large())
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => {
            let seconds = time.as_secs();
            Err(Failure::new(Code::Invalid, format!("the body did not arrive whole within {seconds} s: send it again")))
        }
    }
}

/// Closing a connection on which the client still writes would cost it the answer: so some more is read, and dropped.
async fn drain(mut body: axum::body::BodyDataStream) {
    let reading = async {
        let mut dropped = 0;
        while let Some(Ok(chunk)) = body.next().await {
            dropped += chunk.len();
            if dropped > DRAIN_MAX {
                break;
            }
        }
    };
    // Whether it ended or ran out of time, the answer is the same.
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::new(Code::Invalid, "the body is empty: expected a JSON object, see /openapi.json"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let detail = format!("the body is not what the contract says: {}", error.inner());
        if field == "." { Failure::new(Code::Invalid, detail) } else { Failure::invalid(&field, detail) }
    })?;
    json.end().map_err(|error| Failure::new(Code::Invalid, format!("the body goes on after its end: {error}")))?;
    Ok(value)
}

/// How long a request may be held, of what its `wait` asks for in seconds.
#[must_use]
pub fn wait(seconds: Option<u64>) -> Duration {
    Duration::from_secs(seconds.unwrap_or(0)).min(WAIT_MAX)
}

/// `If-Match` and `Idempotency-Key` of a request.
#[derive(Debug)]
pub struct Headers(pub Conditions);

impl<S: Send + Sync> FromRequestParts<S> for Headers {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        Ok(Self(Conditions { revision: if_match(&parts.headers)?, idempotency_key: idempotency_key(&parts.headers)? }))
    }
}

/// The only value of a header; none when it is missing, a problem when it is there twice or no text.
fn single<'h>(headers: &'h HeaderMap, name: &'static str) -> Answer<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Failure::invalid(name, format!("{name} is given more than once")));
    }
    let text = value.to_str().map_err(|_| Failure::invalid(name, format!("{name} must be visible ASCII text")))?;
    Ok(Some(text.trim()))
}

fn if_match(headers: &HeaderMap) -> Answer<Option<Revision>> {
    let Some(text) = single(headers, "If-Match")? else { return Ok(None) };
    let tag = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| is_tag(tag));
    let hint = "If-Match takes the revision that you looked at, in quotes, for example \"r7\": one, not *, not W/";
    tag.map(|tag| Some(Revision(SafeText::new(tag)))).ok_or_else(|| Failure::invalid("If-Match", hint))
}

fn is_tag(tag: &str) -> bool {
    (1..=64).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

fn idempotency_key(headers: &HeaderMap) -> Answer<Option<String>> {
    let Some(text) = single(headers, "Idempotency-Key")? else { return Ok(None) };
    if text.is_empty() || text.len() > KEY_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let rule = format!("an Idempotency-Key has 1 to {KEY_MAX} visible ASCII characters without blanks");
        return Err(Failure::invalid("Idempotency-Key", rule));
    }
    Ok(Some(text.to_owned()))
}

/// What `If-None-Match` says that the client has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// These entity tags, without quotes; weak ones count like strong ones here.
    Tags(Vec<String>),
    /// Whatever there is.
    Anything,
}

/// Reads `If-None-Match`.
pub fn if_none_match(headers: &HeaderMap) -> Answer<Known> {
    let Some(text) = single(headers, "If-None-Match")? else { return Ok(Known::Nothing) };
    if text == "*" {
        return Ok(Known::Anything);
    }
    let mut tags = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let part = part.strip_prefix("W/").unwrap_or(part);
        let tag = part.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
        let Some(tag) = tag else {
            return Err(Failure::invalid("If-None-Match", "If-None-Match takes entity tags in quotes, or *"));
        };
        tags.push(tag.to_owned());
    }
    Ok(Known::Tags(tags))
}
