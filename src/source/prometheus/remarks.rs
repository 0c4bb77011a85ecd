//! What was left out of an answer, and why, in one sentence.

use crate::{domain::SafeText, judge::histogram::HistogramError};

/// What happened while an answer was read.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Numbers that are NaN or infinite.
    pub not_finite: usize,
    /// Counts below zero.
    pub negative: usize,
    /// Slices with more bad or good events than events.
    pub more_than_all: usize,
    /// Slices without good events of a service that has none anywhere.
    pub no_good: usize,
    /// Slices whose buckets are no histogram.
    pub bad_histograms: usize,
    /// What is wrong with the last of them.
    pub histogram: Option<HistogramError>,
    /// Whether native histograms came where numbers were asked for.
    pub histograms_for_numbers: bool,
    /// Series that belong to nothing that was asked for.
    pub strangers: usize,
    /// Whether the past was cut off.
    pub cut: bool,
    /// Why what was spent is not known.
    pub spent: Option<String>,
    /// What the server said.
    pub said: Vec<SafeText>,
    /// Anything else.
    pub other: Vec<&'static str>,
}

impl Remarks {
    /// The value, when it is a number.
    pub fn sound(&mut self, value: f64) -> Option<f64> {
        if value.is_finite() {
            return Some(value);
        }
        self.not_finite += 1;
        None
    }

    /// The value, when it is a count.
    pub fn sound_count(&mut self, value: f64) -> Option<f64> {
        let value = self.sound(value)?;
        if value >= 0.0 {
            return Some(value);
        }
        self.negative += 1;
        None
    }

    /// Notes buckets that are no histogram.
    pub fn bad_histogram(&mut self, error: &HistogramError) {
        self.bad_histograms += 1;
        self.histogram = Some(error.clone());
    }

    /// All of it; empty when there is nothing to say.
    #[must_use]
    pub fn say(&self) -> SafeText {
        let mut parts: Vec<String> = self.other.iter().map(|other| (*other).to_owned()).collect();
        parts.extend(counted(self.not_finite, "value is not a finite number", "values are not finite numbers"));
        parts.extend(counted(self.negative, "count is below zero", "counts are below zero"));
        parts.extend(counted(
            self.more_than_all,
            "slice has more bad or good events than events",
            "slices have more bad or good events than events",
        ));
        parts.extend(counted(
            self.no_good,
            "slice has no good events, nor has any other of the service: is the query right?",
            "slices have no good events, nor has any other of the service: is the query right?",
        ));
        if let Some(error) = &self.histogram {
            parts.extend(counted(self.bad_histograms, "slice has no usable buckets", "slices have no usable buckets"));
            parts.push(error.to_string());
        }
        if self.histograms_for_numbers {
            parts.push("native histograms came where numbers were asked for: write histogram_count(...)".to_owned());
        }
        parts.extend(counted(
            self.strangers,
            "series belongs to nothing that was asked for",
            "series belong to nothing that was asked for",
        ));
        if self.cut {
            parts.push("the past goes further back than one query can, and was cut off".to_owned());
        }
        if let Some(why) = &self.spent {
            parts.push(format!("what is spent of the budget is not known: {why}"));
        }
        let mut said: Vec<&str> = self.said.iter().map(SafeText::as_str).collect();
        said.dedup();
        if let Some((first, others)) = said.split_first() {
            let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            parts.push(format!("the server says: {first}{more}"));
        }
        SafeText::new(parts.join("; "))
    }
}

fn counted(count: usize, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    }
}
