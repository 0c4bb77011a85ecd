//! `/api/v1/flags`: flags, and what each unit gets of them.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post, put},
};

use super::{
    IF_MATCH, KEY, Param, Route, WAIT,
    ofrep::{PLACE, tagged},
    rollouts::replayable,
};
use crate::{
    control::{NamedPlace, Tagged},
    domain::{FlagKey, LaneName, Principal, SiteName, TargetName},
    server::{
        App,
        auth::{Caller, FlagCaller},
        extract::{self, Headers, Json, Known, Path, Query},
        metrics::Held,
        problem::{Answer, Failure},
        to_the_end,
    },
    wire::{Code, FlagReply, FlagRequest, FlagsPage, ReasonRequest},
};

pub(super) const IF_NONE_MATCH: Param =
    Param::header("If-None-Match", "The tag of the answer that is known: 304 while it is still so.");

const CHANGE: &[Code] = &[
    Code::ReasonRequired,
    Code::NotFound,
    Code::Blocked,
    Code::RevisionMismatch,
    Code::RevisionRequired,
    Code::TooLarge,
    Code::IdempotencyMismatch,
];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/flags", "listFlags", "All flags, with what each unit gets and has", get(list))
            .json::<FlagsPage>(200, "Flags by key."),
        Route::get(
            "/api/v1/flags/export",
            "exportFlags",
            "The flags of one place as flagd takes them, for when the server is away",
            get(export),
        )
        .params(&PLACE)
        .params(&[WAIT, IF_NONE_MATCH])
        .json::<serde_json::Value>(200, "A flag definition file of flagd; ETag covers all of it.")
        .empty(304, "It is still so."),
        Route::put("/api/v1/flags/{key}", "putFlag", "Adds or changes a flag", put(change))
            .params(&[IF_MATCH, KEY])
            .body::<FlagRequest>()
            .json::<FlagReply>(200, "The flag as it is now and its audit entry.")
            .problems(CHANGE),
        Route::post("/api/v1/flags/{key}/kill", "killFlag", "Switches a flag off everywhere, now", post(kill))
            .body::<ReasonRequest>()
            .json::<FlagReply>(200, "The flag as it is now and its audit entry.")
            .problems(&[Code::ReasonRequired, Code::NotFound]),
    ]
}

fn key(text: &str) -> Answer<FlagKey> {
    text.parse().map_err(|error: crate::domain::flag::FlagKeyError| Failure::new(Code::Invalid, error.to_string()))
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<FlagsPage>> {
    Ok(Json(app.control.flags(&who).await?))
}

async fn change(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Headers(conditions): Headers,
    Json(request): Json<FlagRequest>,
) -> Answer<Response> {
    let key = key(&id)?;
    let control = app.control.clone();
    let reply = to_the_end(async move { control.put_flag(&who, &key, request, conditions).await }).await?;
    Ok(replayable(StatusCode::OK, reply.replayed, Json(reply.body)))
}

async fn kill(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<ReasonRequest>,
) -> Answer<Json<FlagReply>> {
    let key = key(&id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.kill_flag(&who, &key, request).await }).await?))
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    group: Option<TargetName>,
    site: Option<SiteName>,
    lane: Option<LaneName>,
    #[serde(default)]
    wait: Option<u64>,
}

async fn export(
    FlagCaller(who): FlagCaller,
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Export>,
) -> Answer<Response> {
    let Export { group, site, lane, wait } = asked;
    exported(&app, &who, &NamedPlace { group, site, lane }, &headers, wait).await
}

/// The flags of a place as a file, with its tag.
pub(super) async fn exported(
    app: &App,
    who: &Principal,
    place: &NamedPlace,
    headers: &HeaderMap,
    wait: Option<u64>,
) -> Answer<Response> {
    let known = extract::if_none_match(headers)?;
    let tag = match &known {
        Known::Tags(tags) => tags.first().map(String::as_str),
        Known::Nothing | Known::Anything => None,
    };
    let wait = if tag.is_some() { extract::wait(wait) } else { std::time::Duration::ZERO };
    let answer = app.held(wait, |wait| app.control.flags_export(who, place, tag, wait)).await?;
    let mut response = match answer {
        Tagged::Fresh(document, present) => tagged(serde_json::to_vec(&document).unwrap_or_default(), &present, &known),
        Tagged::Unchanged => tagged(Vec::new(), tag.unwrap_or_default(), &known),
    };
    if !wait.is_zero() {
        response.extensions_mut().insert(Held);
    }
    Ok(response)
}
