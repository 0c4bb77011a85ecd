//! An agent's line to its server: asks for orders, sends reports, fetches artifacts. Bounded in
//! time and size, whatever the server answers.

use std::{sync::RwLock, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{self, HeaderValue},
};
use secrecy::SecretString;
use tokio::{sync::watch, time::Instant};

use super::{AgentError, AgentOptions};
use crate::{
    domain::{Report, SafeText},
    settings::read_token_file,
    wire::{
        Code, Desired, Problem, WitnessView,
        client::{self, ClientOptions, Credential},
    },
};

/// How long a poll is held by the server.
pub(super) const WAIT: Duration = Duration::from_secs(20);
/// How much longer than that silence may last.
const SILENCE: Duration = Duration::from_secs(35);
/// How long a report may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after a refusal: somebody must change something first.
pub(super) const REFUSED_PAUSE: Duration = Duration::from_secs(5);
/// Longest answer that is no artifact, in bytes.
const ANSWER_MAX: usize = 64 * 1024;
/// Largest file of flags, in bytes.
const FLAGS_MAX: usize = 16 * 1024 * 1024;
/// A server that answers polls without holding them is asked no more often than this.
const POLL_PACE: Duration = Duration::from_secs(1);

/// Why the server did not do what was asked.
#[derive(Debug)]
pub(super) enum LinkError {
    /// It refused, and will again.
    Refused(Box<Problem>),
    /// It did not answer, or not with sense: worth another try.
    Lost(String),
}

/// From 1 s, doubled to 30 s, each drawn from its upper half.
#[derive(Debug)]
pub(super) struct Backoff(ExponentialBackoff);

impl Backoff {
    pub(super) fn new() -> Self {
        // Jitter adds up to as much again.
        let builder = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(15))
            .with_factor(2.0)
            .without_max_times()
            .with_jitter();
        Self(builder.build())
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    pub(super) fn next(&mut self) -> Duration {
        self.0.next().unwrap_or(Duration::from_secs(30))
    }
}

/// The line.
#[derive(Debug)]
pub(super) struct Link {
    options: AgentOptions,
    client: RwLock<Client>,
    desired: Url,
    report: Url,
    flags: Url,
    witness: Url,
    /// What is wrong with the server's audit trail.
    trail: RwLock<Option<SafeText>>,
    /// Whether the server has answered a poll: only then does it know the unit.
    enrolled: watch::Sender<bool>,
}

impl Link {
    /// Sets the line up; connects nothing yet.
    ///
    /// # Errors
    /// [`AgentError`] when URL, token file or CA file cannot be used.
    pub(super) fn new(options: &AgentOptions) -> Result<Self, AgentError> {
        let unit = options.unit();
        let base = format!("agent/v1/groups/{}/sites/{}/lanes/{}/", unit.group, unit.site, unit.lane);
        let join = |last: &str| {
            options.server.join(&format!("{base}{last}")).map_err(|error| AgentError::Options(error.to_string()))
        };
        let (desired, report) = (join("desired")?, join("report")?);
        let (flags, witness) = (join("flags")?, join("witness")?);
        let client = RwLock::new(connect(options)?);
        let (trail, enrolled) = (RwLock::default(), watch::Sender::new(false));
        Ok(Self { options: options.clone(), client, desired, report, flags, witness, trail, enrolled })
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Asks for the order after `generation`. None when there is none yet.
    async fn ask(&self, generation: u64, wait: Duration) -> Result<Option<Desired>, LinkError> {
        let mut query = vec![("generation", generation.to_string()), ("wait", wait.as_secs().to_string())];
        query.extend(self.options.labels.iter().map(|(key, value)| ("label", format!("{key}={value}"))));
        let request = self.client().get(self.desired.clone()).query(&query).header("Rolldeck-Via", "agent");
        let response = request.send().await.map_err(|error| LinkError::Lost(client::chain(&error)))?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::OK => {
                let bytes = body(response).await?;
                serde_json::from_slice(&bytes).map(Some).map_err(|error| LinkError::Lost(format!("no order: {error}")))
            }
            _ => Err(self.refusal(response).await),
        }
    }

    /// Asks for what proves that the audit trail goes on from a checkpoint of `from` entries, once the server
    /// knows the unit.
    pub(super) async fn witness(&self, from: Option<u64>) -> Result<WitnessView, LinkError> {
        // The sender lives as long as this.
        let _ = self.enrolled.subscribe().wait_for(|enrolled| *enrolled).await;
        let query: Vec<_> = from.map(|from| ("from", from)).into_iter().collect();
        let request = self.client().get(self.witness.clone()).query(&query).header("Rolldeck-Via", "agent");
        let response = request.timeout(REPORT_TIMEOUT).send().await;
        let response = response.map_err(|error| LinkError::Lost(client::chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response).await);
        }
        let bytes = body(response).await?;
        serde_json::from_slice(&bytes).map_err(|error| LinkError::Lost(format!("no checkpoint: {error}")))
    }

    /// What reports say of the server's audit trail from now on.
    pub(super) fn say_of_trail(&self, broken: Option<SafeText>) {
        *self.trail.write().unwrap_or_else(std::sync::PoisonError::into_inner) = broken;
    }

    /// What is wrong with the server's audit trail.
    pub(super) fn trail(&self) -> Option<SafeText> {
        self.trail.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Sends a report, once the server knows the unit.
    pub(super) async fn report(&self, report: &Report) -> Result<(), LinkError> {
        // The sender lives as long as this.
        let _ = self.enrolled.subscribe().wait_for(|enrolled| *enrolled).await;
        let request = self.client().post(self.report.clone()).header("Rolldeck-Via", "agent").json(report);
        let response = request.timeout(REPORT_TIMEOUT).send().await;
        let response = response.map_err(|error| LinkError::Lost(client::chain(&error)))?;
        if response.status().is_success() { Ok(()) } else { Err(self.refusal(response).await) }
    }

    /// Asks for the unit's flags, with a tag for those it has: none while they are the same. The server holds the
    /// question for up to `wait`.
    pub(super) async fn flags(
        &self,
        tag: Option<&HeaderValue>,
        wait: Duration,
    ) -> Result<Option<(Vec<u8>, Option<HeaderValue>)>, LinkError> {
        // The sender lives as long as this.
        let _ = self.enrolled.subscribe().wait_for(|enrolled| *enrolled).await;
        let mut request = self.client().get(self.flags.clone()).query(&[("wait", wait.as_secs())]);
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let response = request.header("Rolldeck-Via", "agent").send().await;
        let response = response.map_err(|error| LinkError::Lost(client::chain(&error)))?;
        match response.status() {
            StatusCode::NOT_MODIFIED => Ok(None),
            StatusCode::OK => {
                let tag = response.headers().get(header::ETAG).cloned();
                let bytes = client::body(response, FLAGS_MAX).await;
                Ok(Some((bytes.map_err(|error| LinkError::Lost(error.to_string()))?, tag)))
            }
            _ => Err(self.refusal(response).await),
        }
    }

    /// Begins to fetch an artifact. The token never leaves for another server than ours.
    pub(super) async fn artifact(&self, path: &str) -> Result<Response, LinkError> {
        let outside = || {
            LinkError::Refused(Box::new(Problem::new(
                Code::Invalid,
                format!("the order's artifact is not on this server: {path:?}"),
            )))
        };
        let url = self.options.server.join(path.trim_start_matches('/')).map_err(|_| outside())?;
        if url.origin() != self.options.server.origin() {
            return Err(outside());
        }
        let request = self.client().get(url).header("Rolldeck-Via", "agent");
        let response = request.send().await.map_err(|error| LinkError::Lost(client::chain(&error)))?;
        if response.status() == StatusCode::OK { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// What an answer that is no success means. Only a problem counts as the server's word: a
    /// proxy's error page in between does not.
    async fn refusal(&self, response: Response) -> LinkError {
        let status = response.status();
        let is_problem = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            self.read_token_again();
        }
        match body(response).await.map(|bytes| serde_json::from_slice::<Problem>(&bytes)) {
            Ok(Ok(problem)) if is_problem && status.is_client_error() => LinkError::Refused(Box::new(problem)),
            _ => LinkError::Lost(format!("it answered {status}")),
        }
    }

    /// A token may have been replaced in its file.
    fn read_token_again(&self) {
        match connect(&self.options) {
            Ok(client) => *self.client.write().unwrap_or_else(std::sync::PoisonError::into_inner) = client,
            Err(error) => tracing::warn!("the token cannot be read again: {error}"),
        }
    }
}

/// Waits for orders.
#[derive(Debug)]
pub(super) struct Poller<'a> {
    link: &'a Link,
    backoff: Backoff,
    /// What was said of trouble last, so that it is said once.
    said: Option<String>,
}

impl<'a> Poller<'a> {
    pub(super) fn new(link: &'a Link) -> Self {
        Self { link, backoff: Backoff::new(), said: None }
    }

    /// Waits for an order newer than `generation`, for as long as it takes.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when the server refuses the unit at the first contact.
    pub(super) async fn next(&mut self, generation: u64) -> Result<Desired, AgentError> {
        loop {
            let met = *self.link.enrolled.borrow();
            let begun = Instant::now();
            // The first answer comes at once, so that a wrong token is known at once.
            let wait = if met { WAIT } else { Duration::ZERO };
            let pause = match self.link.ask(generation, wait).await {
                Ok(order) => {
                    self.link.enrolled.send_replace(true);
                    if let Some(order) = order {
                        if order.generation > generation {
                            self.recovered();
                            return Ok(order);
                        }
                        self.trouble(format!(
                            "the server repeats order {} where {generation} was done already: an older order is never carried out",
                            order.generation
                        ));
                        self.backoff.next()
                    } else {
                        self.recovered();
                        if met { POLL_PACE.saturating_sub(begun.elapsed()) } else { Duration::ZERO }
                    }
                }
                Err(LinkError::Refused(problem)) if !met => return Err(AgentError::Refused(problem)),
                Err(LinkError::Refused(problem)) => {
                    self.trouble(format!("the server refuses this agent: {}", problem.detail));
                    self.backoff.next().max(REFUSED_PAUSE)
                }
                Err(LinkError::Lost(why)) => {
                    self.trouble(format!("the server does not answer: {why}"));
                    self.backoff.next()
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn trouble(&mut self, text: String) {
        if self.said.as_ref() != Some(&text) {
            tracing::warn!("{text}");
            self.said = Some(text);
        }
    }

    fn recovered(&mut self) {
        self.backoff.reset();
        if self.said.take().is_some() {
            tracing::info!("the server answers again");
        }
    }
}

async fn body(response: Response) -> Result<Vec<u8>, LinkError> {
    client::body(response, ANSWER_MAX).await.map_err(|error| LinkError::Lost(error.to_string()))
}

fn connect(options: &AgentOptions) -> Result<Client, AgentError> {
    let token = options.token_file.as_deref().map(read_token).transpose()?;
    let ca = options
        .ca_file
        .as_deref()
        .map(|path| std::fs::read(path).map_err(|error| AgentError::file("the CA file", path, &error)))
        .transpose()?;
    let credential = token.as_ref().map(Credential::Bearer);
    let settings = ClientOptions { credential, ca: ca.as_deref(), ..ClientOptions::new(&options.server, SILENCE) };
    Ok(client::client(&settings)?)
}

fn read_token(path: &std::path::Path) -> Result<SecretString, AgentError> {
    Ok(SecretString::from(read_token_file(path)?.expose().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_to_half_a_minute_and_never_beyond() {
        let mut backoff = Backoff::new();
        let pauses: Vec<f64> = (0..12).map(|_| backoff.next().as_secs_f64()).collect();
        for (index, pause) in pauses.iter().enumerate() {
            let nominal = f64::from(1 << index.min(5)).min(30.0);
            assert!((nominal / 2.0 - 0.01..=nominal + 0.01).contains(pause), "{index}: {pause}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }
}
