//! The indicators that a plan declares.

use std::time::Duration;

use super::{
    super::{
        super::{GateName, SafeText, duration, text::first_hostile},
        Direction, PlanSli,
        document::{Key, Node, Value},
        error::{quoted, suggestion},
    },
    Read,
    value::{at, find, flag, here, join, known_only, named, number, one_of, plain, share, span, text, word},
};
use crate::domain::sli::{Family, OBJECTIVE_MIN, Scoring, SliKind};

/// Longest query, in characters.
const QUERY_MAX: usize = 4000;
/// Shortest period of an error budget: shorter than that, one evaluation is most of it.
const PERIOD_MIN: Duration = Duration::from_hours(1);

/// The fields of an indicator, in the order in which people read them.
pub const SLI_FIELDS: [&str; 18] = [
    "use",
    "kind",
    "family",
    "unit",
    "direction",
    "critical",
    "required",
    "observe_only",
    "objective",
    "period",
    "threshold",
    "limit",
    "scoring",
    "good",
    "bad",
    "total",
    "histogram",
    "value",
];

pub(super) fn slis(node: &Node) -> Read<Vec<PlanSli>> {
    let what = "a mapping of names to what they are, such as `errors: {use: request_success_rate}`";
    named(node, "slis", what)?.into_iter().map(|(key, node)| sli(key, node)).collect()
}

fn sli(key: &Key, node: &Node) -> Read<PlanSli> {
    let field = join("slis", &key.name);
    // What agents report under is a name like a gate's.
    if GateName::new(&*key.name).is_err() {
        return Err(here(key.spot, field, "an indicator's name has letters, digits, - _ and . only"));
    }
    let mut sli = PlanSli::new(&key.name);
    let entries = match &node.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null => &[],
        other => {
            return Err(at(
                node,
                field,
                format!("expected a mapping of {}, got {}", SLI_FIELDS.join(", "), other.kind()),
            ));
        }
    };
    known_only(entries, &field, &SLI_FIELDS)?;
    // What a threshold's duration is in is said by it.
    if let Some(node) = find(entries, "unit") {
        sli.unit = plain(node, &join(&field, "unit"))?;
    }
    for (key, node) in entries {
        let field = join(&field, &key.name);
        match key.name.as_str() {
            "use" => sli.uses = Some(word(node, &field, "the name of a ready-made indicator")?),
            "kind" => sli.kind = Some(one_of(node, &field, &SliKind::ALL, SliKind::as_str)?),
            "family" => sli.family = Some(one_of(node, &field, &Family::ALL, Family::as_str)?),
            "direction" => sli.direction = one_of(node, &field, &Direction::ALL, Direction::as_str)?,
            "critical" => sli.critical = flag(node, &field)?,
            "required" => sli.required = flag(node, &field)?,
            "observe_only" => sli.observe_only = flag(node, &field)?,
            "limit" => sli.limit = number(node, &field)?,
            "objective" => sli.objective = Some(objective(node, &field)?),
            "period" => sli.period = Some(period(node, &field)?),
            "threshold" => sli.threshold = threshold(node, &field, sli.unit.as_str())?,
            "scoring" => sli.scoring = one_of(node, &field, &Scoring::ALL, Scoring::as_str)?,
            "good" => sli.queries.good = Some(query(node, &field)?),
            "bad" => sli.queries.bad = Some(query(node, &field)?),
            "total" => sli.queries.total = Some(query(node, &field)?),
            "histogram" => sli.queries.histogram = Some(query(node, &field)?),
            "value" => sli.queries.value = Some(query(node, &field)?),
            _ => {}
        }
    }
    if sli.observe_only && sli.critical {
        let spot = entries.iter().find(|(key, _)| key.name == "critical").and_then(|(_, node)| node.spot);
        let message = "it is only observed, and so nothing is done for it: it is critical, or observe_only";
        return Err(here(spot, join(&field, "critical"), message));
    }
    Ok(sli)
}

/// Above 0 and below 1, and such that every rule on its burn can fire.
fn objective(node: &Node, field: &str) -> Read<f64> {
    let objective = share(node, field, "such as 99.9% or 0.999")?;
    if objective <= 0.0 || objective >= 1.0 {
        return Err(at(
            node,
            field,
            "an objective is above 0% and below 100%: what is between it and 100% is the budget",
        ));
    }
    if objective < OBJECTIVE_MIN {
        // Cut, not rounded: what is short of ten is not to read as ten.
        let most = (100.0 / (1.0 - objective)).floor() / 100.0;
        let message = format!(
            "under an objective of {}% a budget burns at most {most} times as fast as it may, so that a 10x burn could never fire; the least is 90%",
            shown(objective)
        );
        return Err(at(node, field, message));
    }
    Ok(objective)
}

/// A share in percent, without what the number's form adds.
fn shown(share: f64) -> f64 {
    (share * 100.0 * 1e9).round() / 1e9
}

/// A span of time, or whole days, which no other span is written in.
fn period(node: &Node, field: &str) -> Read<Duration> {
    let days = match &node.value {
        Value::Text(text) => text.trim().strip_suffix('d').and_then(|days| days.parse::<u32>().ok()),
        _ => None,
    };
    let period = match days {
        Some(days) => Duration::from_hours(24 * u64::from(days)),
        None => span(node, field)?,
    };
    if period < PERIOD_MIN {
        return Err(at(node, field, "a budget's period is an hour at the least, such as 30d"));
    }
    if period > duration::LONGEST {
        return Err(at(node, field, "a budget's period is 366 days at the most"));
    }
    Ok(period)
}

/// Units of time, in microseconds.
const TIMES: [(&[&str], f64); 5] =
    [(&["s", "seconds"], 1e6), (&["ms"], 1e3), (&["us", "µs"], 1.0), (&["m", "min"], 60e6), (&["h"], 3600e6)];

/// A number in the indicator's unit, or a duration, which is brought to it: to seconds, where no unit is said.
fn threshold(node: &Node, field: &str, unit: &str) -> Read<Option<f64>> {
    let threshold = match &node.value {
        Value::Text(text) => {
            let length = duration::parse(text).map_err(|error| at(node, field, error.to_string()))?;
            let unit = if unit.is_empty() { "s" } else { unit };
            let Some((_, micros)) = TIMES.iter().find(|(names, _)| names.contains(&unit)) else {
                let message = format!("{} is a duration, and the unit is {}", quoted(text), quoted(unit));
                return Err(at(node, field, message));
            };
            // Of whole numbers, the quotient is the number that is nearest to the true one.
            Some(length.as_micros() as f64 / micros)
        }
        _ => number(node, field)?,
    };
    match threshold {
        Some(threshold) if threshold <= 0.0 => Err(at(node, field, "a duration that is good is above 0")),
        threshold => Ok(threshold),
    }
}

/// A template in a source's own language, over several lines if need be.
fn query(node: &Node, field: &str) -> Read<String> {
    let query = text(node, field, "a query")?.trim();
    if query.is_empty() {
        return Err(at(node, field, "the query is empty; leave it out, or write one"));
    }
    if query.chars().count() > QUERY_MAX {
        return Err(at(node, field, format!("the query is longer than {QUERY_MAX} characters")));
    }
    let on_one_line: String = query.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect();
    if let Some(position) = first_hostile(&on_one_line) {
        let message = format!("a control or invisible character at position {}: write it as plain text", position + 1);
        return Err(at(node, field, message));
    }
    Ok(query.to_owned())
}

pub(super) fn sli_named(text: &str, slis: &[PlanSli]) -> Result<SafeText, String> {
    if GateName::new(text).is_err() {
        return Err("an indicator's name has letters, digits, - _ and . only".to_owned());
    }
    // A plan that declares none shows whatever agents report.
    if slis.is_empty() || slis.iter().any(|sli| sli.name.as_str() == text) {
        return Ok(SafeText::new(text));
    }
    let known = slis.iter().map(|sli| sli.name.as_str());
    Err(format!("the plan has no indicator {}{}", quoted(text), suggestion(text, known)))
}
