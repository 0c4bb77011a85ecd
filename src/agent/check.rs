//! What a check means: the one place that decides whether a report says `healthy`.

use super::{
    command::{Ended, How},
    facts::{self, Measured, Said},
    memory::{Kept, Stage},
};
use crate::domain::{Digest, FailureCategory, ReportState, SafeBlock};

/// What is concluded from a check.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conclusion {
    pub(super) state: ReportState,
    pub(super) category: Option<FailureCategory>,
    pub(super) measured: Option<Digest>,
    pub(super) claimed: Option<Digest>,
    pub(super) said: Said,
    pub(super) output_tail: SafeBlock,
}

/// Concludes from a check that has ended, in the light of what was done last.
pub(super) fn conclude(kept: &Kept, ended: &Ended) -> Conclusion {
    let said = match ended.how {
        How::Exited(_) => facts::read(ended.stdout.as_deref()),
        // Half of an answer is none.
        How::Signalled(_) | How::PastDeadline | How::Stopped => Said::default(),
    };
    let wanted = kept.order.as_ref().map(|order| &order.snapshot);
    let mut complaints = Vec::new();
    match ended.how {
        How::Exited(0) => {}
        How::Exited(code) => complaints.push(format!("the check exited {code}")),
        How::Signalled(signal) => complaints.push(format!("the check was ended by signal {signal}")),
        How::PastDeadline => complaints.push("the check did not end in time and was killed".to_owned()),
        How::Stopped => complaints.push("the check was killed because the agent ends".to_owned()),
    }
    match (&said.measured, wanted) {
        (Measured::Snapshot(running), Some(wanted)) if running != wanted => {
            complaints.push(format!("the check measured {running} where {wanted} was ordered"));
        }
        (Measured::NotOne(text), _) => {
            complaints.push(format!("the check measured a snapshot that is none: {text}"));
        }
        _ => {}
    }
    let (measured, claimed) = match &said.measured {
        Measured::Snapshot(running) => (Some(running.clone()), None),
        Measured::Unsaid => (None, kept.claimed.clone()),
        Measured::NotOne(_) => (None, None),
    };
    let (state, category) = match &kept.stage {
        // What was never told anything can still be unwell.
        Stage::Idle if complaints.is_empty() => (ReportState::Idle, None),
        Stage::Idle => (ReportState::Idle, Some(FailureCategory::Verify)),
        Stage::Applying => (ReportState::Applying, None),
        Stage::Failed { category, .. } => (ReportState::Failed, Some(*category)),
        Stage::Applied if complaints.is_empty() => (ReportState::Healthy, None),
        Stage::Applied => (ReportState::Unhealthy, Some(FailureCategory::Verify)),
    };
    let output_tail = match &kept.stage {
        // Of what failed, not of what is measured since.
        Stage::Failed { output_tail, .. } => output_tail.clone(),
        _ if complaints.is_empty() => tail(None, &said.notes),
        _ => tail(Some(&ended.tail), &[complaints, said.notes.clone()].concat()),
    };
    Conclusion { state, category, measured, claimed, said, output_tail }
}

/// What a command printed, and what the agent has to say of it below.
pub(super) fn tail(output: Option<&SafeBlock>, notes: &[String]) -> SafeBlock {
    let mut text = output.map(|output| output.as_str().to_owned()).unwrap_or_default();
    for note in notes {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str("rolldeck: ");
        text.push_str(note);
    }
    SafeBlock::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Desired;

    fn digest(byte: u8) -> Digest {
        Digest::of([byte; 32])
    }

    fn kept(stage: Stage) -> Kept {
        Kept {
            order: Some(Desired {
                generation: 3,
                snapshot: digest(2),
                version: "v2".into(),
                previous: Some(digest(1)),
                artifact: None,
                deadline: 60,
            }),
            stage,
            claimed: Some(digest(2)),
            ..Kept::default()
        }
    }

    fn ended(how: How, stdout: &str) -> Ended {
        Ended { how, stdout: Some(stdout.as_bytes().to_vec()), tail: SafeBlock::new(stdout) }
    }

    fn measuring(byte: u8) -> String {
        format!("{{\"snapshot\":\"{}\",\"runtime_healthy\":true}}", digest(byte))
    }

    #[test]
    fn healthy_is_only_what_was_measured_or_openly_claimed() {
        let good = measuring(2);
        let other = measuring(1);
        for (how, stdout, state, measured, claimed) in [
            (How::Exited(0), good.as_str(), ReportState::Healthy, Some(2), None),
            (How::Exited(0), "", ReportState::Healthy, None, Some(2)),
            (How::Exited(0), "{\"runtime_healthy\":true}", ReportState::Healthy, None, Some(2)),
            (How::Exited(0), other.as_str(), ReportState::Unhealthy, Some(1), None),
            (How::Exited(0), "{\"snapshot\":\"v2\"}", ReportState::Unhealthy, None, None),
            (How::Exited(1), good.as_str(), ReportState::Unhealthy, Some(2), None),
            (How::Signalled(9), good.as_str(), ReportState::Unhealthy, None, Some(2)),
            (How::PastDeadline, good.as_str(), ReportState::Unhealthy, None, Some(2)),
        ] {
            let concluded = conclude(&kept(Stage::Applied), &ended(how, stdout));
            assert_eq!(concluded.state, state, "{how:?} {stdout}");
            assert_eq!(concluded.measured, measured.map(digest), "{how:?} {stdout}");
            assert_eq!(concluded.claimed, claimed.map(digest), "{how:?} {stdout}");
            let unhealthy = state == ReportState::Unhealthy;
            assert_eq!(concluded.category, unhealthy.then_some(FailureCategory::Verify));
            assert_eq!(concluded.output_tail.is_empty(), !unhealthy, "{how:?} {stdout}");
        }
    }

    #[test]
    fn output_that_is_no_facts_leaves_them_unknown_and_says_so() {
        let concluded = conclude(&kept(Stage::Applied), &ended(How::Exited(0), "all fine"));
        assert!(concluded.said.facts.is_empty());
        assert!(concluded.output_tail.as_str().contains("not one JSON object"), "{}", concluded.output_tail);
    }

    #[test]
    fn a_failure_stays_one_whatever_is_measured_afterwards() {
        let failed = Stage::Failed { category: FailureCategory::Apply, output_tail: "disk full".into() };
        let concluded = conclude(&kept(failed), &ended(How::Exited(0), &measuring(2)));
        assert_eq!(concluded.state, ReportState::Failed);
        assert_eq!(concluded.category, Some(FailureCategory::Apply));
        assert_eq!(concluded.output_tail.as_str(), "disk full");
        assert_eq!(concluded.measured, Some(digest(2)));
    }

    #[test]
    fn before_any_order_it_only_says_what_is() {
        let concluded = conclude(&Kept::default(), &ended(How::Exited(1), &measuring(9)));
        assert_eq!(concluded.state, ReportState::Idle);
        assert_eq!(concluded.category, Some(FailureCategory::Verify), "its check exited 1");
        assert_eq!(concluded.measured, Some(digest(9)));
        assert_eq!(concluded.claimed, None);
    }
}
