//! `/api/v1/audit`: the trail, and what proves it.

use axum::{extract::State, routing::get};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Param, Route};
use crate::{
    audit::EntryFilter,
    control::AuditQuery,
    domain::{RolloutId, SafeText},
    server::{
        App,
        auth::Caller,
        extract::{Json, Query},
        problem::{Answer, Failure},
    },
    wire::{AuditPage, CheckpointView, CheckpointsPage, Code, ProofView, VerifyReport, WitnessView},
};

/// Entries of a page where nothing else is said.
const PAGE: u32 = 100;
/// Most entries of a page.
const PAGE_MAX: u32 = 1000;
/// Longest actor or action that is looked for, in bytes.
const WORD_MAX: usize = 500;

pub const ROLLOUT: Param = Param::query("rollout", "string", "TARGET/NAME.");
pub const ACTOR: Param = Param::query("actor", "string", "An actor's id.");
pub const ACTION: Param = Param::query("action", "string", "An action's verb, or an event of the engine.");
pub const SINCE: Param = Param::query("since", "string", "RFC 3339: not before.");
pub const UNTIL: Param = Param::query("until", "string", "RFC 3339: before.");
pub const FILTER: Param = Param::query(
    "filter",
    "string",
    "What else: `actor:mira action:promote,rollback -outcome:applied site:osl2 since:2h \"words\"`; days are of UTC.",
);

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/audit", "listAudit", "Audit entries, ascending by seq", get(list))
            .params(&[
                Param::query("after", "integer", "Only entries with a greater seq."),
                ROLLOUT,
                ACTOR,
                ACTION,
                SINCE,
                UNTIL,
                FILTER,
                Param::query("before", "integer", "Only entries with a smaller seq; 0 is no bound."),
                Param::query("limit", "integer", "At most that many; 100 where nothing is said, 1000 at most."),
                Param::query("newest", "boolean", "The newest that match, rather than the oldest."),
            ])
            .json::<AuditPage>(200, "Entries, and the newest checkpoint."),
        Route::get("/api/v1/audit/checkpoint", "checkpoint", "A signed checkpoint over all entries", get(checkpoint))
            .json::<CheckpointView>(200, "The checkpoint."),
        Route::get("/api/v1/audit/checkpoints", "checkpoints", "All signed checkpoints", get(checkpoints))
            .json::<CheckpointsPage>(200, "Checkpoints, ascending, and the key that signed them."),
        Route::get("/api/v1/audit/proof", "proof", "That a greater tree begins with a smaller one", get(proof))
            .params(&[
                Param::query("from", "integer", "The smaller size."),
                Param::query("to", "integer", "The greater size."),
            ])
            .json::<ProofView>(200, "A consistency proof.")
            .problems(&[Code::NotFound]),
        Route::get(
            "/api/v1/audit/witness",
            "witness",
            "What proves that the trail goes on from what was seen",
            get(witness),
        )
        .params(&[Param::query("from", "integer", "How many entries the remembered checkpoint covers.")])
        .json::<WitnessView>(200, "The newest checkpoint, its key, and what proves it."),
        Route::get("/api/v1/audit/verify", "verifyAudit", "Verifies the whole trail where it is stored", get(verify))
            .json::<VerifyReport>(200, "What was found, good or bad."),
    ]
}

/// Which entries are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    #[serde(default)]
    after: u64,
    rollout: Option<RolloutId>,
    actor: Option<String>,
    action: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    #[serde(rename = "filter")]
    expression: Option<String>,
    #[serde(default)]
    before: u64,
    limit: Option<u32>,
    #[serde(default)]
    newest: bool,
}

impl Filter {
    /// The query of it, once every part is in its bounds.
    pub fn checked(self, now: DateTime<Utc>) -> Answer<AuditQuery> {
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Failure::invalid("limit", format!("limit is 1 to {PAGE_MAX}")));
        }
        for (name, text) in [("actor", &self.actor), ("action", &self.action)] {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > WORD_MAX) {
                return Err(Failure::invalid(name, format!("{name} has 1 to {WORD_MAX} characters")));
            }
        }
        let expression = self.expression.as_deref().map(|text| EntryFilter::parse(text, &now)).transpose();
        let expression = expression.map_err(|error| Failure::invalid("filter", error.to_string()))?;
        // What is looked for went through SafeText when it was stored.
        let safe = |text: Option<String>| text.map(|text| String::from(SafeText::new(text)));
        Ok(AuditQuery {
            after: self.after,
            before: self.before,
            rollout: self.rollout.map(|id| id.to_string()),
            actor: safe(self.actor),
            action: safe(self.action),
            since: self.since,
            until: self.until,
            limit,
            newest: self.newest,
            expression,
        })
    }
}

async fn list(Caller(who): Caller, State(app): State<App>, Query(filter): Query<Filter>) -> Answer<Json<AuditPage>> {
    Ok(Json(app.control.audit(&who, filter.checked(app.control.now())?).await?))
}

async fn checkpoint(Caller(who): Caller, State(app): State<App>) -> Answer<Json<CheckpointView>> {
    Ok(Json(app.control.checkpoint(&who).await?))
}

async fn checkpoints(Caller(who): Caller, State(app): State<App>) -> Answer<Json<CheckpointsPage>> {
    let (notes, key) = app.control.checkpoints(&who).await?;
    Ok(Json(CheckpointsPage { notes, key: SafeText::new(key) }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    from: u64,
    to: u64,
}

async fn proof(Caller(who): Caller, State(app): State<App>, Query(sizes): Query<Sizes>) -> Answer<Json<ProofView>> {
    Ok(Json(app.control.proof(&who, sizes.from, sizes.to).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    from: Option<u64>,
}

async fn witness(
    Caller(who): Caller,
    State(app): State<App>,
    Query(remembered): Query<Remembered>,
) -> Answer<Json<WitnessView>> {
    Ok(Json(app.control.witness(&who, remembered.from).await?))
}

async fn verify(Caller(who): Caller, State(app): State<App>) -> Answer<Json<VerifyReport>> {
    Ok(Json(app.control.verify(&who).await?))
}
