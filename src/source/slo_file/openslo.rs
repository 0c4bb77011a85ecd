//! OpenSLO v1: objects that refer to one another, wherever in a file they stand.

use std::{collections::BTreeMap, time::Duration};

use super::{
    SloFile,
    arms::Asks,
    fields::{Field, Fields, Read},
    indicator::{Draft, of_hundred},
    sloth::remark,
};
use crate::domain::{
    SafeText, duration,
    plan::{ArmsBy, Direction, suggestion},
    sli::Family,
};

const OBJECT_KEYS: &[&str] = &["apiVersion", "kind", "metadata", "spec"];
const METADATA_KEYS: &[&str] = &["name", "displayName", "labels", "annotations"];
const SLO_KEYS: &[&str] = &[
    "description",
    "service",
    "indicator",
    "indicatorRef",
    "timeWindow",
    "budgetingMethod",
    "objectives",
    "alertPolicies",
];
const OBJECTIVE_KEYS: &[&str] = &[
    "displayName",
    "op",
    "value",
    "target",
    "targetPercent",
    "timeSliceTarget",
    "timeSliceWindow",
    "indicator",
    "indicatorRef",
    "compositeWeight",
];
const KINDS: &[&str] =
    &["SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];
/// What speaks Prometheus' HTTP API, as sources are called.
const PROMETHEUS: &[&str] = &["prometheus", "thanos", "mimir", "cortex", "victoriametrics"];

/// All objects of a file.
#[derive(Debug, Default)]
pub(super) struct Objects<'n> {
    slos: Vec<Fields<'n>>,
    slis: BTreeMap<String, Indicator<'n>>,
    /// The order of the above.
    order: Vec<String>,
    /// The type of each source, and where it is said.
    sources: BTreeMap<String, Field<'n>>,
    alerts: bool,
}

/// An SLI that stands on its own.
#[derive(Debug)]
struct Indicator<'n> {
    spec: Fields<'n>,
    name: Field<'n>,
    used: std::cell::Cell<bool>,
}

impl<'n> Objects<'n> {
    /// Takes an object.
    pub fn add(&mut self, object: Fields<'n>) -> Read<()> {
        let kind = object.required("kind", "what the object is")?.one_of(KINDS)?;
        object.known_only(OBJECT_KEYS)?;
        let spec = || object.required("spec", "what it is about")?.fields("what it is about");
        match kind {
            "SLO" => self.slos.push(object),
            "SLI" => {
                let name = named(&object)?;
                let text = name.text("a name")?.to_owned();
                let indicator = Indicator { spec: spec()?, name: name.clone(), used: std::cell::Cell::new(false) };
                if self.slis.insert(text.clone(), indicator).is_some() {
                    return Err(name.wrong("there are two SLIs of that name"));
                }
                self.order.push(text);
            }
            "DataSource" => {
                let name = named(&object)?;
                // How to connect is for the server's configuration; what is said of it here may be a secret.
                let source = spec()?.required("type", "what kind of source it is, such as Prometheus")?;
                if self.sources.insert(name.text("a name")?.to_owned(), source).is_some() {
                    return Err(name.wrong("there are two sources of that name"));
                }
            }
            "Service" => {}
            _ => self.alerts = true,
        }
        Ok(())
    }

    /// Adds the indicators of all objects to the file.
    pub fn indicators(self, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
        for slo in &self.slos {
            self.slo(slo, arms, file)?;
        }
        for name in &self.order {
            if let Some(indicator) = self.slis.get(name).filter(|indicator| !indicator.used.get()) {
                let mut draft = Draft::new(name, &indicator.name, arms)?;
                let source = self.metric(&mut draft, &indicator.spec, None)?;
                draft.finish(&indicator.spec, None, source, file)?;
            }
        }
        if self.alerts {
            remark(file, ALERTS);
        }
        Ok(())
    }

    fn slo(&self, object: &Fields<'n>, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
        let name = named(object)?;
        let spec = object.required("spec", "what it is about")?.fields("what it is about")?;
        spec.known_only(SLO_KEYS)?;
        let service = spec.required("service", "the name of the service")?.plain("the name of the service")?;
        if spec.get("alertPolicies").is_some_and(|policies| !policies.is_empty()) {
            remark(file, ALERTS);
        }
        let method = spec.required("budgetingMethod", "Occurrences")?;
        let method = method.one_of(&["Occurrences", "Timeslices", "RatioTimeslices"])?;
        let window = spec.get("timeWindow").map(|window| time_window(&window)).transpose()?;
        let objectives = spec.required("objectives", "a list of objectives")?;
        let items = objectives.list("objectives")?;
        if items.is_empty() {
            return Err(objectives.wrong("the list is empty; expected an objective at the least"));
        }
        let several = items.len() > 1;
        for (index, item) in items.into_iter().enumerate() {
            let objective = item.fields("an objective")?;
            objective.known_only(OBJECTIVE_KEYS)?;
            for key in ["indicator", "indicatorRef", "compositeWeight"] {
                objective
                    .unsupported(key, "an SLO of several indicators is judged as several SLOs: write one for each")?;
            }
            let text = name.text("a name")?;
            let text = if several { format!("{text}-{}", index + 1) } else { text.to_owned() };
            let mut draft = Draft::new(&text, &name, arms)?;
            let indicator = self.indicator(&spec)?;
            if several && indicator.get("thresholdMetric").is_some() {
                return Err(objectives.wrong("a thresholdMetric has one objective; write an SLO for each"));
            }
            let source = self.metric(&mut draft, &indicator, Some(&objective))?;
            let (target, place) = target(&objective)?;
            let events = draft.sli.queries.total.is_some();
            if events && method == "Occurrences" {
                draft.sli.objective = Some(target);
                draft.from("objective", place);
            } else {
                let why = if events {
                    "budgets are of events here, and it counts slices of time"
                } else {
                    "a value without its events spends no budget"
                };
                draft.remarks.push(format!("its objective of {}% is left out: {why}", shown(target * 100.0)));
            }
            if let Some((period, place, calendar)) = &window {
                draft.sli.period = Some(*period);
                draft.from("period", place.clone());
                if *calendar && draft.sli.objective.is_some() {
                    draft
                        .remarks
                        .push("its calendar is left out: the budget's period is as long, and rolls".to_owned());
                }
            }
            draft.finish(object, Some(service.clone()), source, file)?;
        }
        Ok(())
    }

    /// What an SLO measures, written in it or referred to.
    fn indicator(&self, spec: &Fields<'n>) -> Read<Fields<'n>> {
        match (spec.get("indicator"), spec.get("indicatorRef")) {
            (Some(_), Some(reference)) => Err(reference.wrong("an indicator is there already; an SLO has one of them")),
            (Some(indicator), None) => {
                let indicator = indicator.fields("an indicator")?;
                indicator.known_only(&["metadata", "spec"])?;
                indicator.required("spec", "what it measures")?.fields("what it measures")
            }
            (None, Some(reference)) => {
                let name = reference.text("the name of an SLI")?;
                let found = self.slis.get(name).ok_or_else(|| {
                    let known = suggestion(name, self.slis.keys().map(String::as_str));
                    reference
                        .wrong(format!("there is no SLI of that name in the file{known}; add it as one more document"))
                })?;
                found.used.set(true);
                Ok(found.spec.clone())
            }
            (None, None) => Err(spec.wrong("it has no indicator; expected indicator, or indicatorRef")),
        }
    }

    /// Reads what an indicator measures. The answer is the source's name, where it has one.
    fn metric(
        &self,
        draft: &mut Draft<'n>,
        spec: &Fields<'n>,
        objective: Option<&Fields<'n>>,
    ) -> Read<Option<SafeText>> {
        spec.known_only(&["description", "thresholdMetric", "ratioMetric"])?;
        match (spec.get("ratioMetric"), spec.get("thresholdMetric")) {
            (Some(_), Some(threshold)) => {
                Err(threshold.wrong("a ratioMetric is there already; an SLI has one of them"))
            }
            (Some(ratio), None) => self.ratio(draft, &ratio.fields("good or bad with total, or raw")?),
            (None, Some(threshold)) => self.threshold(draft, &threshold.fields("a metricSource")?, objective),
            (None, None) => Err(spec.wrong("it measures nothing; expected ratioMetric, or thresholdMetric")),
        }
    }

    fn ratio(&self, draft: &mut Draft<'n>, ratio: &Fields<'n>) -> Read<Option<SafeText>> {
        ratio.known_only(&["counter", "good", "bad", "total", "rawType", "raw"])?;
        if let Some(raw) = ratio.get("raw") {
            if let Some(other) = ratio.get_any(&["total", "good", "bad"]) {
                return Err(other.wrong("a raw ratio is there already; it stands alone"));
            }
            let kind = ratio.required("rawType", "success or failure")?.one_of(&["success", "failure"])?;
            let (query, source) = self.source(raw)?;
            draft.query("value", query, Asks::Value)?;
            draft.sli.unit = SafeText::new("ratio");
            draft.sli.direction = if kind == "success" { Direction::LowerIsWorse } else { Direction::HigherIsWorse };
            draft.sli.family.get_or_insert(Family::Availability);
            return Ok(source);
        }
        let counter = ratio.get("counter").map(|counter| counter.truth()).transpose()?;
        let asks = Asks::Events { counter: counter == Some(true) };
        let (field, part) = match (ratio.get("good"), ratio.get("bad")) {
            (Some(_), Some(bad)) => return Err(bad.wrong("good is there already; a ratio has one of them")),
            (Some(good), None) => ("good", good),
            (None, Some(bad)) => ("bad", bad),
            (None, None) => return Err(ratio.wrong("it has neither good nor bad; expected one of them, or raw")),
        };
        let total = ratio.required("total", "the query of all events")?;
        let (query, source) = self.source(part)?;
        draft.query(field, query, asks)?;
        let (query, other) = self.source(total.clone())?;
        draft.query("total", query, asks)?;
        if source != other {
            return Err(total.wrong("it is of another source than the rest of the ratio; a ratio has one source"));
        }
        Ok(source)
    }

    fn threshold(
        &self,
        draft: &mut Draft<'n>,
        metric: &Fields<'n>,
        objective: Option<&Fields<'n>>,
    ) -> Read<Option<SafeText>> {
        let (query, source) = self.source_of(metric)?;
        draft.query("value", query, Asks::Value)?;
        let op = objective.and_then(|objective| objective.get("op"));
        if let (Some(op), Some(value)) = (&op, objective.and_then(|objective| objective.get("value"))) {
            let value = value.number("the value that it is compared with")?;
            draft.sli.direction = match op.one_of(&["lte", "lt", "gte", "gt"])? {
                "lte" | "lt" => Direction::HigherIsWorse,
                _ => Direction::LowerIsWorse,
            };
            let op = op.text("lte, lt, gte or gt")?;
            draft.remarks.push(format!("canary is held against baseline, and neither against {op} {value}"));
        } else if let Some(objective) = objective {
            objective.required("op", "lte, lt, gte or gt, to which a thresholdMetric is held")?;
            objective.required("value", "the value that a thresholdMetric is compared with")?;
        }
        Ok(source)
    }

    fn source(&self, metric: Field<'n>) -> Read<(Field<'n>, Option<SafeText>)> {
        self.source_of(&metric.fields("a metricSource")?)
    }

    /// The query of a metric, and its source's name.
    fn source_of(&self, metric: &Fields<'n>) -> Read<(Field<'n>, Option<SafeText>)> {
        metric.known_only(&["metricSource"])?;
        let source = metric.required("metricSource", "where it is measured")?.fields("where it is measured")?;
        source.known_only(&["metricSourceRef", "type", "spec"])?;
        let reference = source.get("metricSourceRef");
        let name = reference.as_ref().map(|reference| reference.plain("the name of a source")).transpose()?;
        let kind = match (source.get("type"), &name) {
            (Some(kind), _) => Some(kind),
            (None, Some(name)) => self.sources.get(name.as_str()).cloned(),
            (None, None) => {
                return Err(source.wrong("it says neither type nor metricSourceRef; write type: Prometheus"));
            }
        };
        if let Some(kind) = kind {
            let text = kind.text("what kind of source it is, such as Prometheus")?;
            let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
            if !PROMETHEUS.contains(&plain.as_str()) {
                let shown: String = text.chars().take(60).collect();
                return Err(kind.wrong(format!(
                    "{shown:?} is not supported: sources are Prometheus and what speaks its API (Thanos, Mimir, Cortex, \
                     VictoriaMetrics); export the metric there, or let agents report it"
                )));
            }
        }
        let spec = source.required("spec", "the query")?.fields("the query")?;
        spec.known_only(&["query", "promql", "queryType"])?;
        if let Some(language) = spec.get("queryType") {
            language.one_of(&["promql"])?;
        }
        let query = match spec.get_any(&["query", "promql"]) {
            Some(query) => query,
            None => spec.required("query", "a query in PromQL")?,
        };
        Ok((query, name))
    }
}

const ALERTS: &str =
    "alert policies are passed over: Rolldeck holds, pauses and rolls back, and leaves alerts to others";

fn named<'n>(object: &Fields<'n>) -> Read<Field<'n>> {
    let metadata = object.required("metadata", "its name")?.fields("its name")?;
    metadata.known_only(METADATA_KEYS)?;
    metadata.required("name", "a name")
}

/// The share of events, or of time, that is to be good, and where it is said.
fn target<'n>(objective: &Fields<'n>) -> Read<(f64, Field<'n>)> {
    match (objective.get("target"), objective.get("targetPercent")) {
        (Some(_), Some(percent)) => Err(percent.wrong("target is there already; an objective has one of them")),
        (None, None) => Err(objective.wrong("it has no target; expected target, such as 0.999, or targetPercent")),
        (Some(field), None) => {
            let target = field.number("a share below 1, such as 0.999")?;
            if (0.0..1.0).contains(&target) {
                return Ok((target, field));
            }
            Err(field.wrong(format!("{target} is out of range; a target is below 1, such as 0.999")))
        }
        (None, Some(field)) => {
            let percent = field.number("a percentage below 100, such as 99.9")?;
            if (0.0..100.0).contains(&percent) {
                return Ok((of_hundred(percent), field));
            }
            Err(field.wrong(format!("{percent} is out of range; a targetPercent is below 100, such as 99.9")))
        }
    }
}

/// How long the budget's window is, and whether it follows a calendar.
fn time_window<'n>(field: &Field<'n>) -> Read<(Duration, Field<'n>, bool)> {
    let mut items = field.list("one time window")?;
    if items.len() != 1 {
        return Err(field.wrong(format!("it has {} windows; an SLO has exactly one", items.len())));
    }
    let window = items.remove(0).fields("a time window")?;
    window.known_only(&["duration", "isRolling", "calendar"])?;
    let rolling = window.get("isRolling").map(|rolling| rolling.truth()).transpose()?;
    let calendar = window.get("calendar");
    match (rolling, &calendar) {
        (Some(true), Some(calendar)) => {
            return Err(calendar.wrong("a rolling window has no calendar; leave one of them out"));
        }
        (Some(false), None) => return Err(window.wrong("a window that does not roll needs a calendar")),
        _ => {}
    }
    let length = window.required("duration", "how long the window is, such as 4w")?;
    let text = length.text("how long the window is, such as 4w")?;
    let period = shorthand(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        length.wrong(format!(
            "{shown:?} is not a window's length; write a number with m, h, d, w, M, Q or Y, of a year at the most"
        ))
    })?;
    Ok((period, length, calendar.is_some()))
}

/// A number with one of seven units. A month has 30 days, a quarter 90 and a year 365, as OpenSLO's own
/// tools take them (OpenSLO/go-sdk `pkg/openslo/v1/duration_shorthand.go`).
fn shorthand(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes: u64 = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        "w" => 7 * 24 * 60,
        "M" => 30 * 24 * 60,
        "Q" => 90 * 24 * 60,
        "Y" => 365 * 24 * 60,
        _ => return None,
    };
    let digits = !number.is_empty() && number.len() <= 9 && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = Some(number).filter(|_| digits)?.parse().ok()?;
    let period = Duration::from_secs(60 * minutes * number);
    (!period.is_zero() && period <= duration::LONGEST).then_some(period)
}

/// A percentage without what computing adds.
fn shown(percent: f64) -> f64 {
    (percent * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units and lengths as OpenSLO/go-sdk's tests of the same have them.
    #[test]
    fn lengths_are_read_as_openslo_writes_them() {
        let day = 86_400;
        for (text, seconds) in [
            ("5m", 300),
            ("12h", 43_200),
            ("31d", 31 * day),
            ("4w", 28 * day),
            ("1M", 30 * day),
            ("1Q", 90 * day),
            ("1Y", 365 * day),
            ("365d", 365 * day),
        ] {
            assert_eq!(shorthand(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "4", "w", "4W", "-1d", "1.5d", "1d ", "1d12h", "0d", "2Y", "99999999999d", "5é", "é"] {
            assert_eq!(shorthand(text), None, "{text:?}");
        }
    }
}
