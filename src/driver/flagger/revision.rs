//! What an order is compared against: which candidate a Canary has, and how far it is with it.
//!
//! A revision is written `7666bfb85f:Progressing.20s-1a2b3c4d`. Before the colon stands the candidate: the
//! hash of the pod template that Flagger last took up, with a digest of the config maps and secrets it uses
//! where there are any (`7666bfb85f-9e107d9d`), or `none`. After it, the phase in Flagger's words, the share
//! of traffic or the number of checks that it is at (`x` where the phase has neither), `s` while it is
//! suspended, `k` while its analysis is skipped, and a digest over all that is to change a revision.

use sha2::{Digest as _, Sha256};

use super::object::{Canary, CanaryPhase, Strategy};
use crate::domain::{Revision, SafeText, hex};

/// The revision of a Canary: changes with plan, phase, step and candidate, with suspend and skipAnalysis,
/// and not with failed checks and times.
#[must_use]
pub fn revision(canary: &Canary) -> Revision {
    let (phase, step) = (phase(canary), step(canary));
    let flags = format!("{}{}", if canary.suspended { "s" } else { "" }, if canary.skips_analysis { "k" } else { "" });
    let candidate = candidate_of(canary);
    let digest = digest([&candidate, &phase, &step, &flags, &canary.plan, &canary.status.last_promoted]);
    Revision(SafeText::new(format!("{candidate}:{phase}.{step}{flags}-{digest}")))
}

fn candidate_of(canary: &Canary) -> String {
    let status = &canary.status;
    let hash: String = status.last_applied.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    match (hash.is_empty(), status.tracked_configs.is_empty()) {
        (true, _) => "none".to_owned(),
        (false, true) => hash,
        (false, false) => {
            let configs = status.tracked_configs.iter().flat_map(|(name, digest)| [name, digest]);
            format!("{hash}-{}", digest(configs))
        }
    }
}

fn phase(canary: &Canary) -> String {
    match &canary.status.phase {
        Ok(CanaryPhase::New) => "New".to_owned(),
        Ok(phase) => phase.as_str().to_owned(),
        Err(_) => "Unknown".to_owned(),
    }
}

/// The share or the number of checks, where it says how far the analysis is. While it waits for promotion,
/// Flagger counts its last check down and up again with each interval, and that is no step.
fn step(canary: &Canary) -> String {
    match (&canary.status.phase, canary.strategy()) {
        (Ok(CanaryPhase::Progressing), Strategy::Weights) => canary.status.weight.to_string(),
        (Ok(CanaryPhase::Progressing), Strategy::AbTesting | Strategy::BlueGreen) => {
            canary.status.iterations.to_string()
        }
        _ => "x".to_owned(),
    }
}

fn digest<'a>(parts: impl IntoIterator<Item = &'a String>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    hex(&digest.finalize()[..4])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::driver::candidate;

    fn canary() -> Value {
        json!({
            "metadata": {"name": "shop", "namespace": "test", "resourceVersion": "7"},
            "spec": {"provider": "istio", "targetRef": {"kind": "Deployment", "name": "shop"},
                "analysis": {"stepWeight": 10, "threshold": 5, "iterations": 0}},
            "status": {"phase": "Progressing", "canaryWeight": 20, "failedChecks": 0, "iterations": 0,
                "lastAppliedSpec": "7666bfb85f", "lastPromotedSpec": "5b4554b4d", "lastTransitionTime": "2026-05-01T10:00:00Z"},
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut object = canary();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value;
        object
    }

    fn of(object: &Value) -> Revision {
        revision(&Canary::read(object))
    }

    #[test]
    fn it_changes_with_what_somebody_decides_on_and_with_nothing_else() {
        let before = of(&canary());
        assert!(before.0.as_str().starts_with("7666bfb85f:Progressing.20-"), "{before}");
        assert_eq!(candidate(&before), "7666bfb85f");
        for (pointer, value) in [
            ("/status/canaryWeight", json!(30)),
            ("/status/phase", json!("Promoting")),
            ("/status/phase", json!(7)),
            ("/status/lastAppliedSpec", json!("64c874cdcd")),
            ("/status/lastPromotedSpec", json!("64c874cdcd")),
            ("/status/trackedConfigs", json!({"configmap/shop": "1a2b"})),
            ("/spec/suspend", json!(true)),
            ("/spec/skipAnalysis", json!(true)),
            ("/spec/analysis/threshold", json!(6)),
            ("/spec/targetRef/name", json!("other")),
            ("/spec/provider", json!("kubernetes")),
        ] {
            assert_ne!(of(&with(pointer, value.clone())), before, "{pointer} {value}");
        }
        for (pointer, value) in [
            ("/status/failedChecks", json!(3)),
            ("/status/lastTransitionTime", json!("2026-05-01T10:00:10Z")),
            ("/status/trackedConfigs", json!({})),
            ("/status/conditions", json!([{"type": "Promoted", "reason": "Progressing"}])),
            ("/metadata/resourceVersion", json!("8")),
        ] {
            assert_eq!(of(&with(pointer, value.clone())), before, "{pointer} {value}");
        }
    }

    #[test]
    fn the_check_that_is_counted_down_and_up_while_it_waits_for_promotion_is_no_step() {
        let mut object = with("/spec/analysis/iterations", json!(5));
        object["status"]["phase"] = json!("Progressing");
        let at = |object: &mut Value, iterations: i64| {
            object["status"]["iterations"] = json!(iterations);
            of(object)
        };
        assert_ne!(at(&mut object, 3), at(&mut object, 4));
        object["status"]["phase"] = json!("WaitingPromotion");
        assert_eq!(at(&mut object, 4), at(&mut object, 5));
    }

    #[test]
    fn no_text_of_the_clusters_can_move_the_colon() {
        for (hash, candidate_) in [("a:b", "ab"), ("", "none"), ("\u{202e}x", "x")] {
            let revision = of(&with("/status/lastAppliedSpec", json!(hash)));
            assert_eq!(candidate(&revision), candidate_);
        }
    }
}
