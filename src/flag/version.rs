//! Versions as flagd's `sem_ver` compares them: those of `SemVer` 2.0, with a leading `v` and missing parts allowed.

use std::cmp::Ordering;

/// How two versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The same major version.
    Major,
    /// The same major and minor version.
    Minor,
}

impl Relation {
    pub const ALL: [Self; 8] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Major,
        Self::Minor,
    ];

    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Major => "^",
            Self::Minor => "~",
        }
    }

    pub fn holds(self, left: &Version<'_>, right: &Version<'_>) -> bool {
        let order = left.order(right);
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Major => left.numbers[0] == right.numbers[0],
            Self::Minor => left.numbers[..2] == right.numbers[..2],
        }
    }
}

/// A version. What it was built from does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version<'t> {
    /// Digits without leading zeros, so that the longer one is the greater.
    numbers: [&'t str; 3],
    /// What comes before the release; empty for the release.
    before: &'t str,
}

impl<'t> Version<'t> {
    /// Reads `1`, `1.2`, `1.2.3`, `v1.2.3-rc.1+build`; a pre-release or build needs all three numbers.
    pub fn read(text: &'t str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (core, before) = rest.split_once('-').map_or((rest, None), |(core, before)| (core, Some(before)));
        let mut numbers = ["0"; 3];
        let mut count = 0;
        for part in core.split('.') {
            *numbers.get_mut(count)? = Some(part).filter(|part| is_number(part))?;
            count += 1;
        }
        let identifiers = |text: &str, numbers_are_checked: bool| {
            text.split('.').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && (!numbers_are_checked || !part.bytes().all(|b| b.is_ascii_digit()) || is_number(part))
            })
        };
        let whole = count == 3 || (before.is_none() && build.is_none());
        let fits = before.is_none_or(|before| identifiers(before, true)) && build.is_none_or(|b| identifiers(b, false));
        (whole && fits).then_some(Self { numbers, before: before.unwrap_or_default() })
    }

    fn order(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.iter().zip(other.numbers).map(|(left, right)| number(left, right));
        numbers.fold(Ordering::Equal, Ordering::then).then_with(|| match (self.before, other.before) {
            ("", "") => Ordering::Equal,
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (left, right) => {
                let (mut left, mut right) = (left.split('.'), right.split('.'));
                loop {
                    match (left.next(), right.next()) {
                        (None, None) => return Ordering::Equal,
                        (None, Some(_)) => return Ordering::Less,
                        (Some(_), None) => return Ordering::Greater,
                        (Some(left), Some(right)) => match identifier(left, right) {
                            Ordering::Equal => {}
                            order => return order,
                        },
                    }
                }
            }
        })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
}

fn number(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn identifier(left: &str, right: &str) -> Ordering {
    match (is_number(left), is_number(right)) {
        (true, true) => number(left, right),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_semver_says() {
        // semver.org, 2.0.0, item 11.
        let ordered =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"];
        let ordered = [&ordered[..], &["1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1", "10.0.0"][..]].concat();
        for pair in ordered.windows(2) {
            let (left, right) = (Version::read(pair[0]).unwrap(), Version::read(pair[1]).unwrap());
            assert!(Relation::Less.holds(&left, &right), "{pair:?}");
            assert!(Relation::Greater.holds(&right, &left), "{pair:?}");
        }
        for wrong in ["", "v", "1.", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0-rc", "V1.0.0", "not-a-version"] {
            assert_eq!(Version::read(wrong), None, "{wrong}");
        }
    }
}
