//! Two values side by side, compared and not judged: what is shown of an indicator of which no
//! evidence is kept.

use super::words::{count, figure};
use crate::domain::{SafeText, Sli, SliArm, Verdict, sli::OverallVerdict};

/// How a verdict was reached.
pub const METHOD: &str = "compare";

/// What is concluded of one comparison, and why, in one sentence with numbers.
#[must_use]
pub fn compare(unit: &str, canary: &SliArm, baseline: &SliArm) -> (Verdict, SafeText) {
    match (canary.value, baseline.value) {
        (Some(c), Some(b)) => {
            let why = format!(
                "{} against {}, {} and {} samples; compared, not judged",
                figure(c, unit),
                figure(b, unit),
                count(canary.samples.unwrap_or_default()),
                count(baseline.samples.unwrap_or_default()),
            );
            (Verdict::Insufficient, SafeText::new(why))
        }
        (None, Some(b)) => {
            (Verdict::NoData, SafeText::new(format!("no data of the canary; baseline {}", figure(b, unit))))
        }
        (Some(c), None) => {
            (Verdict::NoData, SafeText::new(format!("no data of the baseline; canary {}", figure(c, unit))))
        }
        (None, None) => (Verdict::NoData, SafeText::new("no data of either side")),
    }
}

/// What is concluded of all indicators together.
#[must_use]
pub fn overall(slis: &[Sli]) -> OverallVerdict {
    let silent = slis.iter().filter(|sli| sli.verdict == Verdict::NoData).count();
    let (label, why) = match (slis.len(), silent) {
        (0, _) => (Verdict::NoData, "no indicator is reported".to_owned()),
        (all, silent) if silent == all => {
            (Verdict::NoData, format!("{}, none with data of both sides", indicators(all)))
        }
        (all, 0) => (Verdict::Insufficient, format!("{} compared, not judged", indicators(all))),
        (all, silent) => (
            Verdict::Insufficient,
            format!("{} of {} compared, not judged; {silent} without data", all - silent, indicators(all)),
        ),
    };
    OverallVerdict { label, score: None, why: SafeText::new(why) }
}

fn indicators(count: usize) -> String {
    if count == 1 { "1 indicator".to_owned() } else { format!("{count} indicators") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(value: Option<f64>, samples: f64) -> SliArm {
        SliArm { value, samples: Some(samples) }
    }

    #[test]
    fn two_values_are_compared_and_never_called_a_pass_or_a_fail() {
        for (canary, baseline) in [(0.0, 0.0), (0.5, 0.001), (0.001, 0.5), (1.0, 1.0)] {
            let (verdict, why) = compare("ratio", &arm(Some(canary), 1e6), &arm(Some(baseline), 1e6));
            assert_eq!(verdict, Verdict::Insufficient);
            assert!(why.as_str().contains("not judged"), "{why}");
        }
    }

    #[test]
    fn the_sentence_has_figures_that_people_can_compare() {
        for (unit, canary, baseline, samples, why) in [
            ("ratio", 0.0041, 0.0012, 18_000.0, "0.41% against 0.12%, 18k and 18k samples; compared, not judged"),
            ("ratio", 0.9987, 1.0, 250.0, "99.87% against 100%, 250 and 250 samples; compared, not judged"),
            ("ratio", 0.000_012_34, 0.0, 2e7, "0.00123% against 0.00%, 20M and 20M samples; compared, not judged"),
            ("ms", 212.4, 98.76, 12.0, "212 ms against 98.8 ms, 12 and 12 samples; compared, not judged"),
            ("", 0.004, -3.456, 9.0, "0.00400 against -3.46, 9 and 9 samples; compared, not judged"),
            ("", 1e-9, 0.0, 9.0, "1.00e-9 against 0.00, 9 and 9 samples; compared, not judged"),
        ] {
            let (_, said) = compare(unit, &arm(Some(canary), samples), &arm(Some(baseline), samples));
            assert_eq!(said.as_str(), why);
        }
    }

    #[test]
    fn the_whole_is_no_better_than_its_parts() {
        let sli = |verdict| Sli {
            name: SafeText::new("errors"),
            unit: SafeText::new("ratio"),
            direction: SafeText::new("higher_is_worse"),
            family: None,
            critical: false,
            required: true,
            method: SafeText::new(METHOD),
            canary: SliArm::default(),
            baseline: SliArm::default(),
            difference: None,
            ratio: None,
            interval: None,
            limit: None,
            verdict,
            why: SafeText::default(),
            over_since: None,
            telemetry: crate::domain::sli::TelemetryState::default(),
            burn: None,
            observed_at: None,
            series: None,
        };
        for (verdicts, label, why) in [
            (vec![], Verdict::NoData, "no indicator is reported"),
            (vec![Verdict::NoData; 2], Verdict::NoData, "2 indicators, none with data of both sides"),
            (vec![Verdict::Insufficient; 2], Verdict::Insufficient, "2 indicators compared, not judged"),
            (
                vec![Verdict::NoData, Verdict::Insufficient, Verdict::NoData],
                Verdict::Insufficient,
                "1 of 3 indicators compared, not judged; 2 without data",
            ),
        ] {
            let slis: Vec<Sli> = verdicts.into_iter().map(sli).collect();
            let overall = overall(&slis);
            assert_eq!((overall.label, overall.why.as_str()), (label, why));
        }
    }

    #[test]
    fn a_side_without_data_is_no_data_and_says_which() {
        assert_eq!(compare("ms", &arm(None, 0.0), &arm(Some(3.0), 9.0)).0, Verdict::NoData);
        let (verdict, why) = compare("ms", &arm(Some(3.0), 9.0), &arm(None, 0.0));
        assert_eq!(verdict, Verdict::NoData);
        assert!(why.as_str().contains("baseline"), "{why}");
        assert_eq!(overall(&[]).label, Verdict::NoData);
    }
}
