//! Flags: defined, changed, killed, evaluated, and what each unit gets of them.
//!
//! Changes go through the writer as all changes do. Evaluation looks at the book that the writer published
//! last, and never waits for it.

mod book;
mod change;
mod reach;
mod shown;
mod staged;
mod usage;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::{sync::watch, time::Instant};

pub(super) use self::{
    book::{Book, Entry, Shelf},
    staged::{Errand, PinnedFlag},
    usage::Usage,
};
use super::{Control, Reply, Tagged, WAIT_MAX, authorize};
use crate::{
    audit,
    domain::{
        Flag, FlagKey, LaneName, Place, Principal, Role, RolloutName, SafeText, SiteName, StageName, TargetName,
        flag::SiteRef, hex,
    },
    flag::{self, Evaluation, EvaluationError},
    wire::{Code, Conditions, FlagReply, FlagRequest, FlagsPage, Problem, ReasonRequest},
};

/// The place that a request names for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPlace {
    /// A site group.
    pub group: Option<TargetName>,
    /// A site of it.
    pub site: Option<SiteName>,
    /// A lane of that; the only one, when absent and there is one only.
    pub lane: Option<LaneName>,
}

/// Where a caller stands: what the server knows of it, whatever it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standpoint {
    site: Option<SiteRef>,
    lane: Option<LaneName>,
    rollout: Option<RolloutName>,
    stage: Option<StageName>,
    labels: BTreeMap<String, SafeText>,
}

impl Standpoint {
    /// The place, where it stands somewhere.
    #[must_use]
    pub fn place(&self) -> Option<Place<'_>> {
        let site = self.site.as_ref()?;
        Some(Place {
            target: &site.group,
            rollout: self.rollout.as_ref(),
            site: Some(&site.site),
            lane: self.lane.as_ref(),
            stage: self.stage.as_ref(),
            labels: Some(&self.labels),
        })
    }

    /// How it would be named.
    #[must_use]
    pub fn named(&self) -> NamedPlace {
        NamedPlace {
            group: self.site.as_ref().map(|site| site.group.clone()),
            site: self.site.as_ref().map(|site| site.site.clone()),
            lane: self.lane.clone(),
        }
    }
}

/// All flags at one instant, as evaluation sees them.
#[derive(Debug, Clone)]
pub struct FlagSet {
    book: Arc<Book>,
    usage: Arc<Usage>,
    at: chrono::DateTime<chrono::Utc>,
}

/// A flag and what it comes to for a caller.
#[derive(Debug)]
pub struct Evaluated<'f> {
    /// The flag.
    pub flag: &'f Flag,
    /// What it serves, or why there is nothing.
    pub outcome: Result<Evaluation<'f>, EvaluationError>,
}

impl FlagSet {
    /// One flag; none where there is no flag of that key. Counted as an evaluation.
    #[must_use]
    pub fn evaluate(&self, key: &FlagKey, from: &Standpoint, context: &Map<String, Value>) -> Option<Evaluated<'_>> {
        let entry = self.book.flags.get(key)?;
        self.usage.site(&from.site).count(key, self.at, 1);
        Some(self.evaluated(entry, from, context))
    }

    /// All flags, by key. Each is counted as an evaluation.
    #[must_use]
    pub fn evaluate_all(&self, from: &Standpoint, context: &Map<String, Value>) -> Vec<Evaluated<'_>> {
        let counts = self.usage.site(&from.site);
        let flags = self.book.flags.iter();
        flags
            .map(|(key, entry)| {
                counts.count(key, self.at, 1);
                self.evaluated(entry, from, context)
            })
            .collect()
    }

    fn evaluated<'f>(&'f self, entry: &'f Entry, from: &Standpoint, context: &Map<String, Value>) -> Evaluated<'f> {
        let outcome = entry.compiled.evaluate(from.place().as_ref(), context, self.at);
        Evaluated { flag: entry.flag(), outcome }
    }

    /// Changes when a flag does that a caller can see from where it stands, or what is known of that place,
    /// and else does not; the same after a restart.
    #[must_use]
    pub fn digest(&self, from: &Standpoint) -> String {
        self.book.digest(from.place().as_ref())
    }

    /// The flags as flagd takes them, with all that can be decided for a place decided.
    fn export(&self, from: &Standpoint) -> Option<Value> {
        let place = from.place()?;
        Some(flag::export(self.book.flags.values().map(|entry| &entry.compiled), &place))
    }
}

/// Follows changes of flags.
#[derive(Debug)]
pub struct FlagChanges(watch::Receiver<Arc<Book>>);

impl FlagChanges {
    /// Waits for the next change of any flag, or of what is known of any unit; `false` when there will be none
    /// any more.
    pub async fn next(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

impl Control {
    /// All flags, with what each unit gets and has.
    pub async fn flags(&self, who: &Principal) -> Result<FlagsPage, Problem> {
        authorize::may_read(who)?;
        let (book, usage, who) = (Arc::clone(&self.flags.borrow()), Arc::clone(&self.flag_usage), who.clone());
        let now = self.shared.clock.now();
        // Many flags at many units take a while: neither the writer nor other requests wait for it.
        let views = tokio::task::spawn_blocking(move || {
            book.flags.values().map(|entry| shown::view(entry, &book, &usage, Some(&who), now)).collect()
        });
        let flags = views.await.map_err(|_| Problem::new(Code::Unavailable, "the flags could not be evaluated"))?;
        Ok(FlagsPage { flags, as_of: now })
    }

    /// Adds or changes a flag.
    pub async fn put_flag(
        &self,
        who: &Principal,
        key: &FlagKey,
        request: FlagRequest,
        conditions: Conditions,
    ) -> Result<Reply<FlagReply>, Problem> {
        let (who, key) = (who.clone(), key.clone());
        self.decide(move |core| core.change_flag(&who, &key, &request, &conditions)).await
    }

    /// Switches a flag off everywhere, now.
    pub async fn kill_flag(
        &self,
        who: &Principal,
        key: &FlagKey,
        request: ReasonRequest,
    ) -> Result<FlagReply, Problem> {
        let (who, key) = (who.clone(), key.clone());
        self.decide(move |core| core.seeing(request.saw.as_ref(), |core| core.kill_flag(&who, &key, &request))).await
    }

    /// All flags as they are now, to be evaluated.
    #[must_use]
    pub fn flag_set(&self) -> FlagSet {
        FlagSet {
            book: Arc::clone(&self.flags.borrow()),
            usage: Arc::clone(&self.flag_usage),
            at: self.shared.clock.now(),
        }
    }

    /// Follows changes of flags from now on.
    #[must_use]
    pub fn flag_changes(&self) -> FlagChanges {
        let mut changes = self.flags.clone();
        changes.mark_unchanged();
        FlagChanges(changes)
    }

    /// Where a caller stands. An agent's credential is bound to a site, and may name a lane of it where it is
    /// bound to none. Others stand nowhere, unless they may act on what lies there and name it.
    ///
    /// # Errors
    /// `forbidden` for a place that the caller may not speak for, `invalid` for half a place.
    pub fn standpoint(&self, who: &Principal, named: &NamedPlace) -> Result<Standpoint, Problem> {
        let forbidden = |detail: String| Err(Problem::new(Code::Forbidden, detail));
        let (site, lane) = if let Some(binding) = &who.binding {
            let other = named.group.as_ref().is_some_and(|group| *group != binding.group)
                || named.site.as_ref().is_some_and(|site| *site != binding.site)
                || named.lane.as_ref().zip(binding.lane.as_ref()).is_some_and(|(named, bound)| named != bound);
            if other {
                return forbidden(format!(
                    "this token is for site {} of group {}, and speaks for no other place",
                    binding.site, binding.group
                ));
            }
            let site = SiteRef { group: binding.group.clone(), site: binding.site.clone() };
            (site, binding.lane.clone().or_else(|| named.lane.clone()))
        } else {
            let (group, site) = match (&named.group, &named.site) {
                (None, None) if named.lane.is_none() => return Ok(nowhere()),
                (Some(group), Some(site)) => (group.clone(), site.clone()),
                _ => {
                    let detail = "a place is named by group and site, and a lane where the site has several";
                    return Err(Problem::new(Code::Invalid, detail).in_field("query"));
                }
            };
            if !who.role.covers(Role::Operator) || !authorize::holds_for(who, &group) {
                return forbidden(format!(
                    "{} is {} for {}: whoever names a place is an operator there, or uses the site's own token",
                    who.id,
                    who.role.as_str(),
                    who.targets.join(", ")
                ));
            }
            (SiteRef { group, site }, named.lane.clone())
        };
        let book = Arc::clone(&self.flags.borrow());
        let lane = lane.or_else(|| book.only_lane(&site.group, &site.site));
        let unit =
            lane.clone().map(|lane| crate::domain::UnitId { group: site.group.clone(), site: site.site.clone(), lane });
        let spot = unit.and_then(|unit| book.units.get(&unit).cloned()).unwrap_or_default();
        Ok(Standpoint {
            site: Some(site),
            lane,
            rollout: spot.rollout.clone(),
            stage: spot.stage.clone(),
            labels: spot.labels.clone(),
        })
    }

    /// The flags of a place as an ordinary flagd takes them, for when the server is away; held for up to `wait`
    /// while it still has the tag.
    pub async fn flags_export(
        &self,
        who: &Principal,
        named: &NamedPlace,
        tag: Option<&str>,
        wait: Duration,
    ) -> Result<Tagged<Value>, Problem> {
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        let mut changes = self.flag_changes();
        loop {
            let from = self.standpoint(who, named)?;
            let document = self.flag_set().export(&from).ok_or_else(|| {
                Problem::new(Code::Invalid, "an export is of one place: name its group, site and lane")
                    .in_field("query")
            })?;
            let present = tag_of(&document);
            if tag != Some(present.as_str()) {
                return Ok(Tagged::Fresh(Box::new(document), present));
            }
            let waited = tokio::select! {
                more = changes.next() => !more,
                () = tokio::time::sleep_until(deadline) => true,
                () = self.shared.stop.cancelled() => true,
            };
            if waited {
                return Ok(Tagged::Unchanged);
            }
        }
    }
}

/// Where those stand that no place is known of.
const fn nowhere() -> Standpoint {
    Standpoint { site: None, lane: None, rollout: None, stage: None, labels: BTreeMap::new() }
}

/// A tag over all of a document.
fn tag_of(document: &Value) -> String {
    hex(&audit::leaf_hash(&serde_json_canonicalizer::to_vec(document).unwrap_or_default())[..16])
}
