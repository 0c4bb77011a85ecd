//! `/api/v1/audit/export`: the trail as one file that verifies by itself, written as it is read.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use futures_util::stream;
use tokio::sync::mpsc;

use super::{
    Route,
    audit::{self, Filter},
};
use crate::{
    audit::{
        Hash,
        export::{Header, Writer},
    },
    control::{AuditQuery, Control},
    domain::{AuditEntry, Principal},
    server::{App, auth::Caller, extract::Query, problem::Answer},
    store::StoredEntry,
    wire::Problem,
};

/// Entries that are read at a time.
const PAGE: u32 = 500;
/// The media type of JSON Lines.
const LINES: &str = "application/jsonl";

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/audit/export", "exportAudit", "The trail as one file that verifies by itself", get(export))
            .params(&[audit::ROLLOUT, audit::ACTOR, audit::ACTION, audit::SINCE, audit::UNTIL, audit::FILTER])
            .other(200, "JSON Lines: a header, entries with their leaves, checkpoints.", LINES),
    ]
}

async fn export(Caller(who): Caller, State(app): State<App>, Query(filter): Query<Filter>) -> Answer<Response> {
    let mut query = filter.checked(app.control.now())?;
    query.newest = false;
    query.limit = PAGE;
    let filtered = query != AuditQuery { after: 0, limit: PAGE, ..AuditQuery::default() };
    let filter = filtered.then(|| query.to_string());
    // Entries that are added meanwhile are not covered by it, and left out.
    let last = app.control.checkpoint(&who).await?;
    let first = app.control.audit_stored(&who, query.clone()).await?;
    let (notes, key) = app.control.checkpoints(&who).await?;
    let notes: Vec<String> =
        notes.into_iter().filter(|note| size_of(note).is_some_and(|size| size <= last.size)).collect();
    let header = Header { filter, ..Header::new(&key, filtered).with_keys_of(&notes) };
    let (sender, receiver) = mpsc::channel(2);
    let job = Job { control: app.control.clone(), who, query, last: last.size, filtered, notes };
    tokio::spawn(async move {
        if let Err(error) = job.write(&header, first, &sender).await {
            tracing::error!(%error, "an export of the audit trail ended early");
            // The connection is cut, so that nobody takes the part for the whole. Nobody may listen any more.
            let _ = sender.send(Err(error)).await;
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
    Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(body)).into_response())
}

fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

/// What is written, and for whom.
struct Job {
    control: Control,
    who: Principal,
    query: AuditQuery,
    last: u64,
    /// Whether entries are left out, so that each of the others needs a proof of its own.
    filtered: bool,
    notes: Vec<String>,
}

impl Job {
    async fn write(
        mut self,
        header: &Header,
        first: Vec<StoredEntry>,
        sender: &mpsc::Sender<io::Result<Bytes>>,
    ) -> io::Result<()> {
        let written = Written::default();
        let mut writer = Writer::new(written.clone(), header).map_err(io::Error::other)?;
        let mut page = first;
        while let Some(to) = page.last().map(|entry| entry.seq) {
            self.query.after = to;
            page.retain(|entry| entry.seq <= self.last && self.is_wanted(entry));
            let mut proofs = self.proofs(&page).await?.into_iter();
            for entry in page {
                let written = match proofs.next() {
                    Some(proof) => writer.proven(entry.seq, entry.bytes, entry.leaf, self.last, proof),
                    None => writer.entry(entry.seq, entry.bytes, Some(entry.leaf)),
                };
                written.map_err(io::Error::other)?;
            }
            if sender.send(Ok(written.take())).await.is_err() {
                return Ok(());
            }
            if to >= self.last {
                break;
            }
            let next = self.control.audit_stored(&self.who, self.query.clone()).await;
            page = next.map_err(|problem: Problem| io::Error::other(problem.to_string()))?;
        }
        writer.finish(self.notes).map_err(io::Error::other)?;
        // Whoever asked may have gone away.
        let _ = sender.send(Ok(written.take())).await;
        Ok(())
    }
}

impl Job {
    /// Whether an entry is one that the filter names; what cannot be read is nobody's to name.
    fn is_wanted(&self, stored: &StoredEntry) -> bool {
        let Some(expression) = self.query.expression.as_ref().filter(|expression| !expression.is_empty()) else {
            return true;
        };
        serde_json::from_slice::<AuditEntry>(&stored.bytes).is_ok_and(|entry| expression.matches(&entry))
    }

    /// That the entries are in the tree, where others are left out.
    async fn proofs(&self, page: &[StoredEntry]) -> io::Result<Vec<Vec<Hash>>> {
        if !self.filtered || page.is_empty() {
            return Ok(Vec::new());
        }
        let seqs = page.iter().map(|entry| entry.seq).collect();
        let proofs = self.control.inclusion(&self.who, seqs, self.last).await;
        proofs.map_err(|problem| io::Error::other(problem.to_string()))
    }
}

/// What was written and not sent yet.
#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
