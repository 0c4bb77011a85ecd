//! Indicators from a Prometheus: a real one, and what stands in its place when it is broken.

mod collect;
mod scraped;
mod server;
mod stand_in;
mod trust;

use chrono::{DateTime, Utc};
use rolldeck::{
    domain::{
        SafeText,
        plan::ArmsBy,
        sli::{Direction, Family, Scoring, SliKind, SliQueries},
    },
    judge::evidence::{Amount, Counts, Observed, Spec},
    source::{
        Answer, SliSource, SourceError, Wanted,
        prometheus::{Options, Prometheus},
    },
};
use url::Url;

/// 2026-01-01T00:00:00Z, a whole minute.
const T: i64 = 1_767_225_600;

const TOTAL: &str =
    r#"sum by (service, track) (increase(http_requests_total{service=~"$service", track=~"$track"}[$window]))"#;
const BAD: &str = r#"sum by (service, track) (increase(http_requests_total{service=~"$service", track=~"$track", code=~"5.."}[$window]))"#;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// A share of bad requests, in slices of a minute from [`T`] on.
fn errors(service: &str, slices: i64) -> Wanted {
    let queries = SliQueries { bad: Some(BAD.to_owned()), total: Some(TOTAL.to_owned()), ..SliQueries::default() };
    of_kind(SliKind::Ratio, "ratio", service, slices, queries)
}

fn of_kind(kind: SliKind, unit: &str, service: &str, slices: i64, queries: SliQueries) -> Wanted {
    Wanted {
        rollout: "dc-west/pick-assist".parse().unwrap(),
        spec: Spec {
            name: "errors".into(),
            kind,
            family: Family::Availability,
            unit: unit.into(),
            direction: Direction::HigherIsWorse,
            critical: false,
            required: true,
            observe_only: false,
            objective: Some(0.999),
            period: 30.0 * 86400.0,
            threshold: None,
            limit: None,
            scoring: Scoring::Sequential,
        },
        queries,
        service: SafeText::new(service),
        arms: ArmsBy::Track,
        canary: vec!["canary".into()],
        baseline: vec!["baseline".into()],
        slice: 60,
        from: at(T),
        to: at(T + slices * 60),
        spent: false,
    }
}

fn source(url: &Url) -> Prometheus {
    Prometheus::new(Options::new("metrics", url.clone())).unwrap()
}

async fn one(source: &Prometheus, wanted: Wanted) -> Result<Answer, SourceError> {
    source.collect(&[wanted]).await.remove(0)
}

/// A slice's events: the minute, the canary's bad and all, the baseline's.
fn events(slices: &[Observed]) -> Vec<(i64, Option<(f64, f64)>, Option<(f64, f64)>)> {
    let arm = |amount: &Option<Amount>| match amount {
        Some(Amount::Events(Counts { bad, total })) => Some((*bad, *total)),
        None => None,
        other => panic!("{other:?}"),
    };
    slices.iter().map(|slice| ((slice.at.timestamp() - T) / 60, arm(&slice.canary), arm(&slice.baseline))).collect()
}
