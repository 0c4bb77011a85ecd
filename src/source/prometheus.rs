//! Indicators from the Prometheus HTTP API, which Thanos, Mimir, Cortex and VictoriaMetrics speak too.
//!
//! Templates ([`template`]) are filled in for all rollouts that share them, and asked together
//! ([`batch`]): one range request for each template, way of telling arms apart and length of a slice.
//! The answer is taken apart by its labels ([`found`]), and becomes what each arm did in each slice
//! ([`amounts`]). What was left out is said in a remark ([`remarks`]).
//!
//! The point of a range answer at time t stands for the slice that ends there, (t - slice, t]: ranges are
//! open to the left in Prometheus 3, and closed before, where a sample right at a slice's beginning is
//! in both slices, of which `increase` makes no second event.
//!
//! Nothing is tried again here: who wants an answer asks again at the next evaluation.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use secrecy::SecretString;
use tokio::{sync::Semaphore, time::Instant};
use url::Url;

use super::{Answer, SliSource, SourceError, Wanted};
use crate::{
    domain::{
        SafeText,
        sli::{SliKind, SliQueries},
    },
    judge::evidence::{Amount, Counts, Observed},
    wire::client::{self, ClientError, ClientOptions, Credential},
};

mod amounts;
mod answer;
mod api;
mod ask;
pub mod batch;
mod found;
mod remarks;
pub mod template;
mod trial;

use amounts::Arm;
use api::{Api, Failure, Reply};
use ask::Ask;
use batch::{Batch, Piece, Question, Role, Uses};
use found::Found;
use remarks::Remarks;
pub use trial::Trial;

/// How long an answer may take, unless the configuration says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Requests to one server at a time.
const CONCURRENCY: usize = 4;
/// How long all requests of one evaluation may take, in timeouts of one.
const PATIENCE: u32 = 3;
/// The part of the largest answer that is planned with: sizes are estimates.
const HEADROOM: f64 = 0.75;
/// Most templates whose sizes are remembered.
const SIZES_MAX: usize = 1000;

/// Whose word the server takes.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Nobody's: it answers everybody.
    #[default]
    None,
    /// Who has this token's.
    Bearer(SecretString),
    /// A user's with a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// How much of an answer is taken. Beyond it, the answer is refused whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most series.
    pub series: usize,
    /// Most samples; each bucket of a native histogram counts as one.
    pub samples: usize,
    /// Most bytes.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { series: 100_000, samples: 2_000_000, bytes: 32 * 1024 * 1024 }
    }
}

/// Where a server is, and how it is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The source's name, as plans say it.
    pub name: String,
    /// From [`crate::domain::address::server_url`]; with the path prefix of the API: `https://mimir/prometheus/`.
    pub url: Url,
    /// Its credential.
    pub auth: Auth,
    /// Certificates (PEM) of authorities to trust beside the system's.
    pub ca: Option<Vec<u8>>,
    /// A client certificate with its private key (PEM).
    pub identity: Option<SecretString>,
    /// Whose data is asked for, of a server with several tenants.
    pub tenant: Option<String>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How much of an answer is taken.
    pub limits: Limits,
}

impl Options {
    /// A server that answers everybody, with the usual limits.
    #[must_use]
    pub fn new(name: impl Into<String>, url: Url) -> Self {
        Self {
            name: name.into(),
            url,
            auth: Auth::None,
            ca: None,
            identity: None,
            tenant: None,
            timeout: TIMEOUT,
            limits: Limits::default(),
        }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its name and version, where it says them.
    pub version: Option<SafeText>,
    /// By how much its clock is ahead of ours, where that is more than 30 seconds.
    pub clock: Option<TimeDelta>,
}

/// A server that is asked.
#[derive(Debug)]
pub struct Prometheus {
    api: Api,
    permits: Semaphore,
    /// How many series each pair of service and arm has in answers to a template, roughly.
    sizes: Mutex<HashMap<String, f64>>,
}

impl Prometheus {
    /// Sets it up. Connects to nothing yet.
    ///
    /// # Errors
    /// [`ClientError`] when a credential would travel in clear text, or credential, tenant or certificates
    /// are no such.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        let Options { name, url, auth, ca, identity, tenant, timeout, limits } = options;
        let credential = match &auth {
            Auth::None => None,
            Auth::Bearer(token) => Some(Credential::Bearer(token)),
            Auth::Basic { user, password } => Some(Credential::Basic { user, password }),
        };
        let http = client::client_within(
            &ClientOptions {
                credential,
                identity: identity.as_ref(),
                tenant: tenant.as_deref(),
                ca: ca.as_deref(),
                total: Some(timeout),
                ..ClientOptions::new(&url, timeout)
            },
            timeout.min(client::CONNECT_TIMEOUT),
        )?;
        let mut base = url;
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let api = Api { http, base, name, timeout, limits };
        Ok(Self { api, permits: Semaphore::new(CONCURRENCY), sizes: Mutex::default() })
    }

    /// Asks the server what it is, and a query that needs no data, so that a person sees whether it can
    /// be reached and permits what will be asked.
    ///
    /// # Errors
    /// As for any query.
    pub async fn probe(&self, now: DateTime<Utc>) -> Result<Probe, SourceError> {
        let version = self.api.version().await.map_err(|failure| failure.error)?;
        let asked = self.api.ask("vector(1)", Ask::Instant { at: now.timestamp() }).await;
        let reply = asked.map_err(|failure| failure.error)?;
        if reply.data.series.is_empty() {
            return Err(self.api.nonsense("vector(1) is nothing"));
        }
        Ok(Probe { version, clock: reply.date.and_then(|theirs| api::apart(theirs, now)) })
    }

    /// Asks all that is asked together.
    async fn found(&self, batch: &Batch<'_>) -> Vec<Result<Found, SourceError>> {
        let mut results: Vec<Result<Found, SourceError>> = Vec::new();
        let mut pieces = Vec::new();
        for (place, question) in batch.questions.iter().enumerate() {
            let lines = self.lines_of(question);
            let most = self.api.limits.bytes as f64 * HEADROOM;
            results.push(match question.pieces(lines, most as usize) {
                Ok(of_question) => {
                    pieces.extend(of_question.into_iter().map(|piece| (place, piece)));
                    Ok(Found::default())
                }
                Err(why) => Err(self.api.refused(&why)),
            });
        }
        let deadline = Instant::now() + self.api.timeout * PATIENCE;
        // A server that is not there is waited for once, and not by every request.
        let gone: Mutex<Option<SourceError>> = Mutex::new(None);
        // All wait here, for one of the permits.
        let mut replies = FuturesUnordered::new();
        for (place, piece) in pieces {
            replies.push(self.reply(place, piece, deadline, &gone));
        }
        while let Some((place, piece, reply)) = replies.next().await {
            let question = &batch.questions[place];
            let Ok(found) = &mut results[place] else { continue };
            let taken = self.take(question, &piece, reply, found);
            if let Err(error) = taken {
                results[place] = Err(error);
            }
        }
        results
    }

    async fn reply<'w>(
        &self,
        place: usize,
        piece: Piece<'w>,
        deadline: Instant,
        gone: &Mutex<Option<SourceError>>,
    ) -> (usize, Piece<'w>, Result<Reply, Failure>) {
        let late = || Err(self.api.unreachable("the queries before this one took too long").into());
        let Ok(Ok(_permit)) = tokio::time::timeout_at(deadline, self.permits.acquire()).await else {
            return (place, piece, late());
        };
        if let Some(error) = gone.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return (place, piece, Err(error.into()));
        }
        let asked = tokio::time::timeout_at(deadline, self.api.ask(&piece.query, piece.ask)).await;
        let reply = asked.unwrap_or_else(|_| late());
        if let Err(Failure { error, no_connection: true, .. }) = &reply {
            *gone.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        (place, piece, reply)
    }

    fn take(
        &self,
        question: &Question<'_>,
        piece: &Piece<'_>,
        reply: Result<Reply, Failure>,
        found: &mut Found,
    ) -> Result<(), SourceError> {
        let expected = piece.bytes();
        match reply {
            Ok(Reply { data, bytes, .. }) => {
                self.remember(question, |_| bytes as f64 / expected);
                let template = question.template.as_ref().map_err(|why| self.api.refused(why))?;
                found.add(question, template, piece, data).map_err(|why| self.api.nonsense(&why))
            }
            Err(Failure { error, too_much, .. }) => {
                if too_much {
                    self.remember(question, |before| before * 4.0);
                }
                Err(error)
            }
        }
    }

    fn lines_of(&self, question: &Question<'_>) -> f64 {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get(question.text).copied().unwrap_or(if question.buckets { 12.0 } else { 1.0 })
    }

    fn remember(&self, question: &Question<'_>, size: impl FnOnce(f64) -> f64) {
        let size = size(self.lines_of(question)).clamp(0.1, 1e6);
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        if sizes.len() >= SIZES_MAX && !sizes.contains_key(question.text) {
            sizes.clear();
        }
        sizes.insert(question.text.to_owned(), size);
    }

    fn answer(
        &self,
        wanted: &Wanted,
        uses: &Result<Uses, String>,
        found: &[Result<Found, SourceError>],
    ) -> Result<Answer, SourceError> {
        let uses = uses.as_ref().map_err(|why| self.api.refused(why))?;
        let mut remarks = Remarks::default();
        let slices = self.slices(wanted, &uses.slices, found, &mut remarks)?;
        let spent = match spent(wanted, &uses.spent, found) {
            Ok(spent) => spent,
            Err(error) => {
                remarks.spent = Some(error.to_string());
                None
            }
        };
        Ok(Answer { slices, spent, remark: remarks.say() })
    }

    fn slices(
        &self,
        wanted: &Wanted,
        uses: &[(Role, usize)],
        found: &[Result<Found, SourceError>],
        remarks: &mut Remarks,
    ) -> Result<Vec<Observed>, SourceError> {
        if wanted.canary.iter().any(|value| wanted.baseline.contains(value)) {
            remarks.other.push("canary and baseline have the same label, and cannot be told apart");
            return Ok(Vec::new());
        }
        let roles = of_roles(uses, found)?;
        let (from, to) = (wanted.from.timestamp(), wanted.to.timestamp());
        for (_, found) in &roles {
            remarks.said.extend(found.said.iter().cloned());
            remarks.strangers = remarks.strangers.max(found.strangers);
            remarks.cut |= found.oldest.is_some_and(|oldest| oldest > from);
        }
        let unit = nanoseconds(wanted.spec.unit.as_str());
        let mut amounts = |values: &[SafeText]| -> BTreeMap<i64, Amount> {
            let values = values.iter().map(SafeText::as_str).collect();
            let arm = Arm::new(wanted.spec.kind, wanted.service.as_str(), values, roles.clone());
            arm.amounts(unit, remarks)
        };
        let mut canary = amounts(&wanted.canary);
        let mut baseline = amounts(&wanted.baseline);
        let mut times: Vec<i64> = canary.keys().chain(baseline.keys()).copied().collect();
        times.sort_unstable();
        times.dedup();
        times.retain(|at| *at >= from && at + i64::from(wanted.slice) <= to);
        let slices = times.into_iter().filter_map(|at| {
            let observed = Observed {
                at: DateTime::from_timestamp(at, 0)?,
                canary: canary.remove(&at),
                baseline: baseline.remove(&at),
            };
            Some(observed)
        });
        let slices: Vec<Observed> = slices.collect();
        match &remarks.histogram {
            Some(error) if slices.is_empty() => Err(self.api.nonsense(&error.to_string())),
            _ => Ok(slices),
        }
    }
}

/// What was found for each role.
fn of_roles<'f>(
    uses: &[(Role, usize)],
    found: &'f [Result<Found, SourceError>],
) -> Result<Vec<(Role, &'f Found)>, SourceError> {
    uses.iter().map(|(role, place)| Ok((*role, found[*place].as_ref().map_err(Clone::clone)?))).collect()
}

/// Bad and all events of the whole service over the budget's period; none where nothing is known.
fn spent(
    wanted: &Wanted,
    uses: &[(Role, usize)],
    found: &[Result<Found, SourceError>],
) -> Result<Option<Counts>, SourceError> {
    let roles = of_roles(uses, found)?;
    if roles.is_empty() {
        return Ok(None);
    }
    // Series of the whole service are kept under no value.
    let arm = Arm::new(wanted.spec.kind, wanted.service.as_str(), vec![""], roles);
    let mut remarks = Remarks::default();
    if wanted.spec.kind == SliKind::Latency {
        let durations = arm.durations(nanoseconds(wanted.spec.unit.as_str()), &mut remarks);
        let counts = durations.into_values().next().zip(wanted.spec.threshold).and_then(|(histogram, threshold)| {
            let total = histogram.total();
            let good = histogram.share_up_to(threshold)? * total;
            Some(Counts { bad: (total - good).round().max(0.0), total })
        });
        return Ok(counts);
    }
    Ok(arm.events(&mut remarks).into_values().next())
}

/// Nanoseconds in a unit of time; none, when it is not one.
fn nanoseconds(unit: &str) -> Option<u64> {
    match unit {
        "s" | "sec" | "second" | "seconds" => Some(1_000_000_000),
        "ms" | "millisecond" | "milliseconds" => Some(1_000_000),
        "us" | "\u{b5}s" | "\u{3bc}s" | "microsecond" | "microseconds" => Some(1_000),
        "ns" | "nanosecond" | "nanoseconds" => Some(1),
        _ => None,
    }
}

#[async_trait]
impl SliSource for Prometheus {
    fn name(&self) -> &str {
        &self.api.name
    }

    fn check(&self, queries: &SliQueries) -> Result<(), String> {
        for role in Role::ALL {
            if let Some(text) = role.of(queries) {
                batch::checked(role, text)?;
            }
        }
        Ok(())
    }

    async fn collect(&self, wanted: &[Wanted]) -> Vec<Result<Answer, SourceError>> {
        let batch = Batch::new(wanted);
        let found = self.found(&batch).await;
        wanted.iter().zip(&batch.uses).map(|(wanted, uses)| self.answer(wanted, uses, &found)).collect()
    }
}
