//! How bursty events are: the design effect, the factor by which an arm's bad events vary more from
//! slice to slice than independent events would.
//!
//! Errors come in bursts (a retry storm, a dependency that blinks), and an interval that takes them for
//! independent raises false alarms in every second clean rollout. The design effect is measured on the
//! baseline before the step, and carried over to the canary by the correlation within a slice.

use super::evidence::Counts;

/// Fewer slices than these say nothing of bursts.
pub const SLICES_MIN: usize = 20;

/// Fewer slices with bad events than these are enough to tell that such are rare, and not enough to tell how
/// bad they can be.
pub const HITS_MIN: usize = 10;

/// The correlation within a slice that is taken where too little is known.
pub const CORRELATION_UNKNOWN: f64 = 0.005;

/// No arm is scaled by more.
pub const EFFECT_MAX: f64 = 100.0;

/// A baseline with a greater one is bursty: its verdicts are slow, and whoever waits should be told why.
pub const BURSTY_ABOVE: f64 = 20.0;

/// Fewer steps from slice to slice than these say nothing of an arm's own scatter.
const JUMPS_MIN: f64 = 5.0;

/// What events are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// All events, of which the bad ones are a share.
    Events,
    /// Exposure, of which there may be less than there are events: seconds, unit-hours.
    Exposure,
}

/// How bursty the baseline is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// The design effect of the baseline as it was measured, not capped; none where too few slices are
    /// known.
    pub measured: Option<f64>,
    /// The correlation of two events of one slice, whichever arm's.
    pub correlation: f64,
    /// The slices with events of the rarer kind, which say so.
    pub hits: usize,
}

impl Bursts {
    /// Of the baseline's slices, the `merged` of each saying how many it stands for.
    ///
    /// With `x` bad of `n` in each of `k`, and `p` the share of them all:
    /// `max(1, sum((x - n p)^2 / (n p (1 - p))) / (k - 1))`. Against exposure the events are Poisson's, and
    /// `1 - p` is left out. Where nothing bad happened, nothing bursty did.
    ///
    /// With fewer than [`SLICES_MIN`] the correlation is [`CORRELATION_UNKNOWN`]; against exposure, whose
    /// unit may be any, it is that of a rate that varies by its own size.
    #[must_use]
    pub fn measure(slices: impl Iterator<Item = (Counts, u32)> + Clone, against: Against) -> Self {
        let busy = slices.filter(|(counts, _)| counts.total > 0.0);
        let known = busy.clone().count();
        let whole: f64 = busy.clone().map(|(_, merged)| f64::from(merged.max(1))).sum();
        let counts = busy.map(|(counts, _)| counts);
        let all = counts.clone().fold(Counts::default(), Counts::plus);
        let bad_is_rarer = against == Against::Exposure || all.bad <= all.total / 2.0;
        let is_hit = |counts: &Counts| if bad_is_rarer { counts.bad > 0.0 } else { counts.bad < counts.total };
        let hits = counts.clone().filter(is_hit).count();
        if known < SLICES_MIN {
            let correlation = match against {
                Against::Events => CORRELATION_UNKNOWN,
                Against::Exposure if all.total > 0.0 => all.bad / all.total,
                Against::Exposure => 0.0,
            };
            return Self { measured: None, correlation, hits };
        }
        let effect = effect_of(counts, all, against);
        let mean = all.total / whole;
        let correlation = match against {
            Against::Events if mean > 1.0 => (effect - 1.0) / (mean - 1.0),
            Against::Events => 0.0,
            Against::Exposure => (effect - 1.0) / mean,
        };
        Self { measured: Some(effect), correlation, hits }
    }

    /// The design effect of an arm with so many events, or so much exposure, in a slice: from 1 to
    /// [`EFFECT_MAX`].
    #[must_use]
    pub fn effect(&self, mean: f64, against: Against) -> f64 {
        let others = match against {
            Against::Events => mean - 1.0,
            Against::Exposure => mean,
        };
        let effect = 1.0 + others * self.correlation;
        // Not `clamp`, which keeps what is no number.
        if effect > 1.0 { effect.min(EFFECT_MAX) } else { 1.0 }
    }

    /// What is to be taken for known by whoever concludes that all is well: a baseline with hardly an error
    /// has shown that errors are rare while it is what it was, so that a canary with many is worse; but
    /// not that a canary's would come one by one, so that few are proof of its health.
    #[must_use]
    pub fn cautious(self) -> Self {
        if self.hits < HITS_MIN { self.at_least_unknown() } else { self }
    }

    /// With a correlation no less than where nothing is known.
    #[must_use]
    pub fn at_least_unknown(self) -> Self {
        Self { correlation: self.correlation.max(CORRELATION_UNKNOWN), ..self }
    }

    /// For the chance that a slice of `total` events has none that is bad: where they are bad with a share
    /// `p`, it is at most `exp(-p * reach)`. As large as `total` for independent events. For correlated
    /// ones, whose share is drawn anew in each slice from a beta distribution of size `s = 1 / c - 1`, it is
    /// `s ln(1 + n / s)`.
    #[must_use]
    pub fn reach(&self, total: f64) -> f64 {
        let size = 1.0 / self.correlation - 1.0;
        if total <= 1.0 || size > 1e9 * total {
            return total;
        }
        // Correlated through and through, a slice is as good as one event.
        if size > 0.0 { (size * (total / size).ln_1p()).max(1.0) } else { 1.0 }
    }

    /// Whether verdicts are slow because of them.
    #[must_use]
    pub fn are_slow(&self) -> bool {
        self.measured.is_some_and(|effect| effect > BURSTY_ABOVE)
    }
}

/// How an arm scatters by its own slices, from each to the next: running sums, so that what is since a
/// start is a subtraction.
///
/// A history that happened to be calm does not know the bursts of a canary; its own slices do. Steps from one
/// to the next are taken, instead of distances from the mean, because a regression is one step, and
/// bursts are many.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Jumps {
    squares: f64,
    /// What the squares of independent events add up to, over `p (1 - p)`.
    room: f64,
    many: f64,
}

impl Jumps {
    /// Adds the step between two slices that both have events.
    pub fn add(&mut self, from: Counts, to: Counts) {
        let jump = to.bad / to.total - from.bad / from.total;
        self.squares += jump * jump;
        self.room += 1.0 / to.total + 1.0 / from.total;
        self.many += 1.0;
    }

    /// Those after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self { squares: self.squares - earlier.squares, room: self.room - earlier.room, many: self.many - earlier.many }
    }

    /// The design effect that they show, of an arm with that share of bad events: from 1, where they are
    /// few, to [`EFFECT_MAX`].
    #[must_use]
    pub fn effect(&self, share: f64, against: Against) -> f64 {
        let effect = self.squares / (per_event(share, against) * self.room);
        if self.many >= JUMPS_MIN && effect > 1.0 { effect.min(EFFECT_MAX) } else { 1.0 }
    }
}

/// The variance of one independent event, or of a unit of exposure.
fn per_event(share: f64, against: Against) -> f64 {
    match against {
        Against::Events => share * (1.0 - share),
        Against::Exposure => share,
    }
}

/// The variance from slice to slice, over that of independent events; at least 1.
fn effect_of(slices: impl Iterator<Item = Counts> + Clone, all: Counts, against: Against) -> f64 {
    let rate = all.bad / all.total;
    let per_event = per_event(rate, against);
    if per_event <= 0.0 {
        return 1.0;
    }
    let slices_but_one = slices.clone().count() as f64 - 1.0;
    let scatter = slices.map(|counts| (counts.bad - counts.total * rate).powi(2) / (counts.total * per_event));
    (scatter.sum::<f64>() / slices_but_one).max(1.0)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is said of nothing is exact")]
mod tests {
    use super::*;

    fn measure(bad: &[f64], total: f64) -> Bursts {
        let slices = bad.iter().map(|bad| (Counts { bad: *bad, total }, 1));
        Bursts::measure(slices, Against::Events)
    }

    /// The arithmetic example of the method's reference: too few slices to be believed, enough to add up.
    #[test]
    fn the_arithmetic_example_is_met() {
        let bad = [3.0, 5.0, 4.0, 30.0, 2.0, 6.0, 5.0, 4.0, 7.0, 3.0, 25.0, 4.0];
        let slices = bad.into_iter().map(|bad| Counts { bad, total: 1000.0 });
        let all = slices.clone().fold(Counts::default(), Counts::plus);
        let effect = effect_of(slices, all, Against::Events);
        assert!((effect - 10.4340).abs() < 5e-5, "{effect}");
        let correlation = (effect - 1.0) / 999.0;
        assert!((correlation - 0.009_443).abs() < 5e-7, "{correlation}");
        let canary = Bursts { measured: Some(effect), correlation, hits: 12 }.effect(100.0, Against::Events);
        assert!((canary - 1.9349).abs() < 5e-5, "{canary}");
        let baseline = Bursts { measured: Some(effect), correlation, hits: 12 }.effect(1000.0, Against::Events);
        assert!((baseline - effect).abs() < 1e-12, "of slices of that size it is what was measured");
    }

    #[test]
    fn few_slices_are_taken_for_bursty() {
        let bursts = measure(&[1.0; 19], 1000.0);
        assert_eq!(bursts, Bursts { measured: None, correlation: CORRELATION_UNKNOWN, hits: 19 });
        assert!((bursts.effect(500.0, Against::Events) - 3.495).abs() < 1e-12);
        let count = Bursts::measure([(Counts { bad: 3.0, total: 30.0 }, 1)].into_iter(), Against::Exposure);
        assert!((count.effect(10.0, Against::Exposure) - 2.0).abs() < 1e-12, "a rate that varies by its own size");
    }

    #[test]
    fn an_effect_is_between_one_and_a_hundred_whatever_comes() {
        let even = measure(&[5.0; 60], 1000.0);
        assert_eq!(even, Bursts { measured: Some(1.0), correlation: 0.0, hits: 60 });
        assert_eq!(measure(&[0.0; 60], 1000.0), Bursts { hits: 0, ..even }, "nothing bad happened");
        assert_eq!(measure(&[1000.0; 60], 1000.0), Bursts { hits: 0, ..even }, "nothing good happened");
        let mut wild = [0.0; 60];
        wild[7] = 1000.0;
        let wild = measure(&wild, 1000.0);
        assert!(wild.are_slow() && !even.are_slow());
        for mean in [0.0, 1.0, 1e6, f64::INFINITY, f64::NAN] {
            for against in [Against::Events, Against::Exposure] {
                let effect = wild.effect(mean, against);
                assert!((1.0..=EFFECT_MAX).contains(&effect), "{mean}: {effect}");
            }
        }
    }

    #[test]
    fn a_baseline_without_errors_does_not_show_how_they_come() {
        let (calm, silent) = (measure(&[1.0; 60], 1000.0), measure(&[0.0; 60], 1000.0));
        assert_eq!((calm.correlation, calm.cautious()), (0.0, calm));
        assert_eq!((silent.correlation, silent.cautious().correlation), (0.0, CORRELATION_UNKNOWN));
        assert!((silent.reach(500.0) - 500.0).abs() < 1e-9);
        // A beta-binomial of 500 with a share of 0.001 and that correlation has none with a chance of 0.7783.
        let chance = (-0.001 * silent.cautious().reach(500.0)).exp();
        let (a, b) = (0.001 * 199.0, 0.999 * 199.0);
        let exact: f64 = (0..500).map(|n| (b + f64::from(n)) / (a + b + f64::from(n))).product();
        assert!(exact <= chance && chance < exact * 1.0005, "{exact} {chance}");
    }

    #[test]
    fn an_arms_own_scatter_is_of_bursts_and_not_of_a_regression() {
        let jumps = |bad: &[f64]| {
            let slices: Vec<Counts> = bad.iter().map(|bad| Counts { bad: *bad, total: 1000.0 }).collect();
            let mut jumps = Jumps::default();
            slices.windows(2).for_each(|pair| jumps.add(pair[0], pair[1]));
            let share = bad.iter().sum::<f64>() / (1000.0 * bad.len() as f64);
            (jumps, jumps.effect(share, Against::Events))
        };
        let bursty = [0.0, 12.0, 0.0, 0.0, 9.0, 0.0, 15.0, 0.0];
        // By hand: squares of 12, 12, 9, 9, 15, 15 over 7 steps of twice 36 bad in 8000.
        let (sums, effect) = jumps(&bursty);
        assert!((effect - 900.0 / 7.0 / (2.0 * 4.5 * 0.9955)).abs() < 1e-9, "{effect}");
        let (before, _) = jumps(&bursty[..3]);
        assert_eq!(sums.since(&before).many, 5.0);
        let (_, regression) = jumps(&[1.0, 2.0, 1.0, 0.0, 1.0, 9.0, 11.0, 10.0, 8.0, 10.0]);
        assert!(regression < 1.5, "{regression}");
        assert_eq!(jumps(&bursty[..5]).1, 1.0, "four steps say nothing");
        assert_eq!((jumps(&[0.0; 9]).1, jumps(&[1000.0; 9]).1), (1.0, 1.0));
    }

    #[test]
    fn merged_slices_say_what_they_said_apart() {
        let apart = (0..60).map(|n| (Counts { bad: f64::from(n % 6) * 2.0, total: 100.0 }, 1));
        let mean = Bursts::measure(apart, Against::Events).effect(100.0, Against::Events);
        let merged = (0..30).map(|n| (Counts { bad: f64::from(n % 3) * 8.0 + 2.0, total: 200.0 }, 2));
        let merged = Bursts::measure(merged, Against::Events);
        // The effect is one slice's, though the counts are two slices'.
        assert!((merged.effect(100.0, Against::Events) - merged.measured.unwrap()).abs() < 1e-12);
        assert!(mean > 1.0);
    }

    #[test]
    fn exposure_may_be_less_than_the_events() {
        let crashes = (0..60).map(|n| (Counts { bad: if n % 20 == 0 { 40.0 } else { 0.0 }, total: 3.0 }, 1));
        let bursts = Bursts::measure(crashes, Against::Exposure);
        assert!(bursts.measured.unwrap() > BURSTY_ABOVE, "{bursts:?}");
        assert!((bursts.effect(3.0, Against::Exposure) - bursts.measured.unwrap()).abs() < 1e-9);
    }
}
