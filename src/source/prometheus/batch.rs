//! What is asked together: one question for each template, way of telling arms apart and length of a
//! slice, whatever the number of rollouts that share it.
//!
//! A question becomes one request, with the union of all services and arms in it. It becomes more
//! where one would not do:
//! - a few rollouts that want a long past get one request of their own for it, so that the others' stays
//!   short;
//! - the query would be longer than servers take ([`QUERY_MAX`]);
//! - the answer would be larger than what is read, by the size that answers to that template had before.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

use super::{
    ask::Ask,
    template::{self, Filling, Placeholder, Template},
};
use crate::{
    domain::{SafeText, plan::ArmsBy, sli::SliKind},
    source::Wanted,
};

/// Longest query, in bytes: what VictoriaMetrics takes (`-search.maxQueryLen`); Prometheus takes more.
pub const QUERY_MAX: usize = 16 * 1024;
/// Most points of one series that Prometheus answers a range query with (`web/api/v1`, 11 000).
pub const POINTS_MAX: i64 = 11_000;
/// Values times slices from which a request of its own for a long past is worth it.
const BACKLOG_MIN: i64 = 10_000;

/// What a template asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Good events.
    Good,
    /// Bad events.
    Bad,
    /// All events.
    Total,
    /// Durations by bucket.
    Histogram,
    /// A gauge's value.
    Value,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Good, Self::Bad, Self::Total, Self::Histogram, Self::Value];

    /// As a declaration names its query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Total => "total",
            Self::Histogram => "histogram",
            Self::Value => "value",
        }
    }

    /// Its template, where there is one.
    #[must_use]
    pub fn of(self, queries: &crate::domain::sli::SliQueries) -> Option<&str> {
        match self {
            Self::Good => queries.good.as_deref(),
            Self::Bad => queries.bad.as_deref(),
            Self::Total => queries.total.as_deref(),
            Self::Histogram => queries.histogram.as_deref(),
            Self::Value => queries.value.as_deref(),
        }
    }
}

/// Which templates an indicator of a kind is made of; what is missing, where they do not suffice.
///
/// # Errors
/// One sentence that says what to declare.
pub fn roles(kind: SliKind, queries: &crate::domain::sli::SliQueries) -> Result<Vec<Role>, String> {
    let has = |role: Role| role.of(queries).is_some();
    let events = |needs: &str| match (has(Role::Bad), has(Role::Good), has(Role::Total)) {
        (true, _, true) => Ok(vec![Role::Bad, Role::Total]),
        (false, true, true) => Ok(vec![Role::Good, Role::Total]),
        (true, true, false) => Ok(vec![Role::Bad, Role::Good]),
        _ => Err(needs.to_owned()),
    };
    match kind {
        SliKind::Ratio => events("a ratio needs the queries total and bad, or total and good, or good and bad"),
        SliKind::Count => events("a count needs the queries bad and total (its exposure)"),
        SliKind::Latency if has(Role::Histogram) => Ok(vec![Role::Histogram]),
        SliKind::Latency => Err("a latency needs the query histogram".to_owned()),
        SliKind::Gauge if has(Role::Value) => Ok(vec![Role::Value]),
        SliKind::Gauge => Err("a gauge needs the query value".to_owned()),
    }
}

/// Checks a template for what it is to answer.
///
/// # Errors
/// One sentence that names the query, says where it is wrong, and what to do.
pub fn checked(role: Role, text: &str) -> Result<Template, String> {
    let name = role.as_str();
    let template = template::check(text).map_err(|error| format!("query {name}, {error}"))?;
    if role != Role::Value {
        if !template.has_window() {
            return Err(format!(
                "query {name} counts, and must count each slice of time once: write increase(...[$window])"
            ));
        }
        if let Some(function) = template.per_second() {
            return Err(format!(
                "query {name}: {function}() is per second, and events are counted: write increase(...[$window])"
            ));
        }
    }
    let arms = [Placeholder::Track, Placeholder::Release, Placeholder::Cohort];
    if !arms.into_iter().any(|arm| template.label(arm).is_some()) {
        return Err(format!(
            "query {name} does not tell canary and baseline apart: match a label against $track, $release or $cohort"
        ));
    }
    Ok(template)
}

/// One question: a template with all that is asked of it.
#[derive(Debug)]
pub struct Question<'w> {
    /// The template's text, which it is known by.
    pub text: &'w str,
    /// The template; why there is none.
    pub template: Result<Template, String>,
    /// How arms are told apart.
    pub arms: ArmsBy,
    /// Seconds of a slice, or of the budget's period.
    pub window: i64,
    /// Whether it is one value at the end of a period, rather than slices.
    pub instant: bool,
    /// Whether it asks for buckets.
    pub buckets: bool,
    members: Vec<Member<'w>>,
}

#[derive(Debug)]
struct Member<'w> {
    service: &'w str,
    /// None when the whole service is asked for.
    values: Vec<&'w str>,
    /// The slices, by their beginning, in seconds since 1970.
    slices: Range<i64>,
}

/// A service with values of the label that tells arms apart. Each pair of the two is in one piece of a
/// question for each time, so that nothing is counted twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Atom<'w> {
    /// The service; empty where the template does not ask for one.
    pub service: &'w str,
    /// The values; none when the whole service is asked for.
    pub values: Vec<&'w str>,
}

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'w> {
    /// The query, filled in.
    pub query: String,
    /// When.
    pub ask: Ask,
    /// Whose series of the answer count.
    pub atoms: Vec<Atom<'w>>,
}

impl Piece<'_> {
    /// About how many bytes its answer has when each pair is one series.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        bytes(&self.atoms, self.ask.points())
    }
}

/// All questions of one evaluation, and which of them answer what.
#[derive(Debug, Default)]
pub struct Batch<'w> {
    /// The questions.
    pub questions: Vec<Question<'w>>,
    /// Of each that is wanted: the questions for its slices, and for what is spent; why there are none.
    pub uses: Vec<Result<Uses, String>>,
}

/// Which questions answer what is wanted.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// For its slices.
    pub slices: Vec<(Role, usize)>,
    /// For the whole service over the budget's period.
    pub spent: Vec<(Role, usize)>,
}

impl<'w> Batch<'w> {
    /// Puts together what is wanted.
    #[must_use]
    pub fn new(wanted: &'w [Wanted]) -> Self {
        let mut batch = Self::default();
        let mut known = HashMap::new();
        for one in wanted {
            let uses = batch.add(&mut known, one);
            batch.uses.push(uses);
        }
        batch
    }

    fn add(
        &mut self,
        known: &mut HashMap<(Role, &'w str, ArmsBy, i64, bool), usize>,
        wanted: &'w Wanted,
    ) -> Result<Uses, String> {
        let roles = roles(wanted.spec.kind, &wanted.queries)?;
        let slice = i64::from(wanted.slice.max(1));
        let (from, to) = (wanted.from.timestamp().div_euclid(slice) * slice, wanted.to.timestamp());
        let slices = from..to.div_euclid(slice) * slice;
        let period = wanted.spec.period as i64;
        let spent = wanted.spent && period > 0 && matches!(wanted.spec.kind, SliKind::Ratio | SliKind::Latency);
        let mut uses = Uses::default();
        for role in roles {
            let Some(text) = role.of(&wanted.queries) else { continue };
            let mut ask = |window: i64, instant: bool, member: Member<'w>| {
                // The same text can be one indicator's total and another one's good: it is asked once,
                // unless what a template must be for the two differs.
                let class = if role == Role::Value { Role::Value } else { Role::Total };
                let questions = &mut self.questions;
                let place = *known.entry((class, text, wanted.arms, window, instant)).or_insert_with(|| {
                    questions.push(Question {
                        text,
                        template: checked(role, text),
                        arms: wanted.arms,
                        window,
                        instant,
                        buckets: false,
                        members: Vec::new(),
                    });
                    questions.len() - 1
                });
                let question = &mut questions[place];
                question.buckets |= role == Role::Histogram;
                question.members.push(member);
                place
            };
            let service = wanted.service.as_str();
            if !slices.is_empty() {
                let values = wanted.canary.iter().chain(&wanted.baseline).map(SafeText::as_str).collect();
                let place = ask(slice, false, Member { service, values, slices: slices.clone() });
                uses.slices.push((role, place));
            }
            if spent {
                let member = Member { service, values: Vec::new(), slices: to..to + 1 };
                uses.spent.push((role, ask(period, true, member)));
            }
        }
        Ok(uses)
    }
}

impl<'w> Question<'w> {
    /// The requests that it takes. `lines` is how many series each pair of service and arm has in
    /// answers to it, and `bytes_max` how large an answer may become.
    ///
    /// # Errors
    /// One sentence, when its template is wrong, or does not tell these arms apart, or even one value
    /// makes the query too long.
    pub fn pieces(&self, lines: f64, bytes_max: usize) -> Result<Vec<Piece<'w>>, String> {
        let template = self.template.as_ref().map_err(Clone::clone)?;
        let placeholder = Placeholder::of_arms(self.arms);
        if template.label(placeholder).is_none() {
            return Err(format!(
                "a query does not tell canary and baseline apart as the plan does: match a label against {}",
                placeholder.as_str()
            ));
        }
        let mut pieces = Vec::new();
        for (slices, members) in self.times() {
            let atoms = self.atoms(template, &members);
            let ask = self.ask(slices);
            self.split(
                template,
                ask,
                atoms,
                &|atoms| bytes(atoms, ask.points()) * lines <= bytes_max as f64,
                &mut pieces,
            )?;
        }
        Ok(pieces)
    }

    fn ask(&self, slices: Range<i64>) -> Ask {
        if self.instant {
            return Ask::Instant { at: slices.start };
        }
        // The value at a time is that of the slice which ends there.
        let step = self.window;
        let start = (slices.start + step).max(slices.end - (POINTS_MAX - 1) * step);
        Ask::Range { start, end: slices.end, step }
    }

    /// The spans of time that are asked for, each with those who want it: one, or two where a few want
    /// a much longer past than the others.
    fn times(&self) -> Vec<(Range<i64>, Vec<&Member<'w>>)> {
        let all: Vec<&Member<'w>> = self.members.iter().collect();
        let Some(to) = all.iter().map(|member| member.slices.end).max() else { return Vec::new() };
        if self.instant {
            // The newest will do for all: they differ by less than an evaluation's length.
            return vec![(to - 1..to, all)];
        }
        let Some(first) = all.iter().map(|member| member.slices.start).min() else { return Vec::new() };
        let slice = self.window;
        let mut starts: Vec<(i64, i64)> = all
            .iter()
            .map(|member| (member.slices.start, i64::try_from(member.values.len()).unwrap_or(i64::MAX)))
            .collect();
        starts.sort_unstable();
        let values: i64 = starts.iter().map(|(_, values)| values).sum();
        let whole = values * (to - first) / slice;
        let mut earlier = 0;
        let mut best = (whole, first);
        for (start, own) in &starts {
            let cost = (values * (to - start) + earlier * (start - first)) / slice;
            if *start > first && cost < best.0 {
                best = (cost, *start);
            }
            earlier += own;
        }
        let (cost, cut) = best;
        if cut == first || whole < BACKLOG_MIN || cost * 2 > whole {
            return vec![(first..to, all)];
        }
        let early = all.iter().copied().filter(|member| member.slices.start < cut).collect();
        vec![(cut..to, all), (first..cut, early)]
    }

    fn atoms(&self, template: &Template, members: &[&Member<'w>]) -> Vec<Atom<'w>> {
        let by_service = template.label(Placeholder::Service).is_some();
        let mut atoms: BTreeMap<&'w str, BTreeSet<&'w str>> = BTreeMap::new();
        for member in members {
            let service = if by_service { member.service } else { "" };
            atoms.entry(service).or_default().extend(&member.values);
        }
        let has_values = |values: &BTreeSet<&str>| self.instant || !values.is_empty();
        let atoms = atoms.into_iter().filter(|(_, values)| has_values(values));
        atoms.map(|(service, values)| Atom { service, values: values.into_iter().collect() }).collect()
    }

    /// Halves until each half is a query that may be asked.
    fn split(
        &self,
        template: &Template,
        ask: Ask,
        mut atoms: Vec<Atom<'w>>,
        fits: &dyn Fn(&[Atom<'w>]) -> bool,
        pieces: &mut Vec<Piece<'w>>,
    ) -> Result<(), String> {
        if atoms.is_empty() {
            return Ok(());
        }
        let query = self.query(template, &atoms);
        let divisible = atoms.len() > 1 || atoms[0].values.len() > 1;
        if query.len() <= QUERY_MAX && (!divisible || fits(&atoms)) {
            pieces.push(Piece { query, ask, atoms });
            return Ok(());
        }
        let rest = if atoms.len() > 1 {
            atoms.split_off(atoms.len() / 2)
        } else if divisible {
            let Atom { service, values } = &mut atoms[0];
            vec![Atom { service, values: values.split_off(values.len() / 2) }]
        } else {
            return Err(format!("a query with only {:?} in it is longer than {QUERY_MAX} bytes", atoms[0].service));
        };
        self.split(template, ask, atoms, fits, pieces)?;
        self.split(template, ask, rest, fits, pieces)
    }

    fn query(&self, template: &Template, atoms: &[Atom<'_>]) -> String {
        let services: BTreeSet<&str> = atoms.iter().map(|atom| atom.service).collect();
        let values: BTreeSet<&str> = atoms.iter().flat_map(|atom| atom.values.iter().copied()).collect();
        let service = template::alternatives(services);
        let values = if self.instant { template::ANYTHING.to_owned() } else { template::alternatives(values) };
        template.fill(&Filling { service: &service, arms: self.arms, values: &values, window: self.window })
    }
}

/// About how many bytes an answer has in which each pair is one series: its labels, and its points.
fn bytes(atoms: &[Atom<'_>], points: i64) -> f64 {
    let pairs: usize = atoms.iter().map(|atom| atom.values.len().max(1)).sum();
    pairs as f64 * (100.0 + 25.0 * points as f64)
}

#[cfg(test)]
pub(super) mod tests;
