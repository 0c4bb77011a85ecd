//! Flags: defined, changed, killed, and what each unit gets of them.

use super::Control;
use crate::{
    domain::{FlagKey, Principal},
    wire::{Code, Conditions, FlagReply, FlagRequest, FlagsPage, Problem, ReasonRequest},
};

fn not_there<T>() -> Result<T, Problem> {
    Err(Problem::new(Code::Unavailable, "flags are not there yet"))
}

impl Control {
    /// All flags, with what each unit gets and has.
    pub async fn flags(&self, _who: &Principal) -> Result<FlagsPage, Problem> {
        not_there()
    }

    /// Adds or changes a flag.
    pub async fn put_flag(
        &self,
        _who: &Principal,
        _key: &FlagKey,
        _request: FlagRequest,
        _conditions: Conditions,
    ) -> Result<FlagReply, Problem> {
        not_there()
    }

    /// Switches a flag off everywhere, now.
    pub async fn kill_flag(
        &self,
        _who: &Principal,
        _key: &FlagKey,
        _request: ReasonRequest,
    ) -> Result<FlagReply, Problem> {
        not_there()
    }
}
