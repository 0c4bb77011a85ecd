//! The control plane: observe, judge, guard, act, journal. The only place where an action becomes
//! real; the dashboard, the command line, the API and automation all come through here.
//!
//! One writer decides on the state in memory, request after request, and makes what was decided
//! durable in one synced commit for all requests that came meanwhile; only then is anybody answered.
//! Readers look at pictures that the writer published, and never ask it.

mod actions;
mod agents;
mod approvals;
mod authorize;
mod carried;
mod carriers;
mod changes;
mod core;
mod entering;
mod flags;
mod held;
mod idempotency;
mod journal;
mod judging;
mod orders;
mod overrides;
pub mod policy;
mod publish;
mod registry;
mod retention;
mod scrub;
mod starts;
mod telemetry;
mod tokens;
mod trail;
mod windows;
mod writer;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    agents::Asked,
    core::Core,
    orders::Acted,
    publish::{ANSWER_EVERY, Gallery, Publisher, read_cursor},
    writer::{Finish, Job, Writer},
};
use crate::{
    audit::Verifier,
    clock::Clock,
    domain::{Digest, Principal, Report, Rollout, RolloutId, SafeText, TargetName, UnitId},
    driver::Driver,
    judge::act::AutomaticAct,
    source::{SliSource, reported::Reported},
    store::{Store, StoreError, TokenRecord},
    wire::{
        ActionReply, ActionRequest, Code, Conditions, Cursor, Desired, LaneView, Problem, ReasonRequest, RolloutsPage,
        SiteView, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest, TokenReply, TokenRequest,
        TokensPage,
    },
};

pub use carried::Declared;
pub use flags::{Evaluated, FlagChanges, FlagSet, NamedPlace, Standpoint};
pub use policy::Policy;
pub use retention::KEPT_AT_LEAST;

/// Most requests that wait for the writer; more are told to come again.
const QUEUE: usize = 4096;
/// Longest hold of a request.
pub const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a question waits for the first look at a cluster.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// A handle on a running control plane. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    gallery: watch::Receiver<Gallery>,
    tokens: watch::Receiver<Arc<Vec<TokenRecord>>>,
    flags: watch::Receiver<Arc<flags::Book>>,
    flag_usage: Arc<flags::Usage>,
}

/// What all handles and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    options: Options,
    /// Tells cursors and tags of this process from those of another.
    boot: String,
    /// When the writer last showed that it lives, in microseconds of Unix time.
    alive: AtomicI64,
    /// Whether the last commit failed.
    failed: AtomicBool,
    stop: CancellationToken,
    tasks: TaskTracker,
    verifier: Verifier,
    /// What is looked at now.
    attention: carriers::Attention,
}

/// How a control plane is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether all it carries out is simulated; said by the API and on every screen.
    pub simulated: bool,
    /// The seed of the Ed25519 key that signs checkpoints.
    pub signing_seed: [u8; 32],
    /// The origin line of checkpoints, such as `rolldeck.example/audit`.
    pub origin: String,
    /// Where indicators come from, beside what agents report.
    pub sources: Vec<Arc<dyn SliSource>>,
    /// What carries rollouts out elsewhere, beside the fleet.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// Indicators of what they carry out.
    pub declared: Option<Declared>,
    /// Whether it lasts long enough to pause what goes on by itself when a window says so.
    pub pauses: bool,
    /// What it demands beside roles.
    pub policy: Policy,
    /// Where it remembers the last checkpoint that it signed, apart from the store: the directory of its key.
    pub beside: Option<PathBuf>,
}

/// An answer that may be unchanged.
#[derive(Debug, Clone, PartialEq)]
pub enum Tagged<T> {
    /// What it is now, and its entity tag (without quotes).
    Fresh(Box<T>, String),
    /// It still has the tag that was named.
    Unchanged,
}

/// The answer to an action with how it is to be sent: a replay repeats the first answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<T> {
    /// The answer.
    pub body: T,
    /// Whether an idempotency key made it a replay.
    pub replayed: bool,
}

/// Which audit entries a caller wants.
pub type AuditQuery = crate::store::AuditFilter;

impl Control {
    /// Loads the state and starts working.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StoreError> {
        let loaded = store.load().await?;
        let reported = Arc::new(Reported::default());
        let mut sources = options.sources.clone();
        sources.push(Arc::clone(&reported) as Arc<dyn SliSource>);
        let drivers = options.drivers.clone();
        let stored = scrub::Stored::of(&loaded);
        let mut core = Core::new(Arc::clone(&clock), options.clone(), reported, loaded)?;
        core.take_up(&stored, options.beside.as_deref());
        let boot: String = clock.id().chars().filter(char::is_ascii_hexdigit).skip(20).collect();
        let verifier = core.signer.verifier();
        let (tokens_sender, tokens) = watch::channel(Arc::clone(&core.tokens));
        let (flags_sender, flags) = watch::channel(Arc::default());
        let flag_usage = Arc::clone(&core.flags.usage);
        let shared = Arc::new(Shared {
            store: Arc::clone(&store),
            alive: AtomicI64::new(clock.now().timestamp_micros()),
            clock,
            options,
            boot,
            failed: AtomicBool::new(false),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            verifier,
            attention: carriers::Attention::default(),
        });
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (publisher, gallery) = Publisher::new();
        let writer = Writer {
            core,
            store,
            jobs: queue,
            shared: Arc::clone(&shared),
            publisher,
            tokens: tokens_sender,
            flags: flags_sender,
            sound: true,
            away: false,
            kept: std::collections::VecDeque::new(),
            remembered: 0,
        };
        shared.tasks.spawn(writer.run());
        if !shared.options.simulated {
            shared.tasks.spawn(scrub::run(Arc::clone(&shared), jobs.clone()));
        }
        shared.tasks.spawn(telemetry::run(Arc::clone(&shared), jobs.clone(), sources));
        for (index, driver) in drivers.into_iter().enumerate() {
            shared.tasks.spawn(carriers::run(Arc::clone(&shared), jobs.clone(), index, driver));
        }
        shared.tasks.close();
        let control = Self { shared, jobs, gallery, tokens, flags, flag_usage };
        // The first picture is there before anybody can ask for it.
        let mut ready = control.gallery.clone();
        let _ = ready.changed().await;
        Ok(control)
    }

    /// Finishes what is under way, signs a checkpoint, closes the store.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.wait().await;
    }

    /// Lets a request decide on the state, and answers once what it changed is durable.
    async fn decide<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Core) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (sender, receiver) = oneshot::channel();
        let work = Box::new(move |core: &mut Core| {
            let decided = work(core);
            let finish: Finish = Box::new(move |committed| {
                // Whoever asked may have gone away; what was decided stands.
                let _ = sender.send(committed.and(decided));
            });
            finish
        });
        let gone = || Problem::new(Code::Unavailable, "the control plane is stopping, or starting over: ask again");
        self.jobs.send(Job { work, waits: false }).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }

    /// What the present verdicts of a rollout are made from, as an automatic act would keep it: it can
    /// be judged again anywhere (`rolldeck judge`).
    pub async fn evidence(&self, who: &Principal, id: &RolloutId) -> Result<AutomaticAct, Problem> {
        authorize::may_see(who, &id.target)?;
        let id = id.clone();
        self.decide(move |core| core.evidence(&id)).await
    }

    /// Waits until every driver has told of all that it sees, or why it cannot: whoever asks what there
    /// is must not be told that there is nothing.
    async fn looked(&self) {
        let told = |gallery: &Gallery| gallery.carriers.iter().all(|c| c.as_of.is_some() || !c.remarks.is_empty());
        let mut gallery = self.gallery.clone();
        tokio::select! {
            _ = gallery.wait_for(told) => {}
            () = self.shared.clock.sleep(FIRST_LOOK) => {}
            () = self.shared.stop.cancelled() => {}
        }
    }

    /// The instant up to which a picture may be said to be true.
    fn as_of(&self) -> DateTime<Utc> {
        let alive = DateTime::from_timestamp_micros(self.shared.alive.load(Ordering::Relaxed));
        let now = self.shared.clock.now();
        writer::as_of(now, alive.unwrap_or(now))
    }

    /// Everything, or what changed since `after`, held for up to `wait`; one client is answered at
    /// most once a second, unless it has not been answered for longer: then at once.
    pub async fn rollouts(
        &self,
        who: &Principal,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<RolloutsPage, Problem> {
        authorize::may_read(who)?;
        self.looked().await;
        let mut deadline = self.shared.clock.sleep(wait.min(WAIT_MAX));
        let mut gallery = self.gallery.clone();
        let boot = &self.shared.boot;
        let answered = after.as_ref().and_then(|cursor| read_cursor(cursor, boot)).map(|(_, at)| at);
        if let Some(answered) = answered
            && !wait.is_zero()
        {
            let since = (self.shared.clock.now() - answered).to_std().unwrap_or_default();
            let pause = ANSWER_EVERY.saturating_sub(since).min(wait);
            tokio::select! {
                () = self.shared.clock.sleep(pause) => {}
                () = self.shared.stop.cancelled() => {}
            }
        }
        loop {
            let now = gallery.borrow_and_update().clone();
            if let Some(page) = now.page(boot, who, after.as_ref(), self.as_of()) {
                return Ok(page);
            }
            let waited = tokio::select! {
                biased;
                changed = gallery.changed() => changed.is_err(),
                () = &mut deadline => true,
                () = self.shared.stop.cancelled() => true,
            };
            if waited {
                let as_of = self.as_of();
                let now = gallery.borrow().clone();
                return Ok(now.page(boot, who, after.as_ref(), as_of).unwrap_or_else(|| RolloutsPage::Changed {
                    changed: Vec::new(),
                    removed: Vec::new(),
                    cursor: now.cursor(boot, as_of),
                    as_of,
                    carriers: Vec::clone(&now.carriers),
                }));
            }
        }
    }

    /// One rollout with all that is shown of it; held for up to `wait` while it still has the tag.
    pub async fn rollout(
        &self,
        who: &Principal,
        id: &RolloutId,
        tag: Option<&str>,
        wait: Duration,
    ) -> Result<Tagged<Rollout>, Problem> {
        authorize::may_see(who, &id.target)?;
        self.looked().await;
        self.shared.attention.asked(id);
        let mut deadline = self.shared.clock.sleep(wait.min(WAIT_MAX));
        let mut gallery = self.gallery.clone();
        loop {
            let shown = gallery.borrow_and_update().clone();
            let picture = shown.pictures.get(id).cloned();
            let picture = picture.ok_or_else(|| missing(id, &shown))?;
            let present = format!("{}-{}", self.shared.boot, picture.changed);
            if tag != Some(present.as_str()) {
                return Ok(Tagged::Fresh(Box::new(shown.observed(&picture, &picture.rollout)), present));
            }
            let waited = tokio::select! {
                biased;
                changed = gallery.changed() => changed.is_err(),
                () = &mut deadline => true,
                () = self.shared.stop.cancelled() => true,
            };
            if waited {
                return Ok(Tagged::Unchanged);
            }
        }
    }

    /// Begins a rollout.
    pub async fn begin(
        &self,
        who: &Principal,
        request: StartRequest,
        conditions: Conditions,
    ) -> Result<Reply<ActionReply>, Problem> {
        let who = who.clone();
        self.decide(move |core| core.seeing(request.saw.as_ref(), |core| core.begin(&who, &request, &conditions))).await
    }

    /// Acts on a rollout.
    pub async fn act(
        &self,
        who: &Principal,
        id: &RolloutId,
        request: ActionRequest,
        conditions: Conditions,
    ) -> Result<Reply<ActionReply>, Problem> {
        self.looked().await;
        let (who, id) = (who.clone(), id.clone());
        let (wanted, shown) = (id.clone(), self.gallery.borrow().clone());
        let acted = self
            .decide(move |core| core.seeing(request.saw.as_ref(), |core| core.act(&who, &id, &request, &conditions)))
            .await;
        match acted
            .map_err(|problem| if problem.code == Code::NotFound { missing(&wanted, &shown) } else { problem })?
        {
            Acted::Done(reply) => Ok(*reply),
            Acted::Ask(wanted) => self.order(wanted).await,
        }
    }

    /// The fleet's sites.
    pub async fn sites(&self, who: &Principal) -> Result<SitesPage, Problem> {
        authorize::may_read(who)?;
        let who = who.clone();
        self.decide(move |core| {
            let mut sites: Vec<SiteView> = Vec::new();
            for (id, unit) in core.fleet.iter().filter(|(id, _)| authorize::holds_for(&who, &id.group)) {
                let lane = LaneView {
                    lane: id.lane.clone(),
                    labels: unit.labels.clone(),
                    desired: unit.order.as_ref().map(|order| order.snapshot.clone()),
                    generation: unit.generation,
                    report: unit
                        .report
                        .clone()
                        .map(|report| Report { output_tail: crate::domain::SafeBlock::default(), ..report }),
                    seen_at: unit.seen_at,
                    reachable: unit.is_reachable(),
                    drift: unit.drift(),
                };
                match sites.last_mut().filter(|site| site.group == id.group && site.site == id.site) {
                    Some(site) => site.lanes.push(lane),
                    None => {
                        sites.push(SiteView { group: id.group.clone(), site: id.site.clone(), lanes: vec![lane] });
                    }
                }
            }
            Ok(SitesPage { sites })
        })
        .await
    }

    /// All snapshots, the newest first.
    pub async fn snapshots(&self, who: &Principal) -> Result<SnapshotsPage, Problem> {
        authorize::may_read(who)?;
        let who = who.clone();
        self.decide(move |core| {
            let sees =
                |group: &Option<TargetName>| group.as_ref().is_none_or(|group| authorize::holds_for(&who, group));
            let mut snapshots: Vec<_> = core.snapshots.values().filter(|s| sees(&s.group)).cloned().collect();
            snapshots.sort_by_key(|s| std::cmp::Reverse(s.added_at));
            Ok(SnapshotsPage { snapshots })
        })
        .await
    }

    /// Adds a snapshot, or marks one known good.
    pub async fn add_snapshot(&self, who: &Principal, request: SnapshotRequest) -> Result<SnapshotReply, Problem> {
        let artifact = registry::decode_artifact(&request)?;
        let who = who.clone();
        self.decide(move |core| core.seeing(request.saw.as_ref(), |core| core.add_snapshot(&who, &request, artifact)))
            .await
    }

    /// The bytes of a snapshot's artifact: for readers, and for agents of its group.
    pub async fn artifact(&self, who: &Principal, digest: &Digest) -> Result<Vec<u8>, Problem> {
        let missing = || Problem::new(Code::NotFound, format!("there is no artifact of {digest}"));
        let wanted = digest.clone();
        let known = self.decide(move |core| Ok(core.snapshots.get(&wanted).cloned())).await?.ok_or_else(missing)?;
        // An agent is given what its own group may run, whatever targets its token names.
        let bound = |group: &TargetName| who.binding.as_ref().is_none_or(|binding| binding.group == *group);
        let seen = known.group.as_ref().is_none_or(|group| authorize::holds_for(who, group) && bound(group));
        if !seen {
            return Err(Problem::new(Code::Forbidden, format!("{} does not belong to your targets", digest.short())));
        }
        self.shared.store.artifact(digest).await.map_err(|error| unavailable(&error))?.ok_or_else(missing)
    }

    /// An agent's poll: enrols the unit on its first one, then holds the request for up to `wait`
    /// until there is an order with another generation than the one it has. `None` when there is none.
    pub async fn desired(
        &self,
        who: &Principal,
        unit: &UnitId,
        labels: BTreeMap<String, SafeText>,
        generation: u64,
        wait: Duration,
    ) -> Result<Option<Desired>, Problem> {
        let mut deadline = self.shared.clock.sleep(wait.min(WAIT_MAX));
        loop {
            let (who, asked_unit, labels) = (who.clone(), unit.clone(), labels.clone());
            let asked = self.decide(move |core| core.asked(&who, &asked_unit, &labels, generation)).await?;
            let waiter = match asked {
                Asked::Told(desired) => return Ok(Some(desired)),
                Asked::Wait(waiter) => waiter,
            };
            tokio::select! {
                biased;
                () = waiter.notified() => {}
                () = &mut deadline => return Ok(None),
                () = self.shared.stop.cancelled() => return Ok(None),
            }
        }
    }

    /// An agent's report. Durable before it answers, where it changes more than facts.
    pub async fn report(&self, who: &Principal, unit: &UnitId, report: Report) -> Result<(), Problem> {
        let (who, unit) = (who.clone(), unit.clone());
        self.decide(move |core| core.heard(&who, &unit, report)).await
    }

    /// Adds a token whose secret was hashed by the caller; journalled.
    pub async fn add_token(&self, who: &Principal, request: TokenRequest) -> Result<TokenReply, Problem> {
        let who = who.clone();
        self.decide(move |core| core.add_token(&who, request)).await
    }

    /// Revokes a token; journalled.
    pub async fn revoke_token(&self, who: &Principal, id: &str, request: ReasonRequest) -> Result<TokenReply, Problem> {
        let (who, id) = (who.clone(), id.to_owned());
        self.decide(move |core| core.seeing(request.saw.as_ref(), |core| core.revoke_token(&who, &id, &request))).await
    }

    /// All tokens as they are listed.
    pub fn tokens_page(&self, who: &Principal) -> Result<TokensPage, Problem> {
        tokens::page(who, &self.tokens())
    }

    /// All tokens, without secrets (revoked ones too). Kept in memory, so that each request can ask.
    #[must_use]
    pub fn tokens(&self) -> Arc<Vec<TokenRecord>> {
        Arc::clone(&self.tokens.borrow())
    }

    /// Counts a refused credential from a source; journalled as one entry a source and minute. Dropped,
    /// and counted as such, when the writer is too busy to count; dropped while the store is away.
    pub fn credential_refused(&self, source: &str) {
        let source = SafeText::new(source).to_string();
        let work = Box::new(move |core: &mut Core| {
            core.credential_refused(source);
            let finish: Finish = Box::new(|_| {});
            finish
        });
        let _ = self.jobs.try_send(Job { work, waits: false });
    }

    /// Whether it can still take actions: its writer works and the store answers.
    #[must_use]
    pub fn ready(&self) -> bool {
        let lives = self.as_of() >= self.shared.clock.now() - chrono::TimeDelta::seconds(1);
        lives && !self.shared.failed.load(Ordering::Relaxed) && !self.shared.stop.is_cancelled()
    }

    /// Its time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    /// Whether what it carries out is simulated.
    #[must_use]
    pub fn simulated(&self) -> bool {
        self.shared.options.simulated
    }

    /// Figures for `/metrics`.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures::clone(&self.gallery.borrow().figures)
    }
}

/// What is said of a rollout that is not there: nothing is known of one whose cluster was never read.
fn missing(id: &RolloutId, shown: &Gallery) -> Problem {
    match shown.carriers.iter().find(|carrier| carrier.as_of.is_none()) {
        Some(unread) => {
            let why = unread.remarks.first().map_or_else(|| "it has not answered yet".to_owned(), ToString::to_string);
            Problem::new(Code::Unavailable, format!("whether there is {id} is not known: {why}"))
        }
        None => actions::not_found(id),
    }
}

fn unavailable(error: &StoreError) -> Problem {
    Problem::new(Code::Unavailable, error.to_string())
}

/// Figures for those who run it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Rollouts by phase.
    pub rollouts: BTreeMap<&'static str, u64>,
    /// Units heard of within three check intervals.
    pub units_reachable: u64,
    /// All units.
    pub units: u64,
    /// Audit entries.
    pub audit_entries: u64,
    /// Whether the server found that its audit trail is not what it wrote.
    pub audit_inconsistent: bool,
    /// Synced commits since start.
    pub commits: u64,
    /// Requests that shared them.
    pub committed_requests: u64,
    /// Reports since start.
    pub reports: u64,
    /// Indicators judged since start.
    pub judgements: u64,
    /// Questions to sources that had no answer since start.
    pub source_errors: u64,
    /// Actions by verb and outcome since start.
    pub actions: BTreeMap<(String, &'static str), u64>,
    /// Things dropped from bounded memory since start, by what.
    pub dropped: BTreeMap<&'static str, u64>,
}
