//! Running totals of a step's slices: what was seen since any start is a subtraction, so that two dozen
//! starts cost hardly more than one.

use super::{
    ALL_EVENTS_MIN, Alphas, CANARY_EVENTS_MIN, EFFECTIVE_EVENTS_MIN, Finding, Floor, Margins, Measure, Method, Missing,
    SLICES_MIN, Terms,
};
use crate::{
    domain::{Verdict, sli::Interval},
    judge::{
        burst::{Against, Bursts, Jumps},
        events::{FAIL_EVENTS, FAIL_SLICES, Harm, LikelihoodRatios, TOLERATED, WATCH_EVENTS, WATCH_SLICES, ln_sum_exp},
        evidence::{Counts, Slice},
        interval,
        restart::{self, Start, Starts},
        sequence::{Difference, Edge, Sums},
    },
};

/// A conclusion, how it was reached, and what it is of.
pub(super) type Concluded = (Verdict, Method, Stretch);

/// What was seen before a slice.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    sums: Sums,
    /// Slices with both arms.
    slices: f64,
    /// Those with bad events of the canary, and of any arm.
    hit: f64,
    busy: f64,
    /// See [`Bursts::reach`].
    reach: f64,
    /// The canary's.
    jumps: Jumps,
}

/// What was seen from a start to an end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    from: usize,
    /// The start's share of alpha.
    weight: f64,
    pub(super) sums: Sums,
    slices: f64,
    hit: f64,
    busy: f64,
    reach: f64,
    jumps: Jumps,
    against: Against,
    effects: Effects,
    /// The effects for a pass.
    cautious: Effects,
}

/// The design effects of both arms.
#[derive(Debug, Clone, Copy)]
struct Effects {
    canary: f64,
    baseline: f64,
}

/// The slices of a step, prepared to be judged from any start to any end.
pub(super) struct Marks<'a> {
    terms: &'a Terms,
    slices: &'a [Slice],
    /// Before each slice, and after the last.
    totals: Vec<Mark>,
    starts: Starts,
    /// The edges that fail and watch, of each start.
    edges: Vec<(Edge, Edge)>,
    pass: Edge,
    against: Against,
    bursts: Bursts,
    effects: Effects,
    cautious: Effects,
}

impl<'a> Marks<'a> {
    pub(super) fn new(terms: &'a Terms, slices: &'a [Slice], history: &[Counts]) -> Self {
        let against = if terms.measure == Measure::Count { Against::Exposure } else { Against::Events };
        let bursts = bursts(terms, slices, history, against);
        let wary = bursts.at_least_unknown();
        let mut totals = Vec::with_capacity(slices.len() + 1);
        let mut mark = Mark::default();
        let mut last: Option<Counts> = None;
        totals.push(mark);
        for slice in slices {
            if let (Some(canary), Some(baseline)) = (terms.usable(slice.canary), terms.usable(slice.baseline)) {
                let merged = f64::from(slice.merged.max(1));
                mark.sums.add(canary, baseline);
                if let Some(last) = last.replace(canary) {
                    mark.jumps.add(last, canary);
                }
                mark.slices += merged;
                // Slices that were merged may have had their events apart.
                mark.hit += merged.min(canary.bad.ceil());
                mark.busy += merged.min((canary.bad + baseline.bad).ceil());
                mark.reach += merged * wary.reach(canary.total / merged);
            }
            totals.push(mark);
        }
        let starts = Starts::among(slices.iter().map(|slice| slice.merged));
        let Alphas { fail, watch, pass } = terms.one_way();
        let edge = |start: &Start| (Edge::new(fail * start.weight), Edge::new(watch * start.weight));
        let edges = starts.kept.iter().map(edge).collect();
        let mean = |total: f64| if mark.slices > 0.0 { total / mark.slices } else { 0.0 };
        let (canary, baseline) = (mean(mark.sums.canary.total), mean(mark.sums.baseline.total));
        let effects = |bursts: Bursts| Effects {
            canary: bursts.effect(canary, against),
            baseline: bursts.effect(baseline, against),
        };
        Self {
            terms,
            slices,
            totals,
            starts,
            edges,
            pass: Edge::new(pass),
            against,
            effects: effects(bursts),
            cautious: effects(bursts.cautious()),
            bursts,
        }
    }

    pub(super) fn terms(&self) -> &Terms {
        self.terms
    }

    /// How many slices there are.
    pub(super) fn slices(&self) -> usize {
        self.slices.len()
    }

    /// All slices.
    pub(super) fn step(&self) -> Stretch {
        self.since_step(self.slices())
    }

    /// All slices until `end`.
    pub(super) fn since_step(&self, end: usize) -> Stretch {
        self.between(&Start { slice: 0, weight: restart::weight(1) }, end)
    }

    fn between(&self, start: &Start, end: usize) -> Stretch {
        let (before, after) = (&self.totals[start.slice], &self.totals[end]);
        // The step into the first slice is not one between slices of the stretch.
        let first = &self.totals[(start.slice + 1).min(end)];
        Stretch {
            from: start.slice,
            weight: start.weight,
            sums: after.sums.since(&before.sums),
            slices: after.slices - before.slices,
            hit: after.hit - before.hit,
            busy: after.busy - before.busy,
            reach: after.reach - before.reach,
            jumps: after.jumps.since(&first.jumps),
            against: self.against,
            effects: self.effects,
            cautious: self.cautious,
        }
    }

    /// What the sequences of all starts say of harm at `end`.
    pub(super) fn harm(&self, end: usize) -> Option<Concluded> {
        let mut watched = None;
        for (start, (fail, watch)) in self.starts.kept.iter().zip(&self.edges) {
            if start.slice >= end {
                break;
            }
            let stretch = self.between(start, end);
            if stretch.missing().is_some() {
                continue;
            }
            let Some(difference) = stretch.difference() else { continue };
            let margins = stretch.margins(self.terms);
            for sign in self.terms.harms() {
                let harm = Difference { difference: sign * difference.difference, ..difference };
                if fail.is_above(&harm, margins.fail) {
                    return Some((Verdict::Fail, Method::Sequence, stretch));
                }
                let is_trifle =
                    || self.pass.half_width(&harm).is_some_and(|half| harm.difference + half < margins.fail);
                if watched.is_none() && watch.is_above(&harm, 0.0) && !is_trifle() {
                    watched = Some((Verdict::Watch, Method::Sequence, stretch));
                }
            }
        }
        watched
    }

    /// The evidence of all starts that the canary has more than its share of the events, and what that
    /// comes to.
    pub(super) fn evidence(&self) -> (Option<f64>, Option<Concluded>) {
        let kept = &self.starts.kept;
        let harms = self.terms.harms();
        let ways = (harms.len() as f64).ln();
        let mut ratios = [LikelihoodRatios::default(); 2];
        let mut each = vec![0.0; kept.len()];
        let mut strongest: Option<(f64, usize, f64)> = None;
        let mut end = self.slices();
        for (n, start) in kept.iter().enumerate().rev() {
            // The share of the traffic is that of the slices between two starts: one weight, and little drift.
            let stretch = self.between(start, end);
            let effects = self.between(start, self.slices()).own_effects();
            end = start.slice;
            for (ratios, sign) in ratios.iter_mut().zip(harms) {
                stretch.add_to(ratios, effects, if *sign > 0.0 { Harm::More } else { Harm::Fewer });
            }
            let of_way = |way: usize| ratios[way].ln();
            let logs = ratios.iter().take(harms.len()).map(LikelihoodRatios::ln);
            each[n] = ln_sum_exp(logs) - ways;
            let weighted = start.weight.ln() + each[n];
            if strongest.is_none_or(|(other, ..)| weighted > other) {
                let sign = if harms.len() == 2 && of_way(1) > of_way(0) { harms[1] } else { harms[0] };
                strongest = Some((weighted, n, sign));
            }
        }
        let Some((_, n, sign)) = strongest else { return (None, None) };
        let combined = self.starts.ln_combined(&each);
        let e_value = Some(combined.exp().min(f64::MAX));
        let stretch = self.between(&kept[n], self.slices());
        let (events, slices) = stretch.spread(sign);
        let over = stretch.difference().is_some_and(|d| sign * d.difference > stretch.margins(self.terms).fail);
        let Alphas { fail, watch, .. } = self.terms.alphas;
        let reaches = |alpha: f64| over && combined >= -alpha.ln();
        let verdict = if reaches(fail) && events >= FAIL_EVENTS && slices >= FAIL_SLICES {
            Some(Verdict::Fail)
        } else if reaches(watch) && events >= WATCH_EVENTS && slices >= WATCH_SLICES {
            Some(Verdict::Watch)
        } else {
            None
        };
        (e_value, verdict.map(|verdict| (verdict, Method::Events, stretch)))
    }

    /// How the step's slices show that the canary is not worse by the pass margin, if they do.
    pub(super) fn passes(&self) -> Option<Method> {
        let step = self.step();
        if step.slices < SLICES_MIN {
            return None;
        }
        let margin = step.margins(self.terms).pass;
        let (method, interval) = if step.is_enough_to_pass() {
            let difference = step.cautious()?;
            let half = self.pass.half_width(&difference)?;
            (Method::Sequence, around(&difference, half, half))
        } else {
            let pass = self.terms.one_way().pass;
            (Method::Exact, Interval { low: step.exact_low(pass, step.cautious), high: step.exact_high(pass) })
        };
        let within = |sign: &f64| if *sign > 0.0 { interval.high < margin } else { -interval.low < margin };
        self.terms.harms().iter().all(within).then_some(method)
    }

    /// What is shown as the interval of a stretch: see the front of [`super`].
    pub(super) fn interval(&self, stretch: &Stretch) -> Option<Interval> {
        if self.terms.measure == Measure::Count {
            return None;
        }
        let Alphas { fail, pass, .. } = self.terms.one_way();
        let fail = fail * stretch.weight;
        let towards_harm = if self.terms.harms().len() == 2 { fail } else { pass };
        let low = if stretch.missing().is_none() {
            let difference = stretch.difference()?;
            difference.difference - Edge::new(fail).half_width(&difference)?
        } else {
            stretch.exact_low(fail, stretch.effects)
        };
        let high = if stretch.is_enough_to_pass() {
            let difference = stretch.cautious()?;
            difference.difference + Edge::new(towards_harm).half_width(&difference)?
        } else {
            stretch.exact_high(towards_harm)
        };
        Some(Interval { low, high })
    }

    pub(super) fn finding(
        &self,
        (verdict, method, stretch): Concluded,
        e_value: Option<f64>,
        missing: Option<Missing>,
    ) -> Finding {
        let terms = self.terms;
        let difference = stretch.difference().map(|difference| difference.difference);
        let margins = stretch.margins(terms);
        // Either direction is shown with the limit of more.
        let sign = terms.harms()[0];
        let (canary, baseline) = (terms.arm(stretch.sums.canary), terms.arm(stretch.sums.baseline));
        Finding {
            verdict,
            method,
            difference: difference.map(|difference| terms.shown(difference)),
            ratio: canary.value.zip(baseline.value).filter(|(_, of)| *of > 0.0).map(|(canary, of)| canary / of),
            canary,
            baseline,
            canary_counts: stretch.sums.canary,
            baseline_counts: stretch.sums.baseline,
            interval: self.interval(&stretch).map(|interval| terms.shown_interval(interval)),
            limit: Some(terms.shown(sign * margins.fail)),
            pass_limit: (terms.measure != Measure::Count).then(|| terms.shown(sign * margins.pass)),
            over: difference.is_some_and(|d| terms.harms().iter().any(|sign| sign * d > margins.fail)),
            e_value,
            missing,
            slices: stretch.slices,
            since: (stretch.from > 0).then(|| self.slices[stretch.from].at),
            bursty: self.bursts.are_slow(),
            terms: *terms,
        }
    }

    /// Without events of both arms there is nothing to compare; what one arm has is shown.
    pub(super) fn no_data(&self) -> Finding {
        let all = |of: fn(&Slice) -> Counts| {
            let usable = self.slices.iter().filter_map(|slice| self.terms.usable(of(slice)));
            usable.fold(Counts::default(), Counts::plus)
        };
        let (canary, baseline) = (all(|slice| slice.canary), all(|slice| slice.baseline));
        Finding {
            verdict: Verdict::NoData,
            method: if self.terms.measure == Measure::Count { Method::Events } else { Method::Sequence },
            canary: self.terms.arm(canary),
            baseline: self.terms.arm(baseline),
            canary_counts: canary,
            baseline_counts: baseline,
            difference: None,
            ratio: None,
            interval: None,
            limit: None,
            pass_limit: None,
            over: false,
            e_value: None,
            missing: None,
            slices: 0.0,
            since: None,
            bursty: self.bursts.are_slow(),
            terms: *self.terms,
        }
    }
}

impl Stretch {
    /// The difference of bad shares, scaled for bursts.
    pub(super) fn difference(&self) -> Option<Difference> {
        self.sums.difference(self.effects.canary, self.effects.baseline)
    }

    /// The same, for a pass.
    fn cautious(&self) -> Option<Difference> {
        self.sums.difference(self.cautious.canary, self.cautious.baseline)
    }

    pub(super) fn margins(&self, terms: &Terms) -> Margins {
        Margins::beside(self.sums.baseline.bad / self.sums.baseline.total, terms)
    }

    /// The first floor of the sequence that is not reached. What counts is the rarer kind of event: with three
    /// conversions of a hundred visits, it is the three that say how little is known.
    pub(super) fn missing(&self) -> Option<Missing> {
        self.missing_with(self.effects)
    }

    /// Whether the sequence is believed where it lets pass.
    fn is_enough_to_pass(&self) -> bool {
        self.missing_with(self.cautious).is_none()
    }

    fn missing_with(&self, effects: Effects) -> Option<Missing> {
        let (canary, baseline) = (self.sums.canary, self.sums.baseline);
        let all = canary.plus(baseline);
        let bad_is_rarer = all.bad <= all.total / 2.0;
        let rarer = |counts: Counts| if bad_is_rarer { counts.bad } else { counts.total - counts.bad };
        let missing =
            |floor, have: f64, need| (have < need).then_some(Missing { floor, have, need, of_bad: bad_is_rarer });
        missing(Floor::Slices, self.slices, SLICES_MIN)
            .or_else(|| missing(Floor::CanaryEvents, rarer(canary), CANARY_EVENTS_MIN))
            .or_else(|| missing(Floor::AllEvents, rarer(all), ALL_EVENTS_MIN))
            .or_else(|| missing(Floor::EffectiveEvents, rarer(canary) / effects.canary, EFFECTIVE_EVENTS_MIN))
    }

    /// The lower edge of the difference by exact intervals of both arms alone, each at half of alpha.
    fn exact_low(&self, alpha: f64, effects: Effects) -> f64 {
        let (canary, baseline) =
            (scaled(self.sums.canary, effects.canary), scaled(self.sums.baseline, effects.baseline));
        interval::low(canary.bad, canary.total, alpha / 2.0) - interval::high(baseline.bad, baseline.total, alpha / 2.0)
    }

    /// The upper edge.
    ///
    /// The canary's is the lower of two, at a quarter of alpha each. One is made of slices instead of
    /// events: of those with bad events among all, with what a slice without any says of their share
    /// ([`Bursts::reach`]). However they cluster within a slice, that holds, up to the correlation that is
    /// taken where nothing is known; and it asks of a healthy canary hardly more than independent events would.
    /// The other is made of events, and says something where every slice has a few.
    fn exact_high(&self, alpha: f64) -> f64 {
        let hit = interval::high(self.hit, self.slices, alpha / 4.0);
        let of_slices = -(-hit).ln_1p() * self.slices / self.reach;
        let canary = scaled(self.sums.canary, self.cautious.canary);
        let of_events = interval::high(canary.bad, canary.total, alpha / 4.0);
        let baseline = scaled(self.sums.baseline, self.cautious.baseline);
        of_slices.min(of_events) - interval::low(baseline.bad, baseline.total, alpha / 2.0)
    }

    /// With the canary's own scatter, where that is greater: the sequence sees it between its strata,
    /// and the e-process would not.
    fn own_effects(&self) -> Effects {
        let share = self.sums.canary.bad / self.sums.canary.total;
        Effects { canary: self.effects.canary.max(self.jumps.effect(share, self.against)), ..self.effects }
    }

    fn add_to(&self, ratios: &mut LikelihoodRatios, effects: Effects, harm: Harm) {
        let canary = scaled(self.sums.canary, effects.canary);
        let baseline = scaled(self.sums.baseline, effects.baseline);
        ratios.add(canary.bad, baseline.bad, canary.total / (canary.total + baseline.total), TOLERATED, harm);
    }

    /// How many events speak, and over how many slices they are spread. Of too few, those count that
    /// should have been the canary's.
    fn spread(&self, sign: f64) -> (f64, f64) {
        if sign > 0.0 {
            return (self.sums.canary.bad, self.hit);
        }
        let (canary, baseline) = (self.sums.canary, self.sums.baseline);
        let share = canary.total / (canary.total + baseline.total);
        (share * (canary.bad + baseline.bad), self.busy)
    }
}

/// The bursts of the baseline, in its slices before the step and in those of the step: the more of
/// them, the less it is chance whether bursts were among them.
fn bursts(terms: &Terms, slices: &[Slice], history: &[Counts], against: Against) -> Bursts {
    let before = history.iter().filter_map(|counts| Some((terms.usable(*counts)?, 1)));
    let during = slices.iter().filter_map(|slice| Some((terms.usable(slice.baseline)?, slice.merged)));
    Bursts::measure(before.chain(during), against)
}

/// As many independent events as say the same.
fn scaled(counts: Counts, effect: f64) -> Counts {
    Counts { bad: counts.bad / effect, total: counts.total / effect }
}

fn around(difference: &Difference, below: f64, above: f64) -> Interval {
    Interval { low: difference.difference - below, high: difference.difference + above }
}
