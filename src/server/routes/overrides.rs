//! `/api/v1/overrides`: scoped, counted, expiring exceptions to windows.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::{KEY, Route, windows::short};
use crate::{
    server::{
        App,
        auth::Caller,
        extract::{Headers, Json, Path},
        problem::Answer,
        to_the_end,
    },
    wire::{Code, OverrideChange, OverrideReply, OverrideRequest, OverridesPage, ReasonRequest},
};

const CHANGE: &[Code] =
    &[Code::ReasonRequired, Code::NotFound, Code::Blocked, Code::TooLarge, Code::IdempotencyMismatch];
const ASK: &[Code] = &[
    Code::ReasonRequired,
    Code::NotFound,
    Code::Blocked,
    Code::RevisionMismatch,
    Code::TooLarge,
    Code::IdempotencyMismatch,
];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/overrides", "listOverrides", "All overrides, those that can be used first", get(list))
            .json::<OverridesPage>(200, "Overrides, where each is, and how often each can still be used."),
        Route::post("/api/v1/overrides", "addOverride", "Asks for an override of named windows", post(add))
            .params(&[KEY])
            .body::<OverrideRequest>()
            .json::<OverrideReply>(201, "The override and its audit entry.")
            .problems(ASK),
        Route::post("/api/v1/overrides/{id}/countersign", "countersignOverride", "Stands by one taken in need", {
            post(|caller, app, path, body| change(caller, app, path, body, OverrideChange::Countersign))
        })
        .body::<ReasonRequest>()
        .json::<OverrideReply>(200, "The override as it is now.")
        .problems(CHANGE),
        Route::post("/api/v1/overrides/{id}/withdraw", "withdrawOverride", "Takes an override back", {
            post(|caller, app, path, body| change(caller, app, path, body, OverrideChange::Withdraw))
        })
        .body::<ReasonRequest>()
        .json::<OverrideReply>(200, "The override as it is now.")
        .problems(CHANGE),
    ]
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<OverridesPage>> {
    Ok(Json(app.control.overrides(&who).await?))
}

async fn add(
    Caller(who): Caller,
    State(app): State<App>,
    Headers(conditions): Headers,
    Json(request): Json<OverrideRequest>,
) -> Answer<Response> {
    let control = app.control.clone();
    let reply = to_the_end(async move { control.add_override(&who, request, conditions).await }).await?;
    Ok((StatusCode::CREATED, Json(reply)).into_response())
}

async fn change(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<ReasonRequest>,
    change: OverrideChange,
) -> Answer<Json<OverrideReply>> {
    let id = short("override", id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.change_override(&who, &id, change, request).await }).await?))
}
