//! The control plane's state in memory: what the writer decides on, one request after another.
//!
//! Nothing here awaits. A decision changes this state and adds to [`Core::batch`]; the writer makes
//! the batch durable before anybody is answered, and reads everything again when that fails.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{Figures, Options};
use crate::{
    audit::{Signer, Tree},
    clock::Clock,
    domain::{
        Actor, Digest, FlagKey, Freeze, GateName, Initiator, OnEnter, Outcome, Override, Plan, Revision, RolloutId,
        RolloutName, SafeText, Scope, Snapshot, StageName, Subject, SubjectKind, TargetName, UnitId, UnitKey,
        audit::RevisionChange, plan::GateRule,
    },
    driver::{
        Health,
        fleet::{Fleet, Unit},
    },
    engine::{self, Answer, Context, Effect, Event, FactBy},
    gate::Expression,
    judge::evidence::Standing,
    source::reported::Reported,
    store::{
        AUDIT_FAULT, Batch, IdempotencyRecord, Loaded, RecordKind, StoreError, TokenRecord, VERIFIER_KEY, Write, key,
    },
    window::Calendar,
    wire::TrailFault,
};

use super::{
    approvals::{self, Agreed, Waiting},
    carried::{Carried, Resting},
    flags::{Errand, PinnedFlag, Shelf},
    journal::Draft,
    judging::Judging,
    overrides::{self, Passage, Trial},
    windows::{TZDB_KEY, Times},
};

/// How long the answer to an idempotency key is kept after its rollout ended.
const KEYS_KEPT: TimeDelta = TimeDelta::hours(72);
/// Most sources of refused credentials that are told apart in a minute.
const REFUSED_SOURCES: usize = 64;
/// How many transitions of a rollout are kept to say what changed since a revision.
const HISTORY: usize = 32;

/// One rollout: what is stored of it, and what is worked out again.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) stored: Stored,
    /// The plan's gates that are asked of units, compiled.
    pub(super) gates: Vec<(GateName, Expression)>,
    /// What the judge knows of it, in memory only.
    pub(super) judging: Judging,
    /// When a tick would change something.
    pub(super) due: Option<DateTime<Utc>>,
    /// Units that a freeze holds now.
    pub(super) held: Arc<BTreeMap<UnitKey, Freeze>>,
    /// What its stages ask of flags, until what asked for it is journalled.
    pub(super) errands: Vec<Errand>,
}

/// What is stored of a rollout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) plan: Plan,
    pub(super) state: engine::State,
    /// Added to the engine's revision, so that an address never sees the same revision twice.
    pub(super) revision_base: u64,
    pub(super) correlation_id: SafeText,
    pub(super) created_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    /// Another rollout of its target began after it ended: its pinned snapshots are not kept.
    pub(super) superseded: bool,
    /// When the judge brought a release back on this target: it does so once for each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) brought_back: BTreeMap<Digest, DateTime<Utc>>,
    /// Indicators that failed in the present stage and that nobody acknowledged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) failed: BTreeMap<SafeText, Standing>,
    /// What uses of overrides let through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) let_through: Vec<Passage>,
    /// Who let each stage begin; one that is missing began by itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) let_on: BTreeMap<StageName, Initiator>,
    /// Windows that hold it and had their way when they began, each with since when.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) entered: BTreeSet<SafeText>,
    /// The flags that its stages set, as they were when it began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) flags: BTreeMap<FlagKey, PinnedFlag>,
    /// The last decision that let it go on, or back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mandate: Option<Mandate>,
    /// What happened at which revision, the newest last.
    pub(super) history: VecDeque<(u64, SafeText)>,
}

/// The decision by which units are told something: who took it, and who allowed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mandate {
    /// The number of its entry.
    pub(super) seq: u64,
    pub(super) by: SafeText,
    pub(super) action: SafeText,
    /// Whether it brought it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) back: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) approved_by: Vec<SafeText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) override_id: Option<SafeText>,
}

impl Record {
    pub(super) fn new(stored: Stored) -> Result<Self, StoreError> {
        let mut gates = Vec::with_capacity(stored.plan.gates.len());
        for (name, rule) in &stored.plan.gates {
            let GateRule::Expression(text) = rule else { continue };
            let expression = Expression::compile(text).map_err(|error| StoreError::Damaged {
                place: stored.plan.id().to_string(),
                detail: format!("gate {name} does not compile any more: {error}"),
            })?;
            gates.push((name.clone(), expression));
        }
        // Checked when it began. Should it not be understood any more, nothing is judged, and gates that
        // ask for a verdict stay unknown: they hold what widens, and never the way back.
        let judging = Judging::declared(&stored.plan.telemetry, &stored.plan.slis).unwrap_or_else(|error| {
            tracing::error!("the indicators of {} cannot be judged: {error}", stored.plan.id());
            Judging::default()
        });
        Ok(Self { stored, gates, judging, due: None, held: Arc::default(), errands: Vec::new() })
    }
}

/// What a step of the engine did, before it is journalled.
#[derive(Debug)]
pub(super) struct Stepped {
    pub(super) answer: Answer,
    pub(super) facts: Vec<engine::Fact>,
    /// The revision before it.
    pub(super) before: Option<Revision>,
    /// The candidate, when it completed healthy.
    pub(super) known_good: Option<Digest>,
}

/// The state in memory.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Options,
    /// Indicators as agents report them.
    pub(super) reported: Arc<Reported>,
    pub(super) signer: Signer,
    pub(super) rollouts: BTreeMap<RolloutId, Record>,
    /// Rollouts that drivers carry out elsewhere, as they were last seen.
    pub(super) carried: BTreeMap<RolloutId, Carried>,
    /// What is stored of such rollouts that were not seen yet.
    pub(super) resting: BTreeMap<RolloutId, Resting>,
    /// How the drivers do, in their order.
    pub(super) health: Vec<Health>,
    pub(super) fleet: Fleet,
    pub(super) windows: Calendar,
    /// Overrides, by id.
    pub(super) overrides: BTreeMap<SafeText, Override>,
    /// The override that the present decision is tried with.
    pub(super) trial: Option<Trial>,
    /// When an override that was used expires, or one that was taken without waiting is overdue.
    pub(super) override_due: Option<DateTime<Utc>>,
    /// What waits for a second person, and what became of it.
    pub(super) approvals: BTreeMap<SafeText, Waiting>,
    /// That somebody agreed to what is being decided now.
    pub(super) agreed: Option<Agreed>,
    pub(super) snapshots: BTreeMap<Digest, Snapshot>,
    /// Flags, and what is known of units by those who evaluate them.
    pub(super) flags: Shelf,
    pub(super) tokens: Arc<Vec<TokenRecord>>,
    pub(super) idempotency: HashMap<(String, String, String), IdempotencyRecord>,
    pub(super) tree: Tree,
    /// The newest checkpoint: how many entries it covers, when it was signed, its note.
    pub(super) checkpoint: Option<(u64, DateTime<Utc>, String)>,
    /// How many entries what is stored as the seal covers.
    pub(super) sealed: u64,
    /// What was found of the trail that is not as it was written, by the look that found it.
    pub(super) faults: BTreeMap<&'static str, TrailFault>,
    /// What of that was journalled last, until it is said to be over.
    pub(super) faults_told: BTreeMap<String, String>,
    /// Where something is to hold that is asked for and not there yet, by its name.
    pub(super) proposed: Option<(SafeText, Scope)>,
    /// What was on the screen of whoever asks now.
    pub(super) saw: Option<SafeText>,
    /// Something was decided that is signed for at once.
    pub(super) sign_now: bool,
    /// Notes by which one key passed the trail on to the next, ascending by size.
    pub(super) successions: Vec<String>,
    /// What the next commit makes durable, beside what was touched.
    pub(super) batch: Batch,
    pub(super) touched_rollouts: BTreeSet<RolloutId>,
    pub(super) touched_units: BTreeSet<UnitId>,
    /// Rollouts whose picture is to be made again.
    pub(super) dirty: BTreeSet<RolloutId>,
    /// Rollouts whose units may want an order now.
    pub(super) moved: BTreeSet<RolloutId>,
    /// Rollouts that are gone.
    pub(super) removed: Vec<RolloutId>,
    /// Whether what changed is to be shown at once.
    pub(super) urgent: bool,
    /// Agents that wait for an order.
    pub(super) waiters: BTreeMap<UnitId, Arc<Notify>>,
    /// When windows with a schedule were worked out to hold.
    pub(super) times: BTreeMap<SafeText, Times>,
    /// Windows that ask for more than to hold when they begin: for what, and when each was made.
    pub(super) urging: BTreeMap<SafeText, (OnEnter, DateTime<Utc>)>,
    /// Refused credentials of the present minute, by source.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) refused_since: Option<DateTime<Utc>>,
    /// The disk is full and the reserve was given up: only what stops a change is taken.
    pub(super) reserve_spent: bool,
    /// When to forget what is old.
    pub(super) tidy_at: DateTime<Utc>,
    pub(super) figures: Figures,
}

impl Core {
    /// The state as it was stored.
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        options: Options,
        reported: Arc<Reported>,
        mut loaded: Loaded,
    ) -> Result<Self, StoreError> {
        let now = clock.now();
        let overrides = overrides::read(&mut loaded.records)?;
        let approvals = approvals::read(&mut loaded.records)?;
        let mut rollouts = BTreeMap::new();
        let mut resting = BTreeMap::new();
        for (id, document) in loaded.rollouts {
            if Resting::is_one(&document) {
                let stored: Resting = serde_json::from_value(document)
                    .map_err(|e| StoreError::Damaged { place: format!("rollout {id}"), detail: e.to_string() })?;
                resting.insert(id, stored);
                continue;
            }
            let stored: Stored = serde_json::from_value(document)
                .map_err(|e| StoreError::Damaged { place: format!("rollout {id}"), detail: e.to_string() })?;
            rollouts.insert(id, Record::new(stored)?);
        }
        let mut units = Vec::with_capacity(loaded.units.len());
        for (id, document) in loaded.units {
            let unit: Unit = serde_json::from_value(document)
                .map_err(|e| StoreError::Damaged { place: format!("unit {id}"), detail: e.to_string() })?;
            units.push((id, unit));
        }
        let mut times = BTreeMap::new();
        for (kind, id, document) in &loaded.records {
            if *kind == RecordKind::WindowTimes {
                // Unread, it is worked out again with what there is now.
                if let Ok(known) = serde_json::from_value::<Times>(document.clone()) {
                    times.insert(SafeText::new(id), known);
                }
            }
        }
        let size = loaded.leaves.len() as u64;
        let signer = Signer::new(&options.origin, &options.signing_seed);
        // Kept beside the trail, so that it can be verified where the signing key is not.
        let key = signer.verifier_key();
        let named = loaded.meta.get(VERIFIER_KEY);
        if named.is_some_and(|named| !named.is_empty() && *named != key) {
            return Err(key::not_the_same());
        }
        let is_new = named.is_some_and(String::is_empty);
        let told = loaded.meta.get(AUDIT_FAULT).and_then(|told| serde_json::from_slice(told.as_bytes()).ok());
        let batch = if named == Some(&key) { Vec::new() } else { vec![Write::Meta(VERIFIER_KEY.to_owned(), key)] };
        let health = vec![Health::default(); options.drivers.len()];
        let flags = Shelf::load(&loaded.records, now)?;
        let mut core = Self {
            clock,
            options,
            reported,
            signer,
            fleet: Fleet::new(units, now),
            windows: Calendar::new(loaded.windows, now),
            overrides,
            trial: None,
            override_due: None,
            flags,
            approvals,
            agreed: None,
            snapshots: loaded.snapshots.into_iter().map(|s| (s.digest.clone(), s)).collect(),
            tokens: Arc::new(loaded.tokens),
            idempotency: loaded
                .idempotency
                .into_iter()
                .map(|r| ((r.principal.clone(), r.rollout.clone(), r.key.clone()), r))
                .collect(),
            tree: Tree::new(loaded.leaves),
            // Its own size and time are not needed to go on: a stale one is replaced at the next chance.
            checkpoint: loaded.checkpoint.map(|note| (note_size(&note).unwrap_or(0).min(size), now, note)),
            // Signed anew with the first commit, whatever is stored.
            sealed: 0,
            faults: BTreeMap::new(),
            faults_told: told.unwrap_or_default(),
            proposed: None,
            saw: None,
            sign_now: false,
            successions: loaded.successions,
            batch,
            touched_rollouts: BTreeSet::new(),
            touched_units: BTreeSet::new(),
            dirty: rollouts.keys().cloned().collect(),
            moved: rollouts.keys().cloned().collect(),
            rollouts,
            carried: BTreeMap::new(),
            resting,
            health,
            removed: Vec::new(),
            urgent: true,
            waiters: BTreeMap::new(),
            times,
            urging: BTreeMap::new(),
            refused: BTreeMap::new(),
            refused_since: None,
            reserve_spent: false,
            tidy_at: now,
            figures: Figures::default(),
        };
        if is_new {
            let subject = Subject { kind: SubjectKind::Server, target: None, name: SafeText::new("audit key") };
            core.journal(Draft {
                reason: Some(SafeText::new("the key before it is lost: what that one signed is not proven any more")),
                ..Draft::new(Actor::system("server"), "audit_key_replaced", subject, Outcome::Applied)
            });
        }
        core.override_due = core.next_of_overrides();
        core.check_times(loaded.meta.get(TZDB_KEY));
        core.windows_changed();
        Ok(core)
    }

    /// The time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The revision of a rollout.
    pub(super) fn revision(&self, id: &RolloutId) -> Option<Revision> {
        if let Some(carried) = self.carried.get(id) {
            return Some(carried.sighting.rollout.revision.clone());
        }
        let record = self.rollouts.get(id)?;
        let number = record.stored.revision_base + record.stored.state.revision();
        Some(Revision(SafeText::new(format!("r{number}"))))
    }

    /// One step of a rollout's engine that nobody asked for: what it did is journalled as its own.
    pub(super) fn step(&mut self, id: &RolloutId, event: &Event) {
        if let Some(stepped) = self.advance(id, event) {
            self.journal_facts(id, stepped.facts, stepped.before.as_ref(), stepped.known_good);
        }
    }

    /// One step of a rollout's engine; what is to be journalled is handed back, so that a person's
    /// action comes before what followed from it.
    pub(super) fn advance(&mut self, id: &RolloutId, event: &Event) -> Option<Stepped> {
        let now = self.now();
        let before = self.revision(id);
        let record = self.rollouts.get_mut(id)?;
        let held = Arc::clone(&record.held);
        let context = Context { now, plan: &record.stored.plan, held: &held };
        let step = engine::step(&record.stored.state, event, &context);
        record.due = engine::due(&step.state, &context);
        let mut stepped = Stepped { answer: step.answer, facts: step.facts, before, known_good: None };
        if step.state == record.stored.state && stepped.facts.is_empty() && step.effects.is_empty() {
            return Some(stepped);
        }
        let restaged = step.state.revision() != record.stored.state.revision();
        record.stored.state = step.state;
        let ended = record.stored.state.phase().is_terminal();
        record.stored.ended_at = if ended { record.stored.ended_at.or(Some(now)) } else { None };
        let number = record.stored.revision_base + record.stored.state.revision();
        for fact in &stepped.facts {
            record.stored.history.push_back((number, fact.detail.clone()));
        }
        while record.stored.history.len() > HISTORY {
            record.stored.history.pop_front();
        }
        if restaged {
            self.flags.units_moved();
            self.hold_again(id);
            self.note_windows(id);
        }
        self.dirty.insert(id.clone());
        if step.routine {
            // Stored with the next thing that matters: a whole fleet reports every few seconds.
            return Some(stepped);
        }
        self.touched_rollouts.insert(id.clone());
        self.moved.insert(id.clone());
        let mut errands = Vec::new();
        for effect in step.effects {
            match effect {
                Effect::Tell { unit, generation, snapshot, previous } => {
                    let unit = UnitId { group: id.target.clone(), site: unit.site, lane: unit.lane };
                    self.journal_told(id, &unit, &snapshot, previous.as_ref());
                    self.fleet.tell(&unit, generation, snapshot, previous, now);
                    self.touched_units.insert(unit);
                }
                Effect::MarkKnownGood { snapshot } => stepped.known_good = Some(snapshot),
                Effect::SetFlag { flag, stage, units } => {
                    errands.push(Errand::Set { flag, stage: SafeText::new(stage.as_str()), units });
                }
                Effect::RestoreFlag { key } => errands.push(Errand::Restore { key }),
            }
        }
        if let Some(record) = self.rollouts.get_mut(id) {
            record.errands.extend(errands);
        }
        Some(stepped)
    }

    /// Journals what the engine did by itself.
    pub(super) fn journal_facts(
        &mut self,
        id: &RolloutId,
        facts: Vec<engine::Fact>,
        before: Option<&Revision>,
        known_good: Option<Digest>,
    ) {
        self.journal_facts_with(id, facts, before, known_good, None);
    }

    /// As [`Core::journal_facts`], with the evidence that goes with what the judge did.
    pub(super) fn journal_facts_with(
        &mut self,
        id: &RolloutId,
        facts: Vec<engine::Fact>,
        before: Option<&Revision>,
        known_good: Option<Digest>,
        mut evidence: Option<String>,
    ) {
        let after = self.revision(id);
        let correlation_id = self.rollouts.get(id).map(|r| r.stored.correlation_id.clone());
        for fact in facts {
            let evidence = if fact.by == FactBy::Judge { evidence.take() } else { None };
            self.journal(Draft {
                reason: Some(fact.detail),
                revision: RevisionChange { before: before.cloned(), after: after.clone() },
                correlation_id: correlation_id.clone(),
                evidence,
                ..Draft::new(Actor::system(fact.by.as_str()), fact.what, rollout_subject(id), Outcome::Applied)
            });
        }
        if let Some(snapshot) = known_good {
            self.mark_known_good(id, &snapshot, correlation_id);
        }
        self.run_errands(id);
    }

    fn mark_known_good(&mut self, id: &RolloutId, snapshot: &Digest, correlation_id: Option<SafeText>) {
        let now = self.now();
        let Some(known) = self.snapshots.get_mut(snapshot).filter(|s| !s.known_good) else { return };
        known.known_good = true;
        known.known_good_at = Some(now);
        self.batch.push(Write::Snapshot(known.clone()));
        let subject = Subject {
            kind: SubjectKind::Snapshot,
            target: Some(SafeText::new(id.target.as_str())),
            name: SafeText::new(snapshot.as_str()),
        };
        self.journal(Draft {
            reason: Some(SafeText::new(format!("{id} completed healthy on it"))),
            correlation_id,
            ..Draft::new(Actor::system("engine"), "known_good", subject, Outcome::Applied)
        });
    }

    /// Lets time go by: silences, ticks that are due, windows that begin or end.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        self.turn_windows();
        for unit in self.fleet.fall_silent(now) {
            for id in self.rollouts_of(&unit) {
                self.step(&id, &Event::Silent { unit: unit.key() });
                self.dirty.insert(id);
            }
        }
        let due: Vec<RolloutId> =
            self.rollouts.iter().filter(|(_, r)| r.due.is_some_and(|at| at <= now)).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.step(&id, &Event::Tick);
            // A tick that changed nothing must not be asked for again at once.
            if let Some(record) = self.rollouts.get_mut(&id).filter(|r| r.due.is_some_and(|at| at <= now)) {
                record.due = Some(now + TimeDelta::seconds(1));
            }
        }
        self.flush_refused(now);
        self.store_flag_use(false);
        self.expire_approvals(now);
        if now >= self.tidy_at {
            self.tidy(now);
        }
    }

    /// Forgets answers to idempotency keys that are older than 72 hours, and belong to no rollout
    /// which is open, or ended within that time.
    fn tidy(&mut self, now: DateTime<Utc>) {
        self.tidy_at = now + TimeDelta::hours(1);
        self.renew_times();
        let keep = now - KEYS_KEPT;
        let lasts: BTreeSet<String> = self
            .rollouts
            .iter()
            .filter(|(_, r)| r.stored.ended_at.is_none_or(|ended| ended > keep))
            .map(|(id, _)| id.to_string())
            .collect();
        let over = |record: &IdempotencyRecord| record.at < keep && !lasts.contains(&record.rollout);
        for ((principal, rollout, key), _) in self.idempotency.extract_if(|_, record| over(record)) {
            self.batch.push(Write::ForgetIdempotency { principal, rollout, key });
        }
    }

    /// When [`Core::tick`] is next worth calling.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        let ticks = self.rollouts.values().filter_map(|r| r.due).min();
        let refused = self.refused_since.map(|since| since + TimeDelta::minutes(1));
        [
            ticks,
            self.windows.next_transition(),
            self.fleet.next_silence(),
            refused,
            self.override_due,
            self.next_approval_due(),
            Some(self.tidy_at),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Rollouts that have this unit among theirs and can still change: at most one of them is open.
    pub(super) fn rollouts_of(&self, unit: &UnitId) -> Vec<RolloutId> {
        let unit_key = unit.key();
        self.of_target(&unit.group)
            .filter(|(_, r)| !r.stored.superseded && r.stored.state.has(&unit_key))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// All rollouts of a target.
    pub(super) fn of_target<'a>(&'a self, target: &'a TargetName) -> impl Iterator<Item = (&'a RolloutId, &'a Record)> {
        // Names start with a letter or digit, so this is at or below each of them.
        #[expect(clippy::expect_used, reason = "a digit is a name")]
        let first = RolloutId { target: target.clone(), name: RolloutName::new("0").expect("a name") };
        self.rollouts.range(first..).take_while(move |(id, _)| id.target == *target)
    }

    /// What the next commit makes durable: what was decided, and each touched thing once.
    pub(super) fn take_batch(&mut self) -> Batch {
        let mut batch = std::mem::take(&mut self.batch);
        for id in std::mem::take(&mut self.touched_rollouts) {
            if let Some(record) = self.rollouts.get(&id)
                && let Ok(document) = serde_json::to_value(&record.stored)
            {
                batch.push(Write::Rollout(id, document));
            } else if let Some(carried) = self.carried.get(&id)
                && let Ok(document) = serde_json::to_value(&carried.stored)
            {
                batch.push(Write::Rollout(id, document));
            }
        }
        for id in std::mem::take(&mut self.touched_units) {
            if let Some(unit) = self.fleet.get(&id)
                && let Ok(document) = serde_json::to_value(unit)
            {
                batch.push(Write::Unit(id, document));
            }
        }
        batch
    }

    /// Whether anything waits to be made durable.
    pub(super) fn has_batch(&self) -> bool {
        !self.batch.is_empty() || !self.touched_rollouts.is_empty() || !self.touched_units.is_empty()
    }

    /// Counts a refused credential; sources beyond a bound are counted together.
    pub(super) fn credential_refused(&mut self, source: String) {
        let now = self.now();
        self.refused_since.get_or_insert(now);
        let known = self.refused.contains_key(&source) || self.refused.len() < REFUSED_SOURCES;
        let source = if known { source } else { "other sources".to_owned() };
        *self.refused.entry(source).or_default() += 1;
    }

    fn flush_refused(&mut self, now: DateTime<Utc>) {
        if self.refused_since.is_none_or(|since| now < since + TimeDelta::minutes(1)) {
            return;
        }
        let since = self.refused_since.take();
        for (source, count) in std::mem::take(&mut self.refused) {
            let minute = since.map(|s| s.format("%H:%M:%SZ").to_string()).unwrap_or_default();
            let subject = Subject { kind: SubjectKind::Server, target: None, name: SafeText::new("credentials") };
            let mut actor = Actor::system("server");
            actor.source = Some(SafeText::new(&source));
            self.journal(Draft {
                reason: Some(SafeText::new(format!(
                    "{count} requests with a refused credential from {source} in the minute from {minute}"
                ))),
                ..Draft::new(actor, "credential_refused", subject, Outcome::Refused)
            });
        }
    }
}

/// The subject of an entry about a rollout.
pub(super) fn rollout_subject(id: &RolloutId) -> Subject {
    Subject {
        kind: SubjectKind::Rollout,
        target: Some(SafeText::new(id.target.as_str())),
        name: SafeText::new(id.name.as_str()),
    }
}

/// The size that a checkpoint's note states in its second line.
fn note_size(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}
