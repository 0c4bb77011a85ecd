//! The unit's flags, kept on the site: fetched as they change, written so that a good copy is always there, and
//! evaluated while the server is away.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde_json::Map;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    AgentError,
    link::{Backoff, Link, LinkError, REFUSED_PAUSE, WAIT},
    memory, ofrep,
};
use crate::{
    clock::Clock,
    domain::{FlagKey, SafeText, flag::HeldFlag},
    flag::Document,
    wire::Code,
};

/// The file that is kept, in flagd's form.
const FILE: &str = "flags.json";
/// Pause before a server is asked again that knows no flags.
const UNKNOWN_PAUSE: Duration = Duration::from_mins(1);
/// A server that answers without holding the question is asked no more often than this.
const PACE: Duration = Duration::from_secs(1);
/// Most flags that a report names.
const REPORTED_MAX: usize = 500;
/// Most flags of which a report says when they were asked for.
const ASKED_MAX: usize = 200;

/// What is kept.
#[derive(Debug)]
pub(super) struct Held {
    /// The file; none before the first download.
    path: Option<PathBuf>,
    /// Where clients ask; none where they cannot.
    url: Option<String>,
    /// The flags.
    pub(super) document: Option<Document>,
    /// What a report says of them.
    pub(super) revisions: BTreeMap<FlagKey, HeldFlag>,
    /// When clients asked for them.
    pub(super) asked: Arc<Asked>,
}

/// When clients of the site last asked for each flag.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<BTreeMap<String, DateTime<Utc>>>);

impl Asked {
    /// Somebody asked for a flag that there is.
    pub(super) fn note(&self, key: &str, at: DateTime<Utc>) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match asked.get_mut(key) {
            Some(last) => *last = at.max(*last),
            None => drop(asked.insert(key.to_owned(), at)),
        }
    }

    /// What a report says of it: those that were asked for last.
    pub(super) fn said(&self) -> BTreeMap<FlagKey, DateTime<Utc>> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest: Vec<(&String, &DateTime<Utc>)> = asked.iter().collect();
        newest.sort_by_key(|(_, at)| std::cmp::Reverse(**at));
        newest.truncate(ASKED_MAX);
        newest.into_iter().filter_map(|(key, at)| Some((key.parse().ok()?, *at))).collect()
    }
}

impl Held {
    fn new(path: &Path, url: Option<String>, document: Option<Document>, at: DateTime<Utc>, asked: Arc<Asked>) -> Self {
        let revisions = document.as_ref().map(|document| said(document, at)).unwrap_or_default();
        Self { path: document.is_some().then(|| path.to_owned()), url, document, revisions, asked }
    }

    /// What commands are told of it.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let path = self.path.iter().map(|path| ("ROLLDECK_FLAGS", path.display().to_string()));
        path.chain(self.url.iter().map(|url| ("ROLLDECK_FLAGS_URL", url.clone()))).collect()
    }
}

/// What a report says of the flags: which revision, and what a caller gets that says nothing of itself.
fn said(document: &Document, at: DateTime<Utc>) -> BTreeMap<FlagKey, HeldFlag> {
    let nothing = Map::new();
    let one = |(key, revision): (String, u64)| {
        let variant = document.resolve(&key, &nothing, at).ok().map(|got| SafeText::new(got.variant));
        Some((key.parse().ok()?, HeldFlag { revision, variant }))
    };
    document.revisions().into_iter().take(REPORTED_MAX).filter_map(one).collect()
}

/// Keeps a unit's flags.
#[derive(Debug)]
pub(super) struct Keeper {
    directory: PathBuf,
    url: Option<String>,
    held: watch::Sender<Arc<Held>>,
    clock: Arc<dyn Clock>,
}

impl Keeper {
    /// Takes up what was kept in the unit's directory, and the address where clients ask.
    ///
    /// # Errors
    /// [`AgentError`] when the address cannot be listened on.
    pub(super) async fn open(
        directory: &Path,
        listen: Option<SocketAddr>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Option<TcpListener>), AgentError> {
        let listener = match listen {
            None => None,
            Some(address) => {
                let failed = |error: io::Error| AgentError::Options(format!("--flags-listen {address}: {error}"));
                Some(TcpListener::bind(address).await.map_err(failed)?)
            }
        };
        let local = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let url = local.map(|address| format!("http://{address}"));
        if let Some(url) = &url {
            tracing::info!("OpenFeature clients are answered at {url}");
        }
        let path = directory.join(FILE);
        let held = Held::new(&path, url.clone(), read(&path), clock.now(), Arc::default());
        let held = watch::Sender::new(Arc::new(held));
        Ok((Self { directory: directory.to_owned(), url, held, clock }, listener))
    }

    /// What is kept, as it changes.
    pub(super) fn held(&self) -> watch::Receiver<Arc<Held>> {
        self.held.subscribe()
    }

    /// Answers clients, for ever.
    pub(super) async fn answer(&self, listener: Option<TcpListener>) -> Infallible {
        if let Some(listener) = listener {
            ofrep::serve(listener, self.held(), self.clock.clone()).await;
        }
        std::future::pending().await
    }

    /// Fetches flags as they change, for ever.
    pub(super) async fn keep(&self, link: &Link) -> Infallible {
        let mut backoff = Backoff::new();
        let mut tag = None;
        let mut said = None;
        loop {
            let begun = Instant::now();
            let pause = match link.flags(tag.as_ref(), WAIT).await {
                Ok(None) => {
                    backoff.reset();
                    said = None;
                    PACE.saturating_sub(begun.elapsed())
                }
                Ok(Some((bytes, newer))) => match self.take(bytes).await {
                    Ok(()) => {
                        tag = newer;
                        backoff.reset();
                        said = None;
                        PACE.saturating_sub(begun.elapsed())
                    }
                    Err(why) => {
                        trouble(
                            &mut said,
                            format!("the flags that were fetched are not taken, those before are kept: {why}"),
                        );
                        backoff.next()
                    }
                },
                Err(LinkError::Refused(problem)) if problem.code == Code::NotFound => UNKNOWN_PAUSE,
                Err(LinkError::Refused(problem)) => {
                    trouble(&mut said, format!("the server does not give this unit its flags: {}", problem.detail));
                    backoff.next().max(REFUSED_PAUSE)
                }
                // A lost server is said by whoever asks for orders.
                Err(LinkError::Lost(_)) => backoff.next(),
            };
            sleep(pause).await;
        }
    }

    /// Takes a download: checked first, on disk next, used last.
    async fn take(&self, bytes: Vec<u8>) -> Result<(), String> {
        let text = String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
        let document = Document::read(&text).map_err(|error| format!("it {error}"))?;
        let directory = self.directory.clone();
        let written = tokio::task::spawn_blocking(move || memory::write(&directory, FILE, text.as_bytes())).await;
        written.map_err(io::Error::other).flatten().map_err(|error| format!("it cannot be written: {error}"))?;
        let path = self.directory.join(FILE);
        let asked = Arc::clone(&self.held.borrow().asked);
        let held = Held::new(&path, self.url.clone(), Some(document), self.clock.now(), asked);
        tracing::info!(flags = held.revisions.len(), "flags were taken up");
        self.held.send_replace(Arc::new(held));
        Ok(())
    }
}

fn trouble(said: &mut Option<String>, text: String) {
    if said.as_ref() != Some(&text) {
        tracing::warn!("{text}");
        *said = Some(text);
    }
}

/// What was kept; one that cannot be read is set aside and fetched again.
fn read(path: &Path) -> Option<Document> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(file = %path.display(), "the flags that were kept cannot be read: {error}");
            return None;
        }
    };
    match Document::read(&text) {
        Ok(document) => Some(document),
        Err(error) => {
            let aside = path.with_extension("json.damaged");
            tracing::warn!(file = %path.display(), kept_as = %aside.display(), "the file of flags {error}");
            let _ = fs::rename(path, aside);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(revision: u64) -> Vec<u8> {
        let flag = json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
            "metadata": {"revision": revision}});
        let shared = json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
            "targeting": {"if": [{"!!": [{"var": "targetingKey"}]}, {"fractional": [["on", 1]]}, null]},
            "metadata": {"revision": 7}});
        json!({"flags": {"fast-path": flag, "by-share": shared}}).to_string().into_bytes()
    }

    #[tokio::test]
    async fn a_damaged_download_changes_nothing_and_a_restart_finds_the_last_good_one() {
        let directory = tempfile::tempdir().unwrap();
        let keeper = Keeper::open(directory.path(), None, crate::clock::system()).await.unwrap().0;
        assert!(keeper.held().borrow().variables().is_empty(), "no file, no variable");
        keeper.take(file(3)).await.unwrap();
        for damaged in [&b"{\"flags\": {\"fast"[..], b"", b"[]", b"\xff\xfe"] {
            assert!(keeper.take(damaged.to_vec()).await.is_err());
        }
        let keeper = Keeper::open(directory.path(), None, crate::clock::system()).await.unwrap().0;
        let held = keeper.held();
        let held = held.borrow();
        let off = Some(SafeText::new("off"));
        assert_eq!(held.revisions[&"fast-path".parse().unwrap()], HeldFlag { revision: 3, variant: off });
        // What depends on the caller is nobody's variant.
        assert_eq!(held.revisions[&"by-share".parse().unwrap()], HeldFlag { revision: 7, variant: None });
        let path = directory.path().join(FILE).display().to_string();
        assert_eq!(held.variables(), [("ROLLDECK_FLAGS", path)]);
    }

    #[tokio::test]
    async fn what_clients_asked_for_is_still_said_after_newer_flags_came() {
        let directory = tempfile::tempdir().unwrap();
        let keeper = Keeper::open(directory.path(), None, crate::clock::system()).await.unwrap().0;
        keeper.take(file(3)).await.unwrap();
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        keeper.held().borrow().asked.note("fast-path", at(20));
        keeper.held().borrow().asked.note("fast-path", at(10));
        keeper.take(file(4)).await.unwrap();
        assert_eq!(keeper.held().borrow().asked.said(), [("fast-path".parse().unwrap(), at(20))].into());
    }

    #[tokio::test]
    async fn a_damaged_file_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "{\"flags\": ").unwrap();
        let keeper = Keeper::open(directory.path(), None, crate::clock::system()).await.unwrap().0;
        assert!(keeper.held().borrow().document.is_none());
        assert!(directory.path().join("flags.json.damaged").exists());
    }
}
