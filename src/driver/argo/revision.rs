//! What an order is compared against: which candidate a rollout has, and how far it is with it.
//!
//! A revision is written `12-6f8c7:3w-1a2b3c4d`. Before the colon stands the candidate: its number and
//! the hash of its pod template. After it, the step it is at (`x` where it has none), `w` where the
//! controller waits for somebody or for a time, `p` where a person paused it, `a` where it was aborted, and
//! a digest over all that is to change a revision.
//! While the controller has not seen the newest spec, nobody knows what the candidate's number and hash
//! will be; then the generation that it has yet to see stands there too (`3g14-…`, and `3r7-…` for that of
//! a workload referred to): what was decided on that spec still holds once it was seen.

use sha2::{Digest as _, Sha256};

use super::object::{Rollout, WORKLOAD_GENERATION};
use crate::{
    domain::{Revision, SafeText, hex},
    driver::candidate,
};

/// A spec that the controller has not seen yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    /// Its own, of that generation.
    Own(i64),
    /// That of the workload it refers to.
    Workload(i64),
}

/// The revision of a rollout: changes with plan, phase, step and candidate, and not with counts and times.
#[must_use]
pub fn revision(rollout: &Rollout) -> Revision {
    let status = &rollout.status;
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update(part);
        digest.update([0]);
    };
    add(&rollout.plan);
    add(&status.phase);
    add(&status.step_index.map(|index| index.to_string()).unwrap_or_default());
    add(&status.step_hash);
    for flag in [rollout.paused, status.abort, status.promote_full, status.controller_pause] {
        add(if flag { "1" } else { "0" });
    }
    add(&status.stable_hash);
    for pause in &status.pauses {
        add(&pause.reason);
    }
    let digest = hex(&digest.finalize()[..4]);
    let step = status.step_index.map_or_else(|| "x".to_owned(), |index| index.to_string());
    let flags = [(!status.pauses.is_empty(), 'w'), (rollout.paused, 'p'), (status.abort, 'a')];
    let flags: String = flags.into_iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect();
    let unseen = match unseen(rollout) {
        None => String::new(),
        Some(Unseen::Own(generation)) => format!("g{generation}"),
        Some(Unseen::Workload(generation)) => format!("r{generation}"),
    };
    Revision(SafeText::new(format!("{}-{}:{step}{flags}{unseen}-{digest}", rollout.revision_number(), status.pod_hash)))
}

/// What the controller has yet to see of what is wanted; none where it has seen all of it, and where an
/// old controller wrote something else than a generation (argo-rollouts, `utils/rollout/rolloututil.go`).
pub(super) fn unseen(rollout: &Rollout) -> Option<Unseen> {
    let seen = rollout.status.observed_generation.parse::<i64>().ok();
    if let (Some(seen), Some(generation)) = (seen, rollout.meta.generation)
        && seen < generation
    {
        return Some(Unseen::Own(generation));
    }
    rollout.workload.as_ref()?;
    let wanted = rollout.meta.annotations.get(WORKLOAD_GENERATION)?.parse::<i64>().ok()?;
    let seen = rollout.status.workload_observed_generation.parse::<i64>().ok()?;
    (seen != wanted).then_some(Unseen::Workload(wanted))
}

/// What a revision says, read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ordered<'a> {
    /// The candidate: number and hash.
    pub candidate: &'a str,
    /// The hash of the candidate's pod template; empty where it had none.
    pub hash: &'a str,
    /// The step it was at.
    pub step: Option<usize>,
    /// Whether the controller waited.
    pub waited: bool,
    /// Whether a person had paused it.
    pub paused: bool,
    /// Whether it was aborted.
    pub aborted: bool,
    /// What the controller had yet to see.
    pub unseen: Option<Unseen>,
}

impl<'a> Ordered<'a> {
    /// Reads a revision. One of another form is of a candidate that no rollout has.
    pub fn of(revision: &'a Revision) -> Self {
        let candidate = candidate(revision);
        let hash = candidate.split_once('-').map_or("", |(_, hash)| hash);
        let rest = revision.0.as_str().get(candidate.len() + 1..).unwrap_or_default();
        let rest = rest.split_once('-').map_or("", |(state, _)| state);
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (step, rest) = rest.split_at(digits);
        let mut rest = rest.strip_prefix('x').unwrap_or(rest);
        let mut flag = |letter: char| {
            let after = rest.strip_prefix(letter);
            rest = after.unwrap_or(rest);
            after.is_some()
        };
        let (waited, paused, aborted) = (flag('w'), flag('p'), flag('a'));
        let unseen = match rest.split_at_checked(1) {
            Some(("g", number)) => number.parse().ok().map(Unseen::Own),
            Some(("r", number)) => number.parse().ok().map(Unseen::Workload),
            _ => None,
        };
        Self { candidate, hash, step: step.parse().ok(), waited, paused, aborted, unseen }
    }

    /// Whether a rollout still has that candidate, or has the one now that the controller had yet to see.
    pub fn is_candidate_of(&self, rollout: &Rollout) -> bool {
        candidate(&revision(rollout)) == self.candidate || self.was_seen_by_now(rollout)
    }

    /// Whether the order was made on a spec that the controller had yet to see, and that is the one it has
    /// seen now.
    pub fn was_seen_by_now(&self, rollout: &Rollout) -> bool {
        unseen(rollout).is_none()
            && match self.unseen {
                None => false,
                Some(Unseen::Own(generation)) => rollout.meta.generation == Some(generation),
                Some(Unseen::Workload(generation)) => {
                    let present = rollout.meta.annotations.get(WORKLOAD_GENERATION);
                    present.is_some_and(|present| present.parse() == Ok(generation))
                }
            }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn object() -> Value {
        json!({
            "metadata": {"namespace": "shop", "name": "basket", "uid": "u1", "generation": 14,
                "annotations": {"rollout.argoproj.io/revision": "12"}},
            "spec": {"replicas": 5, "template": {"spec": {"containers": [{"image": "basket:2"}]}},
                "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]}}},
            "status": {"observedGeneration": "14", "currentPodHash": "6f8c7", "stableRS": "5d4b9", "currentStepIndex": 1,
                "phase": "Paused", "controllerPause": true, "updatedReplicas": 1, "currentStepHash": "h1",
                "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-05-01T10:00:00Z"}]},
        })
    }

    fn of(object: &Value) -> Revision {
        revision(&Rollout::read(object))
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut object = object();
        let (at, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(at).unwrap()[key] = value;
        object
    }

    #[test]
    fn counts_and_times_leave_a_revision_alone_and_all_that_matters_changes_it() {
        let base = of(&object());
        assert_eq!(candidate(&base), "12-6f8c7");
        assert!(base.0.as_str().starts_with("12-6f8c7:1w-"), "{base}");
        for (pointer, value) in [
            ("/status/updatedReplicas", json!(3)),
            ("/status/availableReplicas", json!(3)),
            ("/spec/replicas", json!(9)),
            ("/status/conditions", json!([{"type": "Progressing", "lastUpdateTime": "2026-05-01T10:00:00Z"}])),
            ("/status/pauseConditions/0/startTime", json!("2026-05-01T11:00:00Z")),
            ("/metadata/resourceVersion", json!("7")),
        ] {
            assert_eq!(of(&with(pointer, value)), base, "{pointer}");
        }
        for (pointer, value) in [
            ("/spec/paused", json!(true)),
            ("/spec/template", json!({})),
            ("/spec/strategy", json!({"canary": {"steps": [{"setWeight": 90}]}})),
            ("/status/phase", json!("Progressing")),
            ("/status/currentStepIndex", json!(2)),
            ("/status/currentStepHash", json!("h2")),
            ("/status/stableRS", json!("6f8c7")),
            ("/status/abort", json!(true)),
            ("/status/promoteFull", json!(true)),
            ("/status/pauseConditions", json!(null)),
            ("/status/currentPodHash", json!("7777")),
            ("/metadata/annotations", json!({"rollout.argoproj.io/revision": "13"})),
        ] {
            assert_ne!(of(&with(pointer, value)), base, "{pointer}");
        }
    }

    #[test]
    fn what_was_decided_on_a_spec_nobody_had_seen_holds_once_it_was_seen() {
        let behind = with("/metadata/generation", json!(15));
        let order = of(&behind);
        assert!(order.0.as_str().starts_with("12-6f8c7:1wg15-"), "{order}");
        let mut seen = with("/status/observedGeneration", json!("15"));
        seen["metadata"]["generation"] = json!(15);
        seen["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!("13");
        seen["status"]["currentPodHash"] = json!("aaaa");
        let ordered = Ordered::of(&order);
        assert!(ordered.is_candidate_of(&Rollout::read(&seen)));
        seen["metadata"]["generation"] = json!(16);
        assert!(!ordered.is_candidate_of(&Rollout::read(&seen)), "a newer spec is another one");
        seen["status"]["observedGeneration"] = json!("16");
        assert!(!ordered.is_candidate_of(&Rollout::read(&seen)));
        let hash = with("/status/observedGeneration", json!("58ff9d5cd7"));
        assert_eq!(unseen(&Rollout::read(&hash)), None, "controllers before 0.10 wrote a hash");
    }

    #[test]
    fn the_workload_referred_to_has_a_generation_of_its_own() {
        let mut object = object();
        object["spec"]["workloadRef"] = json!({"kind": "Deployment", "name": "basket"});
        object["metadata"]["annotations"][WORKLOAD_GENERATION] = json!("7");
        object["status"]["workloadObservedGeneration"] = json!("6");
        let order = of(&object);
        assert!(order.0.as_str().starts_with("12-6f8c7:1wr7-"), "{order}");
        object["status"]["workloadObservedGeneration"] = json!("7");
        object["status"]["currentPodHash"] = json!("bbbb");
        assert!(Ordered::of(&order).is_candidate_of(&Rollout::read(&object)));
    }

    proptest! {
        #[test]
        fn a_revision_is_read_back_as_it_was_written(
            number in 0u64..1000, hash in "[a-z0-9]{0,10}", step in proptest::option::of(0u32..50),
            (waits, paused, aborted) in any::<(bool, bool, bool)>(), generation in 1i64..99, seen in 1i64..99,
        ) {
            let object = json!({
                "metadata": {"generation": generation, "annotations": {"rollout.argoproj.io/revision": number.to_string()}},
                "spec": {"paused": paused},
                "status": {"currentPodHash": hash, "currentStepIndex": step, "observedGeneration": seen.to_string(),
                    "abort": aborted,
                    "pauseConditions": if waits { json!([{"reason": "CanaryPauseStep"}]) } else { json!(null) }},
            });
            let revision = of(&object);
            let ordered = Ordered::of(&revision);
            prop_assert_eq!(ordered.candidate, format!("{number}-{hash}"));
            prop_assert_eq!(ordered.hash, hash);
            prop_assert_eq!(ordered.step, step.map(|step| step as usize));
            prop_assert_eq!((ordered.waited, ordered.paused, ordered.aborted), (waits, paused, aborted));
            prop_assert_eq!(ordered.unseen, (seen < generation).then_some(Unseen::Own(generation)));
        }

        #[test]
        fn no_text_is_too_strange_for_a_revision(text in any::<String>(), near in "[0-9]{0,2}-[a-z]{0,3}:?[0-9xwpagr]{0,6}-?.{0,3}") {
            for text in [text, near] {
                let revision = Revision(SafeText::new(text));
                prop_assert!(revision.0.as_str().starts_with(Ordered::of(&revision).candidate));
            }
        }
    }
}
