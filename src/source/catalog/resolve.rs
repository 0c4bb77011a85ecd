//! From what a plan declares of an indicator to all that is needed to ask for it and to judge it.

use std::time::Duration;

use super::{CatalogError, CatalogProblem as Problem, ReadyMade, find, nearest};
use crate::{
    domain::{
        SafeText,
        plan::{ArmsBy, Direction, PlanSli, PlanTelemetry, REPORTED},
        sli::{Family, OBJECTIVE_MIN, SliKind, SliQueries},
    },
    judge::evidence::Spec,
    source::prometheus::{
        batch::{self, Role},
        template::Placeholder,
    },
};

/// The period of an error budget where nothing else is said.
pub const PERIOD: Duration = Duration::from_hours(30 * 24);
/// The shortest period that a budget can have: shorter than that, one evaluation is most of it.
const PERIOD_MIN: Duration = Duration::from_hours(1);

type Resolved<T> = Result<T, CatalogError>;

/// Fills in what a declaration leaves open: what is judged, and what a source is asked, which is nothing
/// where agents report it.
///
/// # Errors
/// [`CatalogError`], which names the field and says what to do: a ready-made indicator that there is
/// not, queries that contradict one another, an objective under which a rule could never fire.
pub fn resolve(sli: &PlanSli, telemetry: &PlanTelemetry) -> Resolved<(Spec, SliQueries)> {
    let wrong = |field, problem| CatalogError { sli: sli.name.clone(), field, problem };
    let ready = sli.uses.as_ref().map(|name| ready_made(name).map_err(|problem| wrong("use", problem))).transpose()?;
    let reported = telemetry.source.as_str() == REPORTED;
    if let Some((field, _)) = named(&sli.queries).next()
        && reported
    {
        return Err(wrong(field, Problem::Unasked { name: sli.name.clone() }));
    }
    let own = own_kind(&sli.queries).map_err(|(field, problem)| wrong(field, problem))?;
    let (queries, defaults) = match (own, ready) {
        (Some(kind), ready) => (sli.queries.clone(), Defaults::of_queries(kind, &sli.queries, ready)),
        (None, Some(ready)) if !reported && !ready.queries(telemetry.arms).is_empty() => {
            (ready.queries(telemetry.arms), Defaults::of_ready_made(ready))
        }
        (None, Some(ready)) => {
            (SliQueries::default(), Defaults::of_report(ready).map_err(|problem| wrong("use", problem))?)
        }
        (None, None) => (SliQueries::default(), Defaults::of_unit(sli)),
    };
    let kind = sli.kind.unwrap_or(defaults.kind);
    fits(kind, &queries).map_err(|problem| wrong("kind", problem))?;
    for role in Role::ALL {
        if let Some(template) = role.of(&queries) {
            asks(role, template, telemetry.arms).map_err(|problem| wrong(role.as_str(), problem))?;
        }
    }

    let spec = Spec {
        name: sli.name.clone(),
        kind,
        family: sli.family.or(ready.map(|ready| ready.family)).unwrap_or(family_of(kind)),
        unit: if sli.unit.is_empty() { SafeText::new(defaults.unit) } else { sli.unit.clone() },
        direction: match sli.direction {
            // Of events and durations one direction is worse; only a value can be wrong both ways.
            Direction::Either if kind != SliKind::Gauge || defaults.direction != Direction::Either => {
                if kind == defaults.kind { defaults.direction } else { direction_of(kind, &queries) }
            }
            direction => direction,
        },
        critical: sli.critical,
        // Nothing that was counted shows that no more would come: a count never passes.
        required: sli.required && ready.is_none_or(|ready| ready.required) && kind != SliKind::Count,
        observe_only: sli.observe_only || ready.is_some_and(|ready| ready.observe_only),
        objective: objective(sli, ready, kind).map_err(|problem| wrong("objective", problem))?,
        period: period(sli).map_err(|problem| wrong("period", problem))?,
        threshold: threshold(sli, ready, kind).map_err(|problem| wrong("threshold", problem))?,
        limit: limit(sli).map_err(|problem| wrong("limit", problem))?,
        scoring: sli.scoring,
    };
    if spec.kind == SliKind::Latency && spec.objective.is_some() && spec.threshold.is_none() {
        let why = "which requests are within the objective is said by it";
        return Err(wrong("objective", Problem::Incomplete { present: "the objective", missing: "a threshold", why }));
    }
    Ok((spec, queries))
}

fn ready_made(name: &SafeText) -> Result<&'static ReadyMade, Problem> {
    find(name.as_str()).ok_or_else(|| Problem::UnknownUse { name: name.clone(), nearest: nearest(name.as_str()) })
}

/// What an indicator is made of where a plan does not say so.
struct Defaults {
    kind: SliKind,
    unit: &'static str,
    direction: Direction,
}

impl Defaults {
    fn of_ready_made(ready: &ReadyMade) -> Self {
        Self { kind: ready.kind, unit: ready.unit, direction: ready.direction }
    }

    fn of_report(ready: &ReadyMade) -> Result<Self, Problem> {
        ready.reported.map(|r| Self { kind: r.kind, unit: r.unit, direction: r.direction }).ok_or({
            Problem::NotReported {
                name: ready.name,
                instead: "use request_latency, of which they report how many requests were within the threshold, or \
                          name a metrics server in telemetry.source",
            }
        })
    }

    /// A plan's own queries keep what the ready-made indicator means as long as they are of its kind.
    fn of_queries(kind: SliKind, queries: &SliQueries, ready: Option<&ReadyMade>) -> Self {
        match ready {
            // The same events, rarer than the ready-made ones or more frequent, are counted in the same way.
            Some(ready) if ready.kind == kind || (ready.kind == SliKind::Count && kind == SliKind::Ratio) => {
                Self::of_ready_made(ready)
            }
            _ => Self { kind, unit: unit_of(kind), direction: direction_of(kind, queries) },
        }
    }

    /// Of what agents report under a name that says nothing: good and all events, unless the unit is that of a value.
    fn of_unit(sli: &PlanSli) -> Self {
        let kind = match (sli.kind, sli.unit.as_str()) {
            (Some(kind), _) => kind,
            (None, "" | "ratio") => SliKind::Ratio,
            (None, _) => SliKind::Gauge,
        };
        let direction = match kind {
            // What agents count are good events: fewer of them are worse.
            SliKind::Ratio => Direction::LowerIsWorse,
            SliKind::Count | SliKind::Latency => Direction::HigherIsWorse,
            SliKind::Gauge => Direction::Either,
        };
        Self { kind, unit: unit_of(kind), direction }
    }
}

/// What a kind speaks for where nothing else is said.
pub(super) const fn family_of(kind: SliKind) -> Family {
    match kind {
        SliKind::Ratio => Family::Availability,
        SliKind::Count => Family::Health,
        SliKind::Latency => Family::Latency,
        SliKind::Gauge => Family::Saturation,
    }
}

const fn unit_of(kind: SliKind) -> &'static str {
    match kind {
        SliKind::Ratio | SliKind::Count => "ratio",
        SliKind::Latency => "s",
        SliKind::Gauge => "",
    }
}

fn direction_of(kind: SliKind, queries: &SliQueries) -> Direction {
    match kind {
        // Shown is the share of what was asked for: of good events, or of bad ones.
        SliKind::Ratio if queries.bad.is_some() => Direction::HigherIsWorse,
        SliKind::Ratio => Direction::LowerIsWorse,
        SliKind::Count | SliKind::Latency => Direction::HigherIsWorse,
        SliKind::Gauge => Direction::Either,
    }
}

/// The queries that are there, with their fields.
pub(super) fn named(queries: &SliQueries) -> impl Iterator<Item = (&'static str, &str)> {
    Role::ALL.into_iter().filter_map(|role| role.of(queries).map(|query| (role.as_str(), query)))
}

/// What a plan's own queries make; none, where there are none.
fn own_kind(queries: &SliQueries) -> Result<Option<SliKind>, (&'static str, Problem)> {
    let fields: Vec<&'static str> = named(queries).map(|(field, _)| field).collect();
    let contradiction = |second, allowed| Err((second, Problem::Contradiction { first: fields[0], second, allowed }));
    let incomplete = |present, missing, why| Err((present, Problem::Incomplete { present, missing, why }));
    match *fields {
        [] => Ok(None),
        ["good" | "bad", "total"] | ["good", "bad"] => Ok(Some(SliKind::Ratio)),
        ["histogram"] => Ok(Some(SliKind::Latency)),
        ["value"] => Ok(Some(SliKind::Gauge)),
        ["good" | "bad"] => {
            incomplete(fields[0], "total", "all events that it is a part of, or the exposure of a count")
        }
        ["total"] => incomplete("total", "good or bad", "the events that are counted among all"),
        ["good", "bad", "total", ..] => contradiction("bad", "give two of good, bad and total"),
        [.., "histogram", "value"] | ["good" | "bad" | "total", .., "value"] => {
            contradiction("value", "a value stands alone; events are good or bad with total; durations are a histogram")
        }
        _ => contradiction("histogram", "a histogram has its own total, and the threshold says which of it is good"),
    }
}

/// Whether a kind can be made from these queries, or from what agents report, where there are none.
fn fits(kind: SliKind, queries: &SliQueries) -> Result<(), Problem> {
    let expected = match kind {
        SliKind::Ratio => "it needs two of good, bad and total",
        SliKind::Count => "it needs bad and total, of which total is the exposure: requests, or seconds that units ran",
        SliKind::Latency => "it needs histogram: buckets of durations",
        SliKind::Gauge => "it needs value",
    };
    let given = match (queries.histogram.is_some(), queries.value.is_some(), queries.is_empty()) {
        (true, ..) => "a histogram",
        (_, true, _) => "a value",
        (_, _, true) => "what agents report",
        _ => "events",
    };
    let fits = match kind {
        SliKind::Latency => given == "a histogram",
        SliKind::Gauge => matches!(given, "a value" | "what agents report"),
        SliKind::Ratio | SliKind::Count => matches!(given, "events" | "what agents report"),
    };
    if fits { Ok(()) } else { Err(Problem::Kind { kind, given, expected }) }
}

/// Whether a template can be asked, and tells arms apart as the plan does.
fn asks(role: Role, template: &str, arms: ArmsBy) -> Result<(), Problem> {
    let checked = batch::checked(role, template).map_err(|why| Problem::Template(SafeText::new(why)))?;
    let wanted = Placeholder::of_arms(arms);
    if checked.label(wanted).is_some() {
        return Ok(());
    }
    let other = [Placeholder::Track, Placeholder::Release, Placeholder::Cohort];
    let found = other.into_iter().find(|other| checked.label(*other).is_some()).unwrap_or(wanted);
    Err(Problem::OtherArms { found: found.as_str(), wanted: wanted.as_str(), arms })
}

fn objective(sli: &PlanSli, ready: Option<&ReadyMade>, kind: SliKind) -> Result<Option<f64>, Problem> {
    if kind == SliKind::Gauge {
        let why = "a value has no events that a budget could be made of; leave the objective out";
        return sli.objective.map_or(Ok(None), |_| Err(Problem::Meaningless { kind, why }));
    }
    let Some(objective) = sli.objective.or(ready.and_then(|ready| ready.objective)) else { return Ok(None) };
    if !(objective > 0.0 && objective < 1.0) {
        let expected = "an objective is above 0 and below 1, such as 0.999";
        return Err(Problem::Range { given: objective, expected });
    }
    if objective < OBJECTIVE_MIN {
        return Err(Problem::NeverFires { objective, most: 1.0 / (1.0 - objective) });
    }
    Ok(Some(objective))
}

/// In seconds.
fn period(sli: &PlanSli) -> Result<f64, Problem> {
    let period = sli.period.unwrap_or(PERIOD);
    if period < PERIOD_MIN {
        return Err(Problem::Range {
            given: period.as_secs_f64(),
            expected: "a budget's period is an hour at the least",
        });
    }
    Ok(period.as_secs_f64())
}

fn threshold(sli: &PlanSli, ready: Option<&ReadyMade>, kind: SliKind) -> Result<Option<f64>, Problem> {
    if kind != SliKind::Latency {
        let why = "the events that agents report, or that queries count, are told good from bad already; leave it out";
        return sli.threshold.map_or(Ok(None), |_| Err(Problem::Meaningless { kind, why }));
    }
    match sli.threshold.or(ready.and_then(|ready| ready.threshold)) {
        Some(threshold) if !(threshold > 0.0 && threshold.is_finite()) => {
            Err(Problem::Range { given: threshold, expected: "a duration that is good is above 0" })
        }
        threshold => Ok(threshold),
    }
}

fn limit(sli: &PlanSli) -> Result<Option<f64>, Problem> {
    match sli.limit {
        Some(limit) if !(limit >= 0.0 && limit.is_finite()) => {
            let expected =
                "a limit is how far canary and baseline may be apart, 0 at the least, in the worse direction";
            Err(Problem::Range { given: limit, expected })
        }
        limit => Ok(limit),
    }
}
