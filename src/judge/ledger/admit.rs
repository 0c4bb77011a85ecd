//! What of a source's numbers can be counted at all. NaN, infinities and what is below zero never
//! enter; neither do more bad events than there were, nor slices of the future.

use super::super::{
    evidence::{Amount, Counts},
    histogram::Histogram,
};
use crate::domain::sli::SliKind;

/// Rates that are extrapolated may put a few more bad events into a slice than there were events at
/// all: so much more, and one event, is taken for that.
const ROUNDED: f64 = 1.05;

/// What an arm did in a slice, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sound {
    /// Of a ratio or a count.
    Events(Counts),
    /// Of a distribution.
    Durations(Histogram),
    /// Of a gauge.
    Value(f64),
}

/// What was not taken of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Refused {
    /// Slices that end too far in the future.
    pub(super) future: u64,
    /// Arms of slices whose numbers are no measurement.
    unsound: u64,
    /// What was wrong with the last of them.
    why: String,
}

impl Sound {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Durations(histogram) => (2 * histogram.bounds().len() + 1) * size_of::<f64>(),
            Self::Events(_) | Self::Value(_) => 0,
        }
    }
}

impl Refused {
    /// What can be counted of an arm; what cannot is remembered here.
    pub(super) fn sound(&mut self, amount: Option<&Amount>, kind: SliKind) -> Option<Sound> {
        match sound(amount?, kind) {
            Ok(sound) => Some(sound),
            Err(why) => {
                self.unsound += 1;
                self.why = why;
                None
            }
        }
    }

    /// What the source left out, and what was refused here; empty when nothing was.
    pub(super) fn sentence(&self, remark: &str) -> String {
        let mut parts: Vec<String> = Vec::new();
        if !remark.is_empty() {
            parts.push(remark.to_owned());
        }
        match self.future {
            0 => {}
            1 => parts.push("1 slice of the future refused: the source's clock is ahead".to_owned()),
            count => parts.push(format!("{count} slices of the future refused: the source's clock is ahead")),
        }
        if self.unsound > 0 {
            let slices = if self.unsound == 1 { "slice" } else { "slices" };
            parts.push(format!("{} {slices} of an arm refused: {}", self.unsound, self.why));
        }
        parts.join("; ")
    }
}

/// Whether counts are a measurement.
pub(super) fn is_sound(counts: Counts) -> bool {
    let Counts { bad, total } = counts;
    bad.is_finite() && total.is_finite() && bad >= 0.0 && total >= 0.0
}

fn sound(amount: &Amount, kind: SliKind) -> Result<Sound, String> {
    match (amount, kind) {
        (Amount::Events(counts), SliKind::Ratio | SliKind::Count) => {
            let Counts { bad, total } = *counts;
            if !is_sound(*counts) {
                return Err(format!("{bad} of {total} is no count"));
            }
            if kind == SliKind::Count {
                return Ok(Sound::Events(*counts));
            }
            if bad > total.mul_add(ROUNDED, 1.0) {
                return Err(format!("{bad} bad events of {total} is more than there were"));
            }
            Ok(Sound::Events(Counts { bad: bad.min(total), total }))
        }
        (Amount::Durations { bounds, counts }, SliKind::Latency) => {
            let histogram = Histogram::new(bounds.clone(), counts.clone()).map_err(|error| error.to_string())?;
            Ok(Sound::Durations(histogram))
        }
        (Amount::Value(value), SliKind::Gauge) if value.is_finite() => Ok(Sound::Value(*value)),
        (Amount::Value(value), SliKind::Gauge) => Err(format!("{value} is no measurement")),
        (Amount::Events(_), kind) => Err(format!("events, where a {} is declared", kind.as_str())),
        (Amount::Durations { .. }, kind) => Err(format!("durations, where a {} is declared", kind.as_str())),
        (Amount::Value(_), kind) => Err(format!("a value, where a {} is declared", kind.as_str())),
    }
}
