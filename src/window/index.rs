//! Which windows are about a place, without asking each of them.
//!
//! For each dimension it is kept who names it, and what of it; patterns that several windows share are kept
//! once. A place is about all of them but those that name a dimension and nothing there that the place is: a
//! few sets of bits, whatever the number of windows.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use fixedbitset::FixedBitSet;
use wildmatch::WildMatch;

use super::matcher::{Dimension, Matcher, Pattern};
use crate::domain::Place;

/// As many numbers are quicker to go through than a set of all.
const FEW: usize = 128;

/// Windows by what they are about. They are known by numbers that their keeper gives them.
#[derive(Debug, Default)]
pub(super) struct Index {
    filed: FixedBitSet,
    drawers: BTreeMap<Dimension, Drawer>,
}

/// What windows say of one dimension.
#[derive(Debug, Default)]
struct Drawer {
    /// Those that say anything of it.
    naming: FixedBitSet,
    names: HashMap<String, Numbers>,
    beginnings: HashMap<String, Numbers>,
    /// How many of the beginnings have each length.
    lengths: BTreeMap<usize, usize>,
    /// By the pattern's text.
    searches: BTreeMap<String, (WildMatch, Numbers)>,
}

/// Windows that have a pattern.
#[derive(Debug)]
enum Numbers {
    Few(Vec<usize>),
    Many(FixedBitSet),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Numbers {
    fn add(&mut self, number: usize) {
        match self {
            Self::Few(numbers) if numbers.len() >= FEW => {
                *self = Self::Many(numbers.iter().copied().chain([number]).collect());
            }
            Self::Few(numbers) => numbers.push(number),
            Self::Many(numbers) => numbers.grow_and_insert(number),
        }
    }

    fn remove(&mut self, number: usize) {
        match self {
            Self::Few(numbers) => numbers.retain(|other| *other != number),
            Self::Many(numbers) => clear(numbers, number),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Few(numbers) => numbers.is_empty(),
            Self::Many(numbers) => numbers.is_clear(),
        }
    }

    fn take_from(&self, set: &mut FixedBitSet) {
        match self {
            Self::Few(numbers) => numbers.iter().for_each(|number| clear(set, *number)),
            Self::Many(numbers) => set.difference_with(numbers),
        }
    }
}

/// Takes a number out of a set that may be too small for it.
fn clear(set: &mut FixedBitSet, number: usize) {
    if number < set.len() {
        set.remove(number);
    }
}

/// Takes a number from under a key; says whether nothing is left there.
fn drop_from<K: Hash + Eq>(map: &mut HashMap<K, Numbers>, key: &K, number: usize) -> bool {
    let Some(numbers) = map.get_mut(key) else { return false };
    numbers.remove(number);
    let is_empty = numbers.is_empty();
    if is_empty {
        map.remove(key);
    }
    is_empty
}

impl Drawer {
    fn add(&mut self, pattern: &Pattern, number: usize) {
        match pattern {
            Pattern::Literal(name) => self.names.entry(name.clone()).or_default().add(number),
            Pattern::Prefix(start) => {
                let numbers = self.beginnings.entry(start.clone()).or_default();
                if numbers.is_empty() {
                    *self.lengths.entry(start.len()).or_default() += 1;
                }
                numbers.add(number);
            }
            Pattern::Glob(glob) => {
                let search = self.searches.entry(glob.pattern());
                search.or_insert_with(|| (glob.clone(), Numbers::default())).1.add(number);
            }
        }
    }

    fn remove(&mut self, pattern: &Pattern, number: usize) {
        match pattern {
            Pattern::Literal(name) => {
                drop_from(&mut self.names, name, number);
            }
            Pattern::Prefix(start) => {
                if drop_from(&mut self.beginnings, start, number)
                    && let Some(count) = self.lengths.get_mut(&start.len())
                {
                    *count -= 1;
                    if *count == 0 {
                        self.lengths.remove(&start.len());
                    }
                }
            }
            Pattern::Glob(glob) => {
                let key = glob.pattern();
                let Some((_, numbers)) = self.searches.get_mut(&key) else { return };
                numbers.remove(number);
                if numbers.is_empty() {
                    self.searches.remove(&key);
                }
            }
        }
    }

    /// Those that name this dimension and nothing there that the value is.
    fn elsewhere(&self, value: Option<&str>) -> FixedBitSet {
        let mut elsewhere = self.naming.clone();
        let Some(value) = value else { return elsewhere };
        if let Some(numbers) = self.names.get(value) {
            numbers.take_from(&mut elsewhere);
        }
        for length in self.lengths.keys() {
            // A beginning that ends within a character is none of this value.
            let Some(start) = value.get(..*length) else { continue };
            if let Some(numbers) = self.beginnings.get(start) {
                numbers.take_from(&mut elsewhere);
            }
        }
        for (glob, numbers) in self.searches.values() {
            if glob.matches(value) {
                numbers.take_from(&mut elsewhere);
            }
        }
        elsewhere
    }
}

impl Index {
    pub(super) fn add(&mut self, matcher: &Matcher, number: usize) {
        self.filed.grow_and_insert(number);
        for (dimension, patterns) in matcher.dimensions() {
            let drawer = self.drawers.entry(dimension.clone()).or_default();
            drawer.naming.grow_and_insert(number);
            for pattern in patterns {
                drawer.add(pattern, number);
            }
        }
    }

    pub(super) fn remove(&mut self, matcher: &Matcher, number: usize) {
        clear(&mut self.filed, number);
        for (dimension, patterns) in matcher.dimensions() {
            let Some(drawer) = self.drawers.get_mut(dimension) else { continue };
            clear(&mut drawer.naming, number);
            for pattern in patterns {
                drawer.remove(pattern, number);
            }
            if drawer.naming.is_clear() {
                self.drawers.remove(dimension);
            }
        }
    }

    /// Those that are about the place, as [`Scope::covers`](crate::domain::Scope::covers) says it, in order.
    pub(super) fn find(&self, place: &Place<'_>) -> impl Iterator<Item = usize> + use<> {
        let mut found = self.filed.clone();
        for (dimension, drawer) in &self.drawers {
            found.difference_with(&drawer.elsewhere(dimension.of(place)));
        }
        found.into_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Scope, SiteName, TargetName};

    #[test]
    fn the_windows_of_a_place_are_those_whose_scope_covers_it_however_many_share_a_pattern() {
        let kinds =
            ["shop", "site=sea-*", "shop,site=sea-1", "site=*-1", "site=sea-1,site=par-1", "s*,site=s?a-2", "*", "odd"];
        let scopes: Vec<Scope> =
            (0..8 * (FEW + 50)).map(|number| kinds[number % kinds.len()].parse().unwrap()).collect();
        let mut index = Index::default();
        for (number, scope) in scopes.iter().enumerate() {
            index.add(&Matcher::of(scope), number);
        }
        let sites = [None, Some("sea-1"), Some("sea-2"), Some("par-1"), Some("par-é")];
        let mut filed: Vec<usize> = (0..scopes.len()).collect();
        // All of them, some of each, none.
        for keep in [1, 3, usize::MAX] {
            for (number, scope) in scopes.iter().enumerate().filter(|(number, _)| number % keep != 0) {
                index.remove(&Matcher::of(scope), number);
            }
            filed.retain(|number| number % keep == 0);
            for (target, site) in ["shop", "shed", "dc"].iter().flat_map(|target| sites.map(|site| (*target, site))) {
                let target: TargetName = target.parse().unwrap();
                let site: Option<SiteName> = site.and_then(|site| site.parse().ok());
                let site = site.as_ref();
                let place = Place { target: &target, rollout: None, site, lane: None, stage: None, labels: None };
                let covered: Vec<usize> =
                    filed.iter().copied().filter(|number| scopes[*number].covers(&place)).collect();
                assert_eq!(index.find(&place).collect::<Vec<_>>(), covered, "{place:?}, every {keep}");
            }
        }
        index.remove(&Matcher::of(&scopes[0]), 0);
        assert!(index.drawers.is_empty() && index.filed.is_clear(), "what is gone leaves nothing behind");
    }
}
