//! When flags were evaluated, and how often: counted in memory by whoever evaluates, stored now and
//! then by the writer, and never a row for each call.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{FlagKey, flag::SiteRef};

/// Most sites that are told apart, beside those evaluated for without one; as many as there can be units.
const SITES_MAX: usize = crate::driver::fleet::UNITS_MAX;

/// How often each flag was evaluated for each site since the server began, and when last.
#[derive(Debug, Default)]
pub(in crate::control) struct Usage {
    sites: RwLock<HashMap<Option<SiteRef>, Arc<SiteUse>>>,
}

/// The counters of one site, or of callers that stand nowhere.
#[derive(Debug, Default)]
pub(in crate::control) struct SiteUse {
    flags: RwLock<HashMap<FlagKey, Count>>,
}

#[derive(Debug, Default)]
struct Count {
    evaluations: AtomicU64,
    /// Microseconds of Unix time; 0 is never.
    last: AtomicI64,
}

/// One flag's use at one site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::control) struct Used {
    /// Since the server began.
    pub(in crate::control) evaluations: u64,
    pub(in crate::control) last: Option<DateTime<Utc>>,
}

/// What is stored of a flag's use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::control) struct StoredUse {
    /// When it was last evaluated for a caller that stands nowhere.
    #[serde(default)]
    pub(in crate::control) elsewhere: Option<DateTime<Utc>>,
    /// When it was last evaluated for each site.
    #[serde(default)]
    pub(in crate::control) sites: Vec<SiteLast>,
}

/// When a flag was last evaluated for a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::control) struct SiteLast {
    #[serde(flatten)]
    pub(in crate::control) site: SiteRef,
    pub(in crate::control) at: DateTime<Utc>,
}

impl StoredUse {
    /// When it was last evaluated anywhere.
    pub(in crate::control) fn last(&self) -> Option<DateTime<Utc>> {
        self.sites.iter().map(|site| site.at).chain(self.elsewhere).max()
    }
}

impl Usage {
    /// The use as it was stored.
    pub(in crate::control) fn load(stored: impl IntoIterator<Item = (FlagKey, StoredUse)>) -> Self {
        let usage = Self::default();
        for (key, stored) in stored {
            let sites = stored.sites.into_iter().map(|site| (Some(site.site), site.at));
            for (site, at) in sites.chain(stored.elsewhere.map(|at| (None, at))) {
                usage.site(&site).count(&key, at, 0);
            }
        }
        usage
    }

    /// The counters of a site.
    #[expect(clippy::ref_option, reason = "it is the key that is looked up, and asked for at every evaluation")]
    pub(in crate::control) fn site(&self, site: &Option<SiteRef>) -> Arc<SiteUse> {
        if let Some(known) = self.sites.read().unwrap_or_else(PoisonError::into_inner).get(site) {
            return Arc::clone(known);
        }
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        let kept = if sites.len() < SITES_MAX { site.clone() } else { None };
        Arc::clone(sites.entry(kept).or_default())
    }

    /// One flag's use at each site.
    pub(in crate::control) fn of(&self, key: &FlagKey) -> BTreeMap<Option<SiteRef>, Used> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.iter().filter_map(|(site, counts)| Some((site.clone(), counts.used(key)?))).collect()
    }

    /// What is to be stored of a flag's use.
    pub(in crate::control) fn to_store(&self, key: &FlagKey) -> StoredUse {
        let mut stored = StoredUse::default();
        for (site, used) in self.of(key) {
            match (site, used.last) {
                (Some(site), Some(at)) => stored.sites.push(SiteLast { site, at }),
                (None, at) => stored.elsewhere = at,
                (Some(_), None) => {}
            }
        }
        stored
    }
}

impl SiteUse {
    /// Counts evaluations of a flag.
    pub(in crate::control) fn count(&self, key: &FlagKey, at: DateTime<Utc>, evaluations: u64) {
        let note = |count: &Count| {
            count.evaluations.fetch_add(evaluations, Ordering::Relaxed);
            count.last.fetch_max(at.timestamp_micros(), Ordering::Relaxed);
        };
        if let Some(count) = self.flags.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return note(count);
        }
        let mut flags = self.flags.write().unwrap_or_else(PoisonError::into_inner);
        note(flags.entry(key.clone()).or_default());
    }

    fn used(&self, key: &FlagKey) -> Option<Used> {
        let flags = self.flags.read().unwrap_or_else(PoisonError::into_inner);
        flags.get(key).map(|count| Used {
            evaluations: count.evaluations.load(Ordering::Relaxed),
            last: Some(count.last.load(Ordering::Relaxed))
                .filter(|at| *at != 0)
                .and_then(DateTime::from_timestamp_micros),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_at_a_site_is_there_after_a_restart_with_its_time_and_a_count_from_zero() {
        let key: FlagKey = "dim-lights".parse().unwrap();
        let other: FlagKey = "other".parse().unwrap();
        let site = Some(SiteRef { group: "dc-west".parse().unwrap(), site: "osl1".parse().unwrap() });
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let usage = Usage::default();
        usage.site(&site).count(&key, at(20), 1);
        usage.site(&site).count(&key, at(10), 2);
        usage.site(&None).count(&key, at(30), 1);
        assert_eq!(usage.of(&key)[&site], Used { evaluations: 3, last: Some(at(20)) }, "an older one came late");
        assert!(usage.of(&other).is_empty());

        let stored = usage.to_store(&key);
        assert_eq!(stored.last(), Some(at(30)));
        let text = serde_json::to_string(&stored).unwrap();
        let again = Usage::load([(key.clone(), serde_json::from_str(&text).unwrap())]);
        assert_eq!(again.of(&key)[&site], Used { evaluations: 0, last: Some(at(20)) });
        assert_eq!(again.of(&key)[&None].last, Some(at(30)));
    }
}
