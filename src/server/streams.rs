//! Streams that tell clients when a flag changed that they can see, and the tickets that let them in.
//!
//! A browser's `EventSource` sends no header of its own, so the stream's URL lets in by itself. It carries no
//! token but a ticket: who it was given to, for which place, for about an hour, sealed with a key that this
//! process made. It stays the same for that hour, so that clients keep their stream when they ask again.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::response::sse::Event;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;
use tokio::time::Instant;

use super::{App, auth};
use crate::{
    clock,
    control::{FlagChanges, NamedPlace, Standpoint},
    domain::{LaneName, Principal, SiteName, TargetName},
};

/// Where the streams are.
pub const PATH: &str = "/ofrep/v1/events";
/// A ticket is given until the end of the next of these.
const PERIOD: i64 = 3600;
/// A line that says nothing but that the stream lives: sent where there was nothing else for so long. The
/// credential is looked at again then, too.
const BEAT: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);
/// Most streams at a time.
const STREAMS_MAX: usize = 2048;
/// Most streams of one credential.
const STREAMS_EACH: usize = 512;

/// Whom a ticket was given to, and for which place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The public id of a token; none where nobody needs one.
    #[serde(rename = "c")]
    pub credential: Option<String>,
    #[serde(rename = "g")]
    group: Option<TargetName>,
    #[serde(rename = "s")]
    site: Option<SiteName>,
    #[serde(rename = "l")]
    lane: Option<LaneName>,
    /// Seconds of Unix time.
    #[serde(rename = "u")]
    until: i64,
}

impl Grant {
    /// The place.
    pub fn place(&self) -> NamedPlace {
        NamedPlace { group: self.group.clone(), site: self.site.clone(), lane: self.lane.clone() }
    }
}

/// Seals tickets and reads them.
#[derive(Debug)]
pub struct Tickets {
    /// None on a machine without randomness: then there are no tickets.
    key: Option<[u8; 32]>,
}

impl Tickets {
    pub fn new() -> Self {
        Self { key: clock::secret().ok() }
    }

    fn seal(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut seal = <Hmac<Sha256>>::new_from_slice(&self.key?).ok()?;
        seal.update(text.as_bytes());
        Some(seal)
    }

    /// A ticket: the same one for the rest of the hour.
    fn give(&self, credential: Option<&str>, place: NamedPlace, now: DateTime<Utc>) -> Option<String> {
        let NamedPlace { group, site, lane } = place;
        let until = (now.timestamp().div_euclid(PERIOD) + 2) * PERIOD;
        let grant = Grant { credential: credential.map(str::to_owned), group, site, lane, until };
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&grant).ok()?);
        let seal = URL_SAFE_NO_PAD.encode(self.seal(&text)?.finalize().into_bytes());
        Some(format!("{text}.{seal}"))
    }

    /// Whom a ticket lets in; none for one that is false or over.
    pub fn read(&self, ticket: &str, now: DateTime<Utc>) -> Option<Grant> {
        let (text, seal) = ticket.split_once('.')?;
        self.seal(text)?.verify_slice(&URL_SAFE_NO_PAD.decode(seal).ok()?).ok()?;
        let grant: Grant = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        (now.timestamp() < grant.until).then_some(grant)
    }
}

/// How many streams there are, and whose.
#[derive(Debug, Default)]
pub struct Streams {
    open: Mutex<HashMap<Option<String>, usize>>,
}

/// A place among the streams; free again when it is dropped.
#[derive(Debug)]
pub struct Slot {
    streams: Arc<Streams>,
    whose: Option<String>,
}

impl Streams {
    /// A place, where there is one left.
    pub fn take(self: &Arc<Self>, who: &Principal) -> Option<Slot> {
        let whose = who.credential.as_ref().map(ToString::to_string);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let mine = open.get(&whose).copied().unwrap_or(0);
        if all >= STREAMS_MAX || mine >= STREAMS_EACH {
            return None;
        }
        open.insert(whose.clone(), mine + 1);
        drop(open);
        Some(Slot { streams: Arc::clone(self), whose })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.whose);
            }
        }
    }
}

/// Where a caller's stream is, from what it was answered with now: a change in between is told at once.
pub fn uri(app: &App, who: &Principal, from: &Standpoint, digest: &str) -> Option<String> {
    let credential = who.credential.as_ref().map(crate::domain::SafeText::as_str);
    let ticket = app.tickets.give(credential, from.named(), app.options.clock.now())?;
    Some(format!("{PATH}?ticket={ticket}&since={digest}"))
}

/// A stream under way.
struct Watching {
    app: App,
    who: Principal,
    place: NamedPlace,
    changes: FlagChanges,
    /// What the client knows, by its digest; none before anything was said.
    known: Option<String>,
    /// Whether it was opened.
    opened: bool,
    beat: Instant,
    _slot: Slot,
}

/// Tells of changes until the client goes, the credential is revoked, or the server ends. `since` is what the
/// client knows; a client that does not say it knows what there is.
pub fn watch(
    app: App,
    who: Principal,
    place: NamedPlace,
    since: Option<String>,
    slot: Slot,
) -> impl Stream<Item = Result<Event, Infallible>> {
    // From before the first look: what changes after it is told.
    let changes = app.control.flag_changes();
    let beat = Instant::now() + BEAT;
    let watching = Watching { app, who, place, changes, known: since, opened: false, beat, _slot: slot };
    futures_util::stream::unfold(watching, |mut watching| async move {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    })
}

impl Watching {
    /// What there is now, by its digest; none when the caller has no right to it any more.
    fn look(&self) -> Option<String> {
        if !auth::is_good(&self.app, &self.who) {
            return None;
        }
        let from = self.app.control.standpoint(&self.who, &self.place).ok()?;
        Some(self.app.control.flag_set().digest(&from))
    }

    async fn next(&mut self) -> Option<Event> {
        if !self.opened {
            self.opened = true;
            let present = self.look()?;
            let known = self.known.get_or_insert_with(|| present.clone());
            // An id without data is remembered by the client, and comes back with its next connection.
            let opening = Event::default().retry(RETRY).id(known.as_str());
            return Some(opening);
        }
        loop {
            let present = self.look()?;
            if self.known.as_ref() != Some(&present) {
                self.beat = Instant::now() + BEAT;
                self.known = Some(present.clone());
                let data = json!({
                    "type": "refetchEvaluation",
                    "etag": present,
                    "lastModified": self.app.options.clock.now().timestamp(),
                });
                return Some(Event::default().event("message").id(present).data(data.to_string()));
            }
            tokio::select! {
                more = self.changes.next() => if !more { return None },
                () = self.app.shutdown.cancelled() => return None,
                () = tokio::time::sleep_until(self.beat) => {
                    self.beat = Instant::now() + BEAT;
                    self.look()?;
                    return Some(Event::default().comment(""));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_lets_in_whom_it_was_given_to_for_about_an_hour_and_nobody_else() {
        let tickets = Tickets::new();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let place =
            NamedPlace { group: Some("dc-west".parse().unwrap()), site: Some("osl1".parse().unwrap()), lane: None };
        let ticket = tickets.give(Some("t-1"), place.clone(), at(10)).unwrap();
        assert_eq!(tickets.give(Some("t-1"), place.clone(), at(20)), Some(ticket.clone()), "clients keep their stream");
        let grant = tickets.read(&ticket, at(3500)).unwrap();
        assert_eq!((grant.credential.as_deref(), grant.place()), (Some("t-1"), place));
        assert_eq!(tickets.read(&ticket, at(2 * 3600 + 1)), None);
        assert_eq!(Tickets::new().read(&ticket, at(20)), None, "another process made it");
        let (text, seal) = ticket.split_once('.').unwrap();
        let grant = String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        let other = URL_SAFE_NO_PAD.encode(grant.replace("osl1", "osl2"));
        for bad in [format!("{other}.{seal}"), format!("{text}."), text.to_owned(), String::new(), ".".to_owned()] {
            assert_eq!(tickets.read(&bad, at(20)), None, "{bad}");
        }
        assert!(!ticket.contains("rolldeck_"));
    }
}
