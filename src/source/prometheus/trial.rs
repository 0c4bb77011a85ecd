//! Asking a template once, of whatever service and arms there are, so that a person who writes one sees
//! whether it answers. Nothing is counted or judged.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{
    Prometheus,
    ask::Ask,
    template::{Filling, Placeholder, Template, alternatives},
};
use crate::{
    domain::{SafeText, plan::ArmsBy},
    source::SourceError,
};

/// Matches every value of a label that is there.
const ANY: &str = ".+";
/// Most values of a label that are told.
const VALUES_MAX: usize = 8;

/// What a template comes to, asked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// How many series it has.
    pub series: usize,
    /// What the label that tells arms apart says in them: eight of its values at the most.
    pub arms: BTreeSet<SafeText>,
    /// What the server said beside it.
    pub said: Vec<SafeText>,
}

impl Prometheus {
    /// Asks a template as it stands now, with a range of `window` seconds: of one service, or of any.
    ///
    /// # Errors
    /// As for any query.
    pub async fn try_out(
        &self,
        template: &Template,
        arms: ArmsBy,
        service: Option<&str>,
        window: i64,
        now: DateTime<Utc>,
    ) -> Result<Trial, SourceError> {
        let service = service.map_or_else(|| ANY.to_owned(), |service| alternatives([service]));
        let query = template.fill(&Filling { service: &service, arms, values: ANY, window });
        let asked = self.api.ask(&query, Ask::Instant { at: now.timestamp() }).await;
        let data = asked.map_err(|failure| failure.error)?.data;
        let label = template.label(Placeholder::of_arms(arms)).unwrap_or_default();
        let mut values: BTreeSet<SafeText> = BTreeSet::new();
        for value in data.series.iter().filter_map(|series| series.labels.get(label)) {
            if values.len() < VALUES_MAX {
                values.insert(SafeText::new(value));
            }
        }
        Ok(Trial { series: data.series.len(), arms: values, said: data.said })
    }
}
