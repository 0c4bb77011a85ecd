//! A small shop for trying Rolldeck on: it answers `/checkout`, counts what it answers, and can be
//! made slow or wrong while it runs. The same program makes the load.
//!
//! `shop serve` is one instance of one version at one site; `shop load` asks instances. A fault is a
//! line in the fault file, and is taken up within a second:
//!
//! ```text
//! 1.1.0 errors=0.3 slow=250
//! ```
//!
//! Instances of version 1.1.0 then fail 30 % of requests, and take 250 ms longer for each.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicU64},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clap::{Parser, Subcommand};
use color_eyre::Result;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinSet, time};

/// Seconds at which requests are counted; 0.3 is the objective of the example's plan.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0];
/// What a healthy version does: five of a thousand fail, half take less than 20 ms.
const ERRORS: f64 = 0.005;
const MEDIAN: f64 = 0.02;

#[derive(Debug, Parser)]
#[command(about = "A small shop to try Rolldeck on")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One instance
    Serve {
        /// Where it listens
        #[arg(long)]
        listen: SocketAddr,
        /// Its version, the label `release` of its metrics
        #[arg(long)]
        version: String,
        /// Its site, the label `site`
        #[arg(long)]
        site: String,
        /// The file that says which version fails how
        #[arg(long)]
        faults: PathBuf,
    },
    /// Asks instances, each so often a second
    Load {
        /// Requests a second of each instance
        #[arg(long, default_value_t = 40.0)]
        rate: f64,
        /// The instances
        #[arg(required = true)]
        targets: Vec<SocketAddr>,
    },
}

/// How a version fails.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Fault {
    errors: f64,
    slow: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    service: &'static str,
    release: String,
    site: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    service: &'static str,
    release: String,
    site: String,
    code: u16,
}

#[derive(Debug)]
struct Shop {
    labels: Labels,
    fault: RwLock<Fault>,
    luck: Mutex<StdRng>,
    answered: Family<Answered, Counter>,
    took: Family<Labels, Histogram, fn() -> Histogram>,
    up: Family<Labels, Gauge<f64, AtomicU64>>,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Args::parse().command {
        Command::Serve { listen, version, site, faults } => serve(listen, version, site, faults).await,
        Command::Load { rate, targets } => load(rate, targets).await,
    }
}

async fn serve(listen: SocketAddr, version: String, site: String, faults: PathBuf) -> Result<()> {
    let shop = Arc::new(Shop {
        labels: Labels { service: "shop", release: version, site },
        fault: RwLock::default(),
        luck: Mutex::new(StdRng::seed_from_u64(listen.port().into())),
        answered: Family::default(),
        took: Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram),
        up: Family::default(),
    });
    shop.up.get_or_create(&shop.labels).set(1.0);
    tokio::spawn(watch(Arc::clone(&shop), faults));
    let router = Router::new()
        .route("/checkout", get(checkout))
        .route("/metrics", get(metrics))
        .route("/healthz", get(async |State(shop): State<Arc<Shop>>| shop.labels.release.clone()))
        .with_state(Arc::clone(&shop));
    let listener = TcpListener::bind(listen).await?;
    println!("shop {} listens on {}", shop.labels.release, listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

/// Takes up what the fault file says of this version.
async fn watch(shop: Arc<Shop>, faults: PathBuf) {
    let mut ticks = time::interval(Duration::from_millis(500));
    loop {
        ticks.tick().await;
        let fault = read(&faults, &shop.labels.release);
        *shop.fault.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// What a fault file says of a version; nothing, where there is no file or no line of it.
fn read(path: &Path, version: &str) -> Fault {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let Some(said) = words.into_iter().find(|words| words.first() == Some(&version)) else { return Fault::default() };
    let values: BTreeMap<&str, f64> =
        said.iter().filter_map(|word| word.split_once('=')).filter_map(|(k, v)| Some((k, v.parse().ok()?))).collect();
    let value = |key| values.get(key).copied().unwrap_or_default().clamp(0.0, 60_000.0);
    Fault { errors: value("errors").min(1.0), slow: Duration::from_secs_f64(value("slow") / 1000.0) }
}

async fn checkout(State(shop): State<Arc<Shop>>) -> Response {
    let began = Instant::now();
    let fault = *shop.fault.read().unwrap_or_else(PoisonError::into_inner);
    let (luck, share): (f64, f64) = {
        let mut luck = shop.luck.lock().unwrap_or_else(PoisonError::into_inner);
        (luck.random(), luck.random_range(0.001..1.0))
    };
    // Exponential: half of the requests take less than the median, one in a hundred 6.6 times as long.
    time::sleep(fault.slow + Duration::from_secs_f64(MEDIAN * -share.ln() / std::f64::consts::LN_2)).await;
    let fails = luck < ERRORS.max(fault.errors);
    let status = if fails { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    let Labels { service, release, site } = shop.labels.clone();
    shop.answered.get_or_create(&Answered { service, release, site, code: status.as_u16() }).inc();
    shop.took.get_or_create(&shop.labels).observe(began.elapsed().as_secs_f64());
    (status, if fails { "the till is stuck\n" } else { "sold\n" }).into_response()
}

async fn metrics(State(shop): State<Arc<Shop>>) -> Response {
    let mut registry = Registry::default();
    registry.register("http_requests", "Requests answered", shop.answered.clone());
    registry.register_with_unit("http_request_duration", "Time to answer", Unit::Seconds, shop.took.clone());
    registry.register("shop_up", "This instance runs", shop.up.clone());
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => {
            let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, media)], body).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Asks each instance at its own pace, for ever; one that does not answer is asked again.
async fn load(rate: f64, targets: Vec<SocketAddr>) -> Result<()> {
    let every = Duration::from_secs_f64(1.0 / rate.clamp(0.1, 2000.0));
    let mut askers = JoinSet::new();
    for target in targets {
        askers.spawn(async move {
            let mut ticks = time::interval(every);
            ticks.set_missed_tick_behavior(time::MissedTickBehavior::Skip);
            let mut open = JoinSet::new();
            loop {
                ticks.tick().await;
                while open.try_join_next().is_some() {}
                // A slow instance is not given more than it can take.
                if open.len() < 200 {
                    open.spawn(ask(target));
                }
            }
        });
    }
    askers.join_all().await;
    Ok(())
}

/// One request on a connection of its own.
async fn ask(target: SocketAddr) -> std::io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(target).await?;
    stream
        .write_all(format!("GET /checkout HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    Ok(())
}
