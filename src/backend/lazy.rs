//! A backend that is opened when it is first asked, and opened again after it was lost: a control
//! plane that another process of this user may have open at the moment.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendError, BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Conditions, Cursor, FlagReply,
    FlagRequest, FlagsPage, ImportReply, Memory, OverrideChange, OverrideReply, OverrideRequest, OverridesPage,
    ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage,
    StartRequest, Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply, WindowRequest,
    WindowsImport, WindowsPage, WindowsQuery, WindowsState, WitnessView, forward::methods,
};
use crate::domain::{Digest, FlagKey, Rollout, RolloutId};

/// How a backend is opened.
pub type Open = Box<dyn Fn() -> BoxFuture<'static, BackendResult<Arc<dyn Backend>>> + Send + Sync>;

/// A backend that is opened when it is needed.
pub struct Lazy {
    place: String,
    open: Open,
    opened: Mutex<Option<Arc<dyn Backend>>>,
    memory: Option<Memory>,
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Lazy {
    /// A backend that is opened by `open`; for people, it is at `place`.
    #[must_use]
    pub fn new(place: impl Into<String>, open: Open) -> Self {
        Self { place: place.into(), open, opened: Mutex::new(None), memory: None }
    }

    /// The same, remembering what the audit trail was like.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    async fn backend(&self) -> BackendResult<Arc<dyn Backend>> {
        let mut opened = self.opened.lock().await;
        if let Some(backend) = &*opened {
            return Ok(Arc::clone(backend));
        }
        let backend = (self.open)().await?;
        *opened = Some(Arc::clone(&backend));
        Ok(backend)
    }

    /// A backend that does not answer is opened again by whoever asks next. What was asked is not asked
    /// again here: whether a change was made is for its sender to find out, with the same key.
    async fn noted<T>(&self, asked: &Arc<dyn Backend>, answer: BackendResult<T>) -> BackendResult<T> {
        if matches!(answer, Err(BackendError::Unreachable { .. })) {
            let mut opened = self.opened.lock().await;
            if opened.as_ref().is_some_and(|backend| Arc::ptr_eq(backend, asked)) {
                *opened = None;
            }
        }
        answer
    }
}

/// Each method asks the backend behind it.
macro_rules! through {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        #[async_trait::async_trait]
        impl Backend for Lazy {
            fn place(&self) -> String {
                self.place.clone()
            }
            fn memory(&self) -> Option<&Memory> {
                self.memory.as_ref()
            }
            async fn act(
                &self,
                id: &RolloutId,
                request: ActionRequest,
                conditions: Conditions,
            ) -> BackendResult<ActionReply> {
                let backend = self.backend().await?;
                let answer = backend.act(id, request, conditions).await;
                self.noted(&backend, answer).await
            }
            $(
                async fn $name(&self $(, $argument: $type)*) -> BackendResult<$answer> {
                    let backend = self.backend().await?;
                    let answer = backend.$name($($argument),*).await;
                    self.noted(&backend, answer).await
                }
            )*
        }
    };
}

methods!(through);
