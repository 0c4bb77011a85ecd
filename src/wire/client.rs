//! The one place that builds an HTTP client: installs ring, bounds every wait, never follows a
//! redirect (a credential must not travel to where it was not meant for), and never sends a
//! credential in clear text over a network.

use std::{sync::OnceLock, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Certificate, Client, Identity, Response, Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::address::{AddressError, is_loopback};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The header that names whose data a multi-tenant Prometheus (Mimir, Cortex) is asked for.
pub const TENANT_HEADER: header::HeaderName = header::HeaderName::from_static("x-scope-orgid");

/// By what a client is known to its server, in a header.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// A bearer token.
    Bearer(&'a SecretString),
    /// A user and a password.
    Basic {
        /// The user, without a colon.
        user: &'a str,
        /// The password.
        password: &'a SecretString,
    },
}

/// What a client needs to know of its server.
#[derive(Debug, Clone)]
pub struct ClientOptions<'a> {
    /// Where the server is, from [`crate::domain::address::server_url`].
    pub server: &'a Url,
    /// Its credential; none on loopback without tokens.
    pub credential: Option<Credential<'a>>,
    /// A client certificate with its private key (PEM), for servers that ask for one.
    pub identity: Option<&'a SecretString>,
    /// Whose data is asked for, in [`TENANT_HEADER`].
    pub tenant: Option<&'a str>,
    /// Certificates (PEM) of authorities to trust beside the system's.
    pub ca: Option<&'a [u8]>,
    /// The longest silence of the server, a long poll's wait included.
    pub silence: Duration,
    /// The longest time from the beginning of a request to the end of its answer; no limit, when absent.
    pub total: Option<Duration>,
    /// The socket that every connection goes through instead of the network.
    pub socket: Option<&'a std::path::Path>,
}

impl<'a> ClientOptions<'a> {
    /// A server that needs nothing but this.
    #[must_use]
    pub const fn new(server: &'a Url, silence: Duration) -> Self {
        Self { server, credential: None, identity: None, tenant: None, ca: None, silence, total: None, socket: None }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one of a server.
    #[error(transparent)]
    Url(#[from] AddressError),
    /// The token or password would be readable on the way.
    #[error(
        "{0} is neither on this machine nor https: a token or password is not sent in clear text over a network; use an https:// URL"
    )]
    ClearText(String),
    /// The token has characters that a header cannot carry.
    #[error("the token has characters that no token has: give a file with nothing but the token in it")]
    Token,
    /// The user's name cannot be told from the password that follows it.
    #[error("a user's name is not empty and has no colon: {0:?}")]
    User(String),
    /// The tenant has characters that a header cannot carry.
    #[error("a tenant is visible ASCII characters: {0:?}")]
    Tenant(String),
    /// The client certificate is none, or its key is missing.
    #[error("the client certificate's file must hold a PEM certificate and its private key: {0}")]
    Identity(String),
    /// A client certificate without TLS would never be shown.
    #[error("{0} is not https: a client certificate is shown over TLS only; use an https:// URL")]
    IdentityWithoutTls(String),
    /// The CA file has no usable certificate.
    #[error("the CA file holds no usable PEM certificate: {0}")]
    Ca(String),
    /// TLS cannot be set up, for example because the system has no CA certificates.
    #[error("TLS cannot be set up: {0}; install the system's CA certificates or name a CA file")]
    Tls(String),
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than what is accepted.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke, or fell silent.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

/// Builds the client for a server.
///
/// # Errors
/// [`ClientError`] when a credential would travel in clear text, or credential or certificates are no such.
pub fn client(options: &ClientOptions<'_>) -> Result<Client, ClientError> {
    client_within(options, CONNECT_TIMEOUT)
}

/// Builds the client for a server whose connections must be made sooner than in [`CONNECT_TIMEOUT`]:
/// where a person waits.
///
/// # Errors
/// As [`client`].
pub fn client_within(options: &ClientOptions<'_>, connect: Duration) -> Result<Client, ClientError> {
    install_ring();
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds clients, after ring is installed")]
    let mut builder = Client::builder()
        .user_agent(concat!("rolldeck/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(connect)
        .read_timeout(options.silence)
        .tcp_keepalive(Duration::from_secs(15))
        .http1_only();
    let loopback = is_loopback(options.server);
    if loopback {
        builder = builder.no_proxy();
    }
    if options.server.scheme() == "http" {
        // The system's certificates are not needed, and a machine may have none.
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = options.ca {
        let extra = Certificate::from_pem_bundle(pem).map_err(|error| ClientError::Ca(chain(&error)))?;
        if extra.is_empty() {
            return Err(ClientError::Ca("no BEGIN CERTIFICATE in it".to_owned()));
        }
        builder = builder.tls_certs_merge(extra);
    }
    if let Some(socket) = options.socket {
        builder = builder.unix_socket(socket.to_owned());
    }
    if let Some(total) = options.total {
        builder = builder.timeout(total);
    }
    if let Some(pem) = options.identity {
        if options.server.scheme() == "http" {
            return Err(ClientError::IdentityWithoutTls(options.server.as_str().to_owned()));
        }
        let identity =
            Identity::from_pem(pem.expose_secret().as_bytes()).map_err(|error| ClientError::Identity(chain(&error)))?;
        builder = builder.identity(identity);
    }
    let mut headers = header::HeaderMap::new();
    if let Some(credential) = options.credential {
        if options.server.scheme() == "http" && !loopback {
            return Err(ClientError::ClearText(options.server.as_str().to_owned()));
        }
        headers.insert(header::AUTHORIZATION, authorization(credential)?);
    }
    if let Some(tenant) = options.tenant {
        let visible = !tenant.is_empty() && tenant.chars().all(|c| c.is_ascii_graphic());
        let value = header::HeaderValue::from_str(tenant).ok().filter(|_| visible);
        headers.insert(TENANT_HEADER, value.ok_or_else(|| ClientError::Tenant(tenant.to_owned()))?);
    }
    builder = builder.default_headers(headers);
    builder.build().map_err(|error| ClientError::Tls(chain(&error)))
}

fn authorization(credential: Credential<'_>) -> Result<header::HeaderValue, ClientError> {
    let text = match credential {
        Credential::Bearer(token) => format!("Bearer {}", token.expose_secret().trim()),
        Credential::Basic { user, password } => {
            if user.is_empty() || user.contains(':') {
                return Err(ClientError::User(user.to_owned()));
            }
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret())))
        }
    };
    let mut value = header::HeaderValue::from_str(&text).map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads a body of at most `limit` bytes; of a longer one no more than that is ever held.
///
/// # Errors
/// [`BodyError`] when it is longer, or does not arrive whole.
pub async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLong(limit));
    }
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected.min(limit));
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Broken(chain(&error)))? {
        if bytes.len() + chunk.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error of the client with its causes, without the URL (which may be long) and never with headers.
#[must_use]
pub fn chain(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let mut text = match () {
        () if error.is_timeout() => "timed out".to_owned(),
        () if error.is_connect() => "cannot connect".to_owned(),
        () if error.is_body() => "the body broke off".to_owned(),
        () if error.is_request() => "the request failed".to_owned(),
        () if error.is_builder() => "cannot be set up".to_owned(),
        () => "failed".to_owned(),
    };
    let mut last = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        last = error.to_string();
        cause = error.source();
    }
    if !last.is_empty() && last != text {
        text.push_str(": ");
        text.push_str(&last);
    }
    text
}

/// Installs ring as the process's TLS provider, once. Without one, building a client panics.
pub fn install_ring() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // It fails only when a provider is there already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::server_url;

    fn options(server: &Url) -> ClientOptions<'_> {
        ClientOptions::new(server, Duration::from_secs(30))
    }

    #[test]
    fn a_credential_is_not_sent_in_clear_text_over_a_network() {
        let secret = SecretString::from("rdk_secret".to_owned());
        for (url, ok) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1:1", false),
            ("http://deck.example", false),
        ] {
            let server = server_url(url).unwrap();
            for credential in [Credential::Bearer(&secret), Credential::Basic { user: "me", password: &secret }] {
                let options = ClientOptions { credential: Some(credential), ..options(&server) };
                let built = client(&options);
                assert_eq!(built.is_ok(), ok, "{url}");
                let shown = format!("{options:?} {built:?}");
                assert!(!shown.contains("rdk_secret") && !shown.contains("cmRrX"), "{shown}");
            }
        }
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let server = server_url("https://deck.example").unwrap();
        let error = client(&ClientOptions { ca: Some(b"nothing here"), ..options(&server) }).unwrap_err();
        assert!(matches!(error, ClientError::Ca(_)), "{error}");
    }

    #[test]
    fn a_client_certificate_needs_its_key_and_tls_and_is_never_repeated() {
        let made = rcgen::generate_simple_self_signed(["me".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let (tls, clear) = (server_url("https://127.0.0.1:1").unwrap(), server_url("http://127.0.0.1:1").unwrap());
        let built = |server, pem: &str| {
            let identity = SecretString::from(pem.to_owned());
            // Its own authority, since a machine may have no certificates.
            let ca = Some(certificate.as_bytes());
            client(&ClientOptions { identity: Some(&identity), ca, ..options(server) })
        };
        assert!(built(&tls, &format!("{certificate}{key}")).is_ok());
        assert!(matches!(built(&clear, &format!("{certificate}{key}")), Err(ClientError::IdentityWithoutTls(_))));
        for half in [certificate.as_str(), key.as_str(), "", "-----BEGIN PRIVATE KEY-----\nhunter22\n"] {
            let error = built(&tls, half).unwrap_err();
            assert!(matches!(error, ClientError::Identity(_)), "{error}");
            assert!(!error.to_string().contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn users_and_tenants_are_what_a_header_can_carry() {
        let server = server_url("http://127.0.0.1:1").unwrap();
        let secret = SecretString::from("s".to_owned());
        for (user, ok) in [("me", true), ("", false), ("me:too", false)] {
            let credential = Some(Credential::Basic { user, password: &secret });
            assert_eq!(client(&ClientOptions { credential, ..options(&server) }).is_ok(), ok, "{user:?}");
        }
        for (tenant, ok) in
            [("team-a|team-b", true), ("", false), ("a b", false), ("a\r\nx: y", false), ("\u{e9}", false)]
        {
            let tenant_of = ClientOptions { tenant: Some(tenant), ..options(&server) };
            assert_eq!(client(&tenant_of).is_ok(), ok, "{tenant:?}");
        }
    }
}
