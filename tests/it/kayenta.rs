//! Agreement with Kayenta: the numbers that its own tests publish, held against our judge.
//!
//! Each table names the file and the test that it restates. Ends of intervals agree to 1e-4, which is
//! the tolerance of the search that finds them; all other figures to 1e-6, or as the original says.

mod cleaning;
mod interval;
mod labels;
mod scores;
mod series;

use std::collections::BTreeMap;

/// The samples of `samples.txt` and `problem.txt` by name.
pub struct Samples(BTreeMap<String, Vec<f64>>);

impl Samples {
    pub fn read() -> Self {
        let mut samples = BTreeMap::new();
        for text in [include_str!("kayenta/samples.txt"), include_str!("kayenta/problem.txt")] {
            let text = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
            for sample in text.split("\n\n").filter(|sample| !sample.trim().is_empty()) {
                let (name, values) = sample.trim().split_once(":\n").unwrap();
                assert!(samples.insert(name.to_owned(), numbers(values)).is_none(), "{name} is there twice");
            }
        }
        Self(samples)
    }

    #[track_caller]
    pub fn get(&self, name: &str) -> &[f64] {
        self.0.get(name).unwrap_or_else(|| panic!("no sample {name}"))
    }

    /// Experiment and control of a pair.
    #[track_caller]
    pub fn pair(&self, name: &str) -> (&[f64], &[f64]) {
        (self.get(&format!("{name}.experiment")), self.get(&format!("{name}.control")))
    }
}

fn numbers(text: &str) -> Vec<f64> {
    let mut prefix = "";
    let mut short = BTreeMap::new();
    let mut values = Vec::new();
    for line in text.lines() {
        if let Some(given) = line.strip_prefix("prefix ") {
            prefix = given;
        } else if let Some((name, value)) = line.strip_prefix("let ").and_then(|given| given.split_once(' ')) {
            short.insert(name, value);
        } else {
            for token in line.split_whitespace() {
                let (value, times) = token.split_once('*').unwrap_or((token, "1"));
                let value = short.get(value).unwrap_or(&value);
                let value: f64 = format!("{prefix}{value}").parse().unwrap();
                values.extend(std::iter::repeat_n(value, times.parse().unwrap()));
            }
        }
    }
    values
}

#[track_caller]
pub fn near(actual: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((actual - expected).abs() <= tolerance, "{what}: {actual} is not {expected} within {tolerance}");
}

/// Lengths that other projects' files have: a value lost on the way would go unnoticed otherwise.
#[test]
fn no_published_value_was_lost_in_restating() {
    let samples = Samples::read();
    for (name, count) in [
        ("near_ten", 30),
        ("near_twenty", 30),
        ("mostly_zero", 210),
        ("cles_pass", 60),
        ("cles_high", 60),
        ("cles_low", 30),
        ("halves", 90),
        ("many_halves", 180),
        ("problem", 850),
        ("effect_high", 30),
        ("effect_low", 30),
    ] {
        let (experiment, control) = samples.pair(name);
        assert_eq!((experiment.len(), control.len()), (count, count), "{name}");
    }
}
