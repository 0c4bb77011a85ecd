//! A stand-in for a server, with as many rollouts as wanted: SIMULATED, every one of them. It speaks the part
//! of the API that the dashboard watches, holds long polls, and changes so many rollouts a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    domain::{Role, Rollout, RolloutId, SafeText},
    wire::{Cursor, RolloutsPage, ServerInfo},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// How many slices of an indicator a chart shows.
const SLICES: i64 = 30;
/// How much a slice spans, in seconds.
const SLICE: i64 = 10;

/// A stand-in that runs until it is dropped.
pub struct StandIn {
    pub url: String,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What it tells.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    pub rollouts: usize,
    /// Rollouts that change each second.
    pub changes: usize,
}

struct Shared {
    state: Mutex<Told>,
    version: watch::Sender<u64>,
    begun: DateTime<Utc>,
}

struct Told {
    rollouts: Vec<Rollout>,
    /// When each of them changed last.
    changed: Vec<u64>,
    index: HashMap<RolloutId, usize>,
}

impl StandIn {
    /// Begins to answer, on a port of the system's choosing.
    pub fn start(fleet: Fleet) -> Self {
        Self::start_at(fleet, Utc::now())
    }

    /// The same with nothing new for so long that nothing becomes late any more.
    pub fn start_silent(rollouts: usize) -> Self {
        Self::start_at(Fleet { rollouts, changes: 0 }, Utc::now() - TimeDelta::hours(2))
    }

    fn start_at(fleet: Fleet, begun: DateTime<Utc>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads for the stand-in");
        let rollouts: Vec<Rollout> = (0..fleet.rollouts).map(|n| rollout(n, 0, begun, false)).collect();
        let index = rollouts.iter().enumerate().map(|(n, rollout)| (rollout.id(), n)).collect();
        let told = Told { changed: vec![1; rollouts.len()], rollouts, index };
        let shared = Arc::new(Shared { state: Mutex::new(told), version: watch::channel(1).0, begun });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let app = Router::new()
            .route("/api/v1/server", get(server))
            .route("/api/v1/rollouts", get(list))
            .route("/api/v1/rollouts/{target}/{name}", get(show))
            .route("/api/v1/windows", get(async || answer(&json!({"windows": []}))))
            .route("/api/v1/audit", get(async || answer(&json!({"entries": [], "checkpoint": null}))))
            .fallback(async || (StatusCode::NOT_FOUND, "the stand-in has only what is watched"))
            .with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, app).await });
        if fleet.changes > 0 {
            runtime.spawn(change(shared, fleet));
        }
        Self { url, runtime: Some(runtime) }
    }

    /// How many bytes the list of all rollouts has.
    pub fn bytes(rollouts: usize) -> usize {
        let begun = Utc::now();
        let page = json!({"rollouts": (0..rollouts).map(|n| rollout(n, 0, begun, false)).collect::<Vec<_>>()});
        serde_json::to_vec(&page).map_or(0, |bytes| bytes.len())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Changes the next rollouts in turn, each second.
async fn change(shared: Arc<Shared>, fleet: Fleet) {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    for turn in 1_u64.. {
        beat.tick().await;
        {
            let mut told = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            for n in 0..fleet.changes {
                let at = (turn as usize * fleet.changes + n) % fleet.rollouts;
                told.rollouts[at] = rollout(at, turn, shared.begun, false);
                told.changed[at] = turn + 1;
            }
        }
        shared.version.send_replace(turn + 1);
    }
}

fn answer(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("what is served has a JSON form");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn server() -> Response {
    let info = ServerInfo {
        version: SafeText::new("0"),
        simulated: true,
        actor: SafeText::new("bench"),
        role: Role::Viewer,
        targets: vec![SafeText::new("*")],
    };
    answer(&info)
}

type Asked = Query<HashMap<String, String>>;

fn wait(query: &Asked) -> Duration {
    Duration::from_secs(query.get("wait").and_then(|wait| wait.parse().ok()).unwrap_or(0).min(20))
}

async fn list(State(shared): State<Arc<Shared>>, query: Asked) -> Response {
    let after: Option<u64> = query.get("after").and_then(|after| after.parse().ok());
    let mut version = shared.version.subscribe();
    if let Some(after) = after {
        // When the wait runs out the answer says that nothing changed.
        let _ = tokio::time::timeout(wait(&query), version.wait_for(|now| *now > after)).await;
    }
    let told = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let cursor = Cursor(SafeText::new(shared.version.borrow().to_string()));
    let as_of = Utc::now();
    let page = match after {
        None => RolloutsPage::All { rollouts: told.rollouts.clone(), cursor, as_of, carriers: Vec::new() },
        Some(after) => {
            let new = told.rollouts.iter().zip(&told.changed).filter(|(_, changed)| **changed > after);
            let changed = new.map(|(rollout, _)| rollout.clone()).collect();
            RolloutsPage::Changed { changed, removed: Vec::new(), cursor, as_of, carriers: Vec::new() }
        }
    };
    answer(&page)
}

async fn show(
    State(shared): State<Arc<Shared>>,
    Path((target, name)): Path<(String, String)>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let at = {
        let told = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let id: Option<RolloutId> = format!("{target}/{name}").parse().ok();
        id.and_then(|id| told.index.get(&id).copied())
    };
    let Some(at) = at else { return StatusCode::NOT_FOUND.into_response() };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let known: Option<u64> = known.and_then(|tag| tag.trim_matches('"').parse().ok());
    let changed = || shared.state.lock().unwrap_or_else(PoisonError::into_inner).changed[at];
    let mut version = shared.version.subscribe();
    if let Some(known) = known {
        // When the wait runs out the tag says that it is as it was.
        let _ = tokio::time::timeout(wait(&query), version.wait_for(|_| changed() > known)).await;
        if changed() <= known {
            return StatusCode::NOT_MODIFIED.into_response();
        }
    }
    let turn = changed();
    let full = rollout(at, turn - 1, shared.begun, true);
    ([(header::ETAG, format!("\"{turn}\""))], answer(&full)).into_response()
}

/// The name of a rollout; the list sorts those of one class by it.
pub fn name(n: usize) -> String {
    format!("change-{n:05}")
}

/// A rollout in its so-manieth turn: with indicators whose values wander, as measured ones do.
pub fn rollout(n: usize, turn: u64, begun: DateTime<Utc>, full: bool) -> Rollout {
    let phase = ["awaiting_promotion", "progressing", "progressing", "paused", "completed"][n % 5];
    let units = 4 + (turn / 7 % 30);
    let percent = units as f64 * 2.5;
    let observed = begun + TimeDelta::seconds(turn as i64);
    let stage = |name: &str, state: &str| {
        json!({"name": name, "state": state, "selects": "10 sites",
            "exposure": {"percent": percent, "units": units, "units_total": 40},
            "entered_at": begun, "hold_until": null, "finished_at": null})
    };
    let sli = |k: usize| {
        let wander = |at: i64| (at as f64 * 0.7 + (n + k) as f64).sin() * 0.001;
        let now = observed.timestamp().div_euclid(SLICE);
        let point = |at: i64| {
            json!({"at": DateTime::from_timestamp(at * SLICE, 0), "canary": 0.012 + wander(at), "baseline": 0.01,
                "difference": 0.002 + wander(at), "interval": {"low": wander(at), "high": 0.004 + wander(at)}})
        };
        let series: Option<Vec<Value>> = full.then(|| (now - SLICES..now).map(point).collect());
        let samples = 18_000 + turn * 97;
        json!({"name": format!("indicator-{k}"), "unit": "ratio", "direction": "higher_is_worse",
            "family": "availability", "critical": k == 0, "required": true, "method": "sequence",
            "canary": {"value": 0.012 + wander(now), "samples": samples},
            "baseline": {"value": 0.01, "samples": samples * 9},
            "difference": 0.002 + wander(now), "ratio": 1.2, "interval": {"low": 0.0, "high": 0.004}, "limit": 0.005,
            "verdict": "pass", "why": "no worse than the margin allows", "telemetry": "ok",
            "observed_at": observed, "series": series})
    };
    let indicators = if phase == "completed" { 0 } else { 4 };
    let value = json!({
        "target": format!("dc-{:02}", n % 40), "name": name(n), "driver": "fleet", "revision": "r1", "phase": phase,
        "message": format!("{units} of 40 units of the stage are healthy"), "strategy": "staged",
        "stable": {"version": "4.11.3", "snapshot": null}, "candidate": {"version": "4.12.0", "snapshot": null},
        "exposure": {"percent": percent, "units": units, "units_total": 40},
        "stages": [stage("canary", "passed"), stage("batch", "progressing"), stage("fleet", "waiting")],
        "current_stage": "batch", "blockers": [], "slis": (0..indicators).map(sli).collect::<Vec<_>>(),
        "verdict": {"label": "pass", "score": 0.9, "why": "all indicators pass"},
        "freeze": null, "next": null, "owner": "team-picking", "correlation_id": format!("c-{n}"),
        "created_at": begun - TimeDelta::hours(1), "updated_at": begun - TimeDelta::minutes(20),
        "observed_at": (phase != "completed").then_some(observed),
    });
    serde_json::from_value(value).expect("a rollout as the API has it")
}

/// The numbers of so many rollouts in the order of the list: by class, then by address.
pub fn order(rollouts: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..rollouts).collect();
    // Waiting, paused, running, completed.
    numbers.sort_by_key(|n| ([0, 2, 2, 1, 3][n % 5], n % 40, *n));
    numbers
}
