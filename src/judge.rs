//! Canary against baseline: evidence in, verdict out.
//!
//! This version sets the two values side by side and says so (method `compare`). It never claims
//! that a canary passes or fails: what it has is `no_data` where a side has none, and `insufficient`
//! where both have some, because nothing was tested.

use crate::domain::{SafeText, Sli, SliArm, Verdict, rollout::OverallVerdict};

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
                count(canary.samples),
                count(baseline.samples),
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
        (all, silent) if silent == all => (Verdict::NoData, format!("{all} indicators, none with data of both sides")),
        (all, 0) => (Verdict::Insufficient, format!("{all} indicators compared, not judged")),
        (all, silent) => (
            Verdict::Insufficient,
            format!("{} of {all} indicators compared, not judged; {silent} without data", all - silent),
        ),
    };
    OverallVerdict { label, score: None, why: SafeText::new(why) }
}

/// A value with its unit; ratios in percent, as people read them.
fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => format!("{:.2}%", value * 100.0),
        "" => format!("{value:.2}"),
        unit => format!("{value:.1} {unit}"),
    }
}

fn count(samples: Option<f64>) -> String {
    let samples = samples.unwrap_or_default();
    if samples >= 10_000.0 { format!("{:.0}k", samples / 1000.0) } else { format!("{samples:.0}") }
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
    fn a_side_without_data_is_no_data_and_says_which() {
        assert_eq!(compare("ms", &arm(None, 0.0), &arm(Some(3.0), 9.0)).0, Verdict::NoData);
        let (verdict, why) = compare("ms", &arm(Some(3.0), 9.0), &arm(None, 0.0));
        assert_eq!(verdict, Verdict::NoData);
        assert!(why.as_str().contains("baseline"), "{why}");
        assert_eq!(overall(&[]).label, Verdict::NoData);
    }
}
