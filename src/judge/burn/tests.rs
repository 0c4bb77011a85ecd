use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::sli::BurnLevel,
    judge::evidence::{Counts, Slice, Standing},
};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

fn objective(share: f64) -> Objective {
    Objective::new(share).unwrap()
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
}

fn counts(bad: f64, total: f64) -> Counts {
    Counts { bad, total }
}

/// Minutes from 0, each with as much of the canary and of the baseline.
fn minutes(each: &[(Counts, Counts)]) -> Vec<Slice> {
    let slices = (0..).zip(each).map(|(minute, (canary, baseline))| Slice {
        at: at(minute),
        merged: 1,
        canary: *canary,
        baseline: *baseline,
    });
    slices.collect()
}

/// So many minutes of so much a minute, the baseline without a fault.
fn steady(minutes_long: usize, bad: f64, total: f64) -> Vec<Slice> {
    minutes(&vec![(counts(bad, total), counts(0.0, total)); minutes_long])
}

fn read_at_end(slices: &[Slice], since: i64) -> Reading {
    read(objective(0.999), slices, 60.0, at(since), None, at(i64::try_from(slices.len()).unwrap()))
}

const DAY: f64 = 24.0 * 3600.0;
const HOUR: f64 = 3600.0;

// The reference, 4.1: definitions, the workbook's set and what our rules spend.
#[test]
fn rates_and_spans_are_those_of_the_definitions() {
    for (burn, lasting) in [(3.0, 10.0 * DAY), (10.0, 3.0 * DAY), (14.4, 50.0 * HOUR), (1.0, 30.0 * DAY)] {
        near(lasts(burn, 30.0 * DAY).unwrap(), lasting, 1e-6);
    }
    assert_eq!(lasts(0.0, 30.0 * DAY), None);
    near(used(3.0, HOUR / 2.0, 30.0 * DAY) * 100.0, 0.208, 5e-4);
    near(used(10.0, 300.0, 30.0 * DAY) * 100.0, 0.116, 5e-4);
    near(of_service(0.05, 10.0, 0.0), 0.5, 1e-12);
    near(of_service(0.05, 10.0, 1.0), 1.45, 1e-12);
    for (share, burn, bad, total) in [(0.999, 3.0, 30.0, 10_000.0), (0.99, 100.0, 7.0, 7.0), (0.9, 0.0, 0.0, 1.0)] {
        near(objective(share).burn(bad, total).unwrap(), burn, 1e-9);
    }
    for (bad, total) in [(0.0, 0.0), (1.0, f64::NAN), (-1.0, 5.0), (f64::INFINITY, 5.0), (1.0, f64::INFINITY)] {
        assert_eq!(objective(0.999).burn(bad, total), None);
    }
}

#[test]
fn the_workbook_s_factors_are_met() {
    for (period, factors) in [(30.0 * DAY, [14.4, 6.0, 3.0, 1.0]), (28.0 * DAY, [13.44, 5.6, 2.8, 0.9333])] {
        for (alert, expected) in WORKBOOK.iter().zip(factors) {
            near(factor(alert.share, alert.long, period), expected, 5e-5);
            near(alert.long / alert.short, 12.0, 1e-9);
        }
    }
    assert_eq!(WORKBOOK.map(|alert| alert.pages), [true, true, false, false]);
}

// The reference, 4.2: requests that each rule needs, and the bad share at which it fires.
#[test]
fn the_rules_need_as_many_requests_as_the_table_says() {
    for (share, halts, pages, at_halt, at_page) in [
        (0.99, 334.0, 50.0, 0.03, 0.1),
        (0.995, 667.0, 100.0, 0.015, 0.05),
        (0.999, 3334.0, 500.0, 0.003, 0.01),
        (0.9995, 6667.0, 1000.0, 0.0015, 0.005),
        (0.9999, 33_334.0, 5000.0, 0.0003, 0.001),
    ] {
        let of = objective(share);
        assert_eq!((HALT.requests(of), PAGE.requests(of)), (halts, pages), "{share}");
        near(of.burn(at_halt, 1.0).unwrap(), 3.0, 1e-8);
        near(of.burn(at_page, 1.0).unwrap(), 10.0, 1e-8);
    }
}

#[test]
fn chances_and_bounds_of_counts_are_those_of_the_reference() {
    near(poisson::at_least(10.0, 10.0 / 3.0), 0.002_356, 5e-7);
    near(poisson::at_least(5.0, 0.5), 0.000_172, 5e-7);
    let (low, high) = poisson::bounds(10.0, 0.01).unwrap();
    near(low, 4.1302, 5e-5);
    near(high, 20.1447, 5e-5);
    let (low, high) = poisson::bounds(0.0, 0.05).unwrap();
    near(low, 0.0, 0.0);
    near(high, -0.05_f64.ln(), 1e-9);
    let (low, high) = poisson::bounds(1e7, 0.01).unwrap();
    assert!(low < 1e7 && high > 1e7 && (high - low) / 1e7_f64.sqrt() < 5.0);
    for (many, alpha) in [(-1.0, 0.01), (f64::NAN, 0.01), (f64::INFINITY, 0.01), (3.0, 0.0), (3.0, 0.7)] {
        assert_eq!(poisson::bounds(many, alpha), None);
    }
    for (many, expected, chance) in [
        (0.0, 3.0, 1.0),
        (3.0, 0.0, 0.0),
        (f64::NAN, 1.0, 1.0),
        (3.0, f64::INFINITY, 1.0),
        (1e15, 1e14, 0.0),
        (1e14, 1e15, 1.0),
    ] {
        near(poisson::at_least(many, expected), chance, 0.0);
    }
}

#[test]
fn an_objective_under_which_a_rule_could_never_fire_is_refused_with_what_to_do() {
    for share in [0.0, 1.0, -0.5, 99.9, f64::NAN] {
        let refused = Objective::new(share).unwrap_err();
        assert!(matches!(refused, ObjectiveError::Outside(_)) && refused.to_string().contains("99.9 % is 0.999"));
    }
    for share in [0.5, 0.8, 0.899] {
        let refused = Objective::new(share).unwrap_err();
        assert!(matches!(refused, ObjectiveError::TooLow { .. }), "{share}");
        assert!(refused.to_string().contains("Set 0.9 or more"), "{refused}");
    }
    for share in [0.9, 0.95, 0.999, 0.999_999] {
        let of = objective(share);
        assert!(of.burn(1.0, 1.0).unwrap() >= PAGE.times * (1.0 - 1e-9), "all events bad fires at {share}");
        let text = serde_json::to_string(&of).unwrap();
        assert_eq!(serde_json::from_str::<Objective>(&text).unwrap(), of);
    }
    assert!(serde_json::from_str::<Objective>("0.5").is_err());
}

#[test]
fn three_times_over_half_an_hour_halts_and_ten_times_over_five_minutes_pages() {
    for (bad, total, level) in [
        (0.0, 200.0, BurnLevel::Ok),
        (0.5, 200.0, BurnLevel::Ok),
        (0.6, 200.0, BurnLevel::Halt),
        (1.9, 200.0, BurnLevel::Halt),
        (2.0, 200.0, BurnLevel::Page),
        (200.0, 200.0, BurnLevel::Page),
        (0.0, 100.0, BurnLevel::TooLittle),
        (0.9, 100.0, BurnLevel::TooLittle),
        (0.0, 0.0, BurnLevel::TooLittle),
    ] {
        let reading = read_at_end(&steady(30, bad, total), 0);
        let first = step(&State::default(), &reading, at(30));
        assert_eq!((first.halted, first.paged), (false, false), "once is not enough");
        let second = step(&first, &reading, at(31));
        assert_eq!(second.level(&reading), level, "{bad} of {total}: {}", reading.why(second.level(&reading)));
    }
}

#[test]
fn a_burn_that_ended_no_longer_fires_though_the_long_span_is_full_of_it() {
    let mut slices = steady(25, 4.0, 200.0);
    slices.extend(
        steady(5, 0.0, 200.0).into_iter().map(|slice| Slice { at: slice.at + TimeDelta::minutes(25), ..slice }),
    );
    let reading = read_at_end(&slices, 0);
    near(reading.halt.burn.unwrap(), 100.0 / 6.0, 1e-9);
    assert_eq!((reading.halt.fires, reading.page.fires, reading.canary.middle), (false, false, Some(0.0)));
}

#[test]
fn one_good_minute_does_not_start_the_half_hour_anew() {
    let mut slices = steady(30, 2.0, 200.0);
    slices[27].canary.bad = 0.0;
    assert!(read_at_end(&slices, 0).halt.fires);
}

#[test]
fn few_bad_events_are_no_alert_and_no_health() {
    // Nine bad of 3334 are 2.7x; of one request fewer, nobody can say.
    for (bad, total, fires) in [(9.0, 3334.0, false), (10.0, 3333.0, false), (11.0, 3334.0, true)] {
        let mut slices = steady(30, 0.0, 0.0);
        slices[28].canary = counts(bad, total);
        let reading = read_at_end(&slices, 0);
        assert_eq!((reading.halt.fires, reading.halt.enough), (fires, total >= 3334.0), "{bad} of {total}");
    }
    // A single failure of a nearly idle service burns 100x.
    let idle = read_at_end(&steady(30, 0.1, 1.0), 0);
    near(idle.halt.burn.unwrap(), 100.0, 1e-6);
    let state = (30..40).fold(State::default(), |state, minute| step(&state, &idle, at(minute)));
    assert_eq!(state.level(&idle), BurnLevel::TooLittle);
    assert_eq!(idle.why(BurnLevel::TooLittle).as_str(), "too little traffic: 30m needs 3334 requests, has 30",);
}

#[test]
fn a_young_step_is_judged_by_its_own_age() {
    // Fifty minutes of a version that was fine, then a step whose canary fails.
    let fine = vec![(counts(0.0, 1000.0), counts(0.0, 1000.0)); 50];
    for (age, page, halt, burn) in [(1, 2, 5, 10.0), (3, 3, 5, 20.0), (10, 5, 10, 20.0), (40, 5, 30, 20.0)] {
        let failing = vec![(counts(20.0, 1000.0), counts(0.0, 1000.0)); age];
        let slices = minutes(&[fine.clone(), failing].concat());
        let reading = read_at_end(&slices, 50);
        assert_eq!((reading.page.slices, reading.halt.slices), (page, halt), "{age}");
        near(reading.page.burn.unwrap(), burn, 1e-9);
        assert!(reading.halt.fires && reading.page.fires, "{age}: {reading:?}");
    }
}

#[test]
fn slices_of_another_length_are_counted_and_not_minutes() {
    let slices: Vec<Slice> = (0..30)
        .map(|i| Slice {
            at: at(0) + TimeDelta::seconds(10 * i),
            merged: 1,
            canary: counts(2.0, 200.0),
            baseline: counts(0.0, 200.0),
        })
        .collect();
    let now = at(5);
    let reading = read(objective(0.999), &slices, 10.0, at(0), None, now);
    assert!(reading.known && reading.page.fires && reading.halt.fires);
    near(reading.halt.requests, 6000.0, 0.0);
    let entered = step(&step(&State::default(), &reading, now), &reading, now);
    let quiet: Vec<Slice> = slices.iter().map(|slice| Slice { canary: counts(0.0, 200.0), ..*slice }).collect();
    let calm = read(objective(0.999), &quiet, 10.0, at(0), None, now);
    let cooling = step(&entered, &calm, now);
    assert!(cooling.halted, "not at once");
    let after = step(&cooling, &calm, now + TimeDelta::seconds(50));
    assert!(!after.halted && !after.paged, "five slices are fifty seconds");
}

#[test]
fn a_missing_minute_is_missing_and_not_a_good_one() {
    let mut slices = steady(30, 2.0, 200.0);
    slices.retain(|slice| slice.at < at(10) || slice.at >= at(20));
    let reading = read(objective(0.999), &slices, 60.0, at(0), None, at(30));
    near(reading.halt.requests, 4000.0, 0.0);
    near(reading.halt.burn.unwrap(), 10.0, 1e-9);
    // What is no count is missing as well.
    let mut slices = steady(30, 2.0, 200.0);
    for broken in [(f64::NAN, 200.0), (-3.0, 200.0), (1.0, f64::INFINITY)].into_iter().zip(&mut slices) {
        broken.1.canary = counts(broken.0.0, broken.0.1);
    }
    near(read_at_end(&slices, 0).halt.requests, 5400.0, 0.0);
}

#[test]
fn nothing_measured_is_unknown_and_old_data_too() {
    let nothing = read(objective(0.999), &[], 60.0, at(0), None, at(30));
    assert_eq!(State::default().level(&nothing), BurnLevel::Unknown);
    assert_eq!(nothing.why(BurnLevel::Unknown).as_str(), "nothing is measured");
    let slices = steady(30, 4.0, 200.0);
    for (late, known) in [(0, true), (5, true), (6, false), (600, false)] {
        let reading = read(objective(0.999), &slices, 60.0, at(0), None, at(30 + late));
        assert_eq!(reading.known, known, "{late}");
        let state = (0..3).fold(State::default(), |state, _| step(&state, &reading, at(30 + late)));
        assert_eq!(state.level(&reading) == BurnLevel::Page, known, "{late}");
    }
    // What was entered stands while nobody knows better.
    let fast = read_at_end(&slices, 0);
    let entered = step(&step(&State::default(), &fast, at(30)), &fast, at(31));
    let later = (0..60).fold(entered, |state, minute| step(&state, &nothing, at(40 + minute)));
    assert_eq!(later.level(&nothing), BurnLevel::Page);
}

#[test]
fn a_rule_is_left_below_its_lower_level_for_five_minutes_on_end() {
    let reading = |burn: f64| read_at_end(&steady(30, 0.2 * burn, 200.0), 0);
    let fast = reading(15.0);
    let mut state = step(&step(&State::default(), &fast, at(0)), &fast, at(1));
    assert!(state.halted && state.paged);
    let mut minute = 1;
    let mut go_on = |state: &State, burn: f64, minutes: i64| {
        let reading = reading(burn);
        let mut state = *state;
        for _ in 0..minutes {
            minute += 1;
            state = step(&state, &reading, at(minute));
        }
        state
    };
    state = go_on(&state, 5.5, 20);
    assert!(state.paged, "below 10x is not below 5x");
    state = go_on(&state, 4.0, 5);
    assert!(state.paged, "four minutes have passed since the first");
    state = go_on(&state, 6.0, 1);
    state = go_on(&state, 4.0, 5);
    assert!(state.paged, "it began anew");
    state = go_on(&state, 4.0, 1);
    assert!(!state.paged && state.halted, "4x still halts");
    state = go_on(&state, 2.5, 30);
    assert!(state.halted, "below 3x is not below 2x");
    state = go_on(&state, 1.0, 6);
    assert_eq!(state, State::default());
}

#[test]
fn no_traffic_is_no_sign_that_it_cooled() {
    let fast = read_at_end(&steady(30, 4.0, 200.0), 0);
    let entered = step(&step(&State::default(), &fast, at(30)), &fast, at(31));
    let mut slices = steady(60, 4.0, 200.0);
    for slice in &mut slices[30..] {
        slice.canary = counts(0.0, 0.0);
    }
    let idle = read_at_end(&slices, 0);
    let later = (0..60).fold(entered, |state, minute| step(&state, &idle, at(60 + minute)));
    assert!(later.paged && later.halted);
}

#[test]
fn a_burn_is_the_canary_s_own_where_it_is_half_as_fast_again_or_proven() {
    let both = |canary: f64, baseline: f64| minutes(&vec![(counts(canary, 200.0), counts(baseline, 200.0)); 30]);
    for (canary, baseline, e_value, whose) in [
        (4.0, 0.0, None, Attribution::Canary),
        (4.0, 2.0, None, Attribution::Canary),
        (3.0, 2.0, None, Attribution::Canary),
        (4.0, 3.0, None, Attribution::Shared),
        (4.0, 4.0, Some(19.0), Attribution::Shared),
        (4.0, 4.0, Some(20.0), Attribution::Canary),
        (0.0, 0.0, None, Attribution::Shared),
    ] {
        let reading = read(objective(0.999), &both(canary, baseline), 60.0, at(0), e_value, at(30));
        assert_eq!(reading.attribution, whose, "{canary} {baseline} {e_value:?}");
    }
    let alone = minutes(&[(counts(4.0, 200.0), counts(0.0, 0.0)); 30]);
    assert_eq!(read_at_end(&alone, 0).attribution, Attribution::Unknown);
    let shared = read_at_end(&both(4.0, 4.0), 0);
    assert!(shared.baseline_halt.fires, "an incident that is not ours alone");
    assert!(!read_at_end(&both(4.0, 0.0), 0).baseline_halt.fires);
}

#[test]
fn the_sentence_says_how_fast_and_what_that_does() {
    let slices = minutes(&[(counts(4.0, 200.0), counts(0.0, 200.0)); 30]);
    let reading = read_at_end(&slices, 0);
    for (level, why) in [
        (BurnLevel::Page, "burns 20.0x over 5m and 20.0x over 1m, 10x pages, 1000 requests; the canary's own"),
        (BurnLevel::Halt, "burns 20.0x over 30m and 20.0x over 5m, 3x halts, 6000 requests; the canary's own"),
        (BurnLevel::Ok, "burns 20.0x over 30m, 3x halts"),
    ] {
        assert_eq!(reading.why(level).as_str(), why);
    }
    let calm = read_at_end(&steady(30, 0.2, 200.0), 0);
    assert_eq!(calm.why(BurnLevel::Ok).as_str(), "burns 1.0x over 30m, 3x halts");
    assert_eq!(
        calm.why(BurnLevel::Page).as_str(),
        "burnt 10x, 1.0x over 5m now; over when below 5x for 5m",
        "while it cools",
    );
}

#[test]
fn what_is_left_of_a_budget_blocks_promotion_when_spent_or_unknown() {
    let of = objective(0.999);
    for (spent, left, blocks) in [
        (Some(counts(0.0, 1e6)), Some(1.0), false),
        (Some(counts(250.0, 1e6)), Some(0.75), false),
        (Some(counts(1000.0, 1e6)), Some(0.0), true),
        (Some(counts(1500.0, 1e6)), Some(-0.5), true),
        (Some(counts(0.0, 0.0)), None, true),
        (Some(counts(f64::NAN, 1e6)), None, true),
        (Some(counts(-4.0, 1e6)), None, true),
        (None, None, true),
    ] {
        let budget = Budget::over_period(of, spent);
        assert_eq!(budget.blocks_promotion(), blocks, "{spent:?}");
        match (budget.left(), left) {
            (Some(found), Some(left)) => near(found, left, 1e-9),
            (found, left) => assert_eq!(found, left, "{spent:?}"),
        }
    }
}

#[test]
fn slices_of_a_part_of_the_period_spend_that_part() {
    let of = objective(0.999);
    let day = vec![counts(2.0, 1000.0); 24];
    near(Budget::of_slices(of, &day, DAY, 30.0 * DAY).left().unwrap(), 1.0 - 2.0 / 30.0, 1e-9);
    near(Budget::of_slices(of, &day, 60.0 * DAY, 30.0 * DAY).left().unwrap(), -1.0, 1e-9);
    for (slices, covered) in [(&day[..], 0.0), (&[], DAY), (&day[..], f64::NAN)] {
        assert_eq!(Budget::of_slices(of, slices, covered, 30.0 * DAY), Budget::Unknown);
    }
}

#[test]
fn a_budget_lasts_as_long_as_what_is_left_of_it() {
    let period = 30.0 * DAY;
    for (budget, burn, empty) in [
        (Budget::Left(1.0), Some(3.0), Some(10.0 * DAY)),
        (Budget::Left(0.5), Some(3.0), Some(5.0 * DAY)),
        (Budget::Left(0.5), Some(0.0), None),
        (Budget::Left(0.5), None, None),
        (Budget::Spent(-0.5), Some(3.0), Some(0.0)),
        (Budget::Unknown, Some(3.0), None),
    ] {
        assert_eq!(budget.empty_in(burn, period), empty, "{budget:?}");
    }
}

#[test]
fn it_is_shown_with_its_rates_level_and_what_is_left() {
    let reading = read_at_end(&steady(30, 4.0, 200.0), 0);
    let state = step(&step(&State::default(), &reading, at(30)), &reading, at(31));
    let budget = Budget::over_period(reading.objective, Some(counts(250.0, 1e6)));
    let shown = reading.shown(&state, budget, 30.0 * DAY, Some(of_service(0.05, 20.0, 0.0)));
    assert_eq!((shown.objective, shown.level, shown.baseline), (0.999, BurnLevel::Page, Some(0.0)));
    for rate in [shown.short, shown.middle, shown.long] {
        near(rate.unwrap(), 20.0, 1e-9);
    }
    near(shown.budget_left.unwrap(), 0.75, 1e-9);
    near(shown.empty_in.unwrap(), 22.5 * DAY, 1e-3);
}

#[test]
fn what_is_remembered_with_an_indicator_comes_back() {
    let state = State {
        halts: 1,
        pages: 2,
        halted: false,
        paged: true,
        halt_cooling_since: Some(at(3)),
        page_cooling_since: Some(at(4)),
    };
    let mut standing = Standing { fails: 7, ..Standing::default() };
    state.remember(&mut standing);
    assert_eq!((State::of(&standing), standing.fails), (state, 7));
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
}

fn any_minute() -> impl Strategy<Value = (Counts, Counts)> {
    let arm = (0.0..50.0f64, 0.0..2000.0f64).prop_map(|(bad, good)| counts(bad.floor(), bad.floor() + good.floor()));
    (arm.clone(), arm)
}

proptest! {
    #[test]
    fn below_its_floor_of_requests_no_rule_fires_and_none_is_ok(
        each in prop::collection::vec(any_minute(), 0..40), scale in 0.0..0.2f64,
    ) {
        let few: Vec<_> = each.iter().map(|(canary, baseline)| {
            (counts(canary.bad * scale, canary.total * scale), *baseline)
        }).collect();
        let reading = read_at_end(&minutes(&few), 0);
        for (rule, look) in [(HALT, reading.halt), (PAGE, reading.page)] {
            if look.requests < rule.requests(reading.objective) {
                prop_assert!(!look.fires && !look.enough);
                prop_assert_ne!(State::default().level(&reading), BurnLevel::Ok);
            }
        }
    }

    #[test]
    fn a_rule_never_comes_and_goes_within_five_minutes(each in prop::collection::vec(any_minute(), 40..90)) {
        let mut state = State::default();
        let mut entered: Option<usize> = None;
        for minute in 1..=each.len() {
            let slices = minutes(&each[..minute]);
            let after = step(&state, &read_at_end(&slices, 0), at(i64::try_from(minute).unwrap()));
            if after.halted && !state.halted {
                entered = Some(minute);
            }
            if state.halted && !after.halted {
                prop_assert!(minute - entered.unwrap() >= 5);
            }
            prop_assert!(after.halts == 0 || after.halts == state.halts + 1);
            state = after;
        }
    }
}
