//! `/api/v1/rollouts`: all of them, one of them, and the start of one.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{KEY, Param, Route, WAIT};
use crate::{
    control::Tagged,
    domain::{Reason, Rollout, RolloutId, RolloutName, SafeText, TargetName},
    judge::act::AutomaticAct,
    server::{
        App,
        auth::Caller,
        extract::{self, Headers, Json, Known, Path, Query},
        metrics::Held,
        problem::{Answer, Failure},
        to_the_end,
    },
    wire::{ActionReply, Code, Cursor, RolloutsPage, StartRequest},
};

/// Longest cursor, in bytes.
const CURSOR_MAX: usize = 200;

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/rollouts", "listRollouts", "All rollouts, or what changed since a cursor", get(list))
            .params(&[
                Param::query(
                    "after",
                    "string",
                    "The cursor of an earlier answer: only what changed since is answered.",
                ),
                WAIT,
            ])
            .json::<RolloutsPage>(200, "Summaries, and the cursor to ask from."),
        Route::get(
            "/api/v1/rollouts/{target}/{name}",
            "showRollout",
            "One rollout with stages, gates, blockers, indicators and units",
            get(show),
        )
        .params(&[
            Param::header("If-None-Match", "The entity tag of an earlier answer; with wait the request is held."),
            WAIT,
        ])
        .json::<Rollout>(200, "The rollout; ETag covers all that is shown.")
        .empty(304, "It is as it was.")
        .problems(&[Code::NotFound]),
        Route::get(
            "/api/v1/rollouts/{target}/{name}/evidence",
            "showEvidence",
            "What the present verdicts are made from: it can be judged again anywhere",
            get(evidence),
        )
        .json::<AutomaticAct>(200, "Evidence and judgement of each indicator, and the decision about the whole.")
        .problems(&[Code::NotFound]),
        Route::post("/api/v1/rollouts", "startRollout", "Begins a rollout from a plan", post(start))
            .params(&[KEY])
            .body::<StartRequest>()
            .json::<ActionReply>(201, "It has begun (200 for a dry run).")
            .json::<ActionReply>(202, "It waits for a second person: `approval` says until when.")
            .json::<ActionReply>(200, "What would happen; nothing did.")
            .problems(&[
                Code::ReasonRequired,
                Code::NotFound,
                Code::Blocked,
                Code::InProgress,
                Code::TooLarge,
                Code::IdempotencyMismatch,
            ]),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    after: Option<String>,
    wait: Option<u64>,
}

async fn list(Caller(who): Caller, State(app): State<App>, Query(since): Query<Since>) -> Answer<Response> {
    if since.after.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_MAX) {
        return Err(Failure::invalid("after", "this is no cursor of this server"));
    }
    let after = since.after.filter(|cursor| !cursor.is_empty()).map(|cursor| Cursor(SafeText::new(cursor)));
    // Without a cursor there is nothing to wait for.
    let wait = if after.is_some() { extract::wait(since.wait) } else { extract::wait(None) };
    let page = app.held(wait, |wait| app.control.rollouts(&who, after.clone(), wait)).await?;
    Ok(held(Json(page).into_response(), !wait.is_zero()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    wait: Option<u64>,
}

async fn show(
    Caller(who): Caller,
    State(app): State<App>,
    Path((target, name)): Path<(TargetName, RolloutName)>,
    Query(hold): Query<Hold>,
    headers: HeaderMap,
) -> Answer<Response> {
    let id = RolloutId { target, name };
    let ask = async |tag: Option<String>, wait| {
        app.held(wait, |wait| app.control.rollout(&who, &id, tag.as_deref(), wait)).await
    };
    let now = extract::wait(None);
    let wait = extract::wait(hold.wait);
    let tag = match extract::if_none_match(&headers)? {
        Known::Nothing => None,
        Known::Tags(tags) if tags.len() == 1 => tags.into_iter().next(),
        // Which of several it still is, if any, is known only after a look.
        several => match ask(None, now).await? {
            Tagged::Fresh(rollout, tag) => match several {
                Known::Tags(tags) if !tags.contains(&tag) => return fresh(*rollout, &tag),
                _ => Some(tag),
            },
            Tagged::Unchanged => None,
        },
    };
    let wait = if tag.is_some() { wait } else { now };
    let answer = match ask(tag.clone(), wait).await? {
        Tagged::Fresh(rollout, tag) => fresh(*rollout, &tag)?,
        Tagged::Unchanged => {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            response.headers_mut().insert(header::ETAG, etag(&tag.unwrap_or_default())?);
            response
        }
    };
    Ok(held(answer, !wait.is_zero()))
}

async fn evidence(
    Caller(who): Caller,
    State(app): State<App>,
    Path((target, name)): Path<(TargetName, RolloutName)>,
) -> Answer<Json<AutomaticAct>> {
    Ok(Json(app.control.evidence(&who, &RolloutId { target, name }).await?))
}

fn fresh(rollout: Rollout, tag: &str) -> Answer<Response> {
    let tag = etag(tag)?;
    let mut response = Json(rollout).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

fn etag(tag: &str) -> Answer<HeaderValue> {
    HeaderValue::from_str(&format!("\"{tag}\"")).map_err(|_| crate::server::problem::broken())
}

fn held(mut response: Response, held: bool) -> Response {
    if held {
        response.extensions_mut().insert(Held);
    }
    response
}

async fn start(
    Caller(who): Caller,
    State(app): State<App>,
    Headers(conditions): Headers,
    Json(request): Json<StartRequest>,
) -> Answer<Response> {
    let dry_run = request.dry_run;
    if !dry_run && conditions.idempotency_key.is_none() && Reason::new(&request.reason).is_ok() {
        return Err(key_missing());
    }
    let control = app.control.clone();
    let reply = to_the_end(async move { control.begin(&who, request, conditions).await }).await?;
    let status = match (dry_run, &reply.body.approval) {
        (true, _) => StatusCode::OK,
        (false, None) => StatusCode::CREATED,
        (false, Some(_)) => StatusCode::ACCEPTED,
    };
    Ok(replayable(status, reply.replayed, Json(reply.body)))
}

/// The problem of a change without an idempotency key.
pub fn key_missing() -> Failure {
    Failure::invalid(
        "Idempotency-Key",
        "an Idempotency-Key is needed: any unique text, made before the first try and kept for further ones",
    )
}

/// An answer that says whether it is the repetition of an earlier one.
pub fn replayable<T: serde::Serialize>(status: StatusCode, replayed: bool, body: Json<T>) -> Response {
    let mut response = (status, body).into_response();
    if replayed {
        response.headers_mut().insert("Idempotent-Replayed", HeaderValue::from_static("true"));
    }
    response
}
