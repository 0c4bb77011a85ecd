//! What the judge is worth and what it costs: how often it fails clean rollouts, how soon it finds
//! broken ones, how often it passes them, and how long a verdict takes. A change of method shows its price here.
//!
//! `cargo bench --bench judge -- --runs 400`; seeded, so that the same runs give the same tables.
//! Traffic and truth are those of the measurements that the methods were chosen by: requests a minute, a bad
//! share, and bursts as the correlation of requests in one minute, independent between the arms.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{hint::black_box, time::Instant};

use rolldeck::{
    domain::{Verdict, sli::Direction},
    judge::{
        evidence::{self, Counts, Slice},
        ratio::{self, Alphas, Measure, Terms},
    },
};

use self::traffic::{Rollout, Truth};

#[path = "judge/traffic.rs"]
mod traffic;

/// Looks of an hour, a minute apart.
const HOUR: u32 = 60;
/// Slices of history.
const HISTORY: u32 = 60;
/// Indicators of a rollout.
const INDICATORS: usize = 8;
/// Ways in which indicators are put together to rollouts.
const STRIDES: usize = 16;
/// Evaluations that do not fail, after which fail is left.
const CLEAN: u32 = 10;

fn main() {
    let runs = runs();
    println!("{runs} rollouts a row; an objective where one is named, otherwise margins of the baseline's share\n");
    let began = Instant::now();
    false_alarms(runs);
    detection(runs);
    passes(runs);
    cost();
    println!("\n{:.1} s", began.elapsed().as_secs_f64());
}

/// `--runs N`; what else cargo hands over is not for us.
fn runs() -> u64 {
    let mut arguments = std::env::args();
    let found = arguments.by_ref().find(|argument| argument == "--runs").and_then(|_| arguments.next());
    found.map_or(400, |runs| runs.parse().unwrap())
}

fn terms(objective: Option<f64>) -> Terms {
    Terms {
        measure: Measure::Share,
        direction: Direction::HigherIsWorse,
        objective,
        limit: None,
        scale: 1.0,
        noun: "requests",
        alphas: Alphas::default(),
    }
}

fn truth(canary: u32, baseline: u32, rate: f64, factor: f64, correlation: f64) -> Truth {
    Truth { canary, baseline, rate, factor, onset: 0, correlation }
}

/// The verdicts of one indicator, minute by minute.
fn verdicts(truth: Truth, objective: Option<f64>, minutes: u32, seed: u64) -> Vec<Verdict> {
    let mut rollout = Rollout::new(truth, seed);
    let history = rollout.history(HISTORY);
    let mut slices = Vec::new();
    let mut look = || {
        slices.push(rollout.slice());
        ratio::judge(&terms(objective), &slices, &history).verdict
    };
    (0..minutes).map(|_| look()).collect()
}

/// An objective as it is shown.
fn objective(objective: Option<f64>) -> String {
    objective.map_or_else(|| "-".to_owned(), |objective| format!("{}%", (objective * 1e6).round() / 1e4))
}

fn label(truth: Truth, of: Option<f64>) -> String {
    let Truth { canary, baseline, rate, correlation, .. } = truth;
    format!(
        "{:>5}/{:<5} {:>7}  {:>6}  {:>7}",
        canary,
        baseline,
        format!("{}%", rate * 100.0),
        correlation,
        objective(of)
    )
}

fn percent(part: usize, all: usize) -> String {
    format!("{:.2}%", 100.0 * part as f64 / all as f64)
}

/// Evaluations are the looks at whole minutes, seen twice in a row by looks every 30 seconds: each failure
/// is entered at once. That counts against us: the judge itself looks at a slice once.
fn is_rolled_back(indicators: &[&[Verdict]]) -> bool {
    let mut failed_at = [None::<usize>; INDICATORS];
    (0..HOUR as usize).any(|minute| {
        for (failed_at, verdicts) in failed_at.iter_mut().zip(indicators) {
            if verdicts[minute] == Verdict::Fail {
                *failed_at = Some(minute);
            }
        }
        let standing = |at: &&Option<usize>| at.is_some_and(|at| minute - at < CLEAN as usize);
        failed_at.iter().filter(standing).count() >= 2
    })
}

fn false_alarms(runs: u64) {
    println!("False alarms: clean rollouts, an hour of looks (limits: fail 1 %, watch 5 %)");
    println!(
        "requests/min  bad rate  bursts  objective   fail   watch    pass | of {INDICATORS} such indicators: any fails, rolled back by two (limit 0.5 %)"
    );
    for (truth, objective) in [
        (truth(50, 950, 0.001, 1.0, 0.0), None),
        (truth(500, 9500, 0.001, 1.0, 0.0), None),
        (truth(500, 9500, 0.01, 1.0, 0.0), None),
        (truth(100, 100, 0.02, 1.0, 0.0), None),
        (truth(500, 9500, 0.001, 1.0, 0.005), None),
        (truth(500, 9500, 0.01, 1.0, 0.01), None),
        (truth(500, 9500, 0.001, 1.0, 0.005), Some(0.999)),
        (truth(5000, 5000, 0.001, 1.0, 0.005), None),
        (truth(500, 500, 0.001, 1.0, 0.03), None),
    ] {
        let all: Vec<Vec<Verdict>> = (0..runs * 2).map(|seed| verdicts(truth, objective, HOUR, seed)).collect();
        let ever = |verdict| all.iter().filter(|verdicts| verdicts.contains(&verdict)).count();
        // Which indicators meet in a rollout is chance: let them meet in several ways, for more rollouts.
        let rollouts: Vec<Vec<&[Verdict]>> = (0..STRIDES * all.len())
            .step_by(INDICATORS)
            .map(|first| {
                let stride = (2 * (first / all.len()) + 1) * 101;
                (0..INDICATORS).map(|n| all[(first + n * stride) % all.len()].as_slice()).collect()
            })
            .collect();
        let any = |rollout: &&Vec<&[Verdict]>| rollout.iter().any(|verdicts| verdicts.contains(&Verdict::Fail));
        let any = rollouts.iter().filter(any).count();
        let back = rollouts.iter().filter(|rollout| is_rolled_back(rollout)).count();
        println!(
            "{}  {:>7} {:>7} {:>7} | {:>7} {:>7}",
            label(truth, objective),
            percent(ever(Verdict::Fail), all.len()),
            percent(ever(Verdict::Watch), all.len()),
            percent(ever(Verdict::Pass), all.len()),
            percent(any, rollouts.len()),
            percent(back, rollouts.len()),
        );
    }
}

/// The first minute of a verdict after the onset, for each run; `u32::MAX` where it does not come.
fn first(truth: Truth, objective: Option<f64>, verdict: Verdict, runs: u64) -> Vec<u32> {
    let mut minutes: Vec<u32> = (0..runs)
        .map(|seed| {
            let mut rollout = Rollout::new(truth, seed);
            let history = rollout.history(HISTORY);
            let mut slices: Vec<Slice> = (0..truth.onset).map(|_| rollout.slice()).collect();
            let found = (1..=HOUR).find(|_| {
                slices.push(rollout.slice());
                ratio::judge(&terms(objective), &slices, &history).verdict == verdict
            });
            found.unwrap_or(u32::MAX)
        })
        .collect();
    minutes.sort_unstable();
    minutes
}

fn quantile(sorted: &[u32], of: f64) -> String {
    let at = sorted[((sorted.len() - 1) as f64 * of).round() as usize];
    if at == u32::MAX { "-".to_owned() } else { at.to_string() }
}

fn detection(runs: u64) {
    println!(
        "\nDetection: minutes from the regression to fail, within an hour (10x of 0.5 % on 100/900: limit 6, median)"
    );
    println!("requests/min  bad rate  bursts  objective  worse  onset  median   90th  found");
    for (truth, objective) in [
        (truth(50, 950, 0.001, 10.0, 0.0), None),
        (truth(20, 380, 0.001, 10.0, 0.0), None),
        (truth(500, 9500, 0.001, 3.0, 0.0), None),
        (truth(500, 9500, 0.001, 10.0, 0.0), None),
        (truth(500, 9500, 0.01, 1.5, 0.0), None),
        (truth(500, 9500, 0.001, 5.0, 0.005), None),
        (Truth { onset: 37, ..truth(500, 9500, 0.001, 5.0, 0.0) }, None),
        (Truth { onset: 60, ..truth(500, 9500, 0.001, 5.0, 0.0) }, None),
        (Truth { onset: 90, ..truth(500, 9500, 0.001, 5.0, 0.0) }, None),
        (truth(100, 900, 0.005, 10.0, 0.0), None),
        (truth(100, 900, 0.005, 10.0, 0.0), Some(0.995)),
        (truth(100, 900, 0.005, 10.0, 0.01), None),
    ] {
        let found = first(truth, objective, Verdict::Fail, runs / 2);
        println!(
            "{}  {:>5}  {:>5}  {:>6}  {:>5}  {}",
            label(truth, objective),
            format!("{}x", truth.factor),
            truth.onset,
            quantile(&found, 0.5),
            quantile(&found, 0.9),
            percent(found.iter().filter(|minute| **minute < u32::MAX).count(), found.len()),
        );
    }
}

fn passes(runs: u64) {
    println!(
        "\nPasses: minutes to pass, within an hour; of rollouts worse by a whole pass margin the share that ever does (limit 5 %)"
    );
    println!("requests/min  bad rate  bursts  objective  worse  median   90th  passed");
    for (truth, objective) in [
        (truth(500, 9500, 0.0, 1.0, 0.0), Some(0.999)),
        (truth(500, 9500, 0.000_01, 1.0, 0.0), Some(0.999)),
        (truth(500, 9500, 0.0005, 1.0, 0.0), Some(0.999)),
        (truth(500, 9500, 0.0005, 1.0, 0.005), Some(0.999)),
        (truth(100, 900, 0.005, 1.0, 0.0), Some(0.99)),
        (truth(1000, 1000, 0.03, 1.0, 0.0), None),
        (truth(500, 9500, 0.001, 2.0, 0.0), Some(0.999)),
        (truth(500, 9500, 0.001, 2.0, 0.005), Some(0.999)),
        (truth(500, 9500, 0.01, 1.5, 0.0), None),
        (truth(500, 9500, 0.01, 1.5, 0.01), None),
        (truth(500, 9500, 0.000_000_1, 10_000.0, 0.0), Some(0.999)),
        (truth(500, 9500, 0.000_000_1, 10_000.0, 0.01), Some(0.999)),
        (truth(5000, 5000, 0.000_000_1, 10_000.0, 0.005), Some(0.999)),
        (truth(2000, 2000, 0.0001, 11.0, 0.005), Some(0.999)),
    ] {
        let found = first(truth, objective, Verdict::Pass, runs);
        println!(
            "{}  {:>5}  {:>6}  {:>5}  {}",
            label(truth, objective),
            format!("{}x", truth.factor),
            quantile(&found, 0.5),
            quantile(&found, 0.9),
            percent(found.iter().filter(|minute| **minute < u32::MAX).count(), found.len()),
        );
    }
}

fn cost() {
    println!("\nCost of one verdict, and of 8 000 (limit 250 ms), on one core");
    println!("slices  starts  traffic       verdict       8 000 |  its chart");
    for (slices, starts, rate) in
        [(30_u32, 2, 0.01), (120, 8, 0.01), (120, 8, 0.000_01), (360, 24, 0.01), (120, 24, 0.01), (120, 24, 0.0)]
    {
        let merged = starts * 15 / slices.min(starts * 15);
        let cases: Vec<(Vec<Slice>, Vec<Counts>)> = (0..16)
            .map(|seed| {
                let mut rollout = Rollout::new(truth(500, 9500, rate, 1.0, 0.001), seed);
                let history = rollout.history(HISTORY);
                ((0..slices).map(|_| Slice { merged, ..rollout.slice() }).collect(), history)
            })
            .collect();
        let terms = terms(Some(0.999));
        // The best of many rounds, because other work on the machine only ever adds.
        let time = |times: u32, judge: &dyn Fn(&[Slice], &[Counts])| {
            let round = |_| {
                let began = Instant::now();
                for n in 0..times as usize {
                    let (slices, history) = &cases[n % cases.len()];
                    judge(black_box(slices), black_box(history));
                }
                began.elapsed().as_secs_f64() / f64::from(times)
            };
            (0..40).map(round).fold(f64::INFINITY, f64::min)
        };
        let verdict = time(200, &|slices, history| {
            black_box(ratio::judge(&terms, slices, history));
        });
        let chart = time(16, &|slices, history| {
            black_box(ratio::path(&terms, slices, history));
        });
        println!(
            "{slices:>6}  {starts:>6}  {:<9}  {:>7.0} ns  {:>7.0} ms | {:>7.0} ns",
            format!("{}% bad", rate * 100.0),
            verdict * 1e9,
            verdict * 8e6,
            chart * 1e9,
        );
    }
}
