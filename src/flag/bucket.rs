//! Buckets, exactly as flagd's second version makes them: `MurmurHash3` (x86, 32 bits, seed 0) of a text, and the
//! hash times the total weight divided by 2^32.
//!
//! The formula is that of flagd's `fractional` (open-feature/flagd, `core/pkg/evaluator/fractional.go`): whole
//! numbers only, so that every implementation agrees, and without the bias of a remainder.

use std::io::Read as _;

/// Largest sum of weights: 2^31 - 1.
pub const WEIGHTS_MAX: u32 = i32::MAX as u32;

/// What a whole is, where the weights are ours: a share is counted in parts of it.
pub const WHOLE: u32 = 100_000;

/// The hash of a seed and a key, one after the other.
#[must_use]
pub fn hash(seed: &str, key: &str) -> u32 {
    // Bytes in memory are always read.
    murmur3::murmur3_32(&mut seed.as_bytes().chain(key.as_bytes()), 0).unwrap_or_default()
}

/// The bucket of a hash: 0 to `total` - 1.
#[must_use]
pub const fn bucket(hash: u32, total: u32) -> u32 {
    ((hash as u64 * total as u64) >> 32) as u32
}

/// The share that a hash falls into; none when `total` is 0.
#[must_use]
pub fn choose<T>(hash: u32, total: u32, shares: impl IntoIterator<Item = (T, u32)>) -> Option<T> {
    let bucket = u64::from(bucket(hash, total));
    let mut end = 0;
    shares.into_iter().find_map(|(share, weight)| {
        end += u64::from(weight);
        (bucket < end).then_some(share)
    })
}

/// A percentage in parts of [`WHOLE`], and what is left. The widened variant comes first: its range only
/// grows at its end, so that widening takes nobody out.
#[must_use]
pub fn split(percent: f64) -> (u32, u32) {
    let part = (percent.clamp(0.0, 100.0) * f64::from(WHOLE) / 100.0).round() as u32;
    (part, WHOLE - part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_falls_where_flagd_puts_it() {
        // open-feature/flagd-testbed, evaluator/gherkin/fractional.feature: hash edges, and buckets of 100.
        for (key, expected) in [
            ("ejOoVL", 0x0000_0000),
            ("bY9fO-", 0x0000_0001),
            ("SI7p-", 0x7fff_ffff),
            ("6LvT0", 0x8000_0000),
            ("ceQdGm", 0xffff_ffff),
        ] {
            assert_eq!(hash("", key), expected, "{key}");
        }
        for (seed, key, expected) in [
            ("", "jon@company.com", 36),
            ("", "user1", 76),
            ("fractional-flag", "jack", 62),
            ("fractional-flag", "queen", 99),
            ("fractional-flag", "ten", 18),
            ("fractional-flag", "nine", 32),
            ("fractional-flag", "3", 14),
            ("shared-seed", "seven", 66),
            ("shared-seed", "eight", 36),
            ("shared-seed", "nine", 18),
            ("shared-seed", "two", 86),
        ] {
            assert_eq!(bucket(hash(seed, key), 100), expected, "{seed}{key}");
        }
    }

    #[test]
    fn the_largest_hash_is_in_the_last_bucket_of_the_largest_total() {
        assert_eq!(bucket(u32::MAX, WEIGHTS_MAX), WEIGHTS_MAX - 1);
        assert_eq!(choose(u32::MAX, WEIGHTS_MAX, [("a", WEIGHTS_MAX - 1), ("b", 1)]), Some("b"));
        assert_eq!(choose(0, 0, [("a", 0)]), None);
    }

    proptest::proptest! {
        #[test]
        fn widening_takes_nobody_out(key in ".{1,20}", percent in 0.0..100.0f64, more in 0.0..100.0f64) {
            let has = |percent: f64| {
                let (part, rest) = split(percent);
                choose(hash("flag", &key), WHOLE, [(true, part), (false, rest)]).unwrap()
            };
            if has(percent) {
                proptest::prop_assert!(has((percent + more).min(100.0)));
            }
        }
    }
}
