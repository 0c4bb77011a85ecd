//! `/metrics`: what the server counts of its requests, and what control counts of its work.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::App;
use crate::control::Figures;

/// The media type of the text format that is written here.
pub const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds at which a request's time is counted.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Taken {
    method: &'static str,
    path: String,
}

/// Counters of requests.
#[derive(Debug, Clone)]
pub struct Metrics {
    answered: Family<Answered, Counter>,
    taken: Family<Taken, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Metrics {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let taken = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        Arc::new(Self { answered: Family::default(), taken, in_flight: Gauge::default() })
    }

    /// Everything as text.
    ///
    /// # Errors
    /// Never in practice: writing to a string.
    pub fn text(&self, figures: &Figures) -> Result<String, std::fmt::Error> {
        let mut registry = <Registry>::with_prefix("rolldeck");
        registry.register("http_requests", "Requests answered", self.answered.clone());
        registry.register(
            "http_request_seconds",
            "Time to the answer of requests that were not held as long polls",
            self.taken.clone(),
        );
        registry.register("http_requests_in_flight", "Requests being worked on or held", self.in_flight.clone());
        of_control(&mut registry, figures);
        let mut out = String::new();
        text::encode(&mut out, &registry)?;
        Ok(out)
    }
}

type Labels = Vec<(&'static str, String)>;

fn of_control(registry: &mut Registry, figures: &Figures) {
    let gauge = |value: u64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge
    };
    let counter = |value: u64| {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        counter
    };
    let rollouts = Family::<Labels, Gauge>::default();
    for (phase, count) in &figures.rollouts {
        let labels = vec![("phase", (*phase).to_owned())];
        rollouts.get_or_create(&labels).set(i64::try_from(*count).unwrap_or(i64::MAX));
    }
    let actions = Family::<Labels, Counter>::default();
    for ((action, outcome), count) in &figures.actions {
        let labels = vec![("action", action.clone()), ("outcome", (*outcome).to_owned())];
        actions.get_or_create(&labels).inc_by(*count);
    }
    let dropped = Family::<Labels, Counter>::default();
    for (what, count) in &figures.dropped {
        dropped.get_or_create(&vec![("what", (*what).to_owned())]).inc_by(*count);
    }
    registry.register("rollouts", "Rollouts by phase", rollouts);
    registry.register("units", "Units that ever enrolled", gauge(figures.units));
    registry.register("units_reachable", "Units heard of lately", gauge(figures.units_reachable));
    registry.register("audit_entries", "Entries of the audit trail", counter(figures.audit_entries));
    registry.register(
        "audit_inconsistent",
        "1 where the server found that its audit trail is not what it wrote",
        gauge(u64::from(figures.audit_inconsistent)),
    );
    registry.register("store_commits", "Synced commits since start", counter(figures.commits));
    registry.register("store_committed_requests", "Requests that shared them", counter(figures.committed_requests));
    registry.register("reports", "Agents' reports since start", counter(figures.reports));
    registry.register("judgements", "Indicators judged since start", counter(figures.judgements));
    registry.register(
        "source_errors",
        "Questions to sources without an answer since start",
        counter(figures.source_errors),
    );
    registry.register("actions", "Actions by verb and outcome since start", actions);
    registry.register("dropped", "Things dropped from bounded memory since start", dropped);
}

/// Marks an answer that was held as a long poll: its time says nothing of the server.
#[derive(Debug, Clone, Copy)]
pub struct Held;

/// Counts a request down again when it ends, however it ends.
struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts and times every request under the path of its route, never under what the client wrote.
pub async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let metrics = &app.metrics;
    let method = match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        _ => "other",
    };
    let path = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    metrics.in_flight.inc();
    let in_flight = InFlight(metrics.in_flight.clone());
    let begun = Instant::now();
    let response = next.run(request).await;
    let seconds = begun.elapsed().as_secs_f64();
    drop(in_flight);
    let status = response.status().as_u16();
    tracing::debug!(method, path, status, seconds, "answered");
    if response.extensions().get::<Held>().is_none() {
        metrics.taken.get_or_create(&Taken { method, path: path.clone() }).observe(seconds);
    }
    metrics.answered.get_or_create(&Answered { method, path, status }).inc();
    response
}
