//! Where a PostgreSQL database is, and how its server is let know who asks: a URL without a password on an
//! argument list, and secrets where nobody else looks.

use std::{fmt, net::IpAddr, str::FromStr as _};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tracing::subscriber::{NoSubscriber, with_default};
use url::Url;

/// A database of a server. Prints itself without secrets.
#[derive(Clone)]
pub struct Address {
    options: PgConnectOptions,
    place: String,
}

/// A URL that is none of a database that can be used. Shows nothing of the URL itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL of PostgreSQL.
    #[error("write it like postgres://USER@HOST:PORT/NAME, or postgres:///NAME?host=/run/postgresql for a socket")]
    NoUrl,
    /// A secret where every process of the machine can read it.
    #[error(
        "a password on an argument list is seen by everybody on this machine: leave it out, and give it in \
         PGPASSWORD, in the file that PGPASSFILE names, or with the whole URL in ROLLDECK_DATABASE"
    )]
    Password,
    /// A parameter that is not known.
    #[error(
        "{0:?} is no parameter of the URL: host, hostaddr, port, user, dbname, sslmode, sslrootcert, sslcert, \
         sslkey, application_name and options are"
    )]
    Parameter(String),
    /// A parameter whose value cannot be.
    #[error("{0} is one of disable, prefer, require, verify-ca, verify-full")]
    Mode(&'static str),
    /// A value in it cannot be read.
    #[error("the URL cannot be read: {0}")]
    Unreadable(String),
}

/// Parameters of the URL.
const PARAMETERS: [&str; 11] = [
    "host",
    "hostaddr",
    "port",
    "user",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "options",
];

impl Address {
    /// Reads the URL of an argument, on which there must be no password.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn of_argument(text: &str) -> Result<Self, AddressError> {
        let url = parsed(text)?;
        if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
            return Err(AddressError::Password);
        }
        Self::of(&url)
    }

    /// Reads the URL of an environment variable, which may have one.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn of_environment(text: &str) -> Result<Self, AddressError> {
        Self::of(&parsed(text)?)
    }

    fn of(url: &Url) -> Result<Self, AddressError> {
        let known = |key: &str| key == "password" || PARAMETERS.contains(&key);
        if let Some((key, _)) = url.query_pairs().find(|(key, _)| !known(key)) {
            return Err(AddressError::Parameter(key.chars().take(40).collect()));
        }
        let mode = |text: &str| text.parse::<PgSslMode>().is_ok();
        let written = url.query_pairs().find(|(key, _)| key == "sslmode").map(|(_, value)| value.into_owned());
        if written.as_deref().is_some_and(|written| !mode(written)) {
            return Err(AddressError::Mode("sslmode"));
        }
        let general = std::env::var("PGSSLMODE").ok().filter(|value| !value.is_empty());
        if general.as_deref().is_some_and(|general| !mode(general)) {
            return Err(AddressError::Mode("PGSSLMODE"));
        }
        // The driver logs lines of a password file that it cannot read, password and all.
        let read = with_default(NoSubscriber::default(), || PgConnectOptions::from_str(url.as_str()));
        let mut options = read.map_err(|error| AddressError::Unreadable(error.to_string()))?;
        if written.is_none() && general.is_none() && !is_local(&options) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        if options.get_application_name().is_none() {
            options = options.application_name("rolldeck");
        }
        let place = place(&options);
        Ok(Self { options, place })
    }

    /// Where it is: `postgres://host:port/name`, without user or password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How to connect, with settings of the session.
    pub(super) fn options<const N: usize>(&self, settings: [(&str, &str); N]) -> PgConnectOptions {
        self.options.clone().options(settings)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.place).finish()
    }
}

fn parsed(text: &str) -> Result<Url, AddressError> {
    let url = Url::parse(text).map_err(|_| AddressError::NoUrl)?;
    // `postgres:name` is a URL too, and one without a path to a database.
    let hierarchical = text.split_once("://").is_some();
    if matches!(url.scheme(), "postgres" | "postgresql") && hierarchical { Ok(url) } else { Err(AddressError::NoUrl) }
}

/// The directory of the socket, where it is one.
fn socket(options: &PgConnectOptions) -> Option<String> {
    let named = options.get_socket().map(|directory| directory.display().to_string());
    named.or_else(|| options.get_host().starts_with('/').then(|| options.get_host().to_owned()))
}

/// Whether nothing between here and there is not this machine's.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    socket(options).is_some() || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn place(options: &PgConnectOptions) -> String {
    let name = options.get_database().unwrap_or_else(|| options.get_username());
    let port = options.get_port();
    shown(&match socket(options) {
        Some(directory) => format!("postgres:///{name}?host={directory}&port={port}"),
        None => format!("postgres://{}:{port}/{name}", options.get_host()),
    })
}

/// It reaches terminals.
fn shown(text: &str) -> String {
    crate::domain::SafeText::new(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr3t-w0rd";

    fn mode(text: &str) -> PgSslMode {
        Address::of_argument(text).unwrap().options.get_ssl_mode()
    }

    #[test]
    fn a_password_on_an_argument_list_is_refused_with_what_to_do_and_shown_nowhere() {
        for text in [
            format!("postgres://anna:{SECRET}@db.example/rolldeck"),
            format!("postgres://db.example/rolldeck?password={SECRET}"),
            format!("postgresql:///rolldeck?host=/run/postgresql&user=anna&password={SECRET}"),
        ] {
            let error = Address::of_argument(&text).unwrap_err();
            assert_eq!(error, AddressError::Password);
            for hint in ["PGPASSWORD", "PGPASSFILE", "ROLLDECK_DATABASE"] {
                assert!(error.to_string().contains(hint), "{error}");
            }
            let address = Address::of_environment(&text).unwrap();
            assert!(!format!("{address} {address:?} {}", address.place()).contains(SECRET));
            assert!(!format!("{error} {error:?}").contains(SECRET));
        }
    }

    #[test]
    fn what_is_no_url_of_a_database_is_refused_and_not_repeated() {
        for text in ["", "rolldeck", "sqlite://x", "http://h/x", "postgres:rolldeck", "/var/lib/rolldeck", "://"] {
            assert_eq!(Address::of_argument(text).unwrap_err(), AddressError::NoUrl, "{text:?}");
        }
        let error = Address::of_argument(&format!("postgres://h/x?passwd={SECRET}")).unwrap_err();
        assert!(matches!(&error, AddressError::Parameter(key) if key == "passwd"));
        assert!(!error.to_string().contains(SECRET));
        assert_eq!(Address::of_argument("postgres://h/x?sslmode=on").unwrap_err(), AddressError::Mode("sslmode"));
    }

    #[test]
    fn a_place_names_host_port_and_database_only() {
        for (text, place) in [
            ("postgres://anna@db.example:6432/deck", "postgres://db.example:6432/deck"),
            ("postgresql://db.example/deck?sslmode=require", "postgres://db.example:5432/deck"),
            ("postgres://127.0.0.1:7/deck", "postgres://127.0.0.1:7/deck"),
            ("postgres:///deck?host=/run/pg&port=7", "postgres:///deck?host=/run/pg&port=7"),
            ("postgres://%2Frun%2Fpg/deck", "postgres:///deck?host=/run/pg&port=5432"),
        ] {
            assert_eq!(Address::of_argument(text).unwrap().place(), place);
        }
    }

    #[test]
    fn another_machine_is_only_believed_with_a_certificate_unless_somebody_wrote_otherwise() {
        assert!(matches!(mode("postgres://db.example/deck"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://10.0.0.7/deck"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://db.example/deck?sslmode=require"), PgSslMode::Require));
        for local in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "%2Frun%2Fpg"] {
            assert!(matches!(mode(&format!("postgres://{local}/deck")), PgSslMode::Prefer), "{local}");
        }
    }
}
