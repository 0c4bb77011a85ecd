//! `POST /api/v1/rollouts/{target}/{name}/actions`: what a person does to a rollout.

use axum::{extract::State, http::StatusCode, response::Response, routing::post};

use super::{
    IF_MATCH, KEY, Route,
    rollouts::{key_missing, replayable},
};
use crate::{
    domain::{Reason, RolloutId, RolloutName, TargetName},
    server::{
        App,
        auth::Caller,
        extract::{Headers, Json, Path},
        problem::Answer,
        to_the_end,
    },
    wire::{ActionReply, ActionRequest, Code},
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/rollouts/{target}/{name}/actions",
            "act",
            "Pause, resume, promote, promote_full, rollback, retry; or says what one would do. What widens a change \
             needs If-Match and Idempotency-Key; pause and rollback need neither, a dry run nothing",
            post(act),
        )
        .params(&[IF_MATCH, KEY])
        .body::<ActionRequest>()
        .json::<ActionReply>(200, "What became of it, and the rollout as it is now.")
        .json::<ActionReply>(202, "It waits for a second person: `approval` says until when.")
        .problems(&[
            Code::ReasonRequired,
            Code::NotFound,
            Code::Blocked,
            Code::InProgress,
            Code::RevisionMismatch,
            Code::TooLarge,
            Code::IdempotencyMismatch,
            Code::RevisionRequired,
            Code::DriverFailed,
        ]),
    ]
}

async fn act(
    Caller(who): Caller,
    State(app): State<App>,
    Path((target, name)): Path<(TargetName, RolloutName)>,
    Headers(conditions): Headers,
    Json(request): Json<ActionRequest>,
) -> Answer<Response> {
    // Stopping and going back must not fail for want of a header. Whatever else is wrong is said
    // first, by control: the reason, the role, the revision.
    let in_order = conditions.revision.is_some() && Reason::new(&request.reason).is_ok();
    let needs_key = request.action.widens() && !request.dry_run;
    if needs_key && in_order && conditions.idempotency_key.is_none() {
        return Err(key_missing());
    }
    let id = RolloutId { target, name };
    let control = app.control.clone();
    let reply = to_the_end(async move { control.act(&who, &id, request, conditions).await }).await?;
    // What waits for a second person was taken, and not done.
    let status = if reply.body.approval.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(replayable(status, reply.replayed, Json(reply.body)))
}
