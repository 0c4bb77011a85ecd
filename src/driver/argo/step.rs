//! The steps of a canary: what each does, and for how long one waits.

use serde_json::Value;

use crate::{domain::SafeText, driver::kubernetes::read};

/// Templates, matches and unknown keys of one step that are kept, at most.
const PARTS_MAX: usize = 16;

/// What a canary does next. A step with several keys, or none that is known, is [`Step::Invalid`] or
/// the first that the controller would look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Gives the canary a share of the traffic, or of the pods where nothing routes traffic.
    SetWeight(u32),
    /// Waits.
    Pause(Pause),
    /// Runs an experiment.
    Experiment {
        /// Its templates.
        templates: Vec<ExperimentTemplate>,
        /// For how long, as it is written; until its analyses end, when empty.
        duration: SafeText,
        /// The analyses that judge it.
        analyses: Vec<SafeText>,
    },
    /// Runs an analysis, and waits for it.
    Analysis {
        /// The names of its templates.
        templates: Vec<SafeText>,
    },
    /// Sets the canary's pods apart from its weight.
    SetCanaryScale(CanaryScale),
    /// Runs a plugin.
    Plugin {
        /// Its name.
        name: SafeText,
    },
    /// Routes requests with certain headers to the canary, or no more.
    SetHeaderRoute {
        /// The route's name.
        name: SafeText,
        /// Which headers; empty takes the route away.
        matches: Vec<SafeText>,
    },
    /// Mirrors requests to the canary, or no more.
    SetMirrorRoute {
        /// The route's name.
        name: SafeText,
        /// How many conditions it has; none takes the route away.
        matches: usize,
        /// The share that is mirrored, in percent, where it is said.
        percentage: Option<u32>,
    },
    /// Nothing that is known.
    Invalid {
        /// What it says instead.
        keys: Vec<SafeText>,
    },
}

/// A step that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pause {
    /// For how long, as it is written; none waits for somebody.
    pub written: Option<SafeText>,
    /// The same in seconds; none where nothing is written, or no duration.
    pub seconds: Option<u32>,
}

/// One template of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExperimentTemplate {
    /// Its name.
    pub name: SafeText,
    /// Whose pods it runs: `stable`, `canary`.
    pub of: SafeText,
    /// The share of traffic that it gets, where it gets some.
    pub weight: Option<u32>,
}

/// How many pods the canary has, apart from its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanaryScale {
    /// That share of the wanted ones.
    Weight(u32),
    /// As many as its weight asks for again.
    MatchTrafficWeight,
    /// That many.
    Replicas(u32),
}

impl Step {
    /// Reads one. The order in which keys are looked for is the controller's (argo-rollouts,
    /// `utils/rollout/rolloututil.go`).
    #[must_use]
    pub fn read(step: &Value) -> Self {
        let within = |pointer: &str| read::at(step, pointer).filter(|value| value.is_object());
        let names = |pointer: &str, key: &str| -> Vec<SafeText> {
            read::list(step, pointer).iter().take(PARTS_MAX).map(|part| read::shown(part, key)).collect()
        };
        if let Some(weight) = read::count(step, "/setWeight") {
            return Self::SetWeight(weight);
        }
        if let Some(pause) = within("/pause") {
            return Self::Pause(Pause::read(pause));
        }
        if within("/experiment").is_some() {
            return Self::Experiment {
                templates: read::list(step, "/experiment/templates")
                    .iter()
                    .take(PARTS_MAX)
                    .map(|template| ExperimentTemplate {
                        name: read::shown(template, "/name"),
                        of: read::shown(template, "/specRef"),
                        weight: read::count(template, "/weight"),
                    })
                    .collect(),
                duration: read::shown(step, "/experiment/duration"),
                analyses: names("/experiment/analyses", "/templateName"),
            };
        }
        if within("/analysis").is_some() {
            return Self::Analysis { templates: names("/analysis/templates", "/templateName") };
        }
        if let Some(scale) = within("/setCanaryScale").and_then(CanaryScale::read) {
            return Self::SetCanaryScale(scale);
        }
        if within("/plugin").is_some() {
            return Self::Plugin { name: read::shown(step, "/plugin/name") };
        }
        if within("/setHeaderRoute").is_some() {
            let matches = read::list(step, "/setHeaderRoute/match").iter().take(PARTS_MAX).map(header);
            return Self::SetHeaderRoute {
                name: read::shown(step, "/setHeaderRoute/name"),
                matches: matches.collect(),
            };
        }
        if within("/setMirrorRoute").is_some() {
            return Self::SetMirrorRoute {
                name: read::shown(step, "/setMirrorRoute/name"),
                matches: read::list(step, "/setMirrorRoute/match").len(),
                percentage: read::count(step, "/setMirrorRoute/percentage"),
            };
        }
        let keys = step.as_object().into_iter().flatten().map(|(key, _)| SafeText::new(key));
        Self::Invalid { keys: keys.take(PARTS_MAX).collect() }
    }

    /// What kind of step it is, in a word that may be part of a name.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::SetWeight(_) => "set-weight",
            Self::Pause(_) => "pause",
            Self::Experiment { .. } => "experiment",
            Self::Analysis { .. } => "analysis",
            Self::SetCanaryScale(_) => "set-canary-scale",
            Self::Plugin { .. } => "plugin",
            Self::SetHeaderRoute { .. } => "set-header-route",
            Self::SetMirrorRoute { .. } => "set-mirror-route",
            Self::Invalid { .. } => "invalid",
        }
    }

    /// It in one line, as `kubectl argo rollouts` and the controller's events write it.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::SetWeight(weight) => format!("setWeight: {weight}"),
            Self::Pause(pause) => match &pause.written {
                Some(written) => format!("pause: {written}"),
                None => "pause".to_owned(),
            },
            Self::Experiment { .. } => "experiment".to_owned(),
            Self::Analysis { .. } => "analysis".to_owned(),
            Self::SetCanaryScale(CanaryScale::Weight(weight)) => format!("setCanaryScale{{weight: {weight}}}"),
            Self::SetCanaryScale(CanaryScale::MatchTrafficWeight) => {
                "setCanaryScale{matchTrafficWeight: true}".to_owned()
            }
            Self::SetCanaryScale(CanaryScale::Replicas(count)) => format!("setCanaryScale{{replicas: {count}}}"),
            Self::Plugin { name } => format!("plugin: {name}"),
            Self::SetHeaderRoute { name, .. } => format!("setHeaderRoute: {name}"),
            Self::SetMirrorRoute { name, .. } => format!("setMirrorRoute: {name}"),
            Self::Invalid { .. } => "invalid".to_owned(),
        }
    }
}

impl Pause {
    fn read(pause: &Value) -> Self {
        let Some(duration) = read::at(pause, "/duration") else { return Self::default() };
        let (written, seconds) = match duration {
            Value::String(text) => (SafeText::new(text), pause_seconds(text)),
            other => (SafeText::new(other.to_string()), read::whole(other).and_then(as_seconds)),
        };
        Self { written: Some(written), seconds }
    }

    /// Whether somebody must end it.
    #[must_use]
    pub const fn is_endless(&self) -> bool {
        self.written.is_none()
    }
}

impl CanaryScale {
    fn read(scale: &Value) -> Option<Self> {
        if let Some(weight) = read::count(scale, "/weight") {
            return Some(Self::Weight(weight));
        }
        if read::is(scale, "/matchTrafficWeight") {
            return Some(Self::MatchTrafficWeight);
        }
        read::count(scale, "/replicas").map(Self::Replicas)
    }
}

/// A header condition in one line: `X-Canary = iphone`.
fn header(rule: &Value) -> SafeText {
    let name = read::shown(rule, "/headerName");
    for (pointer, sign) in [("/headerValue/exact", "="), ("/headerValue/prefix", "^"), ("/headerValue/regex", "~")] {
        if let Some(value) = read::text(rule, pointer) {
            return SafeText::new(format!("{name} {sign} {value}"));
        }
    }
    name
}

/// How long a pause is, of a duration that is written as a text: a bare number is seconds, else it is
/// what Go reads as a duration (argo-rollouts, `types.go`, `DurationSeconds`). None for anything else.
fn pause_seconds(text: &str) -> Option<u32> {
    match text.parse::<i32>() {
        Ok(seconds) => as_seconds(i64::from(seconds)),
        Err(_) => go_seconds(text),
    }
}

fn as_seconds(seconds: i64) -> Option<u32> {
    i32::try_from(seconds).ok().and_then(|seconds| u32::try_from(seconds).ok())
}

/// The whole seconds of a duration as Go writes them: `1h30m`, `1.5s`, `.5h`. None for what Go does not
/// read, for a negative one, and for what no counter of seconds there can hold.
pub(super) fn go_seconds(text: &str) -> Option<u32> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("\u{b5}s", 1e-6),
        ("\u{3bc}s", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        if !number.bytes().any(|byte| byte.is_ascii_digit()) || number.matches('.').count() > 1 {
            return None;
        }
        let number: f64 = number.parse().ok()?;
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        seconds += number * UNITS.iter().find(|(name, _)| *name == unit)?.1;
        rest = after;
    }
    // Sums of decimals may lie a hair under the whole number that was written.
    let whole = (seconds + 1e-6).floor();
    (whole <= f64::from(i32::MAX)).then_some(whole as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_is_written_as_the_plugin_writes_it() {
        // Cases of argo-rollouts, utils/rollout/rolloututil_test.go, TestCanaryStepString; the last ones are ours.
        for (step, line, word) in [
            (json!({"setWeight": 20}), "setWeight: 20", "set-weight"),
            (json!({"pause": {}}), "pause", "pause"),
            (json!({"pause": {"duration": 10}}), "pause: 10", "pause"),
            (json!({"pause": {"duration": "10s"}}), "pause: 10s", "pause"),
            (json!({"experiment": {}}), "experiment", "experiment"),
            (json!({"analysis": {}}), "analysis", "analysis"),
            (json!({"setCanaryScale": {"weight": 20}}), "setCanaryScale{weight: 20}", "set-canary-scale"),
            (
                json!({"setCanaryScale": {"matchTrafficWeight": true}}),
                "setCanaryScale{matchTrafficWeight: true}",
                "set-canary-scale",
            ),
            (json!({"setCanaryScale": {"replicas": 5}}), "setCanaryScale{replicas: 5}", "set-canary-scale"),
            (json!({"plugin": {"name": "foo"}}), "plugin: foo", "plugin"),
            (json!({"setHeaderRoute": {"name": "foo"}}), "setHeaderRoute: foo", "set-header-route"),
            (json!({"setMirrorRoute": {"name": "foo"}}), "setMirrorRoute: foo", "set-mirror-route"),
            (json!({"setWeight": 0}), "setWeight: 0", "set-weight"),
            (json!({"setCanaryScale": {}}), "invalid", "invalid"),
            (json!({}), "invalid", "invalid"),
            (json!({"setWait": 20}), "invalid", "invalid"),
            (json!({"setWeight": "much"}), "invalid", "invalid"),
            (json!(7), "invalid", "invalid"),
        ] {
            let read = Step::read(&step);
            assert_eq!((read.line().as_str(), read.word()), (line, word), "{step}");
        }
        assert_eq!(Step::read(&json!({"setWait": 20})), Step::Invalid { keys: vec![SafeText::new("setWait")] });
    }

    #[test]
    fn a_pause_is_as_long_as_the_controller_takes_it_to_be() {
        for (duration, seconds) in [
            (json!(10), Some(10)),
            (json!("10"), Some(10)),
            (json!("10s"), Some(10)),
            (json!("5m"), Some(300)),
            (json!("1h"), Some(3600)),
            (json!("1h15m30.918s"), Some(4530)),
            (json!(".5h"), Some(1800)),
            (json!("1500ms"), Some(1)),
            (json!("0"), Some(0)),
            (json!("+1m"), Some(60)),
            (json!(-5), None),
            (json!("-5s"), None),
            (json!("5 m"), None),
            (json!("5d"), None),
            (json!("."), None),
            (json!(".s"), None),
            (json!("1.2.3s"), None),
            (json!(""), None),
            (json!("\u{1b}[2J"), None),
            (json!(1e300), None),
            (json!("99999999999h"), None),
            (json!([]), None),
        ] {
            let step = Step::read(&json!({"pause": {"duration": duration}}));
            let Step::Pause(pause) = step else { panic!("{duration}: {step:?}") };
            assert_eq!(pause.seconds, seconds, "{duration}");
            assert!(!pause.is_endless(), "{duration}: an unreadable duration is not no duration");
        }
    }

    #[test]
    fn what_a_route_or_an_experiment_does_is_kept() {
        let route = json!({"setHeaderRoute": {"name": "phones", "match": [
            {"headerName": "X-Agent", "headerValue": {"regex": ".*iphone.*"}}, {"headerName": "X-Any"}]}});
        assert_eq!(
            Step::read(&route),
            Step::SetHeaderRoute {
                name: "phones".into(),
                matches: vec!["X-Agent ~ .*iphone.*".into(), "X-Any".into()]
            }
        );
        let experiment = json!({"experiment": {"duration": "5m", "analyses": [{"name": "a", "templateName": "success"}],
            "templates": [{"name": "baseline", "specRef": "stable"}, {"name": "trial", "specRef": "canary", "weight": 5}]}});
        let Step::Experiment { templates, duration, analyses } = Step::read(&experiment) else { panic!() };
        assert_eq!((templates.len(), templates[1].weight, duration.as_str()), (2, Some(5), "5m"));
        assert_eq!(analyses, [SafeText::new("success")]);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_duration_panic(text in any::<String>(), near in "[+-]?[0-9.]{0,20}[nuµmsh]{0,2}") {
            let _ = pause_seconds(&text);
            let _ = pause_seconds(&near);
        }

        #[test]
        fn whole_durations_are_exact(hours in 0u32..500, minutes in 0u32..60, seconds in 0u32..60) {
            let total = hours * 3600 + minutes * 60 + seconds;
            prop_assert_eq!(pause_seconds(&format!("{hours}h{minutes}m{seconds}s")), Some(total));
            prop_assert_eq!(pause_seconds(&total.to_string()), Some(total));
        }
    }
}
