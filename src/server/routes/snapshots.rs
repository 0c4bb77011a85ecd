//! `/api/v1/snapshots`: versions that sites can be brought to.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::Route;
use crate::{
    domain::Outcome,
    server::{
        App,
        auth::Caller,
        extract::{Json, LargeJson},
        problem::Answer,
        to_the_end,
    },
    wire::{Code, SnapshotReply, SnapshotRequest, SnapshotsPage},
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/snapshots", "listSnapshots", "All snapshots, the newest first", get(list))
            .json::<SnapshotsPage>(200, "Snapshots."),
        Route::post("/api/v1/snapshots", "addSnapshot", "Adds a snapshot, or marks one known good", post(add))
            .body::<SnapshotRequest>()
            .json::<SnapshotReply>(201, "The snapshot as it is now.")
            .json::<SnapshotReply>(200, "It was there already.")
            .problems(&[Code::ReasonRequired, Code::TooLarge]),
    ]
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<SnapshotsPage>> {
    Ok(Json(app.control.snapshots(&who).await?))
}

async fn add(
    Caller(who): Caller,
    State(app): State<App>,
    LargeJson(request): LargeJson<SnapshotRequest>,
) -> Answer<Response> {
    let control = app.control.clone();
    let reply = to_the_end(async move { control.add_snapshot(&who, request).await }).await?;
    let status = if reply.outcome == Outcome::NoOp { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(reply)).into_response())
}
