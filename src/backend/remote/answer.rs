//! What a server said, held against what it may say: JSON of the right form, a problem, or nonsense.

use reqwest::{Response, StatusCode, header};
use serde::de::DeserializeOwned;

use super::{ANSWER_MAX, ARTIFACT_MAX};
use crate::{
    backend::{BackendError, BackendResult, Code, Problem, Tagged},
    domain::{Rollout, SafeText},
    wire::client::{self, BodyError},
};

/// Longest body of an error that is read.
const ERROR_MAX: usize = 256 * 1024;

/// Reads an answer of JSON.
pub(super) async fn read<T: DeserializeOwned>(place: &str, response: Response) -> BackendResult<T> {
    let response = good(place, response).await?;
    json(place, response).await
}

/// Reads a rollout and its tag, or that it is unchanged.
pub(super) async fn tagged(place: &str, response: Response) -> BackendResult<Tagged<Rollout>> {
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(Tagged::Unchanged);
    }
    let response = good(place, response).await?;
    let tag = response.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).map(str::trim);
    let tag = tag.map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned());
    // A tag that is not one of ours is not sent back: then nothing is held, and nothing is missed.
    let tag = tag.filter(|tag| tag.len() <= 200 && tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
    let rollout = json::<Rollout>(place, response).await?;
    Ok(Tagged::Fresh(Box::new(rollout), tag.unwrap_or_default()))
}

/// Reads the bytes of an artifact.
pub(super) async fn bytes(place: &str, response: Response) -> BackendResult<Vec<u8>> {
    let response = good(place, response).await?;
    body(place, response, ARTIFACT_MAX).await
}

async fn json<T: DeserializeOwned>(place: &str, response: Response) -> BackendResult<T> {
    let kind = content_type(&response);
    if !is_json(&kind) {
        return Err(nonsense(place, format!("{} instead of JSON; is this a rolldeck server?", kind_in_words(&kind))));
    }
    let bytes = body(place, response, ANSWER_MAX).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| nonsense(place, format!("{error}; is its version of rolldeck the same as this one?")))
}

/// The answer when it is one of success; otherwise the problem that it tells.
pub(super) async fn good(place: &str, response: Response) -> BackendResult<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let kind = content_type(&response);
    if is_json(&kind) {
        let bytes = body(place, response, ERROR_MAX).await?;
        if let Ok(problem) = serde_json::from_slice::<Problem>(&bytes) {
            return Err(problem.into());
        }
    }
    let said = format!("HTTP {} with {}", status.as_u16(), kind_in_words(&kind));
    Err(match status {
        StatusCode::UNAUTHORIZED => {
            Problem::new(Code::Unauthenticated, format!("{place} does not accept the credential ({said})")).into()
        }
        StatusCode::FORBIDDEN => Problem::new(Code::Forbidden, format!("{place} does not allow it ({said})")).into(),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            BackendError::Unreachable {
                place: place.to_owned(),
                why: format!("something in front of it answers {said}"),
            }
        }
        _ if status.is_redirection() => {
            nonsense(place, format!("{said}: it redirects, which is not followed; give the URL it leads to"))
        }
        _ => nonsense(place, format!("{said}; is this a rolldeck server?")),
    })
}

async fn body(place: &str, response: Response, limit: usize) -> BackendResult<Vec<u8>> {
    client::body(response, limit).await.map_err(|error| match error {
        BodyError::TooLong(_) => nonsense(place, error.to_string()),
        BodyError::Broken(_) => {
            BackendError::Unreachable { place: place.to_owned(), why: SafeText::new(error.to_string()).to_string() }
        }
    })
}

fn nonsense(place: &str, why: impl AsRef<str>) -> BackendError {
    // What a server said may be in it.
    BackendError::Nonsense { place: place.to_owned(), why: SafeText::new(why).to_string() }
}

fn content_type(response: &Response) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    SafeText::new(kind.chars().take(60).collect::<String>()).to_string()
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn kind_in_words(kind: &str) -> &str {
    if kind.is_empty() { "no content type" } else { kind }
}
