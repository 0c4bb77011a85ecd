//! Group and summary scores: `ScorerSuite.scala`, `GenerateCanaryAnalysisResultTaskTest.java`; and
//! whole analyses, through the one function that judges them.

use std::collections::BTreeMap;

use rolldeck::{
    domain::SafeText,
    judge::kayenta::{
        Analysis, AnalysisError, Judgement, Metric,
        clean::{NanStrategy, Outliers},
        judge,
        label::Label,
        score::{Classification, Scored, SummaryScore, Thresholds, groups, standalone, summary},
    },
};

const THRESHOLDS: Thresholds = Thresholds { pass: 95.0, marginal: 75.0 };

fn texts(names: &[&str]) -> Vec<SafeText> {
    names.iter().map(SafeText::new).collect()
}

fn weights(given: &[(&str, f64)]) -> BTreeMap<SafeText, f64> {
    given.iter().map(|(name, weight)| (SafeText::new(name), *weight)).collect()
}

type Labelled<'a> = (&'a str, Label, bool);

fn score(metrics: &[Labelled], given: &[(&str, f64)]) -> (Vec<f64>, SummaryScore) {
    let named: Vec<(SafeText, Vec<SafeText>, Label, bool)> = metrics
        .iter()
        .map(|(group, label, critical)| (SafeText::new("metric"), texts(&[group]), *label, *critical))
        .collect();
    let scored: Vec<Scored> = named
        .iter()
        .map(|(name, groups, label, critical)| Scored { name, groups, label: *label, critical: *critical })
        .collect();
    let groups = groups(&scored);
    let summary = summary(&scored, &groups, &weights(given), THRESHOLDS);
    (groups.iter().map(|group| group.score).collect(), summary)
}

/// `ScorerSuite.scala`, all of it.
#[test]
fn summary_scores_are_kayentas() {
    use Label::{High, Low, Nodata, Pass};
    let even: &[(&str, f64)] = &[("1", 50.0), ("2", 50.0)];
    for (what, metrics, weights, expected) in [
        ("Single Metric Pass", &[("1", Pass, false)][..], &[][..], 100.0),
        ("Single Metric Fail", &[("1", High, false)], &[], 0.0),
        ("Single group Nodata", &[("1", Nodata, false)], &[], 0.0),
        (
            "Two Groups, one Pass, one Nodata",
            &[("1", Pass, false), ("1", Pass, false), ("2", Nodata, false)],
            &[],
            100.0,
        ),
        ("One Group, Two Metrics", &[("1", Pass, false), ("1", High, false)], &[], 50.0),
        ("One Group, Three Metrics", &[("1", Pass, false), ("1", High, false), ("1", Low, false)], &[], 33.33),
        (
            "Two Groups, Three Metrics",
            &[("1", Pass, false), ("1", Pass, false), ("2", High, false)],
            &[("1", 75.0), ("2", 25.0)],
            75.0,
        ),
        ("Equal Weight", &[("1", Pass, false), ("1", High, false), ("2", High, false)], even, 25.0),
        ("Equal Weight, one NoData", &[("1", Pass, false), ("1", Nodata, false), ("2", High, false)], even, 50.0),
        ("one good, one fail (critical)", &[("1", Pass, false), ("1", High, true)], &[], 0.0),
        ("one low, one good (critical)", &[("1", Low, false), ("1", Pass, true)], &[], 50.0),
        ("one good, one nodata (critical)", &[("1", Pass, false), ("1", Nodata, true)], &[], 0.0),
        (
            "Two Groups (Unequal Weight), Four Metrics",
            &[("1", High, false), ("1", Low, false), ("1", Pass, false), ("2", High, false)],
            &[("1", 15.0), ("2", 85.0)],
            5.0,
        ),
    ] {
        assert_eq!(score(metrics, weights).1.score, expected, "{what}");
    }
    // "Two Groups, one Pass, one Nodata" and "Single group Nodata" look at the groups too.
    assert_eq!(score(&[("1", Pass, false), ("1", Pass, false), ("2", Nodata, false)], &[]).0, [100.0, 0.0]);
    assert_eq!(score(&[("1", Nodata, false)], &[]).0, [0.0]);
}

/// What the original does and has no test of: it is easy to get wrong.
#[test]
fn the_quirks_of_the_scorer_are_kept() {
    use Label::{Error, High, Nodata, NodataFailMetric, Pass};
    for (what, metrics, weights, expected) in [
        // An error counts in neither part of the fraction: a group of errors is worth 100.
        ("errors", &[("1", Error, false), ("1", Error, false)][..], &[][..], 100.0),
        ("missing data that must be there", &[("1", Pass, false), ("1", NodataFailMetric, false)], &[], 50.0),
        ("exactly half without data", &[("1", Pass, false), ("1", Nodata, false)], &[], 0.0),
        // Weights are not made to add up, and a weighted group that is not there still takes its part.
        ("weights of 60", &[("1", Pass, false)], &[("1", 60.0)], 60.0),
        ("weights of 150", &[("1", Pass, false), ("2", Pass, false)], &[("1", 150.0)], 100.0),
        ("a group that is not there", &[("1", Pass, false)], &[("2", 40.0)], 60.0),
        ("the rest is shared", &[("1", Pass, false), ("2", Pass, false), ("3", High, false)], &[("1", 40.0)], 70.0),
        ("no metric at all", &[], &[], 0.0),
        // 1/3 of 12.5 is 4.1666...; 0.125 is exactly in the middle and goes up.
        ("rounded", &[("1", Pass, false), ("1", High, false), ("1", High, false)], &[("1", 12.5)], 4.17),
        ("half goes up", &[("1", Pass, false)], &[("1", 0.125)], 0.13),
        ("half of the decimal goes up", &[("1", Pass, false)], &[("1", 1.005)], 1.01),
    ] {
        assert_eq!(score(metrics, weights).1.score, expected, "{what}");
    }
}

#[test]
fn a_score_is_classified_by_thresholds_and_says_why_it_is_nothing() {
    let (_, passed) = score(&[("1", Label::Pass, false)], &[("1", 95.0)]);
    assert_eq!((passed.classification, passed.reason), (Classification::Pass, None));
    let (_, marginal) = score(&[("1", Label::Pass, false)], &[("1", 75.0)]);
    assert_eq!(marginal.classification, Classification::Marginal);
    let (_, failed) = score(&[("1", Label::Pass, false)], &[("1", 74.99)]);
    assert_eq!(failed.classification, Classification::Fail);
    let (_, critical) = score(&[("1", Label::Pass, false), ("1", Label::Low, true)], &[]);
    assert!(critical.reason.unwrap().as_str().contains("metric is critical and Low"));
    let (_, silent) = score(&[("1", Label::Nodata, false)], &[]);
    assert!(silent.reason.unwrap().as_str().contains("1 of 1"));
}

/// `GenerateCanaryAnalysisResultTaskTest.java` "getAggregatedJudgment", and its edge: a score that just
/// reaches the marginal threshold fails.
#[test]
fn of_several_judgements_the_last_decides() {
    for (scores, marginal, pass, passed) in [
        (&[95.0][..], None, None, true),
        (&[60.0], Some(75.0), Some(95.0), false),
        (&[85.0], Some(75.0), None, true),
        (&[85.0], Some(75.0), Some(95.0), false),
        (&[97.0], Some(75.0), Some(95.0), true),
        (&[75.0], Some(75.0), Some(70.0), false),
        (&[75.01], Some(75.0), Some(70.0), true),
        (&[10.0, 20.0, 99.0], Some(75.0), Some(95.0), true),
        (&[99.0, 99.0, 10.0], Some(75.0), Some(95.0), false),
        (&[95.0], None, Some(95.0), true),
        (&[], None, None, false),
    ] {
        assert_eq!(standalone(scores, marginal, pass).passed, passed, "{scores:?} {marginal:?} {pass:?}");
    }
}

fn analysis(metrics: Vec<Metric>) -> Analysis {
    Analysis { thresholds: THRESHOLDS, groups: weights(&[("system", 60.0), ("requests", 40.0)]), metrics }
}

fn metric(name: &str, groups: &[&str], experiment: &[f64], control: &[f64]) -> Metric {
    Metric {
        name: SafeText::new(name),
        groups: texts(groups),
        experiment: experiment.to_vec(),
        control: control.to_vec(),
        ..Metric::default()
    }
}

/// The inputs of `NetflixJudgeSuite.scala` "Judge Integration Test" (which holds the result against
/// nothing), with its thresholds.
#[test]
fn a_whole_analysis_is_judged_from_points_to_classification() {
    let (tens, ones): (&[f64], &[f64]) = (&[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0]);
    let judgement = judge(&analysis(vec![
        metric("cpu", &["system"], tens, ones),
        metric("requests", &["requests"], ones, ones),
        metric("foo", &["system"], &[], &[]),
    ]))
    .unwrap();
    let labels: Vec<Label> = judgement.results.iter().map(|result| result.label).collect();
    assert_eq!(labels, [Label::High, Label::Pass, Label::Nodata]);
    assert_eq!(judgement.results[0].ratio, Some(10.0));
    assert_eq!(judgement.results[0].control.mean, 2.5);
    let groups: Vec<(&str, f64)> = judgement.groups.iter().map(|group| (group.name.as_str(), group.score)).collect();
    assert_eq!(groups, [("system", 0.0), ("requests", 100.0)]);
    assert_eq!((judgement.score.score, judgement.score.classification), (40.0, Classification::Fail));
    assert_eq!(judgement.judge.as_str(), "NetflixACAJudge-v1.0");
}

#[test]
fn a_muted_metric_is_shown_and_counts_for_nothing() {
    let (tens, ones): (&[f64], &[f64]) = (&[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0]);
    let muted = Metric { muted: true, critical: true, ..metric("cpu", &["system"], tens, ones) };
    let judgement = judge(&analysis(vec![muted, metric("requests", &["requests"], ones, ones)])).unwrap();
    assert_eq!((judgement.results.len(), judgement.groups.len()), (2, 1));
    assert_eq!(judgement.results[0].label, Label::High);
    assert_eq!((judgement.score.score, judgement.score.reason), (40.0, None));
}

#[test]
fn a_metric_counts_wholly_in_each_of_its_groups() {
    let ones: &[f64] = &[1.0, 2.0, 3.0, 4.0];
    let Judgement { groups, score, .. } =
        judge(&analysis(vec![metric("cpu", &["system", "requests"], ones, ones)])).unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!(score.score, 100.0);
}

/// Defects of the original, kept on purpose: a group of errors, or of nothing but missing values that are
/// taken for zeros, passes.
#[test]
fn what_kayenta_passes_without_evidence_passes_here_too() {
    let one_point = judge(&analysis(vec![metric("one", &["system"], &[2.0], &[1.0])])).unwrap();
    assert_eq!((one_point.results[0].label, one_point.score.score), (Label::Error, 60.0));
    let missing = &[f64::NAN; 10];
    let all_missing = Metric { nan: NanStrategy::Replace, ..metric("none", &["system"], missing, missing) };
    assert_eq!(judge(&analysis(vec![all_missing])).unwrap().results[0].label, Label::Pass);
}

#[test]
fn a_factor_that_fences_nothing_off_is_refused_and_names_the_metric() {
    for factor in [0.0, -1.0, f64::NAN] {
        let metric = Metric { outliers: Outliers::Remove { factor }, ..metric("cpu", &["system"], &[1.0], &[1.0]) };
        let error = judge(&analysis(vec![metric])).unwrap_err();
        assert!(matches!(error, AnalysisError::Factor { .. }));
        assert!(error.to_string().contains("cpu"), "{error}");
    }
}
