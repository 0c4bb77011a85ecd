//! Overrides: asked for, agreed to, used and counted.

use super::{Control, core::Core};
use crate::{
    domain::Principal,
    wire::{Code, Conditions, OverrideChange, OverrideReply, OverrideRequest, OverridesPage, Problem, ReasonRequest},
};

fn not_there<T>() -> Result<T, Problem> {
    Err(Problem::new(Code::Unavailable, "overrides are not there yet"))
}

impl Control {
    /// All overrides.
    pub async fn overrides(&self, who: &Principal) -> Result<OverridesPage, Problem> {
        let who = who.clone();
        self.decide(move |core| core.overrides_page(&who)).await
    }

    /// Asks for an override.
    pub async fn add_override(
        &self,
        who: &Principal,
        request: OverrideRequest,
        conditions: Conditions,
    ) -> Result<OverrideReply, Problem> {
        let who = who.clone();
        self.decide(move |core| core.add_override(&who, &request, &conditions)).await
    }

    /// Countersigns an override, or takes it back.
    pub async fn change_override(
        &self,
        who: &Principal,
        id: &str,
        change: OverrideChange,
        request: ReasonRequest,
    ) -> Result<OverrideReply, Problem> {
        let (who, id) = (who.clone(), id.to_owned());
        self.decide(move |core| core.change_override(&who, &id, change, &request)).await
    }
}

impl Core {
    fn overrides_page(&self, _who: &Principal) -> Result<OverridesPage, Problem> {
        not_there()
    }

    fn add_override(
        &mut self,
        _who: &Principal,
        _request: &OverrideRequest,
        _conditions: &Conditions,
    ) -> Result<OverrideReply, Problem> {
        not_there()
    }

    fn change_override(
        &mut self,
        _who: &Principal,
        _id: &str,
        _change: OverrideChange,
        _request: &ReasonRequest,
    ) -> Result<OverrideReply, Problem> {
        not_there()
    }
}
