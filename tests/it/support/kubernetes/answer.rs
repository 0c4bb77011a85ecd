//! What a Kubernetes API server answers when it does not do what it was asked: `Status` objects, word for word.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Value, json};

use super::kinds::Resource;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Option<Value>,
    /// Seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, retry_after: None }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub fn not_found(resource: &Resource, name: &str) -> Self {
        Self {
            details: Some(details(resource.group, resource.plural, name)),
            ..Self::new(404, "NotFound", format!("{} \"{name}\" not found", resource.qualified()))
        }
    }

    pub fn already_exists(resource: &Resource, name: &str) -> Self {
        Self {
            details: Some(details(resource.group, resource.plural, name)),
            ..Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", resource.qualified()))
        }
    }

    pub fn conflict(resource: &Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
            resource.qualified()
        );
        Self { details: Some(details(resource.group, resource.plural, name)), ..Self::new(409, "Conflict", message) }
    }

    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: Some(json!({})), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// What a JSON Patch gets that does not apply: no detail at all.
    pub fn patch_does_not_apply() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self { details: Some(json!({})), ..Self::new(422, "Invalid", message) }
    }

    pub fn media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// What an object gets that its definition does not allow. A cause is (reason, message, field).
    pub fn invalid(resource: &Resource, name: &str, causes: &[(&str, String, String)]) -> Self {
        let kind = if resource.group.is_empty() {
            resource.kind.to_owned()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        };
        let texts: Vec<String> = causes.iter().map(|(_, message, field)| format!("{field}: {message}")).collect();
        let all = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let causes: Vec<Value> = causes
            .iter()
            .map(|(reason, message, field)| json!({"reason": reason, "message": message, "field": field}))
            .collect();
        let mut told = details(resource.group, resource.kind, name);
        told["causes"] = json!(causes);
        Self { details: Some(told), ..Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {all}")) }
    }

    /// What options get that contradict each other.
    pub fn bad_options(message: &str, field: &str) -> Self {
        let cause =
            json!({"reason": "FieldValueForbidden", "message": format!("Forbidden: {message}"), "field": field});
        let text = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {message}");
        Self {
            details: Some(json!({"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]})),
            ..Self::new(422, "Invalid", text)
        }
    }

    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub fn too_large(wanted: u64, current: u64) -> Self {
        let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
        Self {
            details: Some(json!({"causes": [cause], "retryAfterSeconds": 1})),
            retry_after: Some(1),
            ..Self::new(504, "Timeout", format!("Timeout: Too large resource version: {wanted}, current: {current}"))
        }
    }

    pub fn too_many_requests(seconds: u32) -> Self {
        let message = "the server has received too many requests and has asked us to try again later";
        Self {
            details: Some(json!({"retryAfterSeconds": seconds})),
            retry_after: Some(seconds),
            ..Self::new(429, "TooManyRequests", message)
        }
    }

    /// No answer at all: the server falls over the request, and the connection ends.
    pub fn crash() -> Self {
        Self::new(0, "", "")
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// As the body of an answer.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }

    pub fn response(&self) -> Response<Body> {
        if self.code == 0 {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(Crash);
            return response;
        }
        let mut response = json_response(self.code, &self.status());
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }
}

/// Marks what is not to be answered.
#[derive(Debug, Clone, Copy)]
pub struct Crash;

/// The details of a `Status`; what is empty is left out.
pub fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = json!({"kind": kind});
    for (key, text) in [("group", group), ("name", name)] {
        if !text.is_empty() {
            details[key] = json!(text);
        }
    }
    details
}

pub fn json_response(code: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub fn text_response(code: u16, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// What a path gets that nothing serves: no `Status`.
pub fn nothing_here() -> Response<Body> {
    text_response(404, "404 page not found\n")
}
