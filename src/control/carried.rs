//! Rollouts that a driver carries out elsewhere, as they were last seen: what is kept of them, what is
//! shown, and what was done to them without Rolldeck.

mod judging;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    core::{Core, rollout_subject},
    held::Asked,
    journal::Draft,
    judging::Judging,
    overrides::Passage,
};
use crate::{
    domain::{
        Action, Actor, ActorKind, Blocker, BlockerKind, Freeze, Initiator, Operation, Outcome, Phase, Place, Revision,
        Rollout, RolloutId, SafeText, audit::RevisionChange, workload::Pending,
    },
    driver::{self, Elsewhere, Health, Order, Seen, Sighting},
    store::Document,
    wire::CarrierView,
};

pub use judging::Declared;

/// How many changes of a rollout are kept to say what changed since a revision.
const HISTORY: usize = 32;
/// How many candidates that were given up are remembered of a rollout.
const GIVEN_UP: usize = 16;
/// The mark of a stored document that is of such a rollout.
const MARK: &str = "carried_by";

/// What is stored of a rollout that is carried out elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Resting {
    /// Where: the driver's place.
    carried_by: SafeText,
    /// The candidate that the rest is about.
    pub(super) candidate: String,
    /// Ties together all audit entries of this candidate.
    pub(super) correlation_id: SafeText,
    /// Orders whose outcome is not known yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sent: Vec<Sent>,
    /// Hashes of candidates that were given up, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) given_up: Vec<SafeText>,
    /// Windows that had their way with this candidate when they began, each with since when: each has it once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) paused_by: BTreeSet<SafeText>,
    /// When this candidate was first seen here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) candidate_since: Option<DateTime<Utc>>,
    /// What uses of overrides let through of this candidate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) let_through: Vec<Passage>,
}

impl Resting {
    /// Whether a stored document is one of these.
    pub(super) fn is_one(document: &Document) -> bool {
        document.get(MARK).is_some()
    }

    /// Whether a window had its way already, this time that it holds; noted by the window alone once.
    pub(super) fn has_entered(&self, entry: &SafeText, window: &SafeText) -> bool {
        self.paused_by.contains(entry) || self.paused_by.contains(window)
    }

    /// Forgets that a window had its way: it has it again where it holds after all.
    pub(super) fn forget_entries(&mut self, window: &SafeText) {
        self.paused_by.retain(|entry| entry.as_str().split('@').next() != Some(window.as_str()));
    }
}

/// An order that was sent, or is about to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) order: Order,
    /// The entry that says that it is about to be sent.
    pub(super) intent: u64,
    pub(super) actor: Actor,
    pub(super) ticket: Option<SafeText>,
    pub(super) key: Option<SafeText>,
    /// The override that it was sent under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) override_id: Option<SafeText>,
    /// Whether it was given up to wait.
    pub(super) unconfirmed: bool,
}

/// A rollout that is carried out elsewhere.
#[derive(Debug)]
pub(super) struct Carried {
    /// Which driver tells of it.
    pub(super) driver: usize,
    pub(super) sighting: Box<Sighting>,
    pub(super) stored: Resting,
    /// What the judge knows of it, in memory only.
    pub(super) judging: Judging,
    /// Intents that a task of this process follows: the others are looked for.
    pub(super) followed: BTreeSet<u64>,
    /// When a window last asked something of it.
    pub(super) asked_at: Option<DateTime<Utc>>,
    /// Until when what nobody signed is taken for an order's own doing: a field that was removed has no writer.
    pub(super) ours_until: Option<DateTime<Utc>>,
    /// What it came to at which revision, the newest last.
    history: VecDeque<(Revision, String)>,
}

impl Carried {
    /// Hashes of candidates that were given up, or are being given up now.
    pub(super) fn avoid(&self) -> Vec<SafeText> {
        let now = self.stored.sent.iter().filter(|sent| sent.order.action == Action::Rollback);
        let now = now.map(|sent| SafeText::new(hash_of(driver::candidate(&sent.order.revision))));
        self.stored.given_up.iter().cloned().chain(now).collect()
    }

    /// The order that an entry says was sent.
    pub(super) fn noted(&self, intent: u64) -> Option<&Sent> {
        self.stored.sent.iter().find(|sent| sent.intent == intent)
    }

    /// Notes that a candidate was given up.
    pub(super) fn give_up(&mut self, revision: &Revision) {
        let hash = SafeText::new(hash_of(driver::candidate(revision)));
        self.stored.given_up.retain(|known| *known != hash);
        self.stored.given_up.push(hash);
        while self.stored.given_up.len() > GIVEN_UP {
            self.stored.given_up.remove(0);
        }
    }

    /// What happened since a revision, in one sentence.
    pub(super) fn changed_since(&self, seen: &Revision) -> String {
        let after = self.history.iter().position(|(revision, _)| revision == seen).map_or(0, |at| at + 1);
        let since: Vec<&str> = self.history.iter().skip(after).map(|(_, what)| what.as_str()).collect();
        let candidate = driver::candidate(seen) != driver::candidate(&self.sighting.rollout.revision);
        match (candidate, since.as_slice()) {
            (true, _) => format!("another candidate is there now; it is {}", state_of(&self.sighting.rollout)),
            (false, []) => format!("it is {}", state_of(&self.sighting.rollout)),
            (false, since) => since[since.len().saturating_sub(3)..].join("; "),
        }
    }
}

/// The hash in a candidate's name: `12-6f8c7`.
fn hash_of(candidate: &str) -> &str {
    candidate.split_once('-').map_or(candidate, |(_, hash)| hash)
}

fn state_of(rollout: &Rollout) -> String {
    let stage = rollout.current_stage.as_ref().map(|stage| format!(" in {stage}")).unwrap_or_default();
    format!("{}{stage}", rollout.phase.words())
}

impl Core {
    /// How the drivers do.
    pub(super) fn carriers(&self) -> Vec<CarrierView> {
        let view = |(driver, health): (&std::sync::Arc<dyn driver::Driver>, &Health)| CarrierView {
            place: SafeText::new(driver.place()),
            as_of: health.as_of,
            remarks: health.remarks.clone(),
        };
        self.options.drivers.iter().zip(&self.health).map(view).collect()
    }

    /// Takes up what a driver tells.
    pub(super) fn seen(&mut self, driver: usize, seen: Vec<Seen>) {
        for one in seen {
            match one {
                Seen::Rollout(sighting) => self.sighted(driver, sighting),
                Seen::Gone(id) => self.gone(driver, &id),
                Seen::Health(health) => {
                    if let Some(known) = self.health.get_mut(driver) {
                        self.urgent |= known.remarks != health.remarks || known.as_of.is_none();
                        *known = health;
                    }
                }
            }
        }
    }

    fn sighted(&mut self, driver: usize, mut sighting: Box<Sighting>) {
        let id = sighting.rollout.id();
        if self.rollouts.contains_key(&id) {
            // An address has one rollout. The fleet's was here first, and has a plan and pinned snapshots.
            return;
        }
        let elsewhere = std::mem::take(&mut sighting.elsewhere);
        let revision = sighting.rollout.revision.clone();
        let candidate = driver::candidate(&revision).to_owned();
        let place = self.options.drivers.get(driver).map(|driver| SafeText::new(driver.place())).unwrap_or_default();
        let before = self.carried.remove(&id);
        let is_new_candidate = before.as_ref().is_some_and(|known| known.stored.candidate != candidate);
        let before_revision = before.as_ref().map(|known| known.sighting.rollout.revision.clone());
        let ours_until = before.as_ref().and_then(|known| known.ours_until);
        let asked_at = before.as_ref().filter(|_| !is_new_candidate).and_then(|known| known.asked_at);
        let (stored, mut history, followed, judging) = match before {
            Some(known) => (Some(known.stored), known.history, known.followed, Some(known.judging)),
            None => (self.resting.remove(&id), VecDeque::new(), BTreeSet::new(), None),
        };
        let is_same = stored.as_ref().is_some_and(|stored| stored.candidate == candidate);
        let judging = judging.filter(|_| is_same).unwrap_or_else(|| self.judge_candidate(&sighting.rollout));
        let mut stored = stored.unwrap_or_else(|| Resting {
            carried_by: place.clone(),
            candidate: String::new(),
            correlation_id: SafeText::default(),
            sent: Vec::new(),
            given_up: Vec::new(),
            paused_by: BTreeSet::new(),
            candidate_since: None,
            let_through: Vec::new(),
        });
        if stored.candidate != candidate || stored.carried_by != place {
            stored.correlation_id = SafeText::new(self.clock.id());
            let previous = std::mem::replace(&mut stored.candidate, candidate);
            stored.carried_by = place;
            stored.paused_by.clear();
            stored.candidate_since = Some(self.now());
            stored.let_through.clear();
            // An undo that was not confirmed in time makes another candidate, and is found by that. Of those before
            // it nobody waits any more for what was never seen: it is in the trail.
            stored.sent.retain(|sent| !sent.unconfirmed || driver::candidate(&sent.order.revision) == previous);
            self.touched_rollouts.insert(id.clone());
        }
        if sighting.rollout.phase == Phase::Completed && !stored.given_up.is_empty() {
            // Somebody went through with it after all.
            let known = stored.given_up.len();
            stored.given_up.retain(|hash| hash.as_str() != hash_of(&stored.candidate));
            if stored.given_up.len() != known {
                self.touched_rollouts.insert(id.clone());
            }
        }
        if before_revision.as_ref() != Some(&revision) {
            history.push_back((revision, state_of(&sighting.rollout)));
            while history.len() > HISTORY {
                history.pop_front();
            }
            self.urgent = true;
        }
        let followed_is_empty = followed.is_empty();
        self.carried
            .insert(id.clone(), Carried { driver, sighting, stored, judging, followed, asked_at, ours_until, history });
        let ours = !followed_is_empty || ours_until.is_some_and(|until| self.now() < until);
        for act in elsewhere.into_iter().filter(|act| !(ours && act.by.is_empty())) {
            self.journal_elsewhere(&id, act, before_revision.as_ref());
        }
        self.dirty.insert(id);
    }

    /// Takes over what was seen before the state was read again: a driver tells of changes only.
    pub(super) fn adopt(&mut self, seen: BTreeMap<RolloutId, Carried>, health: Vec<Health>) {
        self.health = health;
        for (id, known) in seen {
            self.sighted(known.driver, known.sighting);
            if let Some(carried) = self.carried.get_mut(&id) {
                carried.history = known.history;
                carried.judging = known.judging;
                carried.followed = known.followed;
                carried.ours_until = known.ours_until;
            }
        }
    }

    fn gone(&mut self, driver: usize, id: &RolloutId) {
        if self.carried.get(id).is_none_or(|carried| carried.driver != driver) {
            return;
        }
        if let Some(carried) = self.carried.remove(id) {
            self.resting.insert(id.clone(), carried.stored);
        }
        self.removed.push(id.clone());
        self.urgent = true;
    }

    /// What was done without Rolldeck is in the trail too, under the name that the cluster knows.
    fn journal_elsewhere(&mut self, id: &RolloutId, act: Elsewhere, before: Option<&Revision>) {
        let Elsewhere { what, by, at, text } = act;
        let name = if by.is_empty() { "somebody".to_owned() } else { format!("field manager {by}") };
        let actor = Actor {
            id: SafeText::new(name),
            kind: ActorKind::Automation,
            role: None,
            via: None,
            credential: None,
            source: Some(SafeText::new("elsewhere")),
        };
        let at = at.map(|at| format!(", written at {}", at.format("%H:%M:%SZ"))).unwrap_or_default();
        let revision = self.carried.get(id).map(|carried| carried.sighting.rollout.revision.clone());
        let correlation_id = self.carried.get(id).map(|carried| carried.stored.correlation_id.clone());
        self.journal(Draft {
            effect: Some(SafeText::new(format!("from elsewhere: {text}{at}"))),
            revision: RevisionChange { before: before.cloned(), after: revision },
            correlation_id,
            ..Draft::new(actor, what.as_str(), rollout_subject(id), Outcome::Applied)
        });
    }

    /// The freezes that hold something about such a rollout now.
    pub(super) fn freezes_of_carried(&self, id: &RolloutId, (operation, by): Asked) -> Vec<Freeze> {
        let Some(carried) = self.carried.get(id) else { return Vec::new() };
        let place = Place {
            target: &id.target,
            rollout: Some(&id.name),
            site: None,
            lane: None,
            stage: carried.sighting.rollout.current_stage.as_ref(),
            labels: Some(&carried.sighting.labels),
        };
        self.let_pass(id, &place, operation, self.windows.freezes(&place, operation, by))
    }

    /// All that is shown of such a rollout.
    pub(super) fn carried_picture(&self, carried: &Carried) -> Rollout {
        let mut rollout = carried.sighting.rollout.clone();
        let id = rollout.id();
        rollout.correlation_id = carried.stored.correlation_id.clone();
        carried.add_judged(&mut rollout);
        let newest = carried.stored.sent.iter().max_by_key(|sent| (!sent.unconfirmed, sent.intent));
        rollout.pending = newest.map(pending);
        // What a person would meet comes before what nobody asks for.
        let freeze = (!rollout.phase.is_terminal()).then(|| {
            let by_hand = self.freezes_of_carried(&id, (Operation::Promote, Initiator::Human));
            by_hand.into_iter().next().or_else(|| {
                let by_itself = self.freezes_of_carried(&id, (Operation::Advance, Initiator::Automation));
                by_itself.into_iter().next()
            })
        });
        if let Some(freeze) = freeze.flatten() {
            rollout.blockers.push(held_by(&freeze, carried.sighting.advances));
            rollout.blockers.sort_by_key(|blocker| blocker.kind);
            rollout.freeze = Some(Box::new(freeze));
        }
        rollout
    }
}

fn pending(sent: &Sent) -> Pending {
    let detail = if sent.unconfirmed {
        "it was sent and not seen to be taken up; it may be still"
    } else {
        "it was sent, and the cluster has not been seen to take it up yet"
    };
    Pending {
        action: sent.order.action,
        by: sent.order.by.clone(),
        at: sent.order.at,
        unconfirmed: sent.unconfirmed,
        detail: SafeText::new(detail),
    }
}

/// The freeze as what holds a promotion, with the other fact beside it: who goes on all the same.
fn held_by(freeze: &Freeze, advances: bool) -> Blocker {
    let until = freeze
        .until
        .map_or_else(|| "until it is lifted".to_owned(), |at| format!("until {}", at.format("%Y-%m-%d %H:%M UTC")));
    let also = if advances { "; its controller goes on by itself all the same: pause holds it" } else { "" };
    Blocker {
        kind: BlockerKind::Freeze,
        summary: SafeText::new(format!(
            "window {} holds what widens it through Rolldeck {until}: {} ({}){also}",
            freeze.window, freeze.reason, freeze.by
        )),
        since: Some(freeze.since),
        until: freeze.until,
    }
}
