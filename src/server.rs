//! The HTTP API over a control plane: it authenticates, reads requests, and writes answers.
//!
//! What a request may do and what it does is control's; here is what crosses the wire. Each route
//! is one row of the table in [`routes`], from which both the router and `/openapi.json` are made.
//!
//! [`router`] is the whole API without a port; [`Server::bind`] and [`Server::run`] put it on one.

mod auth;
mod extract;
mod limits;
mod listen;
mod metrics;
mod ofrep;
mod openapi;
mod origin;
mod private;
mod problem;
mod routes;
mod streams;
mod tls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, middleware};
use futures_util::FutureExt as _;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    clock::Clock,
    control::Control,
    domain::SafeText,
    wire::{Code, Problem},
};

pub use limits::Limits;
pub use listen::{Access, ServeError, Server, serve};
pub use private::serve_privately;
pub use tls::TlsFiles;

use metrics::Metrics;
use problem::Answer;

/// Bodies of up to [`Limits::large_body`] that are in memory at a time.
const LARGE_BODIES: usize = 4;
/// How long a held request may take to answer once the server is to end.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where it listens; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Its certificate and key; none for plain HTTP, which is for loopback only.
    pub tls: Option<TlsFiles>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What it reads, and how long it waits for it.
    pub limits: Limits,
    /// Who everybody is that reaches it: of a socket in a directory that is one user's alone.
    pub owner: Option<SafeText>,
}

impl ServerOptions {
    /// Plain HTTP on any free port of loopback.
    #[must_use]
    pub fn loopback(clock: Arc<dyn Clock>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            clock,
            limits: Limits::default(),
            owner: None,
        }
    }
}

/// What every handler is given.
#[derive(Debug, Clone)]
struct App {
    control: Control,
    options: Arc<ServerOptions>,
    metrics: Arc<Metrics>,
    large_bodies: Arc<Semaphore>,
    tickets: Arc<streams::Tickets>,
    streams: Arc<streams::Streams>,
    shutdown: CancellationToken,
}

impl App {
    /// Asks something that may be held for up to `wait`; when the server is to end, asks again without waiting.
    async fn held<T, F>(&self, wait: Duration, ask: impl Fn(Duration) -> F) -> Answer<T>
    where
        F: Future<Output = Result<T, Problem>>,
    {
        if wait.is_zero() {
            return Ok(ask(wait).await?);
        }
        tokio::select! {
            biased;
            answer = ask(wait) => return Ok(answer?),
            () = self.shutdown.cancelled() => {}
        }
        match tokio::time::timeout(LAST_ANSWER, ask(Duration::ZERO)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(problem::Failure::new(Code::Unavailable, "the server is ending: ask again")),
        }
    }
}

/// Does a change in a task of its own, so that a client that goes away does not leave it half done.
async fn to_the_end<T: Send + 'static>(change: impl Future<Output = Result<T, Problem>> + Send + 'static) -> Answer<T> {
    let (tell, told) = oneshot::channel();
    // In a box that gives nothing back, so that tokio's part is compiled once and not for each kind of change.
    let change = async move { drop(tell.send(change.await)) }.boxed();
    if let Err(error) = tokio::spawn(change).await {
        tracing::error!(%error, "a change did not end");
        return Err(problem::broken());
    }
    // It ended, so it told.
    Ok(told.await.map_err(|_| problem::broken())??)
}

/// The whole API, without a port.
pub fn router(control: Control, options: ServerOptions) -> Router {
    build(control, options, CancellationToken::new())
}

fn build(control: Control, options: ServerOptions, shutdown: CancellationToken) -> Router {
    let app = App {
        control,
        options: Arc::new(options),
        metrics: Metrics::new(),
        large_bodies: Arc::new(Semaphore::new(LARGE_BODIES)),
        tickets: Arc::new(streams::Tickets::new()),
        streams: Arc::default(),
        shutdown,
    };
    let mut router = Router::new();
    for route in routes::all() {
        router = router.route(route.path, route.handler);
    }
    // The last layer is the outermost: it sees the request first and the answer last.
    router
        .fallback(problem::unknown_path)
        .layer(middleware::from_fn(origin::same_origin))
        .layer(middleware::from_fn(origin::for_pages))
        .layer(middleware::from_fn(limits::headers))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(problem::only_problems))
        .layer(middleware::from_fn(limits::not_kept))
        .layer(middleware::from_fn_with_state(app.clone(), metrics::count))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_change_goes_on_to_its_end_when_whoever_asked_for_it_is_gone() {
        let (begun, go_on, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let change = {
            let (begun, go_on, ended) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&ended));
            async move {
                begun.notify_one();
                go_on.notified().await;
                ended.notify_one();
                Ok(())
            }
        };
        tokio::select! {
            _ = to_the_end(change) => panic!("it waits"),
            () = begun.notified() => {}
        }
        go_on.notify_one();
        tokio::time::timeout(Duration::from_secs(20), ended.notified()).await.unwrap();
    }

    #[tokio::test]
    async fn a_change_that_panics_is_answered_and_its_cause_is_not_told() {
        let failure = to_the_end::<()>(async { panic!("hunter22") }).await.unwrap_err();
        let said = format!("{failure:?}");
        assert!(!said.contains("hunter22"), "{said}");
        assert!(said.contains("Unavailable") && said.contains("ask again"), "{said}");
    }
}
