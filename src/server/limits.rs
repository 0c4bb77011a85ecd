//! What the server reads at most, and how long it waits for it.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::problem::Failure;
use crate::wire::Code;

/// Most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// Most bytes of a request's headers, names and values together.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a request's path and query.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// What the server reads at most, and how long it waits for it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of a body that carries an artifact.
    pub large_body: usize,
    /// For a body to arrive whole.
    pub body_time: Duration,
    /// For a body that carries an artifact to arrive whole.
    pub large_body_time: Duration,
    /// For the headers of a request to arrive, an idle connection's next request included.
    pub header_time: Duration,
    /// Connections at a time; more are closed at once.
    pub connections: usize,
    /// For requests to finish when the server is to end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            large_body: 64 * 1024 * 1024,
            body_time: Duration::from_secs(30),
            large_body_time: Duration::from_mins(5),
            header_time: Duration::from_secs(30),
            connections: 4096,
            grace: Duration::from_secs(10),
        }
    }
}

/// Refuses a request whose headers or target are too large, with a problem. What is larger still
/// never gets here: the HTTP library answers it with a bare status.
pub async fn headers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let refuse = |why: String| Failure::new(Code::TooLarge, why).into_response();
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return refuse(format!("a request has at most {HEADERS_MAX} headers and {HEADER_BYTES_MAX} bytes of them"));
    }
    if target > TARGET_BYTES_MAX {
        return refuse(format!("path and query together have at most {TARGET_BYTES_MAX} bytes"));
    }
    next.run(request).await
}

/// Marks every answer as not to be kept by whatever lies between, nor guessed at by a browser.
pub async fn not_kept(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
