//! The words of Rolldeck as types: what every other room speaks.
//!
//! Nothing here decides, reads a clock or does I/O. Text that comes from outside becomes
//! [`SafeText`] or a checked name while it is parsed, so a value of these types can be stored,
//! logged and painted as it is.

pub mod action;
pub mod address;
pub mod approval;
pub mod audit;
pub mod duration;
pub mod flag;
pub mod name;
pub mod operation;
pub mod overrides;
pub mod phase;
pub mod plan;
pub mod pretty;
pub mod principal;
pub mod reason;
pub mod rollout;
pub mod scope;
mod shared;
pub mod sli;
pub mod snapshot;
pub mod text;
pub mod token;
pub mod trend;
pub mod unit;
pub mod window;
pub mod workload;

pub use action::{Action, ActionSpec};
pub use approval::{Approvable, Approval, ApprovalState};
pub use audit::{Actor, ActorKind, AuditEntry, Outcome, Subject, SubjectKind, Via};
pub use flag::{Flag, FlagDefinition, FlagKey, FlagReason, FlagStage};
pub use name::{GateName, LaneName, NameError, RolloutId, RolloutName, SiteName, StageName, TargetName};
pub use operation::{Initiator, Operation};
pub use overrides::{Consent, Override, OverrideKind, OverrideState, Use, WindowRef};
pub use phase::{Phase, StageState};
pub use plan::Plan;
pub use principal::{Binding, Holder, Principal, Role};
pub use reason::{Reason, ReasonError};
pub use rollout::{
    Blocker, BlockerKind, Exposure, Failure, Freeze, Gate, GateKind, GateState, Next, Preview, Revision, Rollout,
    Stage, UnitView, VersionRef,
};
pub use scope::{Place, Scope, ScopeError};
pub use sli::{Sli, SliArm, Verdict};
pub use snapshot::{Digest, RollbackTo, Snapshot};
pub use text::{SafeBlock, SafeText, hex};
pub use token::{TokenError, TokenText};
pub use trend::Trend;
pub use unit::{FactValue, Facts, FailureCategory, Report, ReportState, SliReading, Truth, UnitId, UnitKey};
pub use window::{Effect, ImportedFrom, OnEnter, Overridable, Schedule, Window, WindowState};
pub use workload::Workload;
