//! A source of indicators: a metrics server by name, and the files that its secrets lie in.

use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Paths, SecretError, context::place, secret};
use crate::domain::{address, duration, plan::REPORTED};

/// How long a source may take to answer, when nothing else is said.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The shortest and the longest time that a source may be given: an answer that comes later than
/// evaluations do is of no use.
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_mins(1);
/// Longest tenant's or user's name.
const NAME_MAX: usize = 150;

/// What a source speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Prometheus' HTTP API, which Thanos, Mimir, Cortex and VictoriaMetrics speak too.
    #[default]
    Prometheus,
}

/// A source, as the config file has it: `[sources.NAME]`.
///
/// ```toml
/// [sources.prometheus]
/// url = "https://prometheus.example/prefix"
/// token_file = "secrets/prometheus"      # or username and password_file
/// ca_file = "ca.pem"
/// client_certificate_file = "me.pem"     # with client_key_file
/// client_key_file = "me.key"
/// tenant = "team-a"                      # of Mimir and Cortex: X-Scope-OrgID
/// timeout = "10s"
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// Where it is; its API is at `api/v1/` behind this.
    pub url: String,
    /// What it speaks.
    #[serde(default)]
    pub kind: SourceKind,
    /// The file with the bearer token. Relative to the config's directory, as all files here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The user of basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The file with the user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Certificates of authorities to trust beside the system's (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The certificate chain to show to it (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_file: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key_file: Option<PathBuf>,
    /// The tenant whose data is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How long it may take to answer; [`TIMEOUT`], when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "read_timeout",
        serialize_with = "write_timeout"
    )]
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
}

/// Who asks a source.
#[derive(Debug, Clone)]
pub enum SourceCredentials {
    /// Nobody says.
    None,
    /// Whoever has this token.
    Bearer(SecretString),
    /// A user with a password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretString,
    },
}

/// What lies in the files that a source's settings name.
#[derive(Debug, Clone)]
pub struct SourceSecrets {
    /// Who asks.
    pub credentials: SourceCredentials,
    /// Certificates of authorities (PEM).
    pub ca: Option<Vec<u8>>,
    /// The client's certificate chain and its key, one after the other (PEM).
    pub identity: Option<SecretString>,
}

impl SourceSettings {
    /// The same with its paths made absolute.
    #[must_use]
    pub fn placed(mut self, paths: &Paths) -> Self {
        for path in [
            &mut self.token_file,
            &mut self.password_file,
            &mut self.ca_file,
            &mut self.client_certificate_file,
            &mut self.client_key_file,
        ] {
            *path = path.take().map(|path| place(path, paths));
        }
        self
    }

    /// How long it may take to answer.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    /// Whether it can be asked as it is written.
    ///
    /// # Errors
    /// The field, and what was expected of it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let url = address::server_url(&self.url).map_err(|error| ("url", error.to_string()))?;
        let together = |first: bool, second: bool, field, message: &str| {
            if first && !second { Err((field, message.to_owned())) } else { Ok(()) }
        };
        let (token, user, password) =
            (self.token_file.is_some(), self.username.is_some(), self.password_file.is_some());
        if token && (user || password) {
            return Err(("token_file", "give a token, or a username with a password, not both".to_owned()));
        }
        together(user, password, "username", "its password_file is missing")?;
        together(password, user, "password_file", "the username that the password belongs to is missing")?;
        let (certificate, key) = (self.client_certificate_file.is_some(), self.client_key_file.is_some());
        together(certificate, key, "client_certificate_file", "its client_key_file is missing")?;
        together(key, certificate, "client_key_file", "the client_certificate_file that it belongs to is missing")?;
        // Metrics alone may go over a network as they are; a secret may not.
        if (token || user) && url.scheme() == "http" && !address::is_loopback(&url) {
            return Err((
                "url",
                format!("{url} is neither on this machine nor https, and a secret is sent to it: use an https:// URL"),
            ));
        }
        if certificate && url.scheme() == "http" {
            return Err((
                "client_certificate_file",
                "it is shown over https only, and the url begins with http://".to_owned(),
            ));
        }
        for (field, name) in [("username", &self.username), ("tenant", &self.tenant)] {
            if let Some(name) = name
                && (name.is_empty() || name.len() > NAME_MAX || !name.chars().all(|c| c.is_ascii_graphic()))
            {
                return Err((field, format!("expected 1 to {NAME_MAX} letters, digits or signs without a space")));
            }
        }
        if self.username.as_ref().is_some_and(|name| name.contains(':')) {
            return Err(("username", "a user's name has no colon: the password goes into password_file".to_owned()));
        }
        Ok(())
    }

    /// Reads what its files hold: secrets from files of this user alone.
    ///
    /// # Errors
    /// [`SecretError`], which says what to do and never shows what was read.
    pub fn secrets(&self) -> Result<SourceSecrets, SecretError> {
        let credentials = match (&self.token_file, &self.username, &self.password_file) {
            (Some(path), _, _) => SourceCredentials::Bearer(secret::read_secret_file(path)?),
            (None, Some(username), Some(path)) => {
                SourceCredentials::Basic { username: username.clone(), password: secret::read_secret_file(path)? }
            }
            _ => SourceCredentials::None,
        };
        let identity = match (&self.client_certificate_file, &self.client_key_file) {
            (Some(certificate), Some(key)) => {
                let chain = secret::read_pem(certificate)?;
                let key = secret::read_key_file(key)?;
                Some(SecretString::from(format!("{}\n{}", String::from_utf8_lossy(&chain), key.expose_secret())))
            }
            _ => None,
        };
        Ok(SourceSecrets { credentials, ca: self.ca_file.as_deref().map(secret::read_pem).transpose()?, identity })
    }
}

/// Whether a text can name a source.
///
/// # Errors
/// What was expected.
pub fn check_name(name: &str) -> Result<(), String> {
    if name == REPORTED {
        return Err(format!("{REPORTED} is what agents report, and is there by itself: give the source another name"));
    }
    super::context::check_name(name).map_err(|message| message.replace("a context", "a source"))
}

fn read_timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let timeout = duration::parse(&text).map_err(serde::de::Error::custom)?;
    if TIMEOUTS.contains(&timeout) {
        return Ok(Some(timeout));
    }
    let (least, most) = (duration::print(*TIMEOUTS.start()), duration::print(*TIMEOUTS.end()));
    Err(serde::de::Error::custom(format!("{text} is out of range; a timeout is {least} to {most}")))
}

#[expect(clippy::ref_option, reason = "serde hands a field over by reference")]
fn write_timeout<S: Serializer>(timeout: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    timeout.map(duration::print).serialize(serializer)
}
