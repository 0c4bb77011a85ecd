use super::*;
use crate::domain::{SafeText, Verdict};

fn start() -> DateTime<Utc> {
    "2026-03-26T12:04:31Z".parse().unwrap()
}

fn sli(name: &str, verdict: Verdict) -> Sli {
    Sli {
        name: SafeText::new(name),
        unit: SafeText::new("ratio"),
        direction: SafeText::new("higher_is_worse"),
        family: None,
        critical: false,
        required: true,
        method: SafeText::new("sequence"),
        canary: SliArm { value: Some(0.0041), samples: Some(18_000.0) },
        baseline: SliArm { value: Some(0.0012), samples: Some(210_000.0) },
        difference: Some(0.0029),
        ratio: None,
        interval: None,
        limit: Some(0.0012),
        verdict,
        why: SafeText::default(),
        over_since: None,
        telemetry: TelemetryState::Ok,
        burn: None,
        observed_at: Some(start()),
        series: None,
    }
}

fn points(apart: i64) -> Vec<SliPoint> {
    (0..4)
        .map(|n| SliPoint {
            at: start() - TimeDelta::seconds(apart * (3 - n)),
            canary: Some(0.0041),
            baseline: None,
            difference: None,
            interval: None,
        })
        .collect()
}

#[test]
fn a_value_is_late_after_two_slices_and_gone_after_three() {
    let mut errors = sli("errors", Verdict::Pass);
    for (apart, late, gone) in [(60, 120, 180), (5, 30, 45), (300, 600, 900)] {
        errors.series = Some(points(apart));
        for (after, text, state_then) in [
            (late - 1, "0.41%", SliState::Pass),
            (late, "0.41%~", SliState::Pass),
            (gone - 1, "0.41%~", SliState::Pass),
            (gone, "----", SliState::Stale),
        ] {
            let now = start() + TimeDelta::seconds(after);
            assert_eq!(shown(&errors, errors.canary, now, true), text, "every {apart} s, after {after} s");
            assert_eq!(state(&errors, now), state_then, "every {apart} s, after {after} s");
        }
    }
    // Nor is a gap among them what is usual.
    let mut gap = points(60);
    gap[3].at = start();
    gap[2].at = start() - TimeDelta::minutes(20);
    gap[1].at = start() - TimeDelta::minutes(21);
    errors.series = Some(gap);
    assert_eq!(state(&errors, start() + TimeDelta::minutes(3)), SliState::Stale);
    // Nobody can say whether it still is, when the link is not alive.
    assert_eq!(shown(&errors, errors.canary, start(), false), "0.41%~");
}

#[test]
fn an_error_an_empty_answer_a_stale_sample_a_young_one_and_a_zero_look_different() {
    let nothing = SliArm { value: None, samples: None };
    let look = |telemetry, verdict, arm| {
        let it = Sli { telemetry, canary: arm, ..sli("x", verdict) };
        (shown(&it, it.canary, start(), true), word(state(&it, start())))
    };
    let zero = SliArm { value: Some(0.0), samples: Some(100.0) };
    let looks = [
        look(TelemetryState::Error, Verdict::NoData, nothing),
        look(TelemetryState::Empty, Verdict::NoData, nothing),
        look(TelemetryState::Stale, Verdict::NoData, zero),
        look(TelemetryState::Warming, Verdict::Insufficient, nothing),
        look(TelemetryState::Ok, Verdict::Pass, zero),
    ];
    let expected =
        [("----", "ERROR"), ("no data", "NO DATA"), ("----", "STALE"), ("warming", "warming"), ("0.00%", "pass")];
    for ((value, word), (want_value, want_word)) in looks.iter().zip(expected) {
        assert_eq!((value.as_str(), *word), (want_value, want_word));
    }
}

#[test]
fn the_worst_signal_is_said_with_its_limit_or_with_its_silence() {
    let now = start() + TimeDelta::minutes(4);
    let errors = sli("errors", Verdict::Fail);
    assert_eq!(brief(&errors, start()), "errors 3.4x (2.0)");
    assert_eq!(brief(&errors, now), "errors ---- (2.0)", "a value that is gone is not repeated");
    let success = Sli {
        canary: SliArm { value: Some(0.9959), samples: None },
        baseline: SliArm { value: Some(0.9988), samples: None },
        difference: Some(-0.0029),
        direction: SafeText::new("lower_is_worse"),
        ..sli("success", Verdict::Watch)
    };
    assert_eq!(brief(&success, start()), "success -0.29pp (-0.12)");
    let silent = Sli { telemetry: TelemetryState::Empty, ..sli("saturation", Verdict::NoData) };
    assert_eq!(brief(&silent, now), "saturation ---- 4m");
    let broken = Sli { telemetry: TelemetryState::Error, observed_at: None, ..sli("conversion", Verdict::NoData) };
    assert_eq!(brief(&broken, now), "conversion ERROR");
    let unlimited = Sli { limit: None, ..sli("errors", Verdict::Watch) };
    assert_eq!(brief(&unlimited, start()), "errors 3.4x");
}

#[test]
fn what_became_stale_here_goes_before_what_passes() {
    let old = Sli { observed_at: Some(start() - TimeDelta::minutes(10)), ..sli("old", Verdict::Pass) };
    let slis = [sli("fresh", Verdict::Pass), old, sli("watched", Verdict::Watch)];
    let order: Vec<&str> = by_need(&slis, start()).iter().map(|sli| sli.name.as_str()).collect();
    assert_eq!(order, ["old", "watched", "fresh"]);
}
