use chrono::DateTime;

use super::*;
use crate::{
    domain::sli::{Direction, Family, Scoring, SliQueries},
    judge::evidence::Spec,
};

/// 2026-01-01T00:00:00Z.
pub const T: i64 = 1_767_225_600;
pub const TOTAL: &str =
    r#"sum by (service, track) (increase(requests_total{service=~"$service", track=~"$track"}[$window]))"#;
pub const BAD: &str =
    r#"sum by (service, track) (increase(requests_total{service=~"$service", track=~"$track", code=~"5.."}[$window]))"#;

pub fn spec(kind: SliKind, unit: &str) -> Spec {
    Spec {
        name: SafeText::new("errors"),
        kind,
        family: Family::Availability,
        unit: SafeText::new(unit),
        direction: Direction::HigherIsWorse,
        critical: false,
        required: true,
        observe_only: false,
        objective: Some(0.999),
        period: 30.0 * 86400.0,
        threshold: None,
        limit: None,
        scoring: Scoring::Sequential,
    }
}

pub fn wanted(service: &str, slices: Range<i64>) -> Wanted {
    let at = |slice: i64| DateTime::from_timestamp(T + slice * 60, 0).unwrap();
    Wanted {
        rollout: "dc-west/pick-assist".parse().unwrap(),
        spec: spec(SliKind::Ratio, "ratio"),
        queries: SliQueries { bad: Some(BAD.to_owned()), total: Some(TOTAL.to_owned()), ..SliQueries::default() },
        service: SafeText::new(service),
        arms: ArmsBy::Track,
        canary: vec![SafeText::new("canary")],
        baseline: vec![SafeText::new("baseline")],
        slice: 60,
        from: at(slices.start),
        to: at(slices.end),
        spent: false,
    }
}

/// All requests.
fn pieces(wanted: &[Wanted]) -> Vec<Piece<'_>> {
    let batch = Batch::new(wanted);
    assert!(batch.uses.iter().all(Result::is_ok), "{:?}", batch.uses);
    let questions = batch.questions.iter();
    questions.flat_map(|question| question.pieces(1.0, 32 << 20).unwrap()).collect()
}

#[test]
fn a_thousand_rollouts_with_the_same_template_are_one_request() {
    let names: Vec<String> = (0..1000).map(|n| format!("warehouse-west-picking-{n:04}")).collect();
    let all: Vec<Wanted> = names.iter().map(|name| wanted(name, 0..3)).collect();
    let pieces = pieces(&all);
    assert_eq!(pieces.len(), 2, "one for the bad events, one for all");
    assert_eq!(pieces[0].ask, Ask::Range { start: T + 60, end: T + 180, step: 60 });
    assert_eq!(pieces[0].atoms.len(), 1000);
    assert!(pieces.iter().all(|piece| piece.query.len() <= QUERY_MAX));
}

#[test]
fn indicators_that_share_a_template_ask_it_once() {
    let mut other = wanted("a", 0..3);
    other.queries = SliQueries { good: Some(BAD.to_owned()), total: Some(TOTAL.to_owned()), ..SliQueries::default() };
    let all = [wanted("a", 0..3), other];
    assert_eq!(pieces(&all).len(), 2);
}

#[test]
fn other_slices_other_arms_and_other_templates_are_other_requests() {
    let base = wanted("a", 0..3);
    let mut slice = base.clone();
    slice.slice = 30;
    let mut arms = base.clone();
    arms.arms = ArmsBy::Release;
    for query in [&mut arms.queries.bad, &mut arms.queries.total] {
        *query = query.as_ref().map(|text| text.replace("track", "release"));
    }
    let all = [base, slice, arms];
    assert_eq!(pieces(&all).len(), 6);
}

#[test]
fn the_range_is_whole_slices_from_the_earliest_to_the_latest() {
    let all = [wanted("a", 2..5), wanted("b", 0..4)];
    let pieces = pieces(&all);
    assert_eq!(pieces[0].ask, Ask::Range { start: T + 60, end: T + 300, step: 60 });
    assert_eq!(pieces[0].ask.points(), 5);
    // Times between slices are moved to whole ones that lie within.
    let mut odd = wanted("a", 0..4);
    odd.from += chrono::TimeDelta::seconds(17);
    odd.to += chrono::TimeDelta::seconds(59);
    let odd = [odd];
    let batch = Batch::new(&odd);
    let piece = batch.questions[0].pieces(1.0, 32 << 20).unwrap().remove(0);
    assert_eq!(piece.ask, Ask::Range { start: T + 60, end: T + 240, step: 60 });
    // Nothing to ask.
    assert!(Batch::new(&[wanted("a", 3..3)]).questions.is_empty());
}

#[test]
fn one_that_joins_late_and_needs_a_long_past_makes_nobody_else_s_request_long() {
    let mut all: Vec<Wanted> = (0..500).map(|n| wanted(&format!("s{n}"), 2995..3000)).collect();
    all.push(wanted("late", 0..3000));
    all.push(wanted("later", 1000..3000));
    let batch = Batch::new(&all);
    let pieces = batch.questions[0].pieces(1.0, 32 << 20).unwrap();
    let [recent, past] = pieces.as_slice() else { panic!("{} requests", pieces.len()) };
    assert_eq!((recent.ask.points(), recent.atoms.len()), (5, 502));
    assert_eq!((past.ask.points(), past.atoms.len()), (2995, 2));
    assert_eq!(past.ask.end(), T + 2995 * 60, "no slice is in both");
    // A short past is not worth a request.
    let few = [wanted("a", 0..60), wanted("b", 57..60)];
    assert_eq!(Batch::new(&few).questions[0].pieces(1.0, 32 << 20).unwrap().len(), 1);
}

#[test]
fn a_past_beyond_what_a_server_answers_is_cut_to_the_newest() {
    let one = [wanted("a", 0..20_000)];
    let pieces = Batch::new(&one).questions[0].pieces(1.0, 32 << 20).unwrap();
    assert_eq!(pieces[0].ask.points(), POINTS_MAX);
    assert_eq!(pieces[0].ask.end(), T + 20_000 * 60);
}

#[test]
fn a_query_that_would_be_too_long_is_split_and_each_pair_is_in_one_part() {
    // Names that have nothing in common, and thousands of sites on one rollout.
    let name = |n: u64| format!("{:x}-{n}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut all: Vec<Wanted> = (0..2000).map(|n| wanted(&name(n), 0..3)).collect();
    let mut wide = wanted("wide", 0..3);
    wide.canary = (0..4000).map(|n| SafeText::new(name(n))).collect();
    all.push(wide);
    let batch = Batch::new(&all);
    let pieces = batch.questions[0].pieces(1.0, 32 << 20).unwrap();
    assert!(pieces.len() > 2);
    assert!(pieces.iter().all(|piece| piece.query.len() <= QUERY_MAX));
    let mut pairs: Vec<(&str, &str)> = pieces
        .iter()
        .flat_map(|piece| &piece.atoms)
        .flat_map(|atom| atom.values.iter().map(|value| (atom.service, *value)))
        .collect();
    let asked = pairs.len();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), asked, "no pair is counted twice");
    assert_eq!(asked, 2000 * 2 + 4001);
}

#[test]
fn an_answer_that_would_be_too_large_is_asked_for_in_parts() {
    let all: Vec<Wanted> = (0..1000).map(|n| wanted(&format!("s{n}"), 0..60)).collect();
    let batch = Batch::new(&all);
    let count = |lines: f64| batch.questions[0].pieces(lines, 24 << 20).unwrap().len();
    assert_eq!(count(1.0), 1);
    assert!(count(12.0) > 1);
    // One service is not divisible by services, but by arms; then it is asked whatever its size.
    let one = [wanted("s", 0..60)];
    assert_eq!(Batch::new(&one).questions[0].pieces(1e6, 24 << 20).unwrap().len(), 2);
}

#[test]
fn what_is_spent_is_one_query_for_the_whole_service_over_the_period() {
    let mut all: Vec<Wanted> = (0..10).map(|n| wanted(&format!("s{n}"), 0..3)).collect();
    for one in &mut all {
        one.spent = true;
    }
    let pieces = pieces(&all);
    assert_eq!(pieces.len(), 4);
    let spent = pieces.iter().find(|piece| piece.query.contains("5..") && piece.query.contains("[2592000s]")).unwrap();
    assert_eq!(spent.ask, Ask::Instant { at: T + 180 });
    assert!(spent.query.contains(r#"track=~".*""#), "{}", spent.query);
    assert_eq!(spent.atoms.len(), 10);
}

#[test]
fn rollouts_of_one_service_are_asked_about_once() {
    let all = [wanted("a", 0..3), wanted("a", 0..3)];
    let batch = Batch::new(&all);
    let pieces = batch.questions[0].pieces(1.0, 32 << 20).unwrap();
    assert_eq!(pieces[0].atoms, [Atom { service: "a", values: vec!["baseline", "canary"] }]);
}

#[test]
fn queries_that_cannot_answer_are_refused_with_what_to_do() {
    let queries = |of: &[(Role, &str)]| {
        let text = |role: Role| of.iter().find(|(known, _)| *known == role).map(|(_, text)| (*text).to_owned());
        SliQueries {
            good: text(Role::Good),
            bad: text(Role::Bad),
            total: text(Role::Total),
            histogram: text(Role::Histogram),
            value: text(Role::Value),
        }
    };
    for (kind, of, says) in [
        (SliKind::Ratio, vec![(Role::Total, TOTAL)], "total and bad"),
        (SliKind::Count, vec![(Role::Bad, BAD)], "exposure"),
        (SliKind::Latency, vec![(Role::Total, TOTAL)], "histogram"),
        (SliKind::Gauge, vec![], "value"),
    ] {
        let error = roles(kind, &queries(&of)).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    for (role, text, says) in [
        (Role::Bad, BAD.replace("[$window]", "[5m]"), "count each slice of time once"),
        (Role::Bad, BAD.replace("increase", "rate"), "rate() is per second"),
        (Role::Total, TOTAL.replace(r#", track=~"$track""#, ""), "tell canary and baseline apart"),
        (Role::Good, TOTAL.replace("$service", "$servise"), "query good, line 1, character"),
    ] {
        let error = checked(role, &text).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    // A gauge is not counted.
    assert!(checked(Role::Value, &BAD.replace("[$window]", "[5m]").replace("increase", "rate")).is_ok());
    // A template that tells other arms apart than the plan.
    let mut other = wanted("a", 0..3);
    other.arms = ArmsBy::Cohort;
    let error = Batch::new(&[other]).questions[0].pieces(1.0, 32 << 20).unwrap_err();
    assert!(error.contains("$cohort"), "{error}");
}
