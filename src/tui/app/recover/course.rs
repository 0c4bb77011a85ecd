//! How somebody goes through it: three short questions, each with the most likely answer preselected, then what
//! can be said. What has a number keeps it while somebody presses keys.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Answers, BEFORE, Findings, Situation, Trail, find,
    signs::{self, Began, Spot, Symptom},
    steps::{Deed, Step},
    worked,
};
use crate::{
    backend::SiteView,
    domain::{Role, RolloutId, RolloutName, SiteName, TargetName},
    tui::app::{App, age, attention, offer::Why, reading::Reading, touch::has_units_at},
};

/// What it is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A rollout.
    Rollout(RolloutId),
    /// A site, of a group where that was named.
    Site(Option<TargetName>, SiteName),
    /// What stands behind a target's name: a rollout, or a site; which of them is told by what there is.
    Either(TargetName, String),
}

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// What is wrong.
    Symptom,
    /// When it began.
    Began,
    /// Where it is.
    Spot,
    /// All is answered: what can be said, and done.
    Answer,
}

/// What somebody said: the symptom, when it began and whether that is a guess, and where.
pub type Said<'a> = (Option<&'a Symptom>, Option<(DateTime<Utc>, bool)>, Option<&'a Spot>);

impl Question {
    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Symptom => 1,
            Self::Began => 2,
            Self::Spot => 3,
            Self::Answer => 4,
        }
    }

    /// The one before.
    #[must_use]
    pub const fn before(self) -> Option<Self> {
        match self {
            Self::Symptom => None,
            Self::Began => Some(Self::Symptom),
            Self::Spot => Some(Self::Began),
            Self::Answer => Some(Self::Spot),
        }
    }
}

/// Guided recovery, as far as somebody has come.
#[derive(Debug)]
pub struct Recover {
    /// What it is asked about.
    pub asked: Asked,
    /// The question that is open.
    pub question: Question,
    /// The selected line of it.
    pub cursor: usize,
    /// The trail since an hour before it began.
    pub trail: Reading,
    /// Answers that are offered, in the order of their numbers.
    pub symptoms: Vec<Symptom>,
    /// Moments that are offered.
    pub moments: Vec<Began>,
    /// Places that are offered.
    pub spots: Vec<Spot>,
    /// Steps, in the order of their numbers.
    pub deeds: Vec<Deed>,
    symptom: Option<Symptom>,
    began: Option<(DateTime<Utc>, bool)>,
    spot: Option<Spot>,
    /// The rollout that a site was asked about for: pinned, so that no other takes its place.
    pinned: Option<RolloutId>,
}

/// What is recovered: the target, the rollout at stake, the site that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The group of sites, or the target of a cluster.
    pub target: TargetName,
    /// The rollout at stake.
    pub rollout: Option<RolloutId>,
    /// The site.
    pub site: Option<SiteName>,
}

/// Lays what is worked out now over what has numbers already: what is new comes behind them, and all is put in
/// its order only where `sort` allows it.
fn settle<T: PartialEq>(numbered: &mut Vec<T>, now: Vec<T>, sort: bool) -> bool {
    if *numbered == now {
        return false;
    }
    if sort || numbered.is_empty() {
        *numbered = now;
        return true;
    }
    let before = numbered.len();
    for item in now {
        if !numbered.contains(&item) {
            numbered.push(item);
        }
    }
    numbered.len() != before
}

impl Recover {
    /// Asked about something, with nothing said yet.
    #[must_use]
    pub fn new(asked: Asked) -> Self {
        Self {
            asked,
            question: Question::Symptom,
            cursor: 0,
            trail: Reading::default(),
            symptoms: Vec::new(),
            moments: Vec::new(),
            spots: Vec::new(),
            deeds: Vec::new(),
            symptom: None,
            began: None,
            spot: None,
            pinned: None,
        }
    }

    /// Reads `TARGET/NAME`, `SITE`, or `GROUP/SITE`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            let got: String = text.chars().take(40).collect();
            format!("'{got}' is neither: name a TARGET/NAME, a SITE, or a GROUP/SITE")
        };
        let asked = match text.split_once('/') {
            None => Asked::Site(None, text.parse().map_err(|_| wrong())?),
            Some((target, name)) => {
                let either = name.parse::<SiteName>().is_ok() || RolloutName::new(name).is_ok();
                let target = target.parse().map_err(|_| wrong())?;
                if !either {
                    return Err(wrong());
                }
                Asked::Either(target, name.to_owned())
            }
        };
        Ok(Self::new(asked))
    }

    /// How many lines the open question has.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.question {
            Question::Symptom => self.symptoms.len(),
            Question::Began => self.moments.len(),
            Question::Spot => self.spots.len(),
            Question::Answer => self.deeds.len(),
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was answered, with what is most likely for the rest.
    #[must_use]
    pub fn answers(&self, situation: &Situation<'_>) -> Answers {
        let likely = Answers::likely(situation);
        let symptom = self.symptom.clone().unwrap_or(likely.symptom);
        let (began, estimate) = self.began.unwrap_or_else(|| {
            let first = signs::moments(situation, &symptom).into_iter().next().unwrap_or(Began::Ago(15));
            first.at(situation.now)
        });
        let spot = self
            .spot
            .clone()
            .unwrap_or_else(|| signs::spots(situation, &symptom).into_iter().next().unwrap_or(Spot::Target));
        Answers { symptom, began, estimate, spot }
    }

    /// What somebody said so far; the open question and those after it are not among it.
    #[must_use]
    pub fn said(&self) -> Said<'_> {
        (self.symptom.as_ref(), self.began, self.spot.as_ref())
    }

    /// Answers the open question with a line of it, and goes on to the next.
    pub fn answer(&mut self, line: usize, now: DateTime<Utc>) -> bool {
        match self.question {
            Question::Symptom => {
                let Some(symptom) = self.symptoms.get(line) else { return false };
                self.symptom = Some(symptom.clone());
                self.question = Question::Began;
            }
            Question::Began => {
                let Some(began) = self.moments.get(line) else { return false };
                self.began = Some(began.at(now));
                self.question = Question::Spot;
            }
            Question::Spot => {
                let Some(spot) = self.spots.get(line) else { return false };
                self.spot = Some(spot.clone());
                self.question = Question::Answer;
            }
            Question::Answer => return false,
        }
        self.cursor = 0;
        true
    }

    /// Goes back to the question before; says whether there was one.
    pub fn back(&mut self) -> bool {
        let Some(before) = self.question.before() else { return false };
        self.cursor = 0;
        // What comes after it depends on it.
        match before {
            Question::Symptom => self.symptom = None,
            Question::Began => self.began = None,
            Question::Spot | Question::Answer => self.spot = None,
        }
        let (moments, spots) = (before == Question::Symptom, before < Question::Spot);
        if moments {
            self.moments.clear();
        }
        if spots {
            self.spots.clear();
        }
        self.deeds.clear();
        self.question = before;
        true
    }
}

impl App {
    /// What is recovered, by what there is.
    ///
    /// # Errors
    /// Why it is not known which rollout or site that is.
    pub fn recovered(&self) -> Result<Ground, String> {
        let Some(recover) = &self.recover else {
            return Err("recover what? :recover TARGET/NAME, SITE or GROUP/SITE".to_owned());
        };
        let of_rollout = |id: &RolloutId| Ground { target: id.target.clone(), rollout: Some(id.clone()), site: None };
        let of_site = |site: &SiteView| Ground {
            target: site.group.clone(),
            rollout: recover.pinned.clone().or_else(|| self.rollout_at(site)),
            site: Some(site.site.clone()),
        };
        match &recover.asked {
            Asked::Rollout(id) => match self.rollout(id) {
                Some(_) => Ok(of_rollout(id)),
                None if self.rollouts.is_loaded() => Err(format!("there is no rollout {id}")),
                None => Err(format!("asking for {id}")),
            },
            Asked::Site(group, site) => {
                let found = self.sites_named(group.as_ref(), site)?;
                match found.as_slice() {
                    [one] => Ok(of_site(one)),
                    [] => Err(format!("the fleet has no site {site}: :sites lists them")),
                    several => {
                        let all: Vec<String> = several.iter().map(|s| format!("{}/{}", s.group, s.site)).collect();
                        Err(format!("several groups have it: :recover {}", all.join(" or :recover ")))
                    }
                }
            }
            Asked::Either(target, name) => {
                if let Ok(name) = RolloutName::new(name.as_str()) {
                    let id = RolloutId { target: target.clone(), name };
                    if self.rollout(&id).is_some() {
                        return Ok(of_rollout(&id));
                    }
                }
                let site: Option<SiteName> = name.parse().ok();
                match site.map(|site| self.sites_named(Some(target), &site)).transpose()?.as_deref() {
                    Some([one]) => Ok(of_site(one)),
                    _ => Err(format!("there is neither a rollout nor a site {target}/{name}")),
                }
            }
        }
    }

    fn sites_named(&self, group: Option<&TargetName>, site: &SiteName) -> Result<Vec<&SiteView>, String> {
        if let Some(error) = &self.sites.error {
            return Err(format!("the sites are not to be had: {error}"));
        }
        let Some(page) = &self.sites.page else { return Err("asking for the sites".to_owned()) };
        let named = |view: &&SiteView| view.site == *site && group.is_none_or(|group| *group == view.group);
        Ok(page.sites.iter().filter(named).collect())
    }

    /// The most urgent rollout of a site's group that has units there, or may have.
    fn rollout_at(&self, site: &SiteView) -> Option<RolloutId> {
        let mut rows: Vec<_> =
            self.rollouts.iter().filter(|row| !row.ghost && row.rollout.target == site.group).collect();
        rows.sort_by_key(|row| {
            let elsewhere =
                self.rollout(row.id()).is_some_and(|rollout| has_units_at(&rollout, &site.site) == Some(false));
            (elsewhere, row.rollout.phase.is_terminal(), row.class, row.id().clone())
        });
        rows.first().map(|row| row.id().clone())
    }

    /// All that is known where something is recovered.
    ///
    /// # Errors
    /// As [`App::recovered`].
    pub fn situation(&self) -> Result<Situation<'_>, String> {
        let ground = self.recovered()?;
        let Some(recover) = &self.recover else { return Err(String::new()) };
        let rollout = ground.rollout.as_ref().and_then(|id| self.rollout(id));
        let (last, _) = recover.trail.reached();
        Ok(Situation {
            now: self.server_now(),
            zone: self.zone(),
            doubt: self.doubt(rollout.as_deref()),
            around: self.around(&ground.target),
            target: ground.target,
            rollout,
            site: ground.site,
            sites: self.sites.page.as_ref().map(|page| page.sites.as_slice()),
            flags: self.flags.page.as_ref().map(|page| page.flags.as_slice()),
            entries: recover.trail.entries().collect(),
            trail: Trail {
                known: recover.trail.known(self.now.elapsed),
                since: recover.trail.since(),
                looked_at: recover.trail.looked_at(),
                last,
                proven: self.proven_to(),
                dropped: recover.trail.dropped(),
                broken_after: self.trail.broken().map(|found| found.after),
            },
        })
    }

    /// Up to which entry the trail is proven here: by what was remembered of it, or by a verification.
    fn proven_to(&self) -> Option<u64> {
        let seen = self.trail.witnessed.as_ref().map(|(seen, _)| seen.proven_to);
        let verified = self.trail.verified.as_ref().filter(|(report, _)| report.ok).map(|(report, _)| report.proven);
        seen.into_iter().chain(verified).max().filter(|to| *to > 0)
    }

    /// Why what is known may not hold any more.
    fn doubt(&self, rollout: Option<&crate::domain::Rollout>) -> Option<String> {
        if !self.link.is_live(self.now.elapsed) {
            let from = self.link.as_of().map_or_else(
                || "nothing is known yet".to_owned(),
                |at| format!("everything here is from {}", self.clock_seconds(at)),
            );
            return Some(format!("LOST: {from}"));
        }
        if self.hold.is_some() {
            return Some("HOLD: the display stands still; z lets it go on".to_owned());
        }
        let rollout = rollout.filter(|rollout| self.is_stale(rollout) || self.is_cut_off(rollout))?;
        let heard = self
            .heard(rollout)
            .map_or_else(|| "never".to_owned(), |at| format!("{} ago", age::age(self.server_now() - at)));
        Some(format!("STALE: {} was last heard of {heard}", rollout.id()))
    }

    /// Whether a step can be done now, or why not.
    fn offer_deed(&self, deed: &Deed, rollout: Option<&RolloutId>) -> Result<(), Why> {
        match deed {
            Deed::Action(action) => match rollout.and_then(|id| self.rollouts.get(id)) {
                Some(row) => self.offer(*action, row),
                None => Err(Why::Never("no rollout is over this place".to_owned())),
            },
            Deed::Flag(verb, key) => self.offer_flag(*verb, self.flags.get(key.as_str())),
            Deed::Freeze => self.permits(Role::Commander, "").map_err(Why::Never),
            Deed::Lift(_) => {
                self.permits(Role::Commander, "").map_err(Why::Never)?;
                self.widening_held(None).map_or(Ok(()), |why| Err(Why::Held(why)))
            }
            Deed::Watch | Deed::Look => Ok(()),
        }
    }

    /// All that can be said of it now.
    #[must_use]
    pub fn findings(&self, situation: &Situation<'_>) -> Option<(Answers, Findings)> {
        let recover = self.recover.as_ref()?;
        let answers = recover.answers(situation);
        let id = situation.id();
        let mut findings = find(situation, &answers, &|deed| self.offer_deed(deed, id.as_ref()));
        if recover.question == Question::Answer && !recover.deeds.is_empty() {
            // Numbers stay where they are: what is not there any more keeps its place, and says so.
            let mut steps = std::mem::take(&mut findings.steps);
            for deed in &recover.deeds {
                findings.steps.push(match steps.iter().position(|step| step.deed == *deed) {
                    Some(at) => steps.remove(at),
                    None => Step::gone(deed.clone()),
                });
            }
            findings.worked = worked::worked(situation, &answers, &findings.steps);
        }
        Some((answers, findings))
    }

    /// Puts what has numbers in its order, where nobody is about to press one. Says whether the screen may differ.
    pub(in crate::tui) fn settle_recovery(&mut self, sort: bool) -> bool {
        let (symptoms, moments, spots, deeds, pinned) = {
            let Ok(situation) = self.situation() else { return false };
            let Some(recover) = &self.recover else { return false };
            let answers = recover.answers(&situation);
            let symptoms = signs::signs(&situation).into_iter().map(|sign| sign.symptom).collect();
            let moments = signs::moments(&situation, &answers.symptom);
            let spots = signs::spots(&situation, &answers.symptom);
            let id = situation.id();
            let deeds = if recover.question == Question::Answer {
                let found = find(&situation, &answers, &|deed| self.offer_deed(deed, id.as_ref()));
                found.steps.into_iter().map(|step| step.deed).collect()
            } else {
                Vec::new()
            };
            (symptoms, moments, spots, deeds, id)
        };
        let Some(recover) = &mut self.recover else { return false };
        recover.pinned = recover.pinned.take().or(pinned);
        let changed = [
            settle(&mut recover.symptoms, symptoms, sort),
            settle(&mut recover.moments, moments, sort),
            settle(&mut recover.spots, spots, sort),
            settle(&mut recover.deeds, deeds, sort && recover.question == Question::Answer),
        ];
        recover.cursor = recover.cursor.min(recover.len().saturating_sub(1));
        changed.contains(&true)
    }

    /// Since when the trail has to be read: an hour before it began, as far as that is known.
    #[must_use]
    pub(in crate::tui) fn recovery_since(&self) -> Option<DateTime<Utc>> {
        let situation = self.situation().ok()?;
        let recover = self.recover.as_ref()?;
        // What it may have begun with is known before anybody says so.
        let known = signs::moments(&situation, &recover.answers(&situation).symptom)
            .into_iter()
            .find_map(|began| if let Began::Known { at, .. } = began { Some(at) } else { None });
        let began = recover.began.map(|(at, _)| at).into_iter().chain(known).min();
        Some(began.unwrap_or(situation.now) - BEFORE)
    }

    /// Where guided recovery opens when nothing is named: what is selected, else the worst there is.
    #[must_use]
    pub(in crate::tui) fn recovery_of_selection(&self) -> Option<Asked> {
        use crate::tui::app::View;
        let worst = || {
            let rows = self.rollouts.iter().filter(|row| !row.ghost);
            rows.min_by_key(|row| attention::rank(&row.rollout)).map(|row| row.id().clone())
        };
        match self.view {
            View::Sites => self
                .sites
                .at(self.sites.list.cursor())
                .map(|(site, _)| Asked::Site(Some(site.group.clone()), site.site.clone())),
            View::Follow => self.followed().ok().map(|site| Asked::Site(Some(site.group.clone()), site.site.clone())),
            View::Detail => self.detail.as_ref().map(|detail| Asked::Rollout(detail.id.clone())),
            _ => self.rollouts.selected().map(|row| row.id().clone()).or_else(worst).map(Asked::Rollout),
        }
    }
}

/// So long after the last key what has numbers may be put in another order.
pub const REST: Duration = super::super::rollouts::SETTLE;
