//! Approvals: what waits for a second person, and what becomes of it.

use super::Control;
use crate::{
    domain::Principal,
    wire::{ApprovalChange, ApprovalReply, ApprovalsPage, Code, Problem, ReasonRequest},
};

fn not_there<T>() -> Result<T, Problem> {
    Err(Problem::new(Code::Unavailable, "approvals are not there yet"))
}

impl Control {
    /// What waits for a second person, and what became of it.
    pub async fn approvals(&self, _who: &Principal) -> Result<ApprovalsPage, Problem> {
        not_there()
    }

    /// Agrees to what waits, refuses it, or takes it back.
    pub async fn decide_approval(
        &self,
        _who: &Principal,
        _id: &str,
        _change: ApprovalChange,
        _request: ReasonRequest,
    ) -> Result<ApprovalReply, Problem> {
        not_there()
    }
}
