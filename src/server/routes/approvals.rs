//! `/api/v1/approvals`: what waits for a second person.

use axum::{
    extract::State,
    routing::{get, post},
};

use super::{Route, windows::short};
use crate::{
    server::{
        App,
        auth::Caller,
        extract::{Json, Path},
        problem::Answer,
        to_the_end,
    },
    wire::{ApprovalChange, ApprovalReply, ApprovalsPage, Code, ReasonRequest},
};

const DECIDE: &[Code] =
    &[Code::ReasonRequired, Code::NotFound, Code::Blocked, Code::RevisionMismatch, Code::DriverFailed, Code::TooLarge];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/approvals", "listApprovals", "What waits for a second person", get(list))
            .json::<ApprovalsPage>(200, "Approvals, those that wait first, and whether each is yours to give."),
        Route::post("/api/v1/approvals/{id}/approve", "approve", "Agrees: what was asked for is done", {
            post(|caller, app, path, body| decide(caller, app, path, body, ApprovalChange::Approve))
        })
        .body::<ReasonRequest>()
        .json::<ApprovalReply>(200, "What was decided, and what was done.")
        .problems(DECIDE),
        Route::post("/api/v1/approvals/{id}/reject", "reject", "Refuses what was asked for", {
            post(|caller, app, path, body| decide(caller, app, path, body, ApprovalChange::Reject))
        })
        .body::<ReasonRequest>()
        .json::<ApprovalReply>(200, "What was decided.")
        .problems(DECIDE),
        Route::post("/api/v1/approvals/{id}/withdraw", "withdrawApproval", "Takes back what one asked for", {
            post(|caller, app, path, body| decide(caller, app, path, body, ApprovalChange::Withdraw))
        })
        .body::<ReasonRequest>()
        .json::<ApprovalReply>(200, "What was decided.")
        .problems(DECIDE),
    ]
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<ApprovalsPage>> {
    Ok(Json(app.control.approvals(&who).await?))
}

async fn decide(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<ReasonRequest>,
    change: ApprovalChange,
) -> Answer<Json<ApprovalReply>> {
    let id = short("approval", id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.decide_approval(&who, &id, change, request).await }).await?))
}
