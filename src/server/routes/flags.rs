//! `/api/v1/flags`: flags, and what each unit gets of them.

use axum::{
    extract::State,
    routing::{get, post, put},
};

use super::{IF_MATCH, KEY, Route};
use crate::{
    domain::FlagKey,
    server::{
        App,
        auth::Caller,
        extract::{Headers, Json, Path},
        problem::{Answer, Failure},
        to_the_end,
    },
    wire::{Code, FlagReply, FlagRequest, FlagsPage, ReasonRequest},
};

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
) -> Answer<Json<FlagReply>> {
    let key = key(&id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.put_flag(&who, &key, request, conditions).await }).await?))
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
