//! `/ofrep/v1`: flags for OpenFeature's clients, at the root as the protocol says.

use axum::{
    extract::{FromRequestParts as _, Path as RawPath, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response, Sse},
    routing::{get, post},
};
use serde::Deserialize;

use super::{Param, Route};
use crate::{
    control::{NamedPlace, Standpoint},
    domain::{FlagKey, LaneName, Principal, SiteName, TargetName},
    server::{
        App,
        auth::{self, FlagCaller},
        extract::{self, Known, Query, SmallJson},
        metrics::Held,
        ofrep::{self, BulkEvaluation, EvaluationFailure, EvaluationRequest, EvaluationSuccess},
        problem::{Answer, Failure},
        streams,
    },
    wire::Code,
};

pub(super) const PLACE: [Param; 3] = [
    Param::query(
        "group",
        "string",
        "The site group to answer for. A site's own token stands there anyway; others must be operators there.",
    ),
    Param::query("site", "string", "The site to answer for."),
    Param::query("lane", "string", "The lane to answer for; the site's only one, when absent."),
];

pub fn routes() -> Vec<Route> {
    let known = Param::header("If-None-Match", "The tag of the answer that is known: 304 while it is still so.");
    vec![
        Route::post(
            "/ofrep/v1/evaluate/flags/{key}",
            "evaluateFlag",
            "One flag, for a caller and its context",
            post(one),
        )
        .params(&PLACE)
        .body::<EvaluationRequest>()
        .json::<EvaluationSuccess<'_>>(200, "The flag's value.")
        .json::<EvaluationFailure<'_>>(400, "There is no value, and why.")
        .json::<EvaluationFailure<'_>>(404, "There is no such flag.")
        .problems(&[Code::TooLarge]),
        Route::post("/ofrep/v1/evaluate/flags", "evaluateFlags", "All flags, for a caller and its context", post(all))
            .params(&PLACE)
            .params(&[
                known,
                Param::query("flagConfigEtag", "string", "What the stream of changes said; not needed here."),
                Param::query("flagConfigLastModified", "string", "What the stream of changes said; not needed here."),
            ])
            .body::<EvaluationRequest>()
            .json::<BulkEvaluation<'_>>(200, "All flags by key, and where changes are told; ETag covers all of it.")
            .empty(304, "It is still so.")
            .json::<EvaluationFailure<'_>>(400, "The context is not one, and why.")
            .problems(&[Code::TooLarge]),
        Route::get(streams::PATH, "flagEvents", "Tells when a flag changed that the caller can see", get(events))
            .params(&PLACE)
            .params(&[
                Param::query("ticket", "string", "In place of a token: as eventStreams of the bulk answer says it."),
                Param::query("since", "string", "What is known: told at once, where it is not so any more."),
                Param::header("Last-Event-ID", "The same, as browsers say it."),
            ])
            .other(
                200,
                "Events `message` with {type: refetchEvaluation}; comments keep it alive.",
                "text/event-stream",
            ),
    ]
}

/// The place that a request names; whatever else is in the query is other people's.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    group: Option<TargetName>,
    #[serde(default)]
    site: Option<SiteName>,
    #[serde(default)]
    lane: Option<LaneName>,
}

impl From<Named> for NamedPlace {
    fn from(named: Named) -> Self {
        Self { group: named.group, site: named.site, lane: named.lane }
    }
}

fn stand(app: &App, who: &Principal, named: Answer<Query<Named>>) -> Answer<Standpoint> {
    let Query(named) = named?;
    Ok(app.control.standpoint(who, &named.into())?)
}

async fn one(
    FlagCaller(who): FlagCaller,
    State(app): State<App>,
    key: Result<RawPath<String>, PathRejection>,
    named: Answer<Query<Named>>,
    SmallJson(body): SmallJson,
) -> Response {
    // What is no text is no key either.
    let key = key.map(|RawPath(key)| key).unwrap_or_default();
    let from = match stand(&app, &who, named) {
        Ok(from) => from,
        Err(failure) => return ofrep::failed(Some(&key), failure),
    };
    let context = match body {
        Ok(body) => match ofrep::context(&body) {
            Ok(context) => context,
            Err(wrong) => return ofrep::wrong(Some(&key), &wrong),
        },
        Err(failure) => return ofrep::failed(Some(&key), failure),
    };
    let flags = app.control.flag_set();
    let found = key.parse::<FlagKey>().ok().and_then(|key| flags.evaluate(&key, &from, &context));
    found.map_or_else(|| ofrep::not_found(&key), |evaluated| ofrep::one(&evaluated))
}

async fn all(
    FlagCaller(who): FlagCaller,
    State(app): State<App>,
    headers: HeaderMap,
    named: Answer<Query<Named>>,
    SmallJson(body): SmallJson,
) -> Response {
    let from = match stand(&app, &who, named) {
        Ok(from) => from,
        Err(failure) => return ofrep::failed(None, failure),
    };
    let context = match body {
        Ok(body) => match ofrep::context(&body) {
            Ok(context) => context,
            Err(wrong) => return ofrep::wrong(None, &wrong),
        },
        Err(failure) => return ofrep::failed(None, failure),
    };
    let flags = app.control.flag_set();
    let evaluated = flags.evaluate_all(&from, &context);
    let stream = streams::uri(&app, &who, &from, &flags.digest(&from));
    let (body, tag) = ofrep::bulk(&evaluated, &from, stream);
    // A tag that cannot be read is one that is not ours.
    let known = extract::if_none_match(&headers).unwrap_or(Known::Nothing);
    tagged(body, &tag, &known)
}

/// A JSON body with its tag, or that it is still so.
pub(super) fn tagged(body: Vec<u8>, tag: &str, known: &Known) -> Response {
    let same = matches!(known, Known::Tags(tags) if tags.iter().any(|known| known == tag));
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[derive(Debug, Default, Deserialize)]
struct Stream {
    #[serde(flatten)]
    named: Named,
    #[serde(default)]
    ticket: Option<String>,
    #[serde(default)]
    since: Option<String>,
}

async fn events(State(app): State<App>, mut parts: Parts) -> Answer<Response> {
    let Query(asked) = Query::<Stream>::from_request_parts(&mut parts, &app).await?;
    let (who, place) = match &asked.ticket {
        Some(ticket) => {
            let refused = "this ticket is over, or not one: ask for the flags again, the answer has a new one";
            let grant = app.tickets.read(ticket, app.options.clock.now());
            let grant = grant.ok_or_else(|| Failure::new(Code::Unauthenticated, refused))?;
            let place = grant.place();
            let who = match &grant.credential {
                Some(credential) => auth::holder(&app, credential, &parts)?,
                None => FlagCaller::from_request_parts(&mut parts, &app).await?.0,
            };
            (who, place)
        }
        None => (FlagCaller::from_request_parts(&mut parts, &app).await?.0, asked.named.into()),
    };
    app.control.standpoint(&who, &place)?;
    let slot = app.streams.take(&who);
    let slot =
        slot.ok_or_else(|| Failure::new(Code::Unavailable, "there are too many streams open: ask again later"))?;
    let last = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let since = last.filter(|id| !id.is_empty()).or(asked.since);
    let stream = streams::watch(app, who, place, since.filter(|since| since.len() <= 64), slot);
    let mut response = Sse::new(stream).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.extensions_mut().insert(Held);
    Ok(response)
}
