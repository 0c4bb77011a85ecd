//! Problems as answers: whatever goes wrong, the client reads `application/problem+json` with a code.

use std::any::Any;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::wire::{Code, Problem};

/// The media type of a problem.
pub const PROBLEM: &str = "application/problem+json";

/// A problem that ends a request.
#[derive(Debug)]
pub struct Failure(pub Box<Problem>);

/// What a handler answers.
pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A problem with its code and what to say.
    pub fn new(code: Code, detail: impl AsRef<str>) -> Self {
        Self(Box::new(Problem::new(code, detail)))
    }

    /// The request is not what the contract says, in this field.
    pub fn invalid(field: &str, detail: impl AsRef<str>) -> Self {
        Self(Box::new(Problem::new(Code::Invalid, detail).in_field(field)))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = self.0;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A problem holds text, numbers and times only, which always have a JSON form.
        let body = serde_json::to_vec(&*problem).unwrap_or_default();
        let mut response = (status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        match problem.code {
            Code::Unauthenticated => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rolldeck\""));
            }
            Code::Unavailable | Code::InProgress => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// The answer for a path that is not one of ours.
pub async fn unknown_path(uri: Uri) -> Response {
    // A flag's key with a slash in it is no path, and still a question about a flag.
    if let Some(key) = uri.path().strip_prefix(super::ofrep::ONE) {
        return super::ofrep::not_found(key);
    }
    let problem = Failure::new(Code::NotFound, "there is nothing at this path: /openapi.json lists what there is");
    problem.into_response()
}

/// The answer when a handler panicked: the cause goes to the log, not to the client.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over by value")]
pub fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let said = cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    tracing::error!(cause = said.unwrap_or("unknown"), "a request handler panicked");
    broken().into_response()
}

/// The problem of a defect of ours.
pub fn broken() -> Failure {
    Failure::new(
        Code::Unavailable,
        "the server could not finish this because of a defect: its log says more; ask again",
    )
}

/// Marks an error answer in the words of a protocol of its own.
#[derive(Debug, Clone, Copy)]
pub struct Spoken;

/// Turns any error answer that is not a problem yet (of a router, a layer, a library) into one.
pub async fn only_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error())
        || response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == PROBLEM)
        || response.extensions().get::<Spoken>().is_some()
    {
        return response;
    }
    let mut problem = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(Code::Invalid, "this path does not know this method: Allow lists those it knows")
        }
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "there is nothing at this path"),
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            Problem::new(Code::TooLarge, "the request is larger than this server reads")
        }
        status if status.is_client_error() => {
            Problem::new(Code::Invalid, "the request is not what the contract says: see /openapi.json")
        }
        _ => Problem::new(Code::Unavailable, "the server could not answer: ask again"),
    };
    problem.status = status.as_u16();
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut response = Failure::from(problem).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    #[tokio::test]
    async fn a_defect_or_an_error_of_a_library_reaches_the_client_as_a_problem_without_its_cause() {
        let router: Router = Router::new()
            .route("/panics", get(async || -> () { panic!("the secret cause") }))
            .route("/refuses", get(async || (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the secret cause")))
            .route("/fails", get(async || (StatusCode::INTERNAL_SERVER_ERROR, "the secret cause")))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn(only_problems));
        for (path, status, code) in
            [("/panics", 503, Code::Unavailable), ("/refuses", 415, Code::Invalid), ("/fails", 500, Code::Unavailable)]
        {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM, "{path}");
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            let problem: Problem = serde_json::from_slice(&body).unwrap();
            assert_eq!((problem.status, problem.code), (status, code), "{path}");
            assert!(!problem.detail.as_str().contains("secret"), "{}", problem.detail);
        }
    }
}
