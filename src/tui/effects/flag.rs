//! What is asked of a backend about flags.

use chrono::DateTime;

use super::{GRACE, Line, until_answered};
use crate::{
    backend::{AuditQuery, BackendError, Conditions, EntryFilter, FlagReply, FlagRequest, ReasonRequest},
    domain::FlagKey,
    tui::{app::flags::HISTORY_MAX, message::Answer},
};

/// The newest entries about a flag.
pub(super) async fn history(line: Line, flag: FlagKey) {
    // A key has no character that means anything in the language of filters.
    let expression = EntryFilter::parse(&format!("subject:flag name:{flag}"), &DateTime::UNIX_EPOCH).ok();
    let query = AuditQuery { newest: true, limit: HISTORY_MAX, expression, ..AuditQuery::default() };
    let result = line.ask(GRACE, |backend| async move { backend.audit(query).await }).await;
    line.send(Answer::FlagHistory(flag, result)).await;
}

pub(super) async fn put(line: Line, flag: FlagKey, request: FlagRequest, conditions: Conditions) {
    let key = conditions.idempotency_key.clone().unwrap_or_default();
    let result: Result<FlagReply, BackendError> = until_answered(&line, &key, |backend| {
        let (flag, request, conditions) = (flag.clone(), request.clone(), conditions.clone());
        async move { backend.put_flag(&flag, request, conditions).await }
    })
    .await;
    line.send(Answer::FlagChanged(key, result)).await;
}

/// A flag that is killed twice is killed once: asking again needs no key.
pub(super) async fn kill(line: Line, key: String, flag: FlagKey, request: ReasonRequest) {
    let result: Result<FlagReply, BackendError> = until_answered(&line, &key, |backend| {
        let (flag, request) = (flag.clone(), request.clone());
        async move { backend.kill_flag(&flag, request).await }
    })
    .await;
    line.send(Answer::FlagChanged(key, result)).await;
}
