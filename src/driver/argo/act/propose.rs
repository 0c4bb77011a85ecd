//! What an order would do, said before anybody does it.

use chrono::{DateTime, Utc};

use super::{
    Deed, Promotion, Way, aborted_for, journey,
    offers::missing,
    requests::{already_there, refused, settle},
    rules::rules,
    undo,
};
use crate::{
    domain::{Action, SafeText},
    driver::{
        Order, OrderError, Proposal,
        argo::object::{Rollout, RunStatus, Strategy, revision_of},
        kubernetes::{
            children::Children,
            grants::Grants,
            meta::{FROM_GIT, Meta},
            preview::Says,
            read,
            request::Kind,
        },
    },
};

/// What an order would do to the rollout as it was last seen.
///
/// # Errors
/// [`OrderError::Moved`], [`OrderError::Refused`] or [`OrderError::Forbidden`] when it cannot be done.
pub fn propose(
    rollout: &Rollout,
    children: Option<&Children>,
    order: &Order,
    grants: &Grants,
    now: DateTime<Utc>,
) -> Result<Proposal, OrderError> {
    let deed = settle(rollout, order)?;
    if let Deed::Nothing(why) = &deed {
        return Ok(no_op(order.action, why));
    }
    if let Some(rule) = missing(rollout, order.action, grants) {
        return Err(OrderError::Forbidden { rule });
    }
    let mut speaker = Speaker { rollout, children, grants, avoid: &order.avoid, says: Says::default() };
    let (summary, pods) = match deed {
        Deed::Nothing(why) => return Ok(no_op(order.action, &why)),
        Deed::Nudge => speaker.nudge(),
        Deed::Pause => speaker.pause(),
        Deed::Resume => speaker.resume(),
        Deed::Promote(promotion) => speaker.promote(promotion),
        Deed::PromoteFull => speaker.promote_full(),
        Deed::Abort => speaker.abort(),
        Deed::Retry => speaker.retry(),
        Deed::Restart => speaker.restart(now),
        Deed::Terminate(run) => speaker.terminate(&run),
        Deed::Undo(way) => match speaker.undo(way)? {
            Ok(said) => said,
            Err(why) => return Ok(no_op(order.action, &why)),
        },
    };
    Ok(Proposal { preview: speaker.says.preview(summary, pods), no_op: false })
}

fn no_op(action: Action, why: &str) -> Proposal {
    let mut says = Says::default();
    says.warn(why);
    Proposal { preview: says.preview(format!("{} changes nothing: {why}", action.words()), 0), no_op: true }
}

struct Speaker<'a> {
    rollout: &'a Rollout,
    children: Option<&'a Children>,
    grants: &'a Grants,
    /// What an undo that names no revision does not go to.
    avoid: &'a [SafeText],
    says: Says,
}

type Said = (String, u32);

impl Speaker<'_> {
    fn nudge(&mut self) -> Said {
        self.says
            .change("its controller is made to look again: an answer to its pause is stored, and was not taken up");
        self.says.same("nothing is promoted a second time: no further step is skipped");
        ("have the promotion taken up that was sent before".to_owned(), 0)
    }

    fn pause(&mut self) -> Said {
        let rollout = self.rollout;
        self.says.change(format!("no pod is added or taken away, and no step ends, from {} on", self.place()));
        if matches!(rollout.strategy, Strategy::Canary(_)) && rollout.status.updated > 0 {
            self.says.same(format!(
                "{} of {} new version keep what they get of the traffic",
                journey::counted(rollout.status.updated),
                if rollout.status.updated == 1 { "the" } else { "its" }
            ));
        }
        self.says.same("analyses run on, and one that fails still aborts it");
        if rollout.is_fully_promoted() {
            self.says.warn("it has finished: what is held is the next revision");
        }
        self.kept_in_git("spec.paused");
        (format!("pause at {}", self.place()), 0)
    }

    fn resume(&mut self) -> Said {
        let rollout = self.rollout;
        if rollout.status.abort && !rollout.is_fully_promoted() {
            self.says.change("it goes back: it was aborted, and the pause held its pods");
            return ("end the pause, so that it goes back".to_owned(), rollout.status.updated);
        }
        self.says.change(format!("it goes on at {}", self.place()));
        self.says.same("no step is skipped, and a pause of its steps is not answered");
        if !rollout.status.pauses.is_empty() {
            self.says.warn(format!("it waits on: {}", journey::waits(rollout)));
        }
        self.kept_in_git("spec.paused");
        (format!("resume at {}", self.place()), 0)
    }

    fn promote(&mut self, promotion: Promotion) -> Said {
        let rollout = self.rollout;
        let at = rollout.status.step_index.unwrap_or(0);
        let next = match promotion {
            Promotion::Unpauses => {
                self.says.change("the pause that a person made ends");
                self.says.same("there is no step to be skipped");
                return ("end the pause: there is no step to be promoted".to_owned(), 0);
            }
            Promotion::AnswersPause if rollout.steps().is_empty() => return self.switch(),
            Promotion::AnswersPause => at + 1,
            Promotion::LeavesInconclusive { next } | Promotion::SkipsStep { next } => next,
        };
        match promotion {
            Promotion::SkipsStep { .. } => {
                self.says.change(format!("{} is skipped while it runs", journey::step(rollout, at)));
                if let Some(run) = rollout.status.step_run.as_ref().filter(|run| !run.is_completed()) {
                    self.says.warn(format!(
                        "analysis {} is not waited for: what it would have found counts for nothing",
                        run.name
                    ));
                }
            }
            Promotion::LeavesInconclusive { .. } => {
                self.says
                    .change(format!("{} ends, although its analysis was inconclusive", journey::step(rollout, at)));
            }
            Promotion::AnswersPause | Promotion::Unpauses => {
                self.says.change(format!("{} ends", journey::step(rollout, at)));
                if rollout.status.pauses.iter().any(|pause| pause.reason.starts_with("Inconclusive")) {
                    self.says.warn(journey::waits(rollout));
                }
            }
        }
        if next < rollout.steps().len() {
            self.says.change(format!("{} begins", journey::step(rollout, next)));
        }
        let stop = journey::next_stop(rollout, next);
        let (now, then) = (journey::weight(rollout, at), journey::weight(rollout, stop.unwrap_or(usize::MAX)));
        let pods = self.weight(now, then);
        match stop {
            Some(stop) => self.says.change(format!("it stops next at {}", journey::step(rollout, stop))),
            None => self
                .says
                .change(format!("{} becomes the stable one once its pods are available", journey::present(rollout))),
        }
        if rollout.paused {
            self.says.warn("a person paused it: that ends too. To go on without skipping a step, resume");
        }
        self.background();
        let to = if next < rollout.steps().len() { journey::step(rollout, next) } else { "its end".to_owned() };
        (format!("promote {} to {to}: weight {now} -> {then}", journey::present(rollout)), pods)
    }

    /// The promotion of a blue-green rollout, or of one without steps.
    fn switch(&mut self) -> Said {
        let rollout = self.rollout;
        let present = journey::present(rollout);
        let Strategy::BlueGreen(plan) = &rollout.strategy else {
            self.says.change("its pause ends");
            return (format!("promote {present}"), rollout.replicas);
        };
        self.says.change(format!("service {} leads to {present} instead of {}", plan.active_service, self.stable()));
        if plan.post_promotion.is_some() {
            self.says.same("the analysis after the switch is made, and one that fails switches back");
        }
        if let Some(run) = rollout.status.pre_promotion_run.as_ref().filter(|run| !run.is_completed()) {
            self.says.warn(format!("analysis {} before the switch is still waited for", run.name));
        }
        if rollout.paused {
            self.says.warn("a person paused it: that ends too");
        }
        (format!("promote {present}: service {} leads to it", plan.active_service), rollout.replicas)
    }

    fn promote_full(&mut self) -> Said {
        let rollout = self.rollout;
        let status = &rollout.status;
        let present = journey::present(rollout);
        let at = status.step_index.unwrap_or(0);
        let left = rollout.steps().len().saturating_sub(at);
        if left > 0 {
            self.says.change(format!(
                "{left} of {} steps are skipped, from {} on",
                rollout.steps().len(),
                journey::step(rollout, at)
            ));
        }
        for run in [&status.step_run, &status.pre_promotion_run, &status.post_promotion_run, &status.background_run] {
            if let Some(run) = run.as_ref().filter(|run| !run.is_completed()) {
                self.says.warn(format!("analysis {} is ended: what it would have found counts for nothing", run.name));
            }
        }
        let pods = match &rollout.strategy {
            Strategy::Canary(_) => self.weight(journey::weight(rollout, at), journey::max_weight(rollout)),
            Strategy::BlueGreen(plan) => {
                self.says.change(format!(
                    "service {} leads to {present} instead of {}",
                    plan.active_service,
                    self.stable()
                ));
                rollout.replicas
            }
            Strategy::Unknown => rollout.replicas,
        };
        self.says.same(format!("{present} becomes the stable one only once all of its pods are available"));
        if rollout.paused {
            self.says.change("the pause that a person made ends");
        }
        (format!("promote {present} fully, without steps, pauses and analyses"), pods)
    }

    fn abort(&mut self) -> Said {
        let rollout = self.rollout;
        let status = &rollout.status;
        let (present, stable) = (journey::present(rollout), self.stable());
        match &rollout.strategy {
            Strategy::BlueGreen(plan) if status.active_hash == status.pod_hash => {
                self.says.change(format!("service {} leads to {stable} again", plan.active_service));
            }
            Strategy::BlueGreen(plan) => {
                self.says.same(format!("service {} leads to {stable}, as it did", plan.active_service));
            }
            Strategy::Canary(_) | Strategy::Unknown => {
                let now = journey::weight(rollout, status.step_index.unwrap_or(0));
                let now = if status.abort { 0 } else { now };
                self.says.change(format!("weight {now} -> 0: all traffic goes to {stable}"));
            }
        }
        self.says.change(self.scaled_down());
        if status.promote_full {
            self.says.change("the full promotion that is under way ends");
        }
        if rollout.paused {
            let rule = rules(rollout, Action::Rollback);
            match rule.get(1).filter(|rule| self.grants.allows(rule) == Some(false)) {
                Some(rule) => self.says.warn(format!(
                    "a person paused it, and the cluster forbids ending that ({rule}): while it is paused, its pods stay as they are"
                )),
                None => self.says.change("the pause that a person made ends: while it is paused, its pods would stay as they are"),
            }
        }
        self.still_named();
        (format!("abort {present}, back to {stable}"), status.updated)
    }

    fn retry(&mut self) -> Said {
        let rollout = self.rollout;
        let present = journey::present(rollout);
        let first =
            if rollout.steps().is_empty() { String::new() } else { format!(" at {}", journey::step(rollout, 0)) };
        self.says.change(format!("{present} begins again{first}, with new analyses"));
        if let Some(cause) = aborted_for(rollout) {
            self.says.warn(format!("it was aborted: {cause}; nothing of that has changed by a retry"));
        }
        self.still_named();
        if rollout.paused {
            self.says.warn("a person paused it: nothing moves until it is resumed");
        }
        if matches!(rollout.strategy, Strategy::BlueGreen(_)) && self.may_be_kept_warm() {
            // The controller takes pods that are to be scaled down later for those of a version to go back to
            // (argo-rollouts, `rollout/bluegreen.go`, `isBlueGreenFastTracked`).
            self.says.warn(format!(
                "pods of {present} that have not been scaled down since the abort are switched to at once: the pause before the switch is passed over"
            ));
        }
        let stop = journey::next_stop(rollout, 0);
        let weight = journey::weight(rollout, stop.unwrap_or(usize::MAX));
        let pods = if rollout.steps().is_empty() { rollout.replicas } else { self.weight(0, weight) };
        (format!("retry {present} from its beginning"), pods)
    }

    fn restart(&mut self, now: DateTime<Utc>) -> Said {
        let rollout = self.rollout;
        let pods = rollout.status.replicas.max(rollout.replicas);
        self.says.change(format!(
            "{} made before {} are evicted and made anew, some at a time",
            journey::counted(pods),
            now.format("%H:%M:%SZ")
        ));
        self.says.same(format!("{}: no other version, no step, no weight", journey::present(rollout)));
        self.says.same("disruption budgets hold: one that allows no eviction makes it wait");
        (format!("restart {}, stable ones too", journey::counted(pods)), pods)
    }

    fn terminate(&mut self, run: &RunStatus) -> Said {
        let status = &self.rollout.status;
        self.says.change(format!("analysis {} measures no more", run.name));
        self.says.warn("what has not failed by now counts as passed");
        if status.step_run.as_ref() == Some(run) {
            let at = status.step_index.unwrap_or(0);
            self.says.change(format!("{} passes, and it goes on", journey::step(self.rollout, at)));
        } else if status.pre_promotion_run.as_ref() == Some(run) {
            self.says.change("the check before the switch passes");
        } else if status.post_promotion_run.as_ref() == Some(run) {
            self.says.change("the check after the switch passes, and the new version becomes the stable one");
        } else {
            self.says.change("nothing measures beside the steps any more");
        }
        self.says.same("to stop the rollout, roll back");
        (format!("end analysis {}: what has not failed counts as passed", run.name), 0)
    }

    /// What an undo says; or why it would change nothing.
    fn undo(&mut self, way: Way) -> Result<Result<Said, String>, OrderError> {
        let rollout = self.rollout;
        let place = undo::place(rollout).map_err(refused)?;
        let Some(children) = self.children else {
            let to = match way {
                Way::Stable => format!("the stable {}", self.stable()),
                Way::Previous => "the revision before".to_owned(),
                Way::Number(number) => format!("revision {number}"),
            };
            self.says.warn(
                "its ReplicaSets are not read yet: whether that revision is still there, and its images, is not known",
            );
            self.says.change(format!("the template of {to} is put into {} {}", place.kind.kind, place.name));
            return Ok(Ok((format!("undo {}: back to {to}", journey::present(rollout)), rollout.replicas)));
        };
        let past = undo::find(rollout, children.of(Kind::REPLICA_SET), way, self.avoid).map_err(refused)?;
        if let Some(why) = already_there(rollout, &past) {
            return Ok(Err(why));
        }
        let target = past.name();
        let images = past.images();
        self.says.change(format!("the template of {target} is put into {} {}", place.kind.kind, place.name));
        self.says.change(format!("images: {} -> {}", list(&self.images()), list(&images)));
        let is_stable = !past.hash.is_empty() && past.hash == rollout.status.stable_hash;
        let blue_green = matches!(rollout.strategy, Strategy::BlueGreen(_));
        if is_stable {
            self.says.change("it is the stable one: no step is made, and it is healthy once its pods are available");
        } else if blue_green && past.is_kept_warm() {
            self.says.change("its pods are still there: the switch back waits for nobody");
        } else {
            self.says.change("it is an update like any other: its steps, pauses and analyses begin anew, unless spec.rollbackWindow covers it");
            if way == Way::Previous {
                self.says.same("its number becomes the newest, whatever it was");
            }
        }
        if rollout.paused {
            self.says.change("the pause that a person made ends");
        }
        if let Some(run) = self.failed_run(&past) {
            self.says.warn(format!("analysis {run} of {target} failed: it may never have been stable"));
        } else {
            self.says.pass(format!("{target} is still there"));
        }
        self.kept_in_git("the template");
        let pods = rollout.replicas;
        Ok(Ok((format!("undo {}: back to {target}, {}", journey::present(rollout), list(&images)), pods)))
    }

    /// Whether the candidate's pods are only to be scaled down later; true where its replica set is not read.
    fn may_be_kept_warm(&self) -> bool {
        let Some(children) = self.children else { return true };
        let history = undo::history(self.rollout, children.of(Kind::REPLICA_SET));
        let candidate = history.iter().find(|past| past.hash == self.rollout.status.pod_hash);
        candidate.is_none_or(undo::Past::is_kept_warm)
    }

    /// Where it is, for a sentence.
    fn place(&self) -> String {
        let rollout = self.rollout;
        match (rollout.steps().is_empty(), rollout.status.step_index) {
            (false, index) => journey::step(rollout, index.unwrap_or(0)),
            (true, _) => journey::present(rollout),
        }
    }

    fn stable(&self) -> String {
        let hash = &self.rollout.status.stable_hash;
        let history = self.children.map(|children| undo::history(self.rollout, children.of(Kind::REPLICA_SET)));
        let past = history.into_iter().flatten().find(|past| past.hash == *hash);
        past.map_or_else(|| journey::revision(0, hash), |past| past.name())
    }

    /// Says how a weight changes, and tells how many more pods that is about.
    fn weight(&mut self, now: u32, then: u32) -> u32 {
        let rollout = self.rollout;
        let (wanted, of) = (journey::pods(rollout, then), rollout.replicas);
        if now == then {
            self.says.same(format!("weight {now}"));
        } else {
            self.says.change(format!("weight {now} -> {then}: about {wanted} of {of} pods"));
        }
        wanted.saturating_sub(rollout.status.updated)
    }

    fn scaled_down(&self) -> String {
        let pods = journey::counted(self.rollout.status.updated);
        let delay = match &self.rollout.strategy {
            // The default where traffic is routed (argo-rollouts, `utils/defaults/defaults.go`).
            Strategy::Canary(canary) if canary.router.is_some() => Some(canary.abort_scale_down_delay.unwrap_or(30)),
            _ => None,
        };
        match delay {
            Some(0) => format!("{pods} of it stay, without traffic"),
            Some(seconds) => format!("{pods} of it go after {seconds}s"),
            None => format!("{pods} of it go"),
        }
    }

    /// T10: an abort and a retry leave the spec as it is.
    fn still_named(&mut self) {
        let images = self.images();
        let named = if images.is_empty() { String::new() } else { format!(" ({})", list(&images)) };
        self.says.same(format!(
            "the spec still names {}{named} until it is undone, or another is set",
            journey::present(self.rollout)
        ));
    }

    fn background(&mut self) {
        if let Some(run) = self.rollout.status.background_run.as_ref().filter(|run| !run.is_completed()) {
            self.says.same(format!("analysis {} beside the steps runs on, and aborts it where it fails", run.name));
        }
    }

    /// The images of what is wanted now: of its own template, or of the `ReplicaSet` made of the one referred to.
    fn images(&self) -> Vec<SafeText> {
        if !self.rollout.images.is_empty() {
            return self.rollout.images.clone();
        }
        let sets = self.children.map_or(&[][..], |children| children.of(Kind::REPLICA_SET));
        let history = undo::history(self.rollout, sets);
        history
            .iter()
            .find(|past| past.hash == self.rollout.status.pod_hash)
            .map(undo::Past::images)
            .unwrap_or_default()
    }

    /// An analysis of that revision that failed, where it is still there.
    fn failed_run(&self, past: &undo::Past<'_>) -> Option<SafeText> {
        let runs = self.children.map_or(&[][..], |children| children.of(Kind::ANALYSIS_RUN));
        let failed = |run: &&serde_json::Value| {
            let phase = read::text(run, "/status/phase").unwrap_or_default();
            matches!(phase.as_str(), "Failed" | "Error") && revision_of(&Meta::read(run, &[])) == past.number
        };
        runs.iter().find(failed).map(|run| read::shown(run, "/metadata/name"))
    }

    /// Warns where a tool keeps the spec as it is in Git.
    fn kept_in_git(&mut self, what: &str) {
        let meta = &self.rollout.meta;
        let marked = |key: &str| meta.annotations.contains_key(key) || meta.labels.contains_key(key);
        if let Some((_, tool)) = FROM_GIT.into_iter().find(|(key, _)| marked(key)) {
            self.says.warn(format!("{tool} keeps this Rollout as it is in Git: it may put {what} back"));
        }
    }
}

fn list(images: &[SafeText]) -> String {
    if images.is_empty() {
        return "not known".to_owned();
    }
    images.iter().map(SafeText::as_str).collect::<Vec<_>>().join(", ")
}
