//! Takes the port, says who gets in, serves, and ends gracefully.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
};

use axum_server::{
    Handle,
    accept::{Accept, NoDelayAcceptor},
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use futures_util::future::BoxFuture;
use hyper_util::rt::TokioTimer;
use rustix::process::{Resource, Rlimit};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{ServerOptions, limits, tls};
use crate::control::Control;

/// Why a server does not start, or ended. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be taken.
    #[error("cannot listen on {address} (another --listen address or port?)")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Plain HTTP where others can listen in.
    #[error("{address} can be reached from other machines: give --tls-cert and --tls-key, or listen on 127.0.0.1")]
    TlsNeeded {
        /// The address.
        address: SocketAddr,
    },
    /// Nobody could be told from anybody.
    #[error(
        "{address} can be reached from other machines and there is no token yet: add one first with \
         rolldeck token add --role commander --targets '*', or listen on 127.0.0.1"
    )]
    TokenNeeded {
        /// The address.
        address: SocketAddr,
    },
    /// A certificate or key that cannot be used.
    #[error("{}: {why}: --tls-cert takes a PEM certificate chain, --tls-key its PEM private key", file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The listener failed.
    #[error("the server ended: {0}")]
    Failed(#[source] io::Error),
}

/// Who gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine, as commander: there is no token yet. To be said on start.
    OpenOnLoopback,
    /// Whoever has a token.
    Tokens,
}

/// A server that has its port and does not answer on it yet.
#[derive(Debug)]
pub struct Server {
    control: Control,
    options: ServerOptions,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    access: Access,
}

impl Server {
    /// Checks who would get in, reads the certificate, takes the port.
    ///
    /// # Errors
    /// [`ServeError`], before anything was answered.
    pub fn bind(control: Control, mut options: ServerOptions) -> Result<Self, ServeError> {
        let address = options.listen;
        if !address.ip().to_canonical().is_loopback() {
            if options.tls.is_none() {
                return Err(ServeError::TlsNeeded { address });
            }
            if !control.tokens().iter().any(|token| token.revoked_at.is_none()) {
                return Err(ServeError::TokenNeeded { address });
            }
        }
        let tls = match &options.tls {
            Some(files) => {
                tls::provider();
                Some(RustlsConfig::from_config(files.load()?))
            }
            None => None,
        };
        let bound = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound().map_err(|source| ServeError::Bind { address, source })?;
        options.listen = address;
        let access = if control.tokens().is_empty() { Access::OpenOnLoopback } else { Access::Tokens };
        Ok(Self { control, options, listener, address, tls, access })
    }

    /// The address it has, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients give as `--server`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Who gets in.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Answers until `shutdown`; then held requests answer at once, those under way finish within
    /// [`super::Limits::grace`], and it returns. Control is left running.
    ///
    /// # Errors
    /// [`ServeError::Failed`] when the listener fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        let limits = self.options.limits.clone();
        let files = self.options.tls.clone();
        let app = super::build(self.control, self.options, shutdown.clone());
        let slots = Slots(Arc::new(Semaphore::new(places(limits.connections))));
        let handle = Handle::new();
        let ending = {
            let (handle, shutdown) = (handle.clone(), shutdown.clone());
            async move {
                shutdown.cancelled().await;
                handle.graceful_shutdown(Some(limits.grace));
                std::future::pending::<()>().await;
            }
        };
        let renewing = {
            let renewal = files.zip(self.tls.clone());
            async move {
                match renewal {
                    Some((files, config)) => files.follow(config).await,
                    None => std::future::pending().await,
                }
            }
        };
        let make = app.into_make_service_with_connect_info::<SocketAddr>();
        let mut server = axum_server::from_tcp(self.listener).map_err(ServeError::Failed)?.handle(handle);
        server
            .http_builder()
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_headers(2 * limits::HEADERS_MAX)
            .max_buf_size(4 * limits::HEADER_BYTES_MAX);
        let server = server.http1_only();
        let serving = async move {
            match self.tls {
                Some(config) => {
                    let tls = RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new());
                    server.acceptor(Limited { inner: tls, slots }).serve(make).await
                }
                None => server.acceptor(Limited { inner: NoDelayAcceptor::new(), slots }).serve(make).await,
            }
        };
        tokio::select! {
            ended = serving => ended.map_err(ServeError::Failed),
            () = ending => Ok(()),
            () = renewing => Ok(()),
        }
    }
}

/// Binds and runs.
///
/// # Errors
/// [`ServeError`] when it does not start, or its listener fails.
pub async fn serve(control: Control, options: ServerOptions, shutdown: CancellationToken) -> Result<(), ServeError> {
    let server = Server::bind(control, options)?;
    tracing::info!(url = server.url(), access = ?server.access(), "listening");
    server.run(shutdown).await
}

/// Files that are left to the store and the rest of the process.
const FILES_KEPT: u64 = 128;

/// How many connections there is place for: as many as wanted, and never so many that the store
/// could not open a file. The process's limit of open files is raised as far as it may be.
fn places(wanted: usize) -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let needed = (wanted as u64).saturating_add(FILES_KEPT);
    let mut open = limit.current.unwrap_or(u64::MAX);
    if open < needed {
        let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
        let asked = Rlimit { current: Some(raised), maximum: limit.maximum };
        if raised > open && rustix::process::setrlimit(Resource::Nofile, asked).is_ok() {
            open = raised;
        }
    }
    let places = open.saturating_sub(FILES_KEPT).max(1).min(wanted as u64);
    if places < wanted as u64 {
        tracing::warn!(places, wanted, "the limit of open files leaves place for fewer connections: see ulimit -n");
    }
    usize::try_from(places).unwrap_or(wanted)
}

/// Places for connections.
#[derive(Debug, Clone)]
struct Slots(Arc<Semaphore>);

/// Closes a connection at once when there is no place for it.
#[derive(Debug, Clone)]
struct Limited<A> {
    inner: A,
    slots: Slots,
}

impl<A, S> Accept<TcpStream, S> for Limited<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
    A::Stream: 'static,
    A::Service: 'static,
{
    type Stream = A::Stream;
    type Service = Placed<A::Service>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = Arc::clone(&self.slots.0).try_acquire_owned() else {
            tracing::warn!("too many connections: one was closed");
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        let accepting = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            Ok((stream, Placed { inner: service, _place: Arc::new(place) }))
        })
    }
}

/// A connection's service, with the place that is free again when it is dropped.
#[derive(Debug, Clone)]
struct Placed<S> {
    inner: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for Placed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.inner.call(request)
    }
}
