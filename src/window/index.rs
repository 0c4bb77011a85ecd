//! Which windows may be about a place, without asking each of them.
//!
//! A window is filed once, under what tells it apart best: the names that it spells out in one
//! dimension, or else what its patterns there begin with. A place then asks by its own names, and by their beginnings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::matcher::{Dimension, Matcher, Pattern};
use crate::domain::{Place, RolloutName, SafeText};

/// Windows by what tells them apart. They are known by numbers that their keeper gives them.
#[derive(Debug, Default)]
pub(super) struct Index {
    sites: Drawer,
    rollouts: Drawer,
    targets: Drawer,
    labels: BTreeMap<String, Drawer>,
    stages: Drawer,
    lanes: Drawer,
    /// Those that nothing tells apart.
    others: BTreeSet<usize>,
}

/// Windows by what they say of one dimension.
#[derive(Debug, Default)]
struct Drawer {
    names: HashMap<String, Vec<usize>>,
    beginnings: HashMap<String, Vec<usize>>,
    /// How many of the beginnings have each length.
    lengths: BTreeMap<usize, usize>,
}

impl Drawer {
    fn add(&mut self, pattern: &Pattern, number: usize) {
        let slot = match pattern {
            Pattern::Literal(name) => self.names.entry(name.clone()).or_default(),
            Pattern::Prefix(start) => {
                let slot = self.beginnings.entry(start.clone()).or_default();
                if slot.is_empty() {
                    *self.lengths.entry(start.len()).or_default() += 1;
                }
                slot
            }
            // Nothing is filed under a search.
            Pattern::Glob(_) => return,
        };
        slot.push(number);
    }

    fn remove(&mut self, pattern: &Pattern, number: usize) {
        let (map, key) = match pattern {
            Pattern::Literal(name) => (&mut self.names, name),
            Pattern::Prefix(start) => (&mut self.beginnings, start),
            Pattern::Glob(_) => return,
        };
        let Some(slot) = map.get_mut(key) else { return };
        slot.retain(|other| *other != number);
        if slot.is_empty() {
            map.remove(key);
            if let Pattern::Prefix(start) = pattern
                && let Some(count) = self.lengths.get_mut(&start.len())
            {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&start.len());
                }
            }
        }
    }

    fn find(&self, value: Option<&str>, found: &mut Vec<usize>) {
        let Some(value) = value else { return };
        if let Some(slot) = self.names.get(value) {
            found.extend_from_slice(slot);
        }
        for length in self.lengths.keys() {
            let Some(start) = value.get(..*length) else { break };
            if let Some(slot) = self.beginnings.get(start) {
                found.extend_from_slice(slot);
            }
        }
    }
}

/// What of a scope tells it apart best: names before beginnings.
fn best(matcher: &Matcher) -> Option<&(Dimension, Vec<Pattern>)> {
    let spelled = |(_, patterns): &&(Dimension, Vec<Pattern>)| {
        patterns.iter().all(|pattern| matches!(pattern, Pattern::Literal(_)))
    };
    let begun = |(_, patterns): &&(Dimension, Vec<Pattern>)| {
        patterns.iter().all(|pattern| match pattern {
            Pattern::Literal(_) => true,
            Pattern::Prefix(start) => !start.is_empty(),
            Pattern::Glob(_) => false,
        })
    };
    matcher.dimensions().iter().find(spelled).or_else(|| matcher.dimensions().iter().find(begun))
}

impl Index {
    fn drawer(&mut self, dimension: &Dimension) -> &mut Drawer {
        match dimension {
            Dimension::Site => &mut self.sites,
            Dimension::Rollout => &mut self.rollouts,
            Dimension::Target => &mut self.targets,
            Dimension::Label(key) => self.labels.entry(key.clone()).or_default(),
            Dimension::Stage => &mut self.stages,
            Dimension::Lane => &mut self.lanes,
        }
    }

    pub(super) fn add(&mut self, matcher: &Matcher, number: usize) {
        match best(matcher) {
            None => {
                self.others.insert(number);
            }
            Some((dimension, patterns)) => {
                let drawer = self.drawer(dimension);
                for pattern in patterns {
                    drawer.add(pattern, number);
                }
            }
        }
    }

    pub(super) fn remove(&mut self, matcher: &Matcher, number: usize) {
        match best(matcher) {
            None => {
                self.others.remove(&number);
            }
            Some((dimension, patterns)) => {
                let drawer = self.drawer(dimension);
                for pattern in patterns {
                    drawer.remove(pattern, number);
                }
            }
        }
    }

    /// Those that may be about the place, each once.
    pub(super) fn find(&self, place: &Place<'_>) -> Vec<usize> {
        let mut found: Vec<usize> = self.others.iter().copied().collect();
        self.sites.find(place.site.map(crate::domain::SiteName::as_str), &mut found);
        self.rollouts.find(place.rollout.map(RolloutName::as_str), &mut found);
        self.targets.find(Some(place.target.as_str()), &mut found);
        self.stages.find(place.stage.map(crate::domain::StageName::as_str), &mut found);
        self.lanes.find(place.lane.map(crate::domain::LaneName::as_str), &mut found);
        if !self.labels.is_empty() {
            for (key, value) in place.labels.into_iter().flatten() {
                if let Some(drawer) = self.labels.get(key) {
                    drawer.find(Some(SafeText::as_str(value)), &mut found);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
