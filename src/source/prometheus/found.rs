//! What a question's answers hold, by service, by what tells the arms apart, and by slice.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    answer::Data,
    batch::{Piece, Question},
    template::{Placeholder, Template},
};
use crate::{domain::SafeText, judge::histogram::native::NativeHistogram};

/// Seconds by which a sample may be beyond what was asked about.
const FUTURE: f64 = 30.0;

/// The series of a question's answers.
#[derive(Debug, Default)]
pub struct Found {
    lines: HashMap<(String, String), Vec<Line>>,
    services: HashSet<String>,
    /// What the server said beside its answers.
    pub said: Vec<SafeText>,
    /// Series that belong to nothing that was asked for.
    pub strangers: usize,
    /// The beginning of the oldest slice that was asked about.
    pub oldest: Option<i64>,
    /// Nanoseconds in the unit of its durations, where their metric's name says it.
    pub unit: Option<u64>,
    by_service: bool,
}

/// One series, by the beginning of each slice.
#[derive(Debug, Default)]
pub struct Line {
    /// The label `le`, where it has one.
    pub le: Option<String>,
    /// Values.
    pub samples: BTreeMap<i64, f64>,
    /// Native histograms.
    pub histograms: BTreeMap<i64, NativeHistogram>,
}

impl Found {
    /// Takes the answer to one piece of a question.
    ///
    /// # Errors
    /// One sentence, when a sample is from the future or of a time that nobody asked about.
    pub fn add(
        &mut self,
        question: &Question<'_>,
        template: &Template,
        piece: &Piece<'_>,
        data: Data,
    ) -> Result<(), String> {
        let step = if question.instant { 0 } else { question.window };
        let first = piece.ask.end() - (piece.ask.points() - 1) * step;
        self.oldest = Some(self.oldest.map_or(first - step, |oldest| oldest.min(first - step)));
        self.unit = template.unit();
        self.by_service = template.label(Placeholder::Service).is_some();
        self.said.extend(data.said);
        let asked: HashMap<&str, HashSet<&str>> =
            piece.atoms.iter().map(|atom| (atom.service, atom.values.iter().copied().collect())).collect();
        // The beginning of the slice that ends at a time.
        let slice = |at: f64| -> Result<i64, String> {
            if at > piece.ask.end() as f64 + FUTURE {
                return Err(format!(
                    "a sample of {at}, which is later than {}, the end of what was asked",
                    piece.ask.end()
                ));
            }
            let whole = at.round() as i64;
            if (at - whole as f64).abs() > 0.001 || !piece.ask.has(whole) {
                return Err(format!("a sample of {at}, a time that was not asked about"));
            }
            Ok(whole - step)
        };
        for mut series in data.series {
            let mut label = |placeholder| {
                let name = template.label(placeholder)?;
                Some(series.labels.remove(name).unwrap_or_default())
            };
            let service = label(Placeholder::Service).unwrap_or_default();
            let value = if question.instant { None } else { label(Placeholder::of_arms(question.arms)) };
            let value = value.unwrap_or_default();
            let is_asked =
                asked.get(service.as_str()).is_some_and(|values| question.instant || values.contains(value.as_str()));
            if !is_asked {
                self.strangers += 1;
                continue;
            }
            let mut line = Line { le: series.labels.remove("le"), ..Line::default() };
            for sample in series.samples {
                line.samples.insert(slice(sample.at)?, sample.value);
            }
            for native in series.histograms {
                line.histograms.insert(slice(native.at)?, native.histogram);
            }
            self.services.insert(service.clone());
            self.lines.entry((service, value)).or_default().push(line);
        }
        Ok(())
    }

    /// Whether anything came for a service, whichever its arm.
    #[must_use]
    pub fn has_service(&self, service: &str) -> bool {
        self.services.contains(self.key(service))
    }

    /// The series of a service and of values of the label that tells arms apart.
    pub fn lines<'f>(&'f self, service: &str, values: &[&str]) -> impl Iterator<Item = &'f Line> {
        let service = self.key(service);
        let keys: Vec<_> = values.iter().map(|value| (service.to_owned(), (*value).to_owned())).collect();
        keys.into_iter().filter_map(|key| self.lines.get(&key)).flatten()
    }

    /// What series of a service are known by: nothing, where the template asks for no service.
    fn key<'s>(&self, service: &'s str) -> &'s str {
        if self.by_service { service } else { "" }
    }
}
