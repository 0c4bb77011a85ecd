//! The export of the audit trail, written as it arrives: the stored bytes, however many.

use std::{io::Write, time::Duration};

use reqwest::{Method, header};

use super::{Remote, answer, audit_query};
use crate::{
    backend::{AuditQuery, BackendError},
    domain::SafeText,
};

/// How long the whole of it may take.
const EXPORT: Duration = Duration::from_hours(1);

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailure {
    /// The server did not answer with one, or not to its end.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// It could not be written.
    #[error("the export cannot be written")]
    Write(#[from] std::io::Error),
}

impl Remote {
    /// Writes the export of what the query names (its `after`, `limit` and `newest` say nothing).
    ///
    /// # Errors
    /// [`ExportFailure`]; what was written by then is a part, and no export.
    pub async fn export(&self, query: AuditQuery, out: &mut impl Write) -> Result<(), ExportFailure> {
        let pairs = audit_query(query);
        let request = self.request(Method::GET, &["audit", "export"], EXPORT).query(&pairs);
        let mut response = answer::good(&self.place, self.send(request).await?).await?;
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/jsonl") {
            let why = SafeText::new(format!("{kind:?} instead of an export; is its version of rolldeck the same?"));
            return Err(BackendError::Nonsense { place: self.place.clone(), why: why.to_string() }.into());
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            out.write_all(&chunk)?;
        }
        Ok(out.flush()?)
    }
}
