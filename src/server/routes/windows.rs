//! `/api/v1/windows`: freezes.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post, put},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{IF_MATCH, KEY, Param, Route};
use crate::{
    server::{
        App,
        auth::{Caller, FeedCaller},
        extract::{self, Headers, Json, Known, Path, Query},
        problem::{Answer, Failure},
        to_the_end,
    },
    wire::{
        CalendarPage, Code, ImportReply, ReasonRequest, WindowReply, WindowRequest, WindowsImport, WindowsPage,
        WindowsQuery, WindowsState,
    },
};

const CHANGE: &[Code] =
    &[Code::ReasonRequired, Code::NotFound, Code::TooLarge, Code::RevisionMismatch, Code::IdempotencyMismatch];

/// The media type of iCalendar.
const CALENDAR: &str = "text/calendar";

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/windows", "listWindows", "All windows, those that hold first", get(list))
            .json::<WindowsPage>(200, "Windows and where each is."),
        Route::post("/api/v1/windows", "addWindow", "Adds a freeze", post(add))
            .params(&[KEY])
            .body::<WindowRequest>()
            .json::<WindowReply>(201, "The window and its audit entry.")
            .problems(CHANGE),
        Route::put("/api/v1/windows/{id}", "changeWindow", "Changes a freeze", put(change))
            .params(&[IF_MATCH, KEY])
            .body::<WindowRequest>()
            .json::<WindowReply>(200, "The window as it is now.")
            .problems(CHANGE),
        Route::post("/api/v1/windows/{id}/lift", "liftWindow", "Ends a freeze early", post(lift))
            .body::<ReasonRequest>()
            .json::<WindowReply>(200, "The window as it is now.")
            .problems(CHANGE),
        Route::get(
            "/api/v1/windows/calendar",
            "windowsCalendar",
            "Spans of windows, and what is planned",
            get(calendar),
        )
        .params(&[
            Param::query("from", "string", "RFC 3339."),
            Param::query("until", "string", "RFC 3339; at most 400 days later."),
        ])
        .json::<CalendarPage>(200, "Spans, and what is planned and meets one."),
        Route::post("/api/v1/windows/import", "importWindows", "Adds windows written in another form", post(import))
            .params(&[KEY])
            .body::<WindowsImport>()
            .json::<ImportReply>(
                200,
                "What became of each window: all of the file, or none. What it brought before is known by its UID.",
            )
            .problems(CHANGE),
        Route::get("/api/v1/windows.ics", "windowsFeed", "All windows as a calendar to subscribe to", get(feed))
            .params(&[Param::header("If-None-Match", "The entity tag of an earlier answer.")])
            .other(
                200,
                "iCalendar; ETag covers all that is in it. Its reader sends a token like any other, or as a password.",
                CALENDAR,
            )
            .empty(304, "It is as it was."),
        Route::get("/api/v1/windows/state", "windowsState", "What is frozen at an instant", get(state))
            .params(&[
                Param::query("at", "string", "RFC 3339, such as 2026-03-29T01:30:00Z; now, when absent."),
                Param::query("target", "string", "With it, the answer says whether it is open there."),
                Param::query("rollout", "string", "The rollout's name."),
                Param::query("site", "string", "The site."),
                Param::query("lane", "string", "The lane."),
                Param::query("stage", "string", "The stage."),
                Param::query("action", "string", "What is to be done; promote, when absent."),
                Param::query("initiator", "string", "human, automation or agent; human, when absent."),
            ])
            .json::<WindowsState>(200, "What holds then, and when that next changes."),
    ]
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<WindowsPage>> {
    Ok(Json(app.control.windows(&who).await?))
}

async fn add(
    Caller(who): Caller,
    State(app): State<App>,
    Headers(conditions): Headers,
    Json(request): Json<WindowRequest>,
) -> Answer<Response> {
    let control = app.control.clone();
    let reply = to_the_end(async move { control.add_window(&who, request, conditions).await }).await?;
    Ok((StatusCode::CREATED, Json(reply)).into_response())
}

async fn change(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Headers(conditions): Headers,
    Json(request): Json<WindowRequest>,
) -> Answer<Json<WindowReply>> {
    let id = short("window", id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.change_window(&who, &id, request, conditions).await }).await?))
}

async fn lift(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<ReasonRequest>,
) -> Answer<Json<WindowReply>> {
    let id = short("window", id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.lift_window(&who, &id, request).await }).await?))
}

/// An id of ours: what has another form is not there.
pub fn short(what: &str, id: String) -> Answer<String> {
    let ours = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if ours { Ok(id) } else { Err(Failure::new(Code::NotFound, format!("there is no such {what}"))) }
}

async fn state(
    Caller(who): Caller,
    State(app): State<App>,
    Query(query): Query<WindowsQuery>,
) -> Answer<Json<WindowsState>> {
    Ok(Json(app.control.windows_state(&who, query).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Span {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

async fn calendar(Caller(who): Caller, State(app): State<App>, Query(span): Query<Span>) -> Answer<Json<CalendarPage>> {
    Ok(Json(app.control.calendar(&who, span.from, span.until).await?))
}

async fn feed(FeedCaller(who): FeedCaller, State(app): State<App>, headers: HeaderMap) -> Answer<Response> {
    let known = extract::if_none_match(&headers)?;
    let (text, tag) = app.control.windows_feed(&who).await?;
    let is_known = match known {
        Known::Nothing => false,
        Known::Tags(tags) => tags.contains(&tag),
        Known::Anything => true,
    };
    let tag = [(header::ETAG, format!("\"{tag}\""))];
    Ok(if is_known {
        (StatusCode::NOT_MODIFIED, tag).into_response()
    } else {
        let named = [(header::CONTENT_TYPE, "text/calendar; charset=utf-8")];
        (tag, named, text).into_response()
    })
}

async fn import(
    Caller(who): Caller,
    State(app): State<App>,
    Headers(conditions): Headers,
    Json(request): Json<WindowsImport>,
) -> Answer<Json<ImportReply>> {
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.import_windows(&who, request, conditions).await }).await?))
}
