//! One cell of the flag matrix: what is wanted there, and what is there.

use std::fmt;

use crate::{
    backend::{FlagPlace, FlagView},
    domain::{FlagDefinition, SafeText, flag::Serve},
};

/// What callers get of a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serves {
    /// What it serves while it is off.
    Off,
    /// `true`.
    On,
    /// Another variant, by its name.
    Variant(String),
    /// Something else than off for so many of a hundred callers.
    Partial(u8),
    /// It depends on the caller, in a way that has no number.
    Varies,
}

/// What is there, against what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// What is wanted is there.
    AsWanted,
    /// Something else is there, as far as it is known.
    Drift(Option<Serves>),
    /// The unit does not say what is there.
    Silent,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What is wanted.
    pub wanted: Serves,
    /// What is there.
    pub state: State,
}

impl Serves {
    /// What a variant is to people.
    #[must_use]
    pub fn of(definition: &FlagDefinition, variant: &str) -> Self {
        match definition.variants.get(variant) {
            Some(serde_json::Value::Bool(true)) => Self::On,
            Some(serde_json::Value::Bool(false)) => Self::Off,
            _ if variant == definition.off_variant => Self::Off,
            // A name of somebody's file: it is shown.
            _ => Self::Variant(SafeText::new(variant).as_str().to_owned()),
        }
    }

    /// How many of a hundred get something else than off; none when that has no number.
    fn percent(&self) -> Option<f64> {
        match self {
            Self::Off => Some(0.0),
            Self::On | Self::Variant(_) => Some(100.0),
            Self::Partial(percent) => Some(f64::from(*percent)),
            Self::Varies => None,
        }
    }
}

impl fmt::Display for Serves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On => f.write_str("on"),
            Self::Variant(name) => f.write_str(name),
            Self::Partial(percent) => write!(f, "{percent}%"),
            Self::Varies => f.write_str("varies"),
        }
    }
}

/// A share in whole percent: only nobody is 0 and only all is 100, however the rest is rounded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 100 before")]
fn whole(percent: f64) -> u8 {
    match percent {
        p if p <= 0.0 => 0,
        p if p >= 100.0 => 100,
        p => p.round().clamp(1.0, 99.0) as u8,
    }
}

/// What is wanted at a place.
fn wanted(definition: &FlagDefinition, place: &FlagPlace) -> Serves {
    if let Some(variant) = &place.wanted {
        return Serves::of(definition, variant.as_str());
    }
    let rule = if let Some(id) = &place.rule {
        definition.rules.iter().find(|rule| rule.id == *id)
    } else {
        // Without a targeting key no rule is named; where only one splits, it is that one.
        let mut splits = definition.rules.iter().filter(|rule| matches!(rule.serve, Serve::Split(_)));
        splits.next().filter(|_| splits.next().is_none())
    };
    match rule.map(|rule| &rule.serve) {
        Some(Serve::Split(shares)) => {
            let sum = |on: bool| -> u64 {
                let counts = |variant: &str| Serves::of(definition, variant) != Serves::Off || !on;
                shares.iter().filter(|share| counts(&share.variant)).map(|share| u64::from(share.weight)).sum()
            };
            match (sum(true), sum(false)) {
                (_, 0) => Serves::Varies,
                (on, all) => Serves::Partial(whole(on as f64 * 100.0 / all as f64)),
            }
        }
        _ => Serves::Varies,
    }
}

/// What is at a place, against what is wanted there.
fn state(view: &FlagView, place: &FlagPlace) -> State {
    let definition = &view.flag.definition;
    match (&place.wanted, &place.actual, place.held_revision) {
        (Some(wanted), Some(actual), _) if wanted == actual => State::AsWanted,
        (Some(_), Some(actual), _) => State::Drift(Some(Serves::of(definition, actual.as_str()))),
        // Where callers differ, the unit can only say which revision it goes by.
        (None, _, Some(held)) if held == view.flag.revision => State::AsWanted,
        (None, _, Some(_)) => State::Drift(None),
        (None, _, None) | (Some(_), None, _) => State::Silent,
    }
}

impl Cell {
    /// What stands for these places of a flag; none where it has none.
    #[must_use]
    pub fn of(view: &FlagView, places: &[&FlagPlace]) -> Option<Self> {
        let definition = &view.flag.definition;
        let first = wanted(definition, places.first()?);
        let all: Vec<Serves> = places.iter().map(|place| wanted(definition, place)).collect();
        let wanted = if all.iter().all(|serves| *serves == first) {
            first
        } else {
            // As a mean over units: how many of a hundred callers that is, nobody here knows.
            let known: Option<Vec<f64>> = all.iter().map(Serves::percent).collect();
            known.map_or(Serves::Varies, |known| Serves::Partial(whole(known.iter().sum::<f64>() / known.len() as f64)))
        };
        let states: Vec<State> = places.iter().map(|place| state(view, place)).collect();
        let drift = states.iter().find(|state| matches!(state, State::Drift(_)));
        let silent = states.iter().find(|state| **state == State::Silent);
        let state = drift.or(silent).cloned().unwrap_or(State::AsWanted);
        Some(Self { wanted, state })
    }

    /// Its text: `.` off, `on`, a variant's name, `25%`; with `!` and in upper case what is there and should
    /// not be, with `?` where the unit does not say.
    #[must_use]
    pub fn text(&self) -> String {
        let short = |serves: &Serves| match serves {
            Serves::Off => ".".to_owned(),
            Serves::Varies => "mix".to_owned(),
            other => other.to_string(),
        };
        match &self.state {
            State::AsWanted => short(&self.wanted),
            State::Drift(Some(actual)) => format!("{}!", actual.to_string().to_uppercase()),
            State::Drift(None) => format!("{}!", short(&self.wanted).to_uppercase()),
            State::Silent => format!("{}?", short(&self.wanted)),
        }
    }
}
