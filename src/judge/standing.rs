//! What is concluded of an indicator from one evaluation to the next, so that a verdict does not flap.
//!
//! Fail is entered after two evaluations in a row that found it, and left after ten that did not. A
//! slice is judged once: an evaluation without a newer slice counts for neither. Within a step a
//! failure holds its gates even when it was left again ([`Standing::held`]), until somebody
//! acknowledges it or a new step begins.

use chrono::{DateTime, Utc};

use super::evidence::Standing;
use crate::domain::Verdict;

/// Evaluations in a row that find a failure, before it is one.
pub const ENTER: u32 = 2;
/// Evaluations that do not, before it is none any more.
pub const LEAVE: u32 = 10;

/// What an evaluation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The end of the newest slice that it saw.
    pub newest: Option<DateTime<Utc>>,
    /// What it found.
    pub verdict: Verdict,
    /// Whether the difference is beyond its limit; none where nobody can say.
    pub is_over: Option<bool>,
}

/// What is concluded, and what is to be remembered.
#[must_use]
pub fn conclude(before: &Standing, found: Seen) -> (Verdict, Standing) {
    let mut after = before.clone();
    let is_new = found.newest.is_some() && found.newest > before.judged;
    if is_new && found.verdict != Verdict::NoData {
        after.judged = found.newest;
        match found.verdict {
            Verdict::Fail => {
                after.fails = before.fails.saturating_add(1);
                after.clean = 0;
            }
            Verdict::Pass | Verdict::Watch => {
                after.fails = 0;
                after.clean = before.clean.saturating_add(1);
            }
            // Too little to say is no failure in a row, and no sign of health.
            Verdict::Insufficient | Verdict::NoData => after.fails = 0,
        }
        if after.fails >= ENTER {
            after.failed = true;
            after.held = true;
        } else if after.clean >= LEAVE {
            after.failed = false;
        }
        match found.is_over {
            Some(true) => after.over_since = before.over_since.or(found.newest),
            Some(false) => after.over_since = None,
            None => {}
        }
    }
    let verdict = match found.verdict {
        _ if after.failed => Verdict::Fail,
        Verdict::Fail => Verdict::Watch,
        other => other,
    };
    after.watched_since = (verdict == Verdict::Watch).then(|| before.watched_since.unwrap_or(found.at));
    (verdict, after)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn minute(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(number)
    }

    /// One evaluation a minute, each with a newer slice.
    fn follow(verdicts: &[Verdict]) -> (Vec<Verdict>, Standing) {
        let mut standing = Standing::default();
        let concluded = (1..)
            .zip(verdicts)
            .map(|(number, verdict)| {
                let found = Seen { at: minute(number), newest: Some(minute(number)), verdict: *verdict, is_over: None };
                let (verdict, after) = conclude(&standing, found);
                standing = after;
                verdict
            })
            .collect();
        (concluded, standing)
    }

    #[test]
    fn one_failure_is_watched_and_two_in_a_row_fail() {
        use Verdict::{Fail, Insufficient, NoData, Pass, Watch};
        for (found, concluded) in [
            (vec![Fail], vec![Watch]),
            (vec![Fail, Fail], vec![Watch, Fail]),
            (vec![Fail, Pass, Fail], vec![Watch, Pass, Watch]),
            (vec![Fail, Watch, Fail, Fail], vec![Watch, Watch, Watch, Fail]),
            (vec![Fail, Insufficient, Fail], vec![Watch, Insufficient, Watch]),
            (vec![Fail, NoData, Fail], vec![Watch, NoData, Fail]),
            (vec![Insufficient, NoData, Pass], vec![Insufficient, NoData, Pass]),
        ] {
            assert_eq!(follow(&found).0, concluded, "{found:?}");
        }
    }

    #[test]
    fn a_failure_is_left_after_ten_clean_evaluations_and_not_before() {
        use Verdict::{Fail, Insufficient, NoData, Pass, Watch};
        let mut found = vec![Fail, Fail];
        found.extend([Pass, Watch, Pass, Insufficient, Pass, NoData, Pass, Pass, Pass, Pass, Pass]);
        let (concluded, standing) = follow(&found);
        assert_eq!(concluded.last(), Some(&Fail), "nine of the eleven were clean");
        assert_eq!(standing.clean, 9);
        found.push(Pass);
        let (concluded, standing) = follow(&found);
        assert_eq!(concluded.last(), Some(&Pass));
        assert!(standing.held, "and it holds its gates for the rest of the step");
        found.pop();
        found.push(Fail);
        found.extend([Pass; 9]);
        assert_eq!(follow(&found).0.last(), Some(&Fail), "a failure in between begins the count anew");
    }

    #[test]
    fn a_slice_is_judged_once() {
        let found = |at, newest| Seen { at: minute(at), newest, verdict: Verdict::Fail, is_over: Some(true) };
        let (verdict, first) = conclude(&Standing::default(), found(1, Some(minute(1))));
        assert_eq!((verdict, first.fails), (Verdict::Watch, 1));
        let (verdict, again) = conclude(&first, found(2, Some(minute(1))));
        assert_eq!((verdict, &again), (Verdict::Watch, &first));
        assert_eq!(conclude(&first, found(2, None)).1, first, "and none is no newer one");
        let (verdict, second) = conclude(&again, found(3, Some(minute(2))));
        assert_eq!((verdict, second.over_since), (Verdict::Fail, Some(minute(1))));
    }

    #[test]
    fn it_is_over_its_limit_since_when_it_was_without_a_break() {
        let mut standing = Standing::default();
        for (number, is_over, since) in [
            (1, Some(true), Some(1)),
            (2, None, Some(1)),
            (3, Some(true), Some(1)),
            (4, Some(false), None),
            (5, Some(true), Some(5)),
        ] {
            let found = Seen { at: minute(number), newest: Some(minute(number)), verdict: Verdict::Watch, is_over };
            standing = conclude(&standing, found).1;
            assert_eq!(standing.over_since, since.map(minute), "{number}");
        }
        assert_eq!(standing.watched_since, Some(minute(1)));
    }

    proptest! {
        #[test]
        fn fail_is_never_concluded_without_two_failures(
            found in proptest::collection::vec(0..5_usize, 0..60),
        ) {
            let all = [Verdict::Pass, Verdict::Watch, Verdict::Fail, Verdict::Insufficient, Verdict::NoData];
            let found: Vec<Verdict> = found.into_iter().map(|n| all[n]).collect();
            let (concluded, _) = follow(&found);
            for (place, verdict) in concluded.iter().enumerate() {
                if *verdict == Verdict::Fail {
                    let failures = found[..=place].iter().filter(|v| **v == Verdict::Fail).count();
                    prop_assert!(failures >= 2);
                }
            }
        }
    }
}
