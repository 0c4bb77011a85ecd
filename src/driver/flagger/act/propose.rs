//! What an order would do, said before anybody does it.

use chrono::{DateTime, Utc};

use super::{
    ALLOW_STATUS_ROLLBACK, Deed,
    gate::Gate,
    noticed,
    offers::missing,
    requests::{settle, state},
};
use crate::{
    domain::Action,
    driver::{
        Order, OrderError, Proposal,
        flagger::object::{Canary, CanaryPhase, Hook, Split, TOTAL_WEIGHT},
        kubernetes::{children::Children, grants::Grants, meta::FROM_GIT, preview::Says, read, request::Kind},
    },
};

/// What an order would do to the Canary as it was last seen.
///
/// # Errors
/// [`OrderError::Moved`], [`OrderError::Refused`] or [`OrderError::Forbidden`] when it cannot be done.
pub fn propose(
    canary: &Canary,
    children: Option<&Children>,
    order: &Order,
    grants: &Grants,
    now: DateTime<Utc>,
) -> Result<Proposal, OrderError> {
    let deed = settle(canary, order)?;
    let mut speaker = Speaker { canary, children, says: Says::default() };
    if let Deed::Nothing(why) = &deed {
        speaker.says.warn(why);
        let summary = format!("{} changes nothing: {why}", order.action.words());
        return Ok(Proposal { preview: speaker.says.preview(summary, 0), no_op: true });
    }
    if let Some(rule) = missing(canary, order.action, grants) {
        return Err(OrderError::Forbidden { rule });
    }
    let summary = match &deed {
        Deed::Nothing(why) => why.clone(),
        Deed::Suspend => speaker.suspend(),
        Deed::Resume => speaker.resume(),
        Deed::Open(gates) => speaker.open(gates),
        Deed::Skip(gates) => speaker.skip(gates),
        Deed::AskBack(gate) => speaker.ask_back(gate),
        Deed::FailChecks(threshold) => speaker.fail_checks(*threshold),
        Deed::Touch(kind) => speaker.touch(*kind, now),
    };
    speaker.says.same(noticed(canary));
    let pods = if matches!(order.action, Action::Pause | Action::Resume) { 0 } else { speaker.pods() };
    Ok(Proposal { preview: speaker.says.preview(summary, pods), no_op: false })
}

struct Speaker<'a> {
    canary: &'a Canary,
    children: Option<&'a Children>,
    says: Says,
}

impl Speaker<'_> {
    fn suspend(&mut self) -> String {
        let canary = self.canary;
        self.says.change("Flagger does nothing more with it: no step, no promotion");
        self.says.same(format!("traffic: {}", self.traffic()));
        self.says.warn("its checks stop too: however bad it does, it is not rolled back while it is suspended");
        self.kept_in_git("spec.suspend");
        format!("suspend {}", canary.meta.name)
    }

    fn resume(&mut self) -> String {
        let canary = self.canary;
        self.says.change(format!("Flagger goes on with it, its checks too: {}", state(canary)));
        if canary.status.failed_checks > 0 {
            self.says.warn(format!("{} of {} checks failed before", canary.status.failed_checks, canary.threshold()));
        }
        self.kept_in_git("spec.suspend");
        format!("resume {}", canary.meta.name)
    }

    fn open(&mut self, gates: &[Gate]) -> String {
        let canary = self.canary;
        let what = match canary.status.phase {
            Ok(CanaryPhase::Waiting) => "its analysis begins",
            Ok(CanaryPhase::WaitingPromotion) => "it is promoted",
            _ => "it gets its next share of traffic",
        };
        for gate in gates {
            self.says.change(format!("{} says yes for {}: {what}", gate.words(), canary.meta.name));
        }
        self.says.change("the gate is closed again once it went on");
        if canary
            .hooks(&Hook::ConfirmRollout)
            .chain(canary.hooks(&Hook::ConfirmTrafficIncrease))
            .chain(canary.hooks(&Hook::ConfirmPromotion))
            .count()
            > gates.len()
        {
            self.says.warn("all confirm webhooks of a Canary share one gate: another one that asks before it is closed is told yes too");
        }
        if matches!(canary.status.phase, Ok(CanaryPhase::WaitingPromotion)) {
            self.says.same("its metrics are checked on, and can still fail it");
            self.says.warn("the status shows a weight of 0 in this phase, although traffic is still split");
        }
        format!("open {}: {what}", gates.first().map_or_else(|| "the gate".to_owned(), Gate::words))
    }

    fn skip(&mut self, gates: &[Gate]) -> String {
        let canary = self.canary;
        self.says.change(format!(
            "{} gets the template of {}, and all traffic, as soon as its pods are ready",
            canary.primary(),
            canary.target.name
        ));
        self.says.change("no metric, no webhook and no gate is asked any more");
        for gate in gates {
            self.says.change(format!("{} says yes: it is asked before anything else", gate.words()));
        }
        self.says.change(
            "skipAnalysis is set, and unset once it is promoted: else every later release would skip its analysis too",
        );
        if canary.status.failed_checks > 0 {
            self.says.warn(format!("{} of {} checks failed so far", canary.status.failed_checks, canary.threshold()));
        }
        self.kept_in_git("spec.skipAnalysis");
        format!("promote {} without analysis", canary.meta.name)
    }

    fn back(&mut self) {
        let canary = self.canary;
        self.says.change(format!(
            "all traffic goes to {} ({} now), and {} is scaled to 0",
            canary.primary(),
            self.traffic(),
            canary.target.name
        ));
        if canary.suspended {
            self.says.change("it is suspended no more: while it is, Flagger does not look");
        }
        if canary.skips_analysis {
            self.says.change("skipAnalysis is unset: while it is set, it is promoted before anybody is asked");
        }
        self.says.same(format!(
            "{} {} still has the template that is given up, until another one is put there",
            canary.target.kind, canary.target.name
        ));
    }

    fn ask_back(&mut self, gate: &Gate) -> String {
        self.back();
        self.says.change(format!("{} says yes, and is closed again once it went back", gate.words()));
        format!("roll {} back by {}", self.canary.meta.name, gate.words())
    }

    fn fail_checks(&mut self, threshold: i64) -> String {
        self.back();
        self.says
            .change(format!("status.failedChecks: {} -> {threshold}, its threshold", self.canary.status.failed_checks));
        self.says.warn(format!("that is documented nowhere, and allowed by the annotation {ALLOW_STATUS_ROLLBACK}; a write of Flagger's at the same moment may undo it"));
        format!("roll {} back by failing its checks", self.canary.meta.name)
    }

    fn touch(&mut self, kind: Kind, now: DateTime<Utc>) -> String {
        let canary = self.canary;
        self.says.change(format!(
            "an annotation in the pod template of {} {} is set to {}: that is a new release of the same images",
            kind.kind,
            canary.target.name,
            now.format("%Y-%m-%dT%H:%M:%SZ")
        ));
        self.says.change("its analysis begins anew");
        self.says.warn("nothing of what made it fail has changed by that");
        if canary.autoscaler.is_none() {
            self.says.same(format!("{} serves as before", canary.primary()));
        }
        self.kept_in_git("the annotation");
        format!("retry {}: touch the template of {} {}", canary.meta.name, kind.kind, canary.target.name)
    }

    fn traffic(&self) -> String {
        match self.canary.split() {
            Split::Status(weight) | Split::Plan(weight) => format!(
                "{weight} % to {}, {} % to {}",
                self.canary.target.name,
                TOTAL_WEIGHT - weight,
                self.canary.primary()
            ),
            Split::Matching => format!("requests that match go to {}", self.canary.target.name),
            Split::None => format!("all of it to {}", self.canary.primary()),
        }
    }

    /// The pods of the target, where they are known.
    fn pods(&self) -> u32 {
        let kind = self.canary.target.known_kind();
        let objects = kind.and_then(|kind| self.children.map(|children| children.of(kind))).unwrap_or_default();
        let target = objects
            .iter()
            .find(|object| read::text(object, "/metadata/name").as_ref() == Some(&self.canary.target.name));
        target.and_then(|target| read::count(target, "/status/replicas")).unwrap_or(0)
    }

    fn kept_in_git(&mut self, what: &str) {
        let meta = &self.canary.meta;
        for (key, tool) in FROM_GIT {
            if meta.annotations.contains_key(key) || meta.labels.contains_key(key) {
                self.says.warn(format!("{tool} keeps this Canary as it is in Git: it may put {what} back"));
                return;
            }
        }
    }
}
