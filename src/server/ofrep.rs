//! Answers of the OpenFeature Remote Evaluation Protocol, in the form that all its clients understand: each
//! field is always there, numbers of a flag with fractions have a decimal point, and the tag of a bulk answer
//! covers all of it, so that it changes with the context too.
//!
//! <https://github.com/open-feature/protocol>, version 0.3.0.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::problem::{Failure, Spoken};
use crate::{
    control::{Evaluated, Standpoint},
    domain::{FlagKey, FlagReason, LaneName, SafeText, SiteName, StageName, TargetName, flag::FlagKind, hex},
    flag::EvaluationError,
    wire::Code,
};

/// Where one flag is evaluated, before its key.
pub const ONE: &str = "/ofrep/v1/evaluate/flags/";
/// Most attributes of a context, those inside others included.
const ATTRIBUTES_MAX: usize = 512;
/// How deep attributes may lie inside others.
const DEPTH_MAX: usize = 8;
/// Seconds after which a client that nobody looks at may close its stream.
const INACTIVITY: u32 = 120;

/// The body of a question.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct EvaluationRequest {
    /// What the caller says of itself: `targetingKey`, and any attributes. What it says of its place (`target`,
    /// `site`, `lane`, `stage`, `labels`) is not believed: the credential says that.
    #[serde(default)]
    #[schemars(with = "Option<Map<String, Value>>")]
    context: Option<Value>,
}

/// A flag and its value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EvaluationSuccess<'a> {
    /// The flag.
    key: &'a str,
    /// Its value here.
    value: &'a Value,
    /// The variant whose value it is.
    variant: &'a str,
    /// Why.
    reason: FlagReason,
    /// What is known of the flag.
    metadata: FlagMetadata<'a>,
}

/// What is known of a flag.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FlagMetadata<'a> {
    /// What it is for.
    kind: FlagKind,
    /// Whose it is.
    owner: &'a SafeText,
    /// Its revision.
    version: String,
    /// The rule that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a SafeText>,
}

/// A flag that has no value.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationFailure<'a> {
    /// The flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    /// What is wrong, in a word.
    error_code: ErrorCode,
    /// What is wrong, and what to do.
    error_details: SafeText,
}

/// A flag with its value, or why it has none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum FlagAnswer<'a> {
    /// It has a value.
    Success(EvaluationSuccess<'a>),
    /// It has none.
    Failure(EvaluationFailure<'a>),
}

/// All flags.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkEvaluation<'a> {
    /// By key.
    flags: Vec<FlagAnswer<'a>>,
    /// Where the caller stands, as the server knows it.
    metadata: PlaceMetadata<'a>,
    /// Where changes are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    event_streams: Vec<EventStream>,
}

/// Where a caller stands; empty for one that stands nowhere.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlaceMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a TargetName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<&'a SiteName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<&'a LaneName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a StageName>,
}

/// A stream of changes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventStream {
    /// `sse`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where, at the same origin.
    endpoint: Endpoint,
    /// Seconds after which a client that nobody looks at may close it.
    inactivity_delay_sec: u32,
}

/// Where a stream is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Path and query. It lets in whoever has it, for about an hour, to a stream that tells nothing but that
    /// something changed.
    request_uri: String,
}

/// The protocol's words for what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The body is no JSON.
    ParseError,
    /// A share decides, and there is no targeting key.
    TargetingKeyMissing,
    /// The context is not one.
    InvalidContext,
    /// There is no such flag.
    FlagNotFound,
    /// Anything else.
    General,
}

/// What is wrong with a question.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong(ErrorCode, String);

/// Reads the context of a question. No body, no context and no targeting key are all fine.
pub fn context(body: &[u8]) -> Result<Map<String, Value>, Wrong> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let not_one =
        |why: String| Wrong(ErrorCode::ParseError, format!("the body is no JSON object with a context: {why}"));
    // A list would be read as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(not_one("it does not begin with {".to_owned()));
    }
    let request: EvaluationRequest = serde_json::from_slice(body).map_err(|error| not_one(error.to_string()))?;
    let context = match request.context {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(context)) => context,
        Some(_) => return Err(Wrong(ErrorCode::InvalidContext, "context must be an object".to_owned())),
    };
    if !matches!(context.get(crate::flag::TARGETING_KEY), None | Some(Value::Null | Value::String(_))) {
        return Err(Wrong(ErrorCode::InvalidContext, "targetingKey must be a text".to_owned()));
    }
    let mut attributes = 0;
    if context.values().all(|value| is_small(value, 1, &mut attributes)) {
        Ok(context)
    } else {
        let rule = format!("a context has at most {ATTRIBUTES_MAX} values, at most {DEPTH_MAX} deep");
        Err(Wrong(ErrorCode::InvalidContext, rule))
    }
}

fn is_small(value: &Value, depth: usize, attributes: &mut usize) -> bool {
    *attributes += 1;
    *attributes <= ATTRIBUTES_MAX
        && depth <= DEPTH_MAX
        && match value {
            Value::Array(items) => items.iter().all(|item| is_small(item, depth + 1, attributes)),
            Value::Object(fields) => fields.values().all(|field| is_small(field, depth + 1, attributes)),
            _ => true,
        }
}

fn of_flag<'a>(evaluated: &'a Evaluated<'a>) -> FlagAnswer<'a> {
    let flag = evaluated.flag;
    let key = flag.key.as_str();
    match &evaluated.outcome {
        Ok(found) => FlagAnswer::Success(EvaluationSuccess {
            key,
            value: found.value,
            variant: found.variant,
            reason: found.reason,
            metadata: FlagMetadata {
                kind: flag.definition.kind,
                owner: &flag.definition.owner,
                version: flag.revision.to_string(),
                rule: found.rule,
            },
        }),
        Err(error) => {
            let error_code = match error {
                EvaluationError::TargetingKeyMissing => ErrorCode::TargetingKeyMissing,
                EvaluationError::TargetingKeyNotText => ErrorCode::InvalidContext,
                EvaluationError::TooCostly => ErrorCode::General,
            };
            FlagAnswer::Failure(EvaluationFailure {
                key: Some(key),
                error_code,
                error_details: SafeText::new(error.to_string()),
            })
        }
    }
}

/// The answer about one flag.
pub fn one(evaluated: &Evaluated<'_>) -> Response {
    let answer = of_flag(evaluated);
    let status = if matches!(answer, FlagAnswer::Success(_)) { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    spoken(status, &answer)
}

/// The answer about all flags, and its tag.
pub fn bulk(evaluated: &[Evaluated<'_>], from: &Standpoint, stream: Option<String>) -> (Vec<u8>, String) {
    let place = from.place();
    let event_streams = stream.map(|request_uri| EventStream {
        kind: "sse",
        endpoint: Endpoint { request_uri },
        inactivity_delay_sec: INACTIVITY,
    });
    let answer = BulkEvaluation {
        flags: evaluated.iter().map(of_flag).collect(),
        metadata: PlaceMetadata {
            group: place.map(|place| place.target),
            site: place.and_then(|place| place.site),
            lane: place.and_then(|place| place.lane),
            stage: place.and_then(|place| place.stage),
        },
        event_streams: event_streams.into_iter().collect(),
    };
    // Fields and flags are always written in the same order: the same answer has the same bytes.
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    let tag = hex(&Sha256::digest(&body)[..16]);
    (body, tag)
}

/// The answer where there is no such flag.
pub fn not_found(key: &str) -> Response {
    let key = SafeText::new(key);
    let details = match key.as_str().parse::<FlagKey>() {
        Ok(_) => format!("there is no flag {key}"),
        Err(error) => error.to_string(),
    };
    let failure = EvaluationFailure {
        key: Some(key.as_str()),
        error_code: ErrorCode::FlagNotFound,
        error_details: SafeText::new(details),
    };
    spoken(StatusCode::NOT_FOUND, &failure)
}

/// The answer to a question that is not one.
pub fn wrong(key: Option<&str>, wrong: &Wrong) -> Response {
    let key = key.map(SafeText::new);
    let failure = EvaluationFailure {
        key: key.as_ref().map(SafeText::as_str),
        error_code: wrong.0,
        error_details: SafeText::new(&wrong.1),
    };
    spoken(StatusCode::BAD_REQUEST, &failure)
}

/// A failure in the protocol's words, where it has words for it: clients read the body of a 400.
pub fn failed(key: Option<&str>, failure: Failure) -> Response {
    if failure.0.code == Code::Invalid {
        return wrong(key, &Wrong(ErrorCode::General, failure.0.detail.to_string()));
    }
    failure.into_response()
}

fn spoken(status: StatusCode, body: &impl Serialize) -> Response {
    // What is written here is text, numbers and values that were JSON before.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(Spoken);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_be_left_out_is_fine_and_what_is_wrong_has_the_protocols_word() {
        for fine in ["", " \n", "{}", r#"{"context":null}"#, r#"{"context":{}}"#, r#"{"context":{"targetingKey":""}}"#]
        {
            assert!(context(fine.as_bytes()).is_ok(), "{fine}");
        }
        let deep = format!(r#"{{"context":{{"a":{}1{}}}}}"#, "[".repeat(8), "]".repeat(8));
        let deepest = format!(r#"{{"context":{{"a":{}1{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let wide = format!(r#"{{"context":{{"a":[{}1]}}}}"#, "1,".repeat(600));
        for (bad, code) in [
            ("{", ErrorCode::ParseError),
            ("[]", ErrorCode::ParseError),
            ("{\"context\":{}} x", ErrorCode::ParseError),
            (deepest.as_str(), ErrorCode::ParseError),
            (r#"{"context":5}"#, ErrorCode::InvalidContext),
            (r#"{"context":{"targetingKey":5}}"#, ErrorCode::InvalidContext),
            (deep.as_str(), ErrorCode::InvalidContext),
            (wide.as_str(), ErrorCode::InvalidContext),
        ] {
            assert_eq!(context(bad.as_bytes()).unwrap_err().0, code, "{}", &bad[..bad.len().min(60)]);
        }
    }
}
