//! Flags as they are shown: what each unit is to get, and gets.

use super::{
    book::{Book, Entry},
    usage::Usage,
};
use crate::{
    control::{authorize, core::Core},
    domain::{FlagReason, Principal, SafeText, flag::SiteRef},
    flag,
    wire::{FlagPlace, FlagView},
};
use chrono::{DateTime, Utc};

/// A flag with what each unit gets of it, where the caller may see the unit.
pub(super) fn view(entry: &Entry, book: &Book, usage: &Usage, who: Option<&Principal>, now: DateTime<Utc>) -> FlagView {
    let flag = entry.flag();
    let used = usage.of(&flag.key);
    let last = used.values().filter_map(|used| used.last).max();
    let nobody = serde_json::Map::new();
    let sees = |group| who.is_none_or(|who| authorize::holds_for(who, group));
    let places = book
        .units
        .iter()
        .filter(|(unit, _)| sees(&unit.group))
        .map(|(unit, spot)| {
            let wanted = entry.compiled.evaluate(Some(&spot.place(unit)), &nobody, now).ok();
            let site = used.get(&Some(SiteRef { group: unit.group.clone(), site: unit.site.clone() }));
            let held = spot.held.get(&flag.key);
            FlagPlace {
                group: unit.group.clone(),
                site: unit.site.clone(),
                lane: unit.lane.clone(),
                stage: spot.stage.clone(),
                wanted: wanted.map(|wanted| SafeText::new(wanted.variant)),
                // Without a targeting key nothing but a split is left open.
                reason: wanted.map_or(FlagReason::Split, |wanted| wanted.reason),
                rule: wanted.and_then(|wanted| wanted.rule.cloned()),
                held_revision: held.map(|held| held.revision),
                actual: held.and_then(|held| held.variant.clone()),
                last_evaluated_at: site.and_then(|used| used.last),
                evaluations: site.map_or(0, |used| used.evaluations),
            }
        })
        .collect();
    // Whoever may not see the rollout is not told of it.
    let rollout = book.widening.get(&flag.key).filter(|id| sees(&id.target)).cloned();
    let (stage, why) = flag::stage(flag, last, now);
    FlagView { flag: flag.clone(), stage, why, last_evaluated_at: last, places, rollout }
}

impl Core {
    /// A flag as it is shown to whoever changed it.
    pub(super) fn flag_view(&self, entry: &Entry, who: Option<&Principal>) -> FlagView {
        let book = Book {
            units: std::sync::Arc::new(self.spots()),
            widening: std::sync::Arc::new(self.widening()),
            ..Book::default()
        };
        view(entry, &book, &self.flags.usage, who, self.now())
    }
}
