//! The layers below a client: sockets that notice a dead peer, a proxy, TLS, the credential.
//!
//! The crate's own stack has no keep-alive, without which a watch on a connection that died silently is
//! quiet for ever, and sends a request again after a 504, which may have been carried out.

use std::time::Duration;

use http::Uri;
use hyper_util::{
    client::{
        legacy::{
            Client as Http,
            connect::{
                Connection, HttpConnector,
                proxy::{SocksV5, Tunnel},
            },
        },
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioExecutor,
};
use kube::{Client, Config, client::ConfigExt as _};
use tower::{BoxError, Service, ServiceBuilder};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(8);
/// Silence after which a connection is asked whether it is alive, and how often it is asked again: a dead
/// one is noticed within 25 s.
const QUIET: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(5);
const TIMES: u32 = 3;

/// Why there is none.
#[derive(Debug)]
pub enum StackError {
    /// The crate says so.
    Kube(Box<kube::Error>),
    /// The proxy's URL is of no kind that is known.
    Proxy(String),
}

impl From<kube::Error> for StackError {
    fn from(error: kube::Error) -> Self {
        Self::Kube(Box::new(error))
    }
}

/// Builds a client. Runs the credential plugin, and waits for it.
///
/// # Errors
/// [`StackError`].
pub fn build(config: &Config, proxy: Option<&str>) -> Result<Client, StackError> {
    let mut sockets = HttpConnector::new();
    sockets.enforce_http(false);
    sockets.set_nodelay(true);
    sockets.set_connect_timeout(Some(CONNECT));
    sockets.set_keepalive(Some(QUIET));
    sockets.set_keepalive_interval(Some(AGAIN));
    sockets.set_keepalive_retries(Some(TIMES));
    // The proxy of a kubeconfig holds whatever NO_PROXY says, as with kubectl; those of the environment do not.
    let matcher = match proxy {
        Some(proxy) => Matcher::builder().all(proxy).build(),
        None => Matcher::from_env(),
    };
    let Some(intercept) = matcher.intercept(&config.cluster_url) else {
        return match proxy {
            Some(_) => Err(StackError::Proxy("the URL of its proxy is none".to_owned())),
            None => layers(config, sockets),
        };
    };
    match intercept.uri().scheme_str() {
        Some("http") => layers(config, tunnel(&intercept, sockets)),
        Some("https") => layers(config, tunnel(&intercept, config.rustls_https_connector_with_connector(sockets)?)),
        Some("socks5" | "socks5h") => {
            let socks = SocksV5::new(intercept.uri().clone(), sockets);
            match intercept.raw_auth() {
                Some((user, password)) => layers(config, socks.with_auth(user.to_owned(), password.to_owned())),
                None => layers(config, socks),
            }
        }
        other => Err(StackError::Proxy(format!("proxies of the scheme {:?} are not known", other.unwrap_or_default()))),
    }
}

fn tunnel<C>(intercept: &Intercept, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(intercept.uri().clone(), connector);
    match intercept.basic_auth() {
        Some(credential) => tunnel.with_auth(credential.clone()),
        None => tunnel,
    }
}

fn layers<C>(config: &Config, connector: C) -> Result<Client, StackError>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let credential = config.auth_layer()?;
    let http = Http::builder(TokioExecutor::new()).build(config.rustls_https_connector_with_connector(connector)?);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(credential)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}
