//! What can be done, the safest first: what stops before what takes back, and that before what goes on.
//! Nothing is done from here; each step opens the dialog that it always has.

use serde::Serialize;

use super::{
    About, Answers, Situation,
    changes::{Change, Likelihood},
    evidence::{Evidence, Stand},
    signs::Symptom,
    stand,
};
use crate::{
    domain::{Action, FlagKey, Phase, Rollout},
    tui::app::{age, figure::counted, flags::change::Verb, offer::Why},
};

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// An action on the rollout at stake.
    Action(Action),
    /// A change of a flag.
    Flag(Verb, FlagKey),
    /// A freeze of the target.
    Freeze,
    /// The end of the freeze that holds the rollout.
    Lift(String),
    /// Nothing, until something happens by itself.
    Watch,
    /// None of these: look at all that is known.
    Look,
}

/// Whether a step can be done now, or why not.
pub type Offers<'a> = dyn Fn(&Deed) -> Result<(), Why> + 'a;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is done.
    #[serde(skip)]
    pub deed: Deed,
    /// In words.
    pub words: String,
    /// What it stops or brings.
    pub stops: String,
    /// What it costs.
    pub costs: String,
    /// How it is undone; empty where there is nothing to undo.
    pub undo: String,
    /// What the evidence says of it; empty where it says nothing.
    pub helps: String,
    /// Why it cannot be done now; none where it can.
    pub why_not: Option<String>,
    /// The same on the command line; none where there is nothing to be sent.
    pub command: Option<String>,
}

impl Deed {
    /// What it would put right.
    fn about(&self) -> Option<About> {
        match self {
            Self::Action(Action::Rollback) => Some(About::Version),
            Self::Flag(_, key) => Some(About::Flag(key.clone())),
            _ => None,
        }
    }

    /// How little can go wrong with it: less is safer.
    const fn risk(&self) -> u8 {
        match self {
            Self::Action(Action::Pause) => 0,
            Self::Flag(Verb::Disable, _) => 1,
            Self::Flag(_, _) => 2,
            Self::Action(Action::Rollback) => 3,
            Self::Action(Action::Retry) => 4,
            Self::Watch => 5,
            Self::Freeze => 6,
            Self::Action(_) => 7,
            Self::Lift(_) => 8,
            Self::Look => 9,
        }
    }
}

impl Step {
    /// A step that is none any more: it keeps its number.
    #[must_use]
    pub fn gone(deed: Deed) -> Self {
        let words = match &deed {
            Deed::Action(action) => action.spec().label.to_owned(),
            Deed::Flag(verb, key) => format!("{} {key}", verb.label()),
            Deed::Freeze => "Freeze".to_owned(),
            Deed::Lift(id) => format!("Lift freeze {id}"),
            Deed::Watch => "Keep watching".to_owned(),
            Deed::Look => "None of these fit".to_owned(),
        };
        Self {
            deed,
            words,
            stops: String::new(),
            costs: String::new(),
            undo: String::new(),
            helps: String::new(),
            why_not: Some("it does not fit any more".to_owned()),
            command: None,
        }
    }
}

/// The steps in their order.
#[must_use]
pub fn steps(
    situation: &Situation<'_>,
    answers: &Answers,
    changes: &[Change],
    evidence: &[Evidence],
    offers: &Offers<'_>,
) -> Vec<Step> {
    let mut deeds: Vec<Deed> = Vec::new();
    if let Some(rollout) = situation.rollout.as_deref() {
        deeds.extend([Deed::Action(Action::Pause), Deed::Action(Action::Rollback)]);
        let failed = matches!(answers.symptom, Symptom::Failed | Symptom::Stuck);
        if failed || rollout.offers(Action::Retry).is_ok() {
            deeds.push(Deed::Action(Action::Retry));
        }
        if rollout.phase == Phase::Paused {
            deeds.push(Deed::Action(Action::Resume));
        }
        if let Some(freeze) = &rollout.freeze {
            deeds.push(Deed::Lift(freeze.window.as_str().to_owned()));
        }
    }
    for change in changes {
        let About::Flag(key) = &change.about else { continue };
        deeds.push(Deed::Flag(Verb::Disable, key.clone()));
        let suspect = stand(evidence, &change.about) == Stand::PointsTo || change.likelihood == Likelihood::Likely;
        if suspect {
            deeds.push(Deed::Flag(Verb::Kill, key.clone()));
        }
    }
    deeds.extend([Deed::Watch, Deed::Freeze, Deed::Look]);
    let mut unique: Vec<Deed> = Vec::new();
    for deed in deeds {
        if !unique.contains(&deed) {
            unique.push(deed);
        }
    }
    let mut steps: Vec<(u8, u8, Step)> = unique
        .into_iter()
        .map(|deed| {
            let offered = offers(&deed);
            let rank = if offered.is_ok() { tier(answers, &deed, changes, evidence) } else { 8 };
            // What no step of is left for stays last.
            let rank = if deed == Deed::Look { 9 } else { rank };
            let risk = deed.risk();
            (rank, risk, step(situation, deed, evidence, offered.err()))
        })
        .collect();
    steps.sort_by_key(|(rank, risk, _)| (*rank, *risk));
    steps.into_iter().map(|(_, _, step)| step).collect()
}

/// How soon a step is to be thought of: what stops first, then what the evidence or closeness speaks for.
fn tier(answers: &Answers, deed: &Deed, changes: &[Change], evidence: &[Evidence]) -> u8 {
    let calm = answers.symptom == Symptom::Nothing;
    let suspect = |about: &About| {
        let closest = changes.iter().filter(|change| change.about == *about).map(|change| change.likelihood).min();
        match (stand(evidence, about), closest) {
            (Stand::Clears, _) => 6,
            (Stand::PointsTo, _) | (Stand::Silent, Some(Likelihood::Likely)) => 1,
            (Stand::Silent, Some(Likelihood::Possible | Likelihood::NotRanked)) => 2,
            (Stand::Silent, _) => 4,
        }
    };
    match deed {
        Deed::Watch if calm => 0,
        Deed::Action(Action::Pause) => u8::from(calm),
        Deed::Action(Action::Retry) if answers.symptom == Symptom::Stuck => 0,
        Deed::Action(Action::Retry) if answers.symptom == Symptom::Failed => 2,
        Deed::Watch => 3,
        Deed::Action(Action::Rollback) | Deed::Flag(..) => match deed.about() {
            Some(about) => suspect(&about).max(if calm { 4 } else { 0 }),
            None => 4,
        },
        Deed::Freeze | Deed::Action(Action::Retry) => 5,
        Deed::Action(_) | Deed::Lift(_) => 7,
        Deed::Look => 9,
    }
}

/// Words for units that have the candidate.
fn reach(rollout: &Rollout) -> String {
    match &rollout.workload {
        Some(_) => crate::tui::app::workload::reach(rollout),
        None => counted(rollout.exposure.units as usize, "unit"),
    }
}

fn step(situation: &Situation<'_>, deed: Deed, evidence: &[Evidence], why: Option<Why>) -> Step {
    let (candidate, before) = situation.versions();
    let rollout = situation.rollout.as_deref();
    let name = rollout.map_or_else(|| situation.target.to_string(), |rollout| rollout.name.to_string());
    let has = rollout.map_or_else(|| "no unit".to_owned(), reach);
    let own = |text: &str| text.to_owned();
    let (words, stops, costs, undo) = match &deed {
        Deed::Action(Action::Pause) => {
            (format!("Pause {name}"), own("no further unit gets it"), format!("{has} keep {candidate}"), own("resume"))
        }
        Deed::Action(Action::Rollback) => (
            format!("Roll back {has}"),
            format!("back to {before}"),
            format!("{candidate} has to be started anew"),
            own(if rollout.is_some_and(|rollout| rollout.workload.is_some()) { "retry" } else { "start it again" }),
        ),
        Deed::Action(Action::Retry) => (
            format!("Retry {name}"),
            own("failed units are told again"),
            own("they may fail again"),
            own("pause, roll back"),
        ),
        Deed::Action(action) => (
            format!("{} {name}", action.spec().label),
            own(action.spec().summary),
            own("it goes on with what is wrong"),
            own("pause"),
        ),
        Deed::Flag(verb, key) => {
            let view = situation.flags.into_iter().flatten().find(|view| view.flag.key == *key);
            let places = view.map_or(0, |view| {
                view.places.iter().filter(|place| super::evidence::is_on(view, place) == Some(true)).count()
            });
            let undo = if *verb == Verb::Kill { "bring it back" } else { "switch it on" };
            (
                format!("{} {key}", verb.label()),
                own(if *verb == Verb::Kill { "off variant everywhere, at once" } else { "off variant everywhere" }),
                format!("{} lose it", counted(places, "unit")),
                own(undo),
            )
        }
        Deed::Freeze => (
            format!("Freeze {}", situation.target),
            own("nothing widens there"),
            own("holds every rollout over it"),
            own("lift it"),
        ),
        Deed::Lift(id) => {
            (format!("Lift freeze {id}"), own("what it holds can go on"), own("stops nothing"), own("freeze again"))
        }
        Deed::Watch => match rollout.and_then(|rollout| rollout.next.as_ref()) {
            Some(next) => {
                let when = next.at.map_or_else(
                    || own("Keep watching"),
                    |at| format!("Keep watching to {}", situation.clock_seconds(at)),
                );
                let left =
                    next.at.map_or_else(String::new, |at| format!(" in {}", age::coarse_left(situation.now, at)));
                (when, format!("{}{left}", next.what), format!("{has} keep {candidate} till then"), String::new())
            }
            None => (
                own("Keep watching"),
                own("nothing happens by itself"),
                format!("{has} keep {candidate}"),
                String::new(),
            ),
        },
        Deed::Look => {
            let owner = rollout.map_or_else(String::new, |rollout| format!("ask {}", rollout.owner));
            (own("None of these fit"), own("opens all that is known"), owner, String::new())
        }
    };
    let helps = deed.about().map_or("", |about| match stand(evidence, &about) {
        Stand::PointsTo => "the evidence points to it",
        Stand::Clears => "evidence: will not help",
        Stand::Silent => "",
    });
    let id = situation.id();
    let command = match (&deed, id) {
        (Deed::Action(action), Some(id)) => Some(format!("rolldeck {} {id} --reason TEXT", action.verb())),
        (Deed::Flag(verb, key), _) => Some(format!("rolldeck flag {} {key} --reason TEXT", verb.as_str())),
        (Deed::Lift(window), _) => Some(format!("rolldeck window lift {window} --reason TEXT")),
        (Deed::Freeze, _) => Some(format!("rolldeck window add --scope {} --reason TEXT", situation.target)),
        _ => None,
    };
    Step {
        deed,
        words,
        stops,
        costs,
        undo,
        helps: helps.to_owned(),
        why_not: why.map(|why| why.text().to_owned()),
        command,
    }
}
