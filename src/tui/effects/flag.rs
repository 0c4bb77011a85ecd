//! What is asked of a backend about flags.

use super::{GRACE, Line, until_answered};
use crate::{
    backend::{AuditQuery, BackendError, Conditions, FlagReply, FlagRequest, ReasonRequest},
    domain::{FlagKey, SubjectKind},
    tui::{app::flags::HISTORY_MAX, message::Answer},
};

/// Entries about a flag. The backend is asked for the newest of all: it knows no filter by subject.
pub(super) async fn history(line: Line, flag: FlagKey) {
    let query = AuditQuery { newest: true, ..AuditQuery::default() };
    let result = line.ask(GRACE, |backend| async move { backend.audit(query).await }).await;
    let result = result.map(|mut page| {
        page.entries
            .retain(|entry| entry.subject.kind == SubjectKind::Flag && entry.subject.name.as_str() == flag.as_str());
        let more = page.entries.len().saturating_sub(HISTORY_MAX as usize);
        page.entries.drain(..more);
        page
    });
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
