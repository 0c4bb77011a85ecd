//! Histograms put together, and what was observed between two readings of one.

use proptest::prelude::*;

use super::super::*;

fn histogram(bounds: &[f64], counts: &[f64]) -> Histogram {
    Histogram::new(bounds.to_vec(), counts.to_vec()).unwrap()
}

// prometheus/prometheus, histograms.test: "All NHCBs summed into one"; native_histograms.test: "Test
// mismatched custom bucket boundaries".
#[test]
fn series_are_summed_by_the_bounds_they_have_in_common() {
    let one = |counts: &[f64]| histogram(&[0.1, 0.2], counts);
    let parts =
        [one(&[10.0, 20.0, 10.0]), one(&[20.0, 30.0, 10.0]), one(&[30.0, 10.0, 20.0]), one(&[40.0, 30.0, 20.0])];
    let summed = merge(&parts.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(summed, one(&[100.0, 90.0, 60.0]));
    // Where the observations leave no doubt, a bound of one of them is kept as well.
    let fine = histogram(&[5.0, 10.0], &[1.0, 1.0, 0.0]);
    let coarse = histogram(&[10.0], &[1.0, 0.0]);
    assert_eq!(merge(&[&fine, &coarse]).unwrap(), histogram(&[10.0], &[3.0, 0.0]));
    let coarse = histogram(&[5.0], &[1.0, 0.0]);
    assert_eq!(merge(&[&fine, &coarse]).unwrap(), histogram(&[5.0, 10.0], &[2.0, 1.0, 0.0]));
}

#[test]
fn a_bound_inside_a_filled_bucket_of_another_is_left_out() {
    let a = histogram(&[1.0, 2.0, 4.0], &[5.0, 5.0, 5.0, 5.0]);
    let b = histogram(&[1.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(merge(&[&a, &b]).unwrap(), histogram(&[1.0, 4.0], &[6.0, 15.0, 9.0]));
    let far = histogram(&[100.0, 200.0], &[1.0, 2.0, 3.0]);
    assert_eq!(merge(&[&a, &far]), Err(HistogramError::NothingInCommon));
    assert!(HistogramError::NothingInCommon.to_string().contains("one unit"));
}

#[test]
fn an_arm_that_has_seen_nothing_takes_no_bound_away() {
    let a = histogram(&[1.0, 2.0], &[5.0, 5.0, 5.0]);
    let none = histogram(&[7.0], &[0.0, 0.0]);
    assert_eq!(merge(&[&a, &none]).unwrap(), a);
    assert_eq!(merge(&[]).unwrap(), histogram(&[], &[0.0]));
    let alone = histogram(&[], &[4.0]);
    assert_eq!(merge(&[&alone, &alone]).unwrap(), histogram(&[], &[8.0]));
}

#[test]
fn more_bounds_together_than_any_may_have_are_thinned() {
    let bounds = |offset: f64| (0..150).map(|i| f64::from(i) + offset).collect::<Vec<_>>();
    let empty = |offset| Histogram::new(bounds(offset), vec![0.0; 151]).unwrap();
    let merged = merge(&[&empty(0.0), &empty(0.5)]).unwrap();
    assert_eq!(merged.bounds().len(), 150);
}

// native_histograms.test, "Counter reset only noticeable in a single bucket" and "reconciling
// mismatched bounds": the steps between the samples.
#[test]
fn what_was_observed_between_two_readings_knows_resets_and_new_bounds() {
    let readings = [[1.0, 2.0, 1.0], [1.0, 1.0, 3.0], [1.0, 2.0, 3.0]]
        .map(|counts| histogram(&[1.0, 2.0, 4.0], &[counts[0], counts[1], counts[2], 0.0]));
    assert_eq!(readings[1].since(&readings[0]), (readings[1].clone(), true));
    assert_eq!(readings[2].since(&readings[1]), (histogram(&[1.0, 2.0, 4.0], &[0.0, 1.0, 0.0, 0.0]), false));

    let before = histogram(&[2.0, 4.0, 6.0], &[1.0, 2.0, 5.0, 7.0]);
    let after =
        histogram(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &[10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
    assert_eq!(after.since(&before), (histogram(&[2.0, 4.0, 6.0], &[29.0, 68.0, 105.0, 233.0]), false));
    let before = histogram(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let after = histogram(&[3.0, 5.0, 7.0], &[100.0, 200.0, 300.0, 400.0]);
    assert_eq!(after.since(&before), (histogram(&[3.0, 5.0, 7.0], &[94.0, 191.0, 287.0, 383.0]), false));
    let before = histogram(&[2.0, 4.0, 6.0], &[1.0, 2.0, 5.0, 7.0]);
    let after = histogram(&[2.0, 3.0, 4.0, 6.0], &[1.0, 0.0, 1.0, 5.0, 8.0]);
    assert_eq!(after.since(&before), (after.clone(), true));
    let other = histogram(&[70.0], &[3.0, 1.0]);
    assert_eq!(other.since(&after), (other.clone(), true));
}

#[test]
fn bounds_and_counts_that_are_no_histogram_are_refused() {
    for (bounds, counts, hint) in [
        (vec![1.0], vec![1.0], "1 counts for 1 bounds"),
        (vec![1.0, 1.0], vec![1.0; 3], "1 is no bucket bound after 1"),
        (vec![f64::INFINITY], vec![1.0; 2], "inf is no bucket bound"),
        (vec![1.0], vec![1.0, -1.0], "-1 observations"),
        ((0..201).map(f64::from).collect(), vec![0.0; 202], "201 bucket bounds"),
    ] {
        let refused = Histogram::new(bounds, counts).unwrap_err().to_string();
        assert!(refused.contains(hint), "{refused}");
    }
}

fn any_histogram() -> impl Strategy<Value = Histogram> {
    prop::collection::btree_set(1u32..40, 1..12).prop_flat_map(|bounds| {
        let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
        prop::collection::vec(prop_oneof![Just(0u32), 0u32..50], bounds.len() + 1).prop_map(move |counts| {
            Histogram::new(bounds.clone(), counts.into_iter().map(f64::from).collect()).unwrap()
        })
    })
}

proptest! {
    #[test]
    fn putting_together_loses_no_observation_and_moves_none_across_a_bound(
        a in any_histogram(), b in any_histogram(), c in any_histogram(),
    ) {
        if let Ok(merged) = merge(&[&a, &b, &c]) {
            prop_assert_eq!(merged.total(), a.total() + b.total() + c.total());
            for (bound, below) in merged.bounds().iter().zip(merged.below()) {
                let parts: f64 = [&a, &b, &c].iter().map(|h| {
                    let below = h.below();
                    h.bounds().iter().zip(&below).filter(|(of, _)| *of <= bound).map(|(_, below)| *below).next_back()
                        .unwrap_or(0.0)
                }).sum();
                prop_assert_eq!(below, parts);
            }
            prop_assert_eq!(merge(&[&c, &a, &b]).unwrap(), merged);
        }
    }

    #[test]
    fn what_came_since_is_what_was_added(a in any_histogram(), grown in prop::collection::vec(0u32..50, 13)) {
        let counts = a.counts().iter().zip(&grown).map(|(count, more)| count + f64::from(*more)).collect();
        let now = Histogram::new(a.bounds().to_vec(), counts).unwrap();
        let (added, reset) = now.since(&a);
        prop_assert!(!reset);
        prop_assert_eq!(added.total(), now.total() - a.total());
    }

    #[test]
    fn a_quantile_lies_where_as_much_is_below_it(a in any_histogram(), q in 0.001..0.999f64) {
        if let Some(found) = a.quantile(q) {
            let share = a.share_up_to(found.value).unwrap();
            if found.clipped {
                prop_assert!(share < q);
            } else {
                prop_assert!((share - q).abs() < 1e-9, "{} {}", share, q);
            }
        }
    }
}
