//! Labels of single metrics: `ClassifierSuite.scala`.

use rolldeck::judge::kayenta::{
    clean::NanStrategy,
    effect::{Effect, Measure},
    label::{Classified, Direction, Label, MannWhitney, Rule, classify},
};

use super::Samples;

/// What most tests of the suite ask for; some take 0.20 and 0.98.
const USUAL: MannWhitney = MannWhitney { tolerance: 0.10, confidence: 0.95 };
const STRICT: MannWhitney = MannWhitney { tolerance: 0.20, confidence: 0.98 };

fn effect(measure: Measure, allowed: (f64, f64), critical: Option<(f64, f64)>) -> Effect {
    Effect {
        measure,
        allowed_decrease: Some(allowed.0),
        allowed_increase: Some(allowed.1),
        critical_decrease: critical.map(|c| c.0),
        critical_increase: critical.map(|c| c.1),
    }
}

fn mean_ratio(decrease: f64, increase: f64) -> Rule {
    Rule { effect: effect(Measure::MeanRatio, (decrease, increase), None), ..Rule::default() }
}

fn cles(decrease: f64, increase: f64) -> Rule {
    Rule { effect: effect(Measure::Cles, (decrease, increase), None), ..Rule::default() }
}

fn towards(direction: Direction) -> Rule {
    Rule { direction, ..Rule::default() }
}

/// "Test: Pass / High / Low Metric", "Directional Test" (four), "High Metric (Large Input)", "Mean
/// Ratio Effect Size" (Low, Pass (Large Input)), "CLES Effect Size" (three).
#[test]
fn labels_of_published_samples_are_kayentas() {
    let samples = Samples::read();
    let low_against_high = (samples.get("near_ten.experiment"), samples.get("near_twenty.control"));
    let high_against_low = (samples.get("near_twenty.experiment"), samples.get("near_ten.control"));
    let zero = samples.pair("mostly_zero");
    for (what, (experiment, control), rule, test, label) in [
        ("Pass Metric", samples.pair("near_ten"), Rule::default(), USUAL, Label::Pass),
        ("High Metric", high_against_low, Rule::default(), USUAL, Label::High),
        ("Low Metric", low_against_high, Rule::default(), USUAL, Label::Low),
        ("Directional: Increase", low_against_high, towards(Direction::Increase), USUAL, Label::Pass),
        ("Directional: Decrease", high_against_low, towards(Direction::Decrease), USUAL, Label::Pass),
        ("Directional: High", high_against_low, towards(Direction::Increase), USUAL, Label::High),
        ("Directional: Low", low_against_high, towards(Direction::Decrease), USUAL, Label::Low),
        ("High (Large Input)", zero, Rule::default(), USUAL, Label::High),
        (
            "Mean Ratio: Low",
            low_against_high,
            Rule { direction: Direction::Decrease, ..mean_ratio(0.8, 1.2) },
            USUAL,
            Label::Low,
        ),
        ("Mean Ratio: Pass (Large Input)", zero, mean_ratio(1.0, 5.0), USUAL, Label::Pass),
        ("CLES: Pass", samples.pair("cles_pass"), cles(0.5, 0.8), STRICT, Label::Pass),
        ("CLES: High", samples.pair("cles_high"), cles(0.2, 0.8), STRICT, Label::High),
        ("CLES: Low", samples.pair("cles_low"), cles(0.2, 0.8), STRICT, Label::Low),
    ] {
        let classified = classify(experiment, control, &rule, test);
        assert_eq!((classified.label, classified.critical), (label, false), "{what}: {classified:?}");
    }
}

/// "Mean Ratio Effect Size: High / Pass", "Critical Effect Size" (five).
#[test]
fn the_effect_gates_the_label_and_what_is_critical_as_in_kayenta() {
    let tens: (&[f64], &[f64]) = (&[20.0, 22.0, 21.0, 25.0, 30.0], &[1.0, 2.2, 1.1, 2.5, 3.0]);
    let halved: (&[f64], &[f64]) = (&[10.0, 12.2, 10.1, 12.5, 23.0], &[20.0, 22.0, 21.0, 25.0, 30.0]);
    let fallen: (&[f64], &[f64]) = (&[2.0, 2.0, 2.0, 2.0, 3.0], &[10.0, 20.2, 10.1, 20.5, 30.0]);
    let critical = |allowed, critical| Rule {
        critical: true,
        effect: effect(Measure::MeanRatio, allowed, Some(critical)),
        ..Rule::default()
    };
    for (what, (experiment, control), rule, label, fails_all) in [
        ("Mean Ratio: High", tens, mean_ratio(0.8, 1.2), Label::High, false),
        ("Mean Ratio: Pass", halved, mean_ratio(0.5, 1.0), Label::Pass, false),
        ("Critical: Critical High", tens, critical((1.0, 1.0), (1.0, 1.2)), Label::High, true),
        ("Critical: Critical Low", fallen, critical((1.0, 1.0), (1.2, 1.0)), Label::Low, true),
        ("Critical: High", tens, critical((1.0, 5.0), (1.0, 13.0)), Label::High, false),
        ("Critical: Pass", tens, critical((1.0, 13.0), (1.0, 15.0)), Label::Pass, false),
        ("Critical High (Default)", tens, Rule { critical: true, ..Rule::default() }, Label::High, true),
    ] {
        let classified = classify(experiment, control, &rule, USUAL);
        assert_eq!((classified.label, classified.critical), (label, fails_all), "{what}: {classified:?}");
    }
}

/// "Tied Observations", "Identical Populations", "Leading Zero Identical Population", "Majority Tied
/// Observations", "Tied Ranks", "Tied Ranks With Zeros", "Zero Mean" (High, Low, Pass).
#[test]
fn ties_and_zeros_are_labelled_as_in_kayenta() {
    let decrease = towards(Direction::Decrease);
    let gated = mean_ratio(0.8, 1.2);
    let near: &[f64] = &[54.9, 54.5, 55.1, 55.6, 57.4];
    let zeros: &[f64] = &[0.0; 5];
    // The last column is the ratio, where the original says something of it.
    for (what, experiment, control, rule, label, ratio) in [
        ("Tied Observations", &[1.0, 1.0, 1.0][..], &[1.0, 1.0][..], decrease, Label::Pass, Some(Some(1.0))),
        ("Identical", &[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 4.0, 3.0, 2.0, 1.0], decrease, Label::Pass, None),
        ("Leading Zero", &[0.0, 1.0, 1.0, 1.0, 1.0], &[1.0; 5], decrease, Label::Pass, None),
        ("Majority Tied", &[1.0, 1.0, 1.0, 1.0, 10.0], &[1.0; 5], Rule::default(), Label::Pass, None),
        ("Tied Ranks", &[10.0; 5], &[1.0; 5], Rule::default(), Label::High, None),
        ("Tied Ranks With Zeros", &[10.0; 5], zeros, Rule::default(), Label::High, None),
        ("Zero Mean: High", near, zeros, gated, Label::High, Some(None)),
        ("Zero Mean: Low", zeros, near, gated, Label::Low, Some(None)),
        ("Zero Mean: Pass", zeros, zeros, gated, Label::Pass, Some(Some(1.0))),
    ] {
        let classified = classify(experiment, control, &rule, USUAL);
        assert_eq!(classified.label, label, "{what}: {classified:?}");
        if let Some(ratio) = ratio {
            assert_eq!(classified.ratio, ratio, "{what}");
        }
    }
}

/// "Zero Mean: Critical Metric".
#[test]
fn a_critical_rise_from_nothing_is_critical_because_its_effect_cannot_be_computed() {
    let samples = Samples::read();
    let rule = Rule {
        nan: NanStrategy::Replace,
        critical: true,
        effect: effect(Measure::MeanRatio, (1.0, 1.0), Some((0.8, 1.2))),
        ..Rule::default()
    };
    let classified = classify(samples.get("zero_mean.experiment"), &[0.0; 10], &rule, USUAL);
    assert_eq!((classified.label, classified.critical, classified.effect), (Label::High, true, None));
}

/// "Missing Experiment Data", "(Critical Metric)", "with NaN Replacement", "Missing Data: Reason String";
/// and the rung for data that must be there, which the original has no test of.
#[test]
fn an_empty_arm_is_what_kayenta_makes_of_it() {
    let five: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0];
    let decrease = towards(Direction::Decrease);
    let critical = Rule { critical: true, ..decrease };
    for (what, control, rule, label, fails_all) in [
        ("Missing", five, decrease, Label::Nodata, false),
        ("Missing: Critical", five, critical, Label::Nodata, true),
        ("Missing, Replacement", five, Rule { nan: NanStrategy::Replace, ..decrease }, Label::Pass, false),
        ("Missing: Reason", &[], critical, Label::Nodata, true),
        ("must have data", five, Rule { must_have_data: true, ..decrease }, Label::NodataFailMetric, false),
        ("must have data, critical", five, Rule { must_have_data: true, ..critical }, Label::Nodata, true),
    ] {
        let classified = classify(&[], control, &rule, USUAL);
        assert_eq!((classified.label, classified.critical), (label, fails_all), "{what}: {classified:?}");
        assert_eq!(classified.ratio, Some(1.0), "{what}");
        assert_eq!(classified.reason.is_some(), label != Label::Pass, "{what}");
    }
}

/// The rung below all others: with one point an arm there is nothing to rank.
#[test]
fn a_test_that_cannot_be_computed_is_an_error_and_never_critical() {
    let rule = Rule { critical: true, ..Rule::default() };
    let Classified { label, critical, ratio, .. } = classify(&[2.0], &[1.0], &rule, MannWhitney::NETFLIX);
    assert_eq!((label, critical, ratio), (Label::Error, false, None));
}
