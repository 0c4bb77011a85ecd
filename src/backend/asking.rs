//! A backend whose actions ask for a second person where a context says so, also where its server does
//! not demand it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Conditions, Cursor, FlagReply, FlagRequest,
    FlagsPage, ImportReply, Memory, OverrideChange, OverrideReply, OverrideRequest, OverridesPage, ProofView,
    ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest,
    Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply, WindowRequest, WindowsImport, WindowsPage,
    WindowsQuery, WindowsState, WitnessView, Witnessed, forward::methods,
};
use crate::domain::{Digest, FlagKey, Operation, Rollout, RolloutId};

/// A backend, and for what somebody else is asked.
#[derive(Debug)]
pub struct Asking {
    /// What is asked.
    pub backend: Arc<dyn Backend>,
    /// What needs a second person.
    pub operations: BTreeSet<Operation>,
}

/// Each method asks the backend behind it.
macro_rules! through {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        #[async_trait::async_trait]
        impl Backend for Asking {
            fn place(&self) -> String {
                self.backend.place()
            }
            fn memory(&self) -> Option<&Memory> {
                self.backend.memory()
            }
            async fn witnessed(&self) -> BackendResult<Witnessed> {
                self.backend.witnessed().await
            }
            async fn act(
                &self,
                id: &RolloutId,
                mut request: ActionRequest,
                conditions: Conditions,
            ) -> BackendResult<ActionReply> {
                request.ask |= Operation::of(request.action).is_some_and(|what| self.operations.contains(&what));
                self.backend.act(id, request, conditions).await
            }
            $(
                async fn $name(&self $(, $argument: $type)*) -> BackendResult<$answer> {
                    self.backend.$name($($argument),*).await
                }
            )*
        }
    };
}

methods!(through);
