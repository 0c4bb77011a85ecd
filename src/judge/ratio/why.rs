//! Why, in one sentence with numbers, for somebody who has a minute.

use super::{Direction, Finding, Floor, Measure, Method, Missing};
use crate::{
    domain::{SafeText, Verdict},
    judge::words::{count, percent, points, span, three_digits, times},
};

impl Finding {
    /// The sentence. `over_for` is how long it has been beyond its limit without a break, and `slice` how
    /// long a slice is, both in seconds.
    #[must_use]
    pub fn why(&self, over_for: Option<f64>, slice: f64) -> SafeText {
        let mut why = match (self.verdict, self.terms.measure) {
            (Verdict::NoData, _) => self.silence(),
            (_, Measure::Count) => self.of_count(over_for),
            _ => self.of_share(over_for, slice),
        };
        if self.bursty && matches!(self.verdict, Verdict::Watch | Verdict::Insufficient) {
            why.push_str("; errors come in bursts, so that a verdict takes long");
        }
        SafeText::new(why)
    }

    fn silence(&self) -> String {
        let shown = |value: f64| self.figure(value);
        match (self.canary.value, self.baseline.value) {
            (None, Some(baseline)) => format!("no data of the canary; baseline {}", shown(baseline)),
            (Some(canary), None) => format!("no data of the baseline; canary {}", shown(canary)),
            _ => "no data of either side".to_owned(),
        }
    }

    fn of_share(&self, over_for: Option<f64>, slice: f64) -> String {
        let shown = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| self.figure(value));
        let (canary, baseline) = (shown(self.canary.value), shown(self.baseline.value));
        let latest = self.since.map_or_else(String::new, |_| format!(" in the latest {}", span(self.slices * slice)));
        let lead = format!("{canary} against {baseline}{latest}");
        let samples = format!("{} {}", count(self.canary_counts.total), self.terms.noun);
        match (self.verdict, self.missing) {
            (Verdict::Fail | Verdict::Watch, _) => {
                let limit = self.limit_in_words();
                let over = over_for.map_or_else(String::new, |seconds| format!(" for {}", span(seconds)));
                let proof = if self.verdict == Verdict::Watch { "; looks worse, not proven" } else { "" };
                format!("{lead}, limit {limit}{over}, {samples}{}{proof}", self.origin())
            }
            (Verdict::Pass, _) => {
                let allowed = self.pass_limit.map_or(0.0, |limit| limit.abs() / self.terms.scale);
                format!("{lead}, {}, {} allowed, {samples}", self.at_worst(), points(allowed))
            }
            (_, Some(missing)) => format!("{lead}, too little to judge: {}", missing.in_words(slice)),
            _ => format!("{lead}, {}, {samples}; not enough to tell", self.range()),
        }
    }

    /// Whose the bad events are, where that is what convinced.
    fn origin(&self) -> String {
        if self.method != Method::Events {
            return String::new();
        }
        let (canary, all) = (self.canary_counts, self.canary_counts.plus(self.baseline_counts));
        format!(
            "; {} of {} bad with {} of the traffic",
            count(canary.bad),
            count(all.bad),
            percent(canary.total / all.total)
        )
    }

    fn of_count(&self, over_for: Option<f64>) -> String {
        let (canary, baseline) = (self.canary_counts, self.baseline_counts);
        let expected = baseline.bad * canary.total / baseline.total;
        let numbers =
            format!("{} against {}, {} expected", count(canary.bad), count(baseline.bad), three_digits(expected));
        let evidence = format!(
            "evidence {} of {}",
            self.e_value.map_or_else(|| "0".to_owned(), |e| if e >= 1e6 { "1M".to_owned() } else { count(e.floor()) }),
            count(1.0 / self.terms.alphas.fail),
        );
        let over = over_for.map_or_else(String::new, |seconds| format!(" for {}", span(seconds)));
        match self.verdict {
            Verdict::Fail => format!("{numbers}{over}, {evidence}"),
            Verdict::Watch => format!("{numbers}{over}, {evidence}; looks worse, not proven"),
            _ => {
                let what = match self.terms.direction {
                    Direction::HigherIsWorse => "more",
                    Direction::LowerIsWorse => "fewer",
                    Direction::Either => "a change",
                };
                format!("no evidence of {what}: {numbers}")
            }
        }
    }

    fn figure(&self, value: f64) -> String {
        match self.terms.measure {
            Measure::Count => three_digits(value),
            Measure::Share | Measure::Conversion => percent(value / self.terms.scale),
        }
    }

    /// The limit as a multiple of the baseline, where bad events are shown and the baseline has some.
    fn limit_in_words(&self) -> String {
        let baseline = self.baseline_counts.bad / self.baseline_counts.total;
        let margin = self.limit.map_or(0.0, |limit| limit.abs() / self.terms.scale);
        if self.terms.direction != Direction::LowerIsWorse && baseline > 0.0 {
            return times(1.0 + margin / baseline);
        }
        format!("{} points", points(margin))
    }

    /// The edge towards harm.
    fn at_worst(&self) -> String {
        let Some(interval) = self.interval else { return "not worse".to_owned() };
        let edge = |edge: f64| points(edge.abs() / self.terms.scale);
        let worst = match self.terms.direction {
            Direction::HigherIsWorse => interval.high,
            Direction::LowerIsWorse => -interval.low,
            Direction::Either => return format!("apart by {} points at most", edge(interval.high.max(-interval.low))),
        };
        if worst >= 0.0 {
            format!("worse by {} points at most", edge(worst))
        } else {
            format!("better by {} points at least", edge(worst))
        }
    }

    /// The interval, in words.
    fn range(&self) -> String {
        let Some(interval) = self.interval else { return "not known how far apart".to_owned() };
        let end = |end: f64| format!("{}{}", if end >= 0.0 { "+" } else { "-" }, points(end.abs() / self.terms.scale));
        format!("true difference between {} and {} points", end(interval.low), end(interval.high))
    }
}

impl Missing {
    fn in_words(self, slice: f64) -> String {
        let kind = if self.of_bad { "bad" } else { "good" };
        let (have, need) = (self.have, self.need);
        match self.floor {
            Floor::Slices => format!("{} of {}", span(have * slice), span(need * slice)),
            Floor::CanaryEvents => format!("{} of {need} {kind} events of the canary", have.floor()),
            Floor::AllEvents => format!("{} of {need} {kind} events", have.floor()),
            Floor::EffectiveEvents => {
                format!("{} of {need} {kind} events of the canary, bursts discounted", (have * 10.0).floor() / 10.0)
            }
        }
    }
}
