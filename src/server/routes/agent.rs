//! `/agent/v1`: what agents use.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::{
    Param, Place, Route, WAIT,
    flags::{IF_NONE_MATCH, exported},
};
use crate::{
    control::NamedPlace,
    domain::{Digest, Report, SafeText},
    server::{
        App,
        auth::{Caller, UnitCaller},
        extract::{self, Json, Path, Query},
        metrics::Held,
        problem::{Answer, Failure},
        to_the_end,
    },
    wire::{Code, Desired, WitnessView},
};

/// Most labels of a unit.
const LABELS_MAX: usize = 32;
/// Longest key of a label, in bytes.
const LABEL_KEY_MAX: usize = 63;

pub fn routes() -> Vec<Route> {
    let label = Param {
        place: Place::Query,
        name: "label",
        kind: "string",
        repeated: true,
        what: "A label of the unit, KEY=VALUE; repeated.",
    };
    vec![
        Route::get(
            "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}/desired",
            "desired",
            "What the unit is to run; enrols it on its first poll",
            get(desired),
        )
        .params(&[
            Param::query(
                "generation",
                "integer",
                "The order that the unit has: held until there is another; 0 before any.",
            ),
            WAIT,
            label,
        ])
        .json::<Desired>(200, "An order.")
        .empty(204, "There is no other order."),
        Route::post(
            "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}/report",
            "report",
            "How far the unit is; idempotent on generation and state",
            post(report),
        )
        .body::<Report>()
        .empty(204, "It is taken in.")
        .problems(&[Code::NotFound, Code::TooLarge]),
        Route::get(
            "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}/witness",
            "agentWitness",
            "What proves that the audit trail goes on from what the agent saw",
            get(witness),
        )
        .params(&[Param::query("from", "integer", "How many entries the remembered checkpoint covers.")])
        .json::<WitnessView>(200, "The newest checkpoint, its key, and what proves it."),
        Route::get(
            "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}/flags",
            "unitFlags",
            "The unit's flags as flagd takes them, to be kept for when the server is away",
            get(unit_flags),
        )
        .params(&[WAIT, IF_NONE_MATCH])
        .json::<serde_json::Value>(200, "A flag definition file of flagd; ETag covers all of it.")
        .empty(304, "It is still so."),
        Route::get(
            "/agent/v1/snapshots/{digest}/artifact",
            "artifact",
            "The bytes of a snapshot's artifact",
            get(artifact),
        )
        .other(200, "The bytes; their SHA-256 is the digest.", "application/octet-stream")
        .problems(&[Code::NotFound]),
    ]
}

async fn desired(
    caller: UnitCaller,
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Answer<Response> {
    let poll = Poll::read(pairs)?;
    let wait = extract::wait(poll.wait);
    let ask = |wait| app.control.desired(&caller.who, &caller.unit, poll.labels.clone(), poll.generation, wait);
    let mut response = match app.held(wait, ask).await? {
        Some(order) => Json(order).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    };
    if !wait.is_zero() {
        response.extensions_mut().insert(Held);
    }
    Ok(response)
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    from: Option<u64>,
}

async fn witness(
    caller: UnitCaller,
    State(app): State<App>,
    Query(remembered): Query<Remembered>,
) -> Answer<Json<WitnessView>> {
    Ok(Json(app.control.witness_of_agent(&caller.who, &caller.unit, remembered.from).await?))
}

/// The query of a poll: labels are repeated, which no struct says.
#[derive(Debug, Default, PartialEq)]
struct Poll {
    generation: u64,
    wait: Option<u64>,
    labels: BTreeMap<String, SafeText>,
}

impl Poll {
    fn read(pairs: Vec<(String, String)>) -> Answer<Self> {
        let number = |name: &str, text: &str| {
            text.parse::<u64>()
                .map_err(|_| Failure::invalid(name, format!("{name} must be a whole number, got {text:?}")))
        };
        let mut poll = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "generation" => poll.generation = number("generation", &value)?,
                "wait" => poll.wait = Some(number("wait", &value)?),
                "label" => {
                    let (key, value) = value
                        .split_once('=')
                        .filter(|(key, _)| is_key(key))
                        .ok_or_else(|| Failure::invalid("label", format!("a label is KEY=VALUE, got {value:?}")))?;
                    poll.labels.insert(key.to_owned(), SafeText::new(value));
                }
                other => return Err(Failure::invalid("query", format!("there is no parameter {other:?}"))),
            }
        }
        if poll.labels.len() > LABELS_MAX {
            return Err(Failure::invalid("label", format!("a unit has at most {LABELS_MAX} labels")));
        }
        Ok(poll)
    }
}

fn is_key(key: &str) -> bool {
    (1..=LABEL_KEY_MAX).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
}

async fn report(caller: UnitCaller, State(app): State<App>, Json(report): Json<Report>) -> Answer<StatusCode> {
    let bad = report.labels.len() > LABELS_MAX || !report.labels.keys().all(|key| is_key(key));
    if bad {
        let rule = format!("labels are at most {LABELS_MAX}, with keys of at most {LABEL_KEY_MAX} plain characters");
        return Err(Failure::invalid("labels", rule));
    }
    let UnitCaller { who, unit } = caller;
    // Names that a check command made up are text from outside too, and no type says so.
    let report = Report { facts: safe_names(report.facts), slis: safe_names(report.slis), ..report };
    let control = app.control.clone();
    to_the_end(async move { control.report(&who, &unit, report).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn safe_names<T>(named: BTreeMap<String, T>) -> BTreeMap<String, T> {
    named.into_iter().map(|(name, value)| (SafeText::new(name).into(), value)).collect()
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct FlagPoll {
    #[serde(default)]
    wait: Option<u64>,
}

async fn unit_flags(
    caller: UnitCaller,
    State(app): State<App>,
    headers: HeaderMap,
    Query(poll): Query<FlagPoll>,
) -> Answer<Response> {
    let UnitCaller { who, unit } = caller;
    let place = NamedPlace { group: Some(unit.group), site: Some(unit.site), lane: Some(unit.lane) };
    exported(&app, &who, &place, &headers, poll.wait).await
}

async fn artifact(Caller(who): Caller, State(app): State<App>, Path(digest): Path<Digest>) -> Answer<Response> {
    let bytes = app.control.artifact(&who, &digest).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Poll, Option<SafeText>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Poll::read(pairs).map_err(|failure| failure.0.field)
    }

    #[test]
    fn a_poll_carries_its_labels_and_says_which_part_is_wrong() {
        let poll =
            read(&[("generation", "3"), ("label", "ring=1"), ("label", "region=eu=west"), ("wait", "20")]).unwrap();
        assert_eq!((poll.generation, poll.wait), (3, Some(20)));
        assert_eq!(poll.labels["region"].as_str(), "eu=west");
        assert_eq!(poll.labels.len(), 2);
        for (pair, field) in [
            (("generation", "-1"), "generation"),
            (("wait", "soon"), "wait"),
            (("label", "ring"), "label"),
            (("label", "=1"), "label"),
            (("label", "a b=1"), "label"),
            (("lable", "ring=1"), "query"),
        ] {
            assert_eq!(read(&[pair]), Err(Some(SafeText::new(field))), "{pair:?}");
        }
    }
}
