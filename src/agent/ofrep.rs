//! OpenFeature clients of the site, answered by the flags that are kept: the OpenFeature Remote Evaluation
//! Protocol on loopback, in the form that all its clients understand (each field always there, errors with code
//! and details, a tag over the whole of a bulk answer). It answers whether or not the server does.
//!
//! <https://github.com/open-feature/protocol>, version 0.3.0.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, sync::watch};

use super::flags::Held;
use crate::{
    clock::Clock,
    domain::hex,
    flag::{Document, DocumentError, EvaluationError},
};

/// Largest question, in bytes.
const QUESTION_MAX: usize = 64 * 1024;

#[derive(Debug, Clone)]
struct Answering {
    held: watch::Receiver<Arc<Held>>,
    clock: Arc<dyn Clock>,
}

/// Answers at the listener for as long as it works.
pub(super) async fn serve(listener: TcpListener, held: watch::Receiver<Arc<Held>>, clock: Arc<dyn Clock>) {
    let router = Router::new()
        .route("/ofrep/v1/evaluate/flags", post(all))
        .route("/ofrep/v1/evaluate/flags/{key}", post(one))
        .layer(DefaultBodyLimit::max(QUESTION_MAX))
        .with_state(Answering { held, clock });
    let service = router.into_make_service();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!("OpenFeature clients are not answered any more: {error}");
    }
}

async fn one(
    State(answering): State<Answering>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let context = match context(&headers, body) {
        Ok(context) => context,
        Err(why) => return answer(StatusCode::BAD_REQUEST, &failure(Some(&key), why.0, &why.1)),
    };
    let held = answering.held.borrow().clone();
    let Some(document) = &held.document else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"errorDetails": NOT_YET}));
    };
    let (status, body) = evaluated(&held, document, &key, &context, &answering);
    answer(status, &body)
}

const NOT_YET: &str = "this agent has no flags yet: it never reached its server";

async fn all(State(answering): State<Answering>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    let context = match context(&headers, body) {
        Ok(context) => context,
        Err(why) => return answer(StatusCode::BAD_REQUEST, &failure(None, why.0, &why.1)),
    };
    let held = answering.held.borrow().clone();
    let Some(document) = &held.document else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"errorDetails": NOT_YET}));
    };
    let flags: Vec<Value> =
        document.keys().map(|key| evaluated(&held, document, key, &context, &answering).1).collect();
    let body = json!({"flags": flags, "metadata": document.metadata()}).to_string();
    // Over the answer, not over the file: another context is another answer.
    let tag = format!("\"{}\"", hex(&Sha256::digest(body.as_bytes())[..16]));
    let same = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        known.to_str().is_ok_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag))
    });
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    if same {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let json = HeaderValue::from_static("application/json");
    (StatusCode::OK, [(header::CONTENT_TYPE, json), (header::ETAG, tag)], body).into_response()
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

fn failure(key: Option<&str>, code: &str, details: &str) -> Value {
    let mut body = json!({"errorCode": code, "errorDetails": details});
    if let Some(key) = key {
        body["key"] = json!(key);
    }
    body
}

/// What the caller says of itself; nothing, where it says nothing. A page of another origin cannot send this
/// content type without being asked first, and nobody answers that it may.
fn context(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Map<String, Value>, (&'static str, String)> {
    let body = body.map_err(|rejection| ("GENERAL", rejection.body_text()))?;
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
    if body.is_empty() {
        return Ok(Map::new());
    }
    if !is_json {
        return Err(("PARSE_ERROR", "send the question as application/json".to_owned()));
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(mut question)) => match question.remove("context") {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(context)) => Ok(context),
            Some(_) => Err(("INVALID_CONTEXT", "context must be an object".to_owned())),
        },
        Ok(_) => Err(("PARSE_ERROR", "the question must be an object with a context".to_owned())),
        Err(error) => Err(("PARSE_ERROR", format!("the question is no JSON: {error}"))),
    }
}

fn evaluated(
    held: &Held,
    document: &Document,
    key: &str,
    context: &Map<String, Value>,
    answering: &Answering,
) -> (StatusCode, Value) {
    let now = answering.clock.now();
    let resolved = document.resolve(key, context, now);
    if !matches!(resolved, Err(DocumentError::NoSuchFlag)) {
        held.asked.note(key, now);
    }
    match resolved {
        Ok(got) => {
            let body = json!({
                "key": key, "value": got.value, "variant": got.variant, "reason": got.reason, "metadata": got.metadata,
            });
            (StatusCode::OK, body)
        }
        Err(error) => {
            let (status, code) = match &error {
                DocumentError::NoSuchFlag => (StatusCode::NOT_FOUND, "FLAG_NOT_FOUND"),
                DocumentError::Evaluation(EvaluationError::TargetingKeyMissing) => {
                    (StatusCode::BAD_REQUEST, "TARGETING_KEY_MISSING")
                }
                DocumentError::Evaluation(EvaluationError::TargetingKeyNotText) => {
                    (StatusCode::BAD_REQUEST, "INVALID_CONTEXT")
                }
                DocumentError::Flag(_) | DocumentError::NoSuchVariant(_) => (StatusCode::BAD_REQUEST, "PARSE_ERROR"),
                _ => (StatusCode::BAD_REQUEST, "GENERAL"),
            };
            (status, failure(Some(key), code, &error.to_string()))
        }
    }
}
