//! The one place that builds an HTTP client: installs ring, bounds every wait, never follows a
//! redirect (a token must not travel to where it was not meant for), and never sends a token in
//! clear text over a network.

use std::{sync::OnceLock, time::Duration};

use reqwest::{Certificate, Client, Response, Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::address::{AddressError, is_loopback};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a client needs to know of its server.
#[derive(Debug, Clone)]
pub struct ClientOptions<'a> {
    /// Where the server is, from [`crate::domain::address::server_url`].
    pub server: &'a Url,
    /// The bearer token; none on loopback without tokens.
    pub token: Option<&'a SecretString>,
    /// Certificates (PEM) of authorities to trust beside the system's.
    pub ca: Option<&'a [u8]>,
    /// The longest silence of the server, a long poll's wait included.
    pub silence: Duration,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one of a server.
    #[error(transparent)]
    Url(#[from] AddressError),
    /// The token would be readable on the way.
    #[error(
        "{0} is neither on this machine nor https: a token is not sent in clear text over a network; use an https:// URL"
    )]
    ClearText(String),
    /// The token has characters that a header cannot carry.
    #[error("the token has characters that no token has: give the file that `rolldeck token add` wrote")]
    Token,
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
/// [`ClientError`] when a token would travel in clear text, or token or certificates are no such.
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
    if let Some(token) = options.token {
        if options.server.scheme() == "http" && !loopback {
            return Err(ClientError::ClearText(options.server.as_str().to_owned()));
        }
        let mut value = header::HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim()))
            .map_err(|_| ClientError::Token)?;
        value.set_sensitive(true);
        builder = builder.default_headers(header::HeaderMap::from_iter([(header::AUTHORIZATION, value)]));
    }
    builder.build().map_err(|error| ClientError::Tls(chain(&error)))
}

/// Reads a body of at most `limit` bytes; of a longer one no more than that is ever held.
///
/// # Errors
/// [`BodyError`] when it is longer, or does not arrive whole.
pub async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLong(limit));
    }
    let mut bytes = Vec::new();
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
        ClientOptions { server, token: None, ca: None, silence: Duration::from_secs(30) }
    }

    #[test]
    fn a_token_is_not_sent_in_clear_text_over_a_network() {
        let token = SecretString::from("rdk_secret".to_owned());
        for (url, ok) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1:1", false),
            ("http://deck.example", false),
        ] {
            let server = server_url(url).unwrap();
            let built = client(&ClientOptions { token: Some(&token), ..options(&server) });
            assert_eq!(built.is_ok(), ok, "{url}");
            if let Err(error) = built {
                assert!(!error.to_string().contains("rdk_secret"));
            }
        }
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let server = server_url("https://deck.example").unwrap();
        let error = client(&ClientOptions { ca: Some(b"nothing here"), ..options(&server) }).unwrap_err();
        assert!(matches!(error, ClientError::Ca(_)), "{error}");
    }
}
