//! Which sites are in a share of sites.
//!
//! Sites are few: asking each one's hash alone would choose nobody of 12 sites at 25 % three times in a hundred.
//! So they are ranked by their hash, and the first ones are in.

use std::collections::BTreeSet;

use super::bucket;
use crate::domain::flag::{SiteRef, SiteShare};

/// The members of a share, by rank. Those of `before` stay for as long as the share has room for them, sites
/// that were added since then included in the count; growth adds in the order of the ranks. A share above 0 has
/// a member, where there is a site.
#[must_use]
pub fn members(share: &SiteShare, seed: &str, sites: &[SiteRef], before: &[SiteRef]) -> Vec<SiteRef> {
    let known: BTreeSet<&SiteRef> = sites.iter().collect();
    let kept: BTreeSet<&SiteRef> = before.iter().filter(|site| known.contains(site)).collect();
    // What is a whole number of sites must not become one more by rounding.
    let wanted = (share.percent * known.len() as f64 / 100.0 - 1e-9).ceil().max(0.0) as usize;
    let others = ranked(seed, known.difference(&kept).copied().collect());
    ranked(seed, kept).into_iter().chain(others).take(wanted).cloned().collect()
}

fn ranked<'s>(seed: &str, sites: BTreeSet<&'s SiteRef>) -> Vec<&'s SiteRef> {
    let mut ranked: Vec<&SiteRef> = sites.into_iter().collect();
    // The sites come ordered by their names, and those of one hash stay so.
    ranked.sort_by_cached_key(|site| bucket::hash(seed, &format!("{}/{}", site.group, site.site)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteRef {
        SiteRef { group: "dc-west".parse().unwrap(), site: name.parse().unwrap() }
    }

    fn sites(count: usize) -> Vec<SiteRef> {
        (0..count).map(|n| site(&format!("s{n}"))).collect()
    }

    fn share(percent: f64) -> SiteShare {
        SiteShare { variant: "on".to_owned(), percent, members: Vec::new() }
    }

    #[test]
    fn a_share_is_rounded_up_and_never_nobody() {
        for (percent, count, expected) in
            [(25.0, 12, 3), (25.0, 13, 4), (1.0, 5, 1), (0.0, 5, 0), (100.0, 7, 7), (29.0, 100, 29), (50.0, 0, 0)]
        {
            assert_eq!(members(&share(percent), "flag", &sites(count), &[]).len(), expected, "{percent} of {count}");
        }
    }

    proptest::proptest! {
        #[test]
        fn widening_takes_no_site_out_and_new_sites_wait(
            percent in 0.0..100.0f64, more in 0.0..100.0f64, count in 1usize..40, added in 0usize..10, seed in ".{0,8}",
        ) {
            let first = members(&share(percent), &seed, &sites(count), &[]);
            let wider = members(&share((percent + more).min(100.0)), &seed, &sites(count + added), &first);
            proptest::prop_assert!(first.iter().all(|site| wider.contains(site)));
            // Narrowing leaves only such as were in.
            let narrower = members(&share(percent / 2.0), &seed, &sites(count), &first);
            proptest::prop_assert!(narrower.iter().all(|site| first.contains(site)));
        }
    }
}
