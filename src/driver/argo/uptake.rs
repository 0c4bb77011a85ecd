//! What a Rollout says about an order that was sent: from the order and the Rollout as it is now alone, so
//! that it serves after a crash too.
//!
//! A Rollout that has another candidate now is never waited for: what widens was to be done to that candidate
//! alone. Where that one became the stable version the order was taken up; else nobody can tell any more, and
//! [`Look::NoOp`] says so.

use chrono::{DateTime, Utc};

use super::{
    act::journey,
    object::{Rollout, Strategy},
    revision::{Ordered, Unseen, revision, unseen},
};
use crate::{
    domain::{Action, RollbackTo, SafeText},
    driver::{
        Order,
        kubernetes::{meta::Writer, uptake::Look},
    },
};

/// What a Rollout says about an order that was sent.
#[must_use]
pub fn look(rollout: &Rollout, order: &Order) -> Look {
    let looker = Looker { rollout, order, ordered: Ordered::of(&order.revision) };
    let same = looker.ordered.is_candidate_of(rollout);
    match order.action {
        Action::Pause => looker.pause(same),
        Action::Resume => looker.resume(same),
        Action::Promote | Action::PromoteFull | Action::Retry | Action::Terminate if !same => looker.superseded(),
        Action::Promote => looker.promote(),
        Action::PromoteFull => looker.promote_full(),
        Action::Rollback => looker.rollback(same),
        Action::Retry => looker.retry(),
        Action::Restart => looker.restart(),
        Action::Terminate => looker.terminate(),
    }
}

struct Looker<'a> {
    rollout: &'a Rollout,
    order: &'a Order,
    ordered: Ordered<'a>,
}

impl Looker<'_> {
    fn pause(&self, same: bool) -> Look {
        if self.rollout.paused {
            return self.seen("it is paused");
        }
        if let Some(writer) = self.written_since("spec.paused") {
            return no_op(format!("{} ended the pause since", name(writer)));
        }
        if same { waiting("it is not paused yet") } else { self.superseded() }
    }

    fn resume(&self, same: bool) -> Look {
        if !self.rollout.paused {
            return self.seen(format!("no person's pause holds it: {}", journey::state(self.rollout)));
        }
        if let Some(writer) = self.written_since("spec.paused") {
            return no_op(format!("{} paused it again since", name(writer)));
        }
        if same { waiting("a person's pause still holds it") } else { self.superseded() }
    }

    /// T1: an answer to a pause may be stored and not be noticed.
    fn promote(&self) -> Look {
        let (rollout, status) = (self.rollout, &self.rollout.status);
        if status.abort {
            return no_op("it was aborted since");
        }
        if rollout.is_fully_promoted() {
            return taken(format!("{} is the stable one", journey::present(rollout)));
        }
        if status.controller_pause && status.pauses.is_empty() {
            return Look::Swallowed(SafeText::new(
                "the promotion is stored: its controller still counts it as paused, and gives no reason any more",
            ));
        }
        let has_advanced = match (self.ordered.step, status.step_index) {
            (Some(then), Some(now)) => now > then,
            _ => false,
        };
        let has_answered = self.ordered.waited && status.pauses.is_empty();
        // Where no step was to be left, only a person's pause was to end.
        let had_no_step = !self.ordered.waited && self.ordered.step.is_none_or(|step| step >= rollout.steps().len());
        if !(has_advanced || has_answered || had_no_step || status.promote_full) {
            let unchanged = revision(rollout) == self.order.revision;
            return waiting(if unchanged { "it is as it was" } else { "it moved, and the step is the same" });
        }
        if rollout.paused {
            return waiting("the step is done, and a person's pause still holds it");
        }
        taken(journey::state(rollout))
    }

    fn promote_full(&self) -> Look {
        let (rollout, status) = (self.rollout, &self.rollout.status);
        if status.abort {
            return no_op("it was aborted since");
        }
        if unseen(rollout).is_none() && rollout.is_fully_promoted() {
            return taken(format!("{} is the stable one", journey::present(rollout)));
        }
        if rollout.paused {
            return waiting("a person's pause still holds it");
        }
        if !status.promote_full {
            return waiting("it is not being promoted fully: its controller has not kept it, or it was not stored");
        }
        let steps = rollout.steps().len();
        let has_reacted = status.pauses.is_empty()
            && match &rollout.strategy {
                Strategy::Canary(_) => steps == 0 || status.step_index.is_some_and(|index| index >= steps),
                Strategy::BlueGreen(_) | Strategy::Unknown => !status.controller_pause,
            };
        if has_reacted {
            taken("it goes on without steps and pauses; its pods are waited for")
        } else {
            Look::Swallowed(SafeText::new("the full promotion is stored, and its controller has not reacted"))
        }
    }

    fn rollback(&self, same: bool) -> Look {
        let (rollout, status) = (self.rollout, &self.rollout.status);
        if !same {
            return self.undone();
        }
        if let Some(RollbackTo::Revision(number)) = &self.order.to {
            if rollout.revision_number() == *number {
                return no_op(format!("{} is what it was to go back to", journey::present(rollout)));
            }
            return waiting(match unseen(rollout) {
                Some(_) => "its controller has not seen the newest spec yet",
                None => "its template is the one it was",
            });
        }
        // What was aborted when it was ordered, and held by nobody, was to be undone.
        let is_undo = self.ordered.aborted && !self.ordered.paused;
        if is_undo || !status.abort {
            return waiting(match unseen(rollout) {
                Some(Unseen::Own(_) | Unseen::Workload(_)) => "its controller has not seen the newest spec yet",
                None if is_undo || rollout.is_fully_promoted() => "it is at the revision that it was at",
                None => "it is not aborted",
            });
        }
        if rollout.paused {
            // T2
            return waiting("it is aborted, and a person's pause keeps its pods as they are");
        }
        if status.promote_full {
            return waiting("an abort is stored, and not taken up while a full promotion is under way");
        }
        let aborted = rollout.condition("Progressing").is_some_and(|condition| condition.reason == "RolloutAborted");
        if status.aborted_at.is_some() || aborted {
            let back = if status.updated > 0 && !status.stable_hash.is_empty() {
                format!("it was aborted: {} of {} left", journey::counted(status.updated), journey::present(rollout))
            } else {
                format!("it was aborted: no pods of {} left", journey::present(rollout))
            };
            return taken(back);
        }
        Look::Swallowed(SafeText::new("the abort is stored, and its controller has not reacted"))
    }

    /// A roll back after which there is another candidate: its own undo, or somebody's release.
    fn undone(&self) -> Look {
        let (rollout, status) = (self.rollout, &self.rollout.status);
        let present = journey::present(rollout);
        if let Some(writer) = self.written_since("spec.template") {
            return no_op(format!("{} set another template since: it is at {present}", name(writer)));
        }
        let asked = match &self.order.to {
            Some(to) => format!("; asked for was the template of revision {to}"),
            None => String::new(),
        };
        if rollout.is_fully_promoted() && !status.pod_hash.is_empty() {
            taken(format!("it went back to {present}, which is stable{asked}"))
        } else {
            taken(format!("it is on its way to {present}{asked}"))
        }
    }

    fn retry(&self) -> Look {
        let status = &self.rollout.status;
        if !status.abort {
            return if status.aborted_at.is_none() {
                taken(format!("it began again: {}", journey::state(self.rollout)))
            } else {
                Look::Swallowed(SafeText::new("the retry is stored, and its controller has not reacted"))
            };
        }
        if status.aborted_at.is_some_and(|at| at > self.order.at) {
            return taken("it began again, and was aborted again");
        }
        waiting("it is still aborted")
    }

    fn restart(&self) -> Look {
        let status = &self.rollout.status;
        // Written in whole seconds.
        let since = |at: DateTime<Utc>| at.timestamp() >= self.order.at.timestamp();
        match self.rollout.restart_at {
            Some(at) if since(at) && status.restarted_at == Some(at) => taken("all pods were made anew"),
            Some(at) if since(at) => self.seen("pods are being made anew"),
            _ if status.restarted_at.is_some_and(since) => taken("all pods were made anew"),
            _ => waiting("no restart is asked for"),
        }
    }

    fn terminate(&self) -> Look {
        let status = &self.rollout.status;
        let runs = [&status.step_run, &status.pre_promotion_run, &status.post_promotion_run, &status.background_run];
        let running = runs.into_iter().flatten().find(|run| !run.is_completed() && !run.name.is_empty());
        match running {
            None => taken(format!("no analysis runs: {}", journey::state(self.rollout))),
            Some(_) if self.ordered.step != status.step_index => taken(journey::state(self.rollout)),
            Some(run) => waiting(format!("analysis {} still runs", run.name)),
        }
    }

    /// There is another candidate than the one that the order was for.
    fn superseded(&self) -> Look {
        let (rollout, status) = (self.rollout, &self.rollout.status);
        let present = journey::present(rollout);
        if !self.ordered.hash.is_empty()
            && status.stable_hash == self.ordered.hash
            && matches!(self.order.action, Action::Promote | Action::PromoteFull)
        {
            return taken(format!("{} became the stable one; it is at {present} now", self.ordered.hash));
        }
        no_op(format!("it is at {present} now: whether it was taken up before cannot be told any more"))
    }

    /// It is in the spec: done once the controller has seen that.
    fn seen(&self, words: impl AsRef<str>) -> Look {
        match unseen(self.rollout) {
            None => Look::TakenUp(SafeText::new(words)),
            Some(_) => waiting("it is stored, and its controller has not seen it yet"),
        }
    }

    /// Who else wrote a field after the order was decided.
    fn written_since(&self, field: &str) -> Option<&Writer> {
        let writer = self.rollout.meta.writer(field)?;
        // Times of writers are in whole seconds.
        let is_later = writer.at.is_some_and(|at| at.timestamp() > self.order.at.timestamp());
        (is_later && !super::elsewhere::is_ours(writer.manager.as_str())).then_some(writer)
    }
}

fn name(writer: &Writer) -> &str {
    if writer.manager.is_empty() { "somebody" } else { writer.manager.as_str() }
}

fn taken(words: impl AsRef<str>) -> Look {
    Look::TakenUp(SafeText::new(words))
}

fn waiting(words: impl AsRef<str>) -> Look {
    Look::Waiting(SafeText::new(words))
}

fn no_op(words: impl AsRef<str>) -> Look {
    Look::NoOp(SafeText::new(words))
}

#[cfg(test)]
mod tests;
