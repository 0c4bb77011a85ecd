//! What the judge knows of each rollout, and what follows from it: which slices are asked for, what
//! is concluded of them, and what the engine is told. In memory only: a source is asked again after a
//! restart, and what was acted on is in the rollout's state.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    actions::not_found,
    core::{Core, Record, Stored},
    telemetry::Round,
};
use crate::{
    domain::{
        Digest, FlagKey, GateName, RolloutId, SafeText, Sli, SliArm, UnitId, UnitKey, Verdict,
        flag::HeldFlag,
        plan::{ArmsBy, FailResponse, GateRule, PlanSli, PlanTelemetry, REPORTED},
        sli::{OverallVerdict, SliKind, SliQueries, TelemetryState},
    },
    engine::{self, Demand, Event, FactBy, Judged, Reading},
    judge::{
        self,
        act::{AutomaticAct, Origin},
        evidence::{Evidence, Judgement, Spec, Standing},
        gates::{budget_gate, verdict_gate},
        ledger::{Given, Ledger, Range},
        overall::{self, Conclusion, Correlated, Decision, Situation, overall},
    },
    source::{Answer, SourceError, Wanted, catalog},
    wire::{Code, Problem},
};

/// A rollout is judged this often, in seconds, or twice a slice, if that is more often.
const EVERY: i64 = 30;
/// For so long after the judge brought a release back, no machine begins the next rollout there.
pub(super) const COOL_DOWN: TimeDelta = TimeDelta::minutes(30);

/// What a source said of what was wanted.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) wanted: Wanted,
    pub(super) answer: Result<Answer, SourceError>,
}

/// One indicator of a rollout.
#[derive(Debug)]
struct Indicator {
    spec: Spec,
    queries: SliQueries,
    ledger: Ledger,
}

/// What one look at all indicators came to.
#[derive(Debug)]
struct Evaluation {
    situation: Situation,
    judgements: Vec<Judgement>,
    conclusion: Conclusion,
}

impl Evaluation {
    fn of(&self, name: &SafeText) -> Option<(&Evidence, &Judgement)> {
        self.situation.indicators.iter().zip(&self.judgements).find(|(evidence, _)| evidence.spec.name == *name)
    }
}

/// What the judge knows of one rollout.
#[derive(Debug, Default)]
pub(super) struct Judging {
    indicators: Vec<Indicator>,
    /// When the stage began that the ledgers are of.
    stage: Option<DateTime<Utc>>,
    memory: overall::Memory,
    /// The newest evaluation.
    latest: Option<Evaluation>,
    due: Option<DateTime<Utc>>,
}

impl Judging {
    /// Those that the plan declares; what else agents report is added when it is heard of.
    pub(super) fn declared(telemetry: &PlanTelemetry, slis: &[PlanSli]) -> Result<Self, String> {
        let mut judging = Self::default();
        for sli in slis {
            let (spec, queries) = catalog::resolve(sli, telemetry).map_err(|error| error.to_string())?;
            judging.add(spec, queries, telemetry);
        }
        Ok(judging)
    }

    /// The templates of each.
    pub(super) fn queries(&self) -> impl Iterator<Item = (&SafeText, &SliQueries)> {
        self.indicators.iter().map(|indicator| (&indicator.spec.name, &indicator.queries))
    }

    /// What of its gates these indicators can never answer: which gate, and why.
    pub(super) fn unanswerable(&self, gates: &[(GateName, GateRule)]) -> Option<(GateName, String)> {
        let spec = |name: &SafeText| self.indicators.iter().map(|i| &i.spec).find(|spec| spec.name == *name);
        gates.iter().find_map(|(gate, rule)| {
            let why = match rule {
                GateRule::Budget { sli, .. } if spec(sli).is_some_and(|spec| spec.objective.is_none()) => {
                    format!("{sli} has no objective, and so no budget: give it one, such as `objective: 99.9%`")
                }
                GateRule::Verdict(named)
                    if named.is_empty() && !self.indicators.iter().any(|i| i.spec.required && !i.spec.observe_only) =>
                {
                    "it asks for every required indicator, and none is required: name the indicators".to_owned()
                }
                _ => return None,
            };
            Some((gate.clone(), why))
        })
    }

    fn add(&mut self, spec: Spec, queries: SliQueries, telemetry: &PlanTelemetry) {
        let max_lag = TimeDelta::from_std(telemetry.max_lag).unwrap_or(TimeDelta::MAX);
        let ledger = Ledger::new(spec.clone(), slice(telemetry), max_lag);
        self.indicators.push(Indicator { spec, queries, ledger });
    }

    /// Takes up what agents report and the plan does not declare: it is judged and shown, and never votes.
    fn add_reported(&mut self, names: Vec<(String, SliKind)>, telemetry: &PlanTelemetry) {
        for (name, kind) in names {
            if self.indicators.iter().any(|known| known.spec.name.as_str() == name) {
                continue;
            }
            let declared = PlanSli { kind: Some(kind), required: false, observe_only: true, ..PlanSli::new(&name) };
            if let Ok((spec, queries)) =
                catalog::resolve(&declared, &PlanTelemetry { source: SafeText::new(REPORTED), ..telemetry.clone() })
            {
                self.add(spec, queries, telemetry);
            }
        }
    }

    /// A stage that was entered is judged by what is measured since. What failed in it before the
    /// process began has failed.
    pub(super) fn enter(&mut self, entered_at: DateTime<Utc>, failed: &BTreeMap<SafeText, Standing>) {
        let is_first = self.stage.is_none();
        if self.stage == Some(entered_at) {
            return;
        }
        self.stage = Some(entered_at);
        self.memory = overall::Memory::default();
        for indicator in &mut self.indicators {
            indicator.ledger.begin_step(entered_at);
            if is_first && let Some(standing) = failed.get(&indicator.spec.name) {
                indicator.ledger.restore(standing.clone());
            }
        }
    }

    /// A person saw that it failed: gates may open again where it passes now.
    pub(super) fn acknowledge(&mut self) {
        self.indicators.iter_mut().for_each(|indicator| indicator.ledger.acknowledge());
    }

    /// What failed in this stage and was not acknowledged.
    fn failed(&self) -> BTreeMap<SafeText, Standing> {
        let failed = self.indicators.iter().filter(|indicator| indicator.ledger.standing().held);
        failed.map(|indicator| (indicator.spec.name.clone(), indicator.ledger.standing().clone())).collect()
    }

    /// Judges each indicator by what its ledger holds, and decides about the whole.
    fn evaluate(&mut self, now: DateTime<Utc>, hold: Duration, deadline: Option<Duration>) -> Evaluation {
        let situation = Situation {
            at: now,
            step: overall::Step {
                since: self.stage.unwrap_or(now),
                dwell: hold.as_secs_f64(),
                ends: deadline.map(|deadline| deadline.as_secs_f64()),
            },
            correlated: self.correlated(),
            indicators: self.indicators.iter().map(|indicator| indicator.ledger.evidence(now)).collect(),
            before: self.memory,
        };
        let judgements: Vec<Judgement> = situation.indicators.iter().map(judge::judge).collect();
        for (indicator, judgement) in self.indicators.iter_mut().zip(&judgements) {
            indicator.ledger.commit(judgement);
        }
        let conclusion = overall(&situation, &judgements);
        self.memory = conclusion.after;
        Evaluation { situation, judgements, conclusion }
    }

    /// When it is next to be looked at.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.due
    }

    /// Whether it is to be looked at now; then it is again at `next`.
    pub(super) fn due_by(&mut self, now: DateTime<Utc>, next: DateTime<Utc>) -> bool {
        let is_due = !self.indicators.is_empty() && self.due.is_none_or(|due| due <= now);
        if is_due {
            self.due = Some(next);
        }
        is_due
    }

    /// What is to be asked of each indicator.
    pub(super) fn ranges(&self, now: DateTime<Utc>) -> Vec<(Spec, SliQueries, Range)> {
        let ask = |i: &Indicator| (i.spec.clone(), i.queries.clone(), i.ledger.wanted(now));
        self.indicators.iter().map(ask).collect()
    }

    /// Takes what a source said of one indicator; `false` when it is none of these.
    pub(super) fn heard(&mut self, heard: &Heard, now: DateTime<Utc>) -> bool {
        let named = |indicator: &&mut Indicator| indicator.spec.name == heard.wanted.spec.name;
        let Some(indicator) = self.indicators.iter_mut().find(named) else { return false };
        match &heard.answer {
            Ok(answer) => {
                let given = Given { slices: &answer.slices, spent: answer.spent, remark: answer.remark.as_str() };
                indicator.ledger.take(now, Ok(given));
            }
            Err(error) => indicator.ledger.take(now, Err(&error.to_string())),
        }
        true
    }

    /// Judges them all, and keeps what it came to; how many there were.
    pub(super) fn look(&mut self, now: DateTime<Utc>, hold: Duration, deadline: Option<Duration>) -> usize {
        let evaluation = self.evaluate(now, hold, deadline);
        let judged = evaluation.judgements.len();
        self.latest = Some(evaluation);
        judged
    }

    /// Indicators that moved together before the stage: they are one witness.
    fn correlated(&self) -> Vec<Correlated> {
        let mut found = Vec::new();
        for (at, one) in self.indicators.iter().enumerate() {
            for other in &self.indicators[at + 1..] {
                if let Some(correlation) = one.ledger.correlation(&other.ledger).filter(|c| *c > overall::CORRELATED) {
                    found.push(Correlated { one: one.spec.name.clone(), other: other.spec.name.clone(), correlation });
                }
            }
        }
        found
    }

    /// The indicators as they are shown; only these, where a stage names some.
    pub(super) fn slis(&self, only: Option<&Vec<SafeText>>) -> Vec<Sli> {
        let named = |indicator: &&Indicator| only.is_none_or(|only| only.contains(&indicator.spec.name));
        let show = |indicator: &Indicator| {
            let name = &indicator.spec.name;
            let series = Some(indicator.ledger.series());
            match self.latest.as_ref().and_then(|evaluation| evaluation.of(name)) {
                Some((evidence, judgement)) => judge::shown(evidence, judgement, series),
                None => unmeasured(&indicator.spec),
            }
        };
        self.indicators.iter().filter(named).map(show).collect()
    }

    /// What is concluded of them all.
    pub(super) fn verdict(&self, slis: &[Sli]) -> OverallVerdict {
        self.latest.as_ref().map_or_else(|| unjudged(slis.len()), |act| act.conclusion.verdict.clone())
    }
}

/// What is said before anything was judged.
fn unjudged(count: usize) -> OverallVerdict {
    let why = match count {
        0 => "no indicator is declared or reported".to_owned(),
        1 => "1 indicator, not judged yet".to_owned(),
        count => format!("{count} indicators, not judged yet"),
    };
    OverallVerdict { label: Verdict::NoData, score: None, why: SafeText::new(why) }
}

/// The length of a plan's slices, in seconds.
pub(super) fn slice(telemetry: &PlanTelemetry) -> u32 {
    u32::try_from(telemetry.slice.as_secs()).unwrap_or(60).max(1)
}

/// An indicator of which nothing was asked yet.
fn unmeasured(spec: &Spec) -> Sli {
    Sli {
        name: spec.name.clone(),
        unit: spec.unit.clone(),
        direction: SafeText::new(spec.direction.as_str()),
        family: Some(spec.family),
        critical: spec.critical,
        required: spec.required && !spec.observe_only,
        method: SafeText::default(),
        canary: SliArm::default(),
        baseline: SliArm::default(),
        difference: None,
        ratio: None,
        interval: None,
        limit: spec.limit,
        verdict: Verdict::NoData,
        why: SafeText::new("not asked for yet: a stage is measured once it began"),
        over_since: None,
        telemetry: TelemetryState::default(),
        burn: None,
        observed_at: None,
        series: Some(Vec::new()),
    }
}

impl Core {
    /// What is to be asked now, of all rollouts that are due, and when the next are.
    pub(super) fn telemetry_round(&mut self) -> Round {
        let now = self.now();
        let mut round = Round::default();
        let ids: Vec<RolloutId> = self
            .rollouts
            .iter()
            .filter(|(_, record)| record.stored.state.is_judged())
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            let reported = self.reported.names(&id);
            let Some(record) = self.rollouts.get_mut(&id) else { continue };
            let telemetry = &record.stored.plan.telemetry;
            record.judging.add_reported(reported, telemetry);
            if let Some(entered_at) = record.stored.state.stage_entered_at() {
                record.judging.enter(entered_at, &record.stored.failed);
            }
            if record.judging.indicators.is_empty() {
                continue;
            }
            if record.judging.due.is_none_or(|due| due <= now) {
                record.judging.due = Some(next_look(now, slice(telemetry)));
                let Some(record) = self.rollouts.get(&id) else { continue };
                for (source, wanted) in self.wanted(&id, record, now) {
                    round.wanted.entry(source).or_default().push(wanted);
                }
            }
            let due = self.rollouts.get(&id).and_then(|record| record.judging.due);
            round.next = [round.next, due].into_iter().flatten().min();
        }
        self.telemetry_of_carried(now, &mut round);
        round
    }

    /// What is to be asked for a rollout's indicators, each with the source that has it.
    fn wanted(&self, id: &RolloutId, record: &Record, now: DateTime<Utc>) -> Vec<(SafeText, Wanted)> {
        let plan = &record.stored.plan;
        let telemetry = &plan.telemetry;
        let (canary, baseline) = self.arms(id, record);
        let service = telemetry.service.clone().unwrap_or_else(|| SafeText::new(plan.rollout.as_str()));
        let ask = |indicator: &Indicator| {
            let range = indicator.ledger.wanted(now);
            let source = if indicator.queries.is_empty() { SafeText::new(REPORTED) } else { telemetry.source.clone() };
            let wanted = Wanted {
                rollout: id.clone(),
                spec: indicator.spec.clone(),
                queries: indicator.queries.clone(),
                service: service.clone(),
                arms: telemetry.arms,
                canary: canary.clone(),
                baseline: baseline.clone(),
                slice: slice(telemetry),
                from: range.from,
                to: range.to,
                spent: range.spent,
            };
            (source, wanted)
        };
        record.judging.indicators.iter().map(ask).collect()
    }

    /// The values of the label that tells canary and baseline apart.
    fn arms(&self, id: &RolloutId, record: &Record) -> (Vec<SafeText>, Vec<SafeText>) {
        let plan = &record.stored.plan;
        let telemetry = &plan.telemetry;
        match telemetry.arms {
            ArmsBy::Track => (vec![telemetry.canary.clone()], vec![telemetry.baseline.clone()]),
            ArmsBy::Release => {
                let candidate = self.brought_by(plan).version;
                let pinned: BTreeSet<SafeText> = record
                    .stored
                    .state
                    .pinned()
                    .filter(|digest| Some(*digest) != plan.snapshot.as_ref())
                    .filter_map(|digest| self.version_of(digest).version)
                    .filter(|version| Some(version) != candidate.as_ref())
                    .collect();
                (candidate.into_iter().collect(), pinned.into_iter().collect())
            }
            ArmsBy::Cohort => {
                let (mut canary, mut baseline) = (BTreeSet::new(), BTreeSet::new());
                for (unit, _) in record.stored.state.members(plan) {
                    let place = UnitId { group: id.target.clone(), site: unit.site.clone(), lane: unit.lane.clone() };
                    let known = self.fleet.get(&place);
                    let has = known.is_some_and(|known| {
                        let held = known.report.as_ref().map(|report| &report.flags);
                        has_candidate(record, unit, known.present(), held)
                    });
                    let side = if has { &mut canary } else { &mut baseline };
                    side.insert(SafeText::new(unit.site.as_str()));
                }
                // A site that has both belongs to neither.
                let both: BTreeSet<SafeText> = canary.intersection(&baseline).cloned().collect();
                let only = |side: BTreeSet<SafeText>| side.difference(&both).cloned().collect();
                (only(canary), only(baseline))
            }
        }
    }

    /// Takes what sources said, judges each rollout that it is about, and tells the engine.
    pub(super) fn telemetry_heard(&mut self, heard: Vec<Heard>) {
        let now = self.now();
        let mut of = BTreeSet::new();
        for heard in heard {
            if self.carried_heard(&heard, now) {
                of.insert(heard.wanted.rollout);
                continue;
            }
            let Some(record) = self.rollouts.get_mut(&heard.wanted.rollout) else { continue };
            if !record.judging.heard(&heard, now) {
                continue;
            }
            self.figures.source_errors += u64::from(heard.answer.is_err());
            of.insert(heard.wanted.rollout);
        }
        for id in of {
            if self.carried.contains_key(&id) {
                self.judge_carried(&id, now);
            } else {
                self.judge(&id, now);
            }
        }
    }

    fn judge(&mut self, id: &RolloutId, now: DateTime<Utc>) {
        let brought_back = self.brought_back(&id.target);
        let Some(record) = self.rollouts.get_mut(id).filter(|record| record.stored.state.is_judged()) else { return };
        let Stored { plan, state, .. } = &record.stored;
        let Some(stage) = state.stage(plan) else { return };
        let evaluation = record.judging.evaluate(now, stage.hold, stage.deadline);
        self.figures.judgements += evaluation.judgements.len() as u64;
        let (indicators, judgements) = (&evaluation.situation.indicators, &evaluation.judgements);
        let read = |(gate, rule): &(GateName, GateRule)| {
            let (truth, why) = match rule {
                GateRule::Expression(_) => return None,
                GateRule::Verdict(named) => verdict_gate(named, indicators, judgements),
                GateRule::Budget { sli, above } => budget_gate(sli, *above, indicators, judgements),
            };
            Some(Reading { gate: gate.clone(), truth, why })
        };
        let readings = plan.gates.iter().filter_map(read).collect();
        let response = engine::fail_response(state, plan);
        let (stage, snapshot, candidate) = (stage.name.clone(), plan.snapshot.clone(), plan.candidate());
        let is_due = evaluation.conclusion.decision == Decision::Rollback;
        let why = evaluation.conclusion.why.clone();
        let demand = match snapshot.as_ref().and_then(|snapshot| brought_back.get(snapshot)) {
            _ if !is_due => Demand::Nothing,
            Some(at) if response == Some(FailResponse::Rollback) => Demand::Pause(SafeText::new(format!(
                "{why}; the judge brought {} back at {} already and does so once: a person decides",
                candidate,
                at.format("%Y-%m-%d %H:%M:%SZ")
            ))),
            _ => Demand::of_failure(response, why),
        };
        let situation = (demand != Demand::Nothing).then(|| evaluation.situation.clone());
        let evidence = situation.and_then(|situation| self.document(id, situation)?.to_json().ok());
        let Some(record) = self.rollouts.get_mut(id) else { return };
        let failed = record.judging.failed();
        record.judging.latest = Some(evaluation);
        if record.stored.failed.len() != failed.len() || !failed.keys().eq(record.stored.failed.keys()) {
            // Sticky within the stage, and so across a restart.
            record.stored.failed = failed;
            self.touched_rollouts.insert(id.clone());
        }
        self.dirty.insert(id.clone());
        let Some(stepped) = self.advance(id, &Event::Judged(Judged { stage, readings, demand })) else { return };
        let goes_back = stepped.facts.iter().any(|fact| fact.by == FactBy::Judge && fact.what == "rollback_started");
        if goes_back && let Some(record) = self.rollouts.get_mut(id) {
            record.stored.brought_back.extend(snapshot.map(|snapshot| (snapshot, now)));
        }
        self.journal_facts_with(id, stepped.facts, stepped.before.as_ref(), stepped.known_good, evidence);
    }

    /// What the present verdicts of a rollout are made from, as an automatic act would keep it.
    pub(super) fn evidence(&self, id: &RolloutId) -> Result<AutomaticAct, Problem> {
        let record = self.rollouts.get(id).ok_or_else(|| not_found(id))?;
        let situation = record.judging.latest.as_ref().map(|evaluation| evaluation.situation.clone());
        situation
            .and_then(|situation| self.document(id, situation))
            .ok_or_else(|| Problem::new(Code::NotFound, format!("{id} was not judged since this control plane began")))
    }

    /// A situation with whose it is, and what it comes to.
    fn document(&self, id: &RolloutId, situation: Situation) -> Option<AutomaticAct> {
        let record = self.rollouts.get(id)?;
        let queries = record.judging.queries().map(|(name, queries)| (name.to_string(), queries.clone())).collect();
        let origin = Origin {
            rollout: id.clone(),
            stable: self.stable_of(&record.stored.plan, record.stored.state.pinned().map(Some)),
            candidate: self.brought_by(&record.stored.plan),
            source: record.stored.plan.telemetry.source.clone(),
            queries,
        };
        Some(AutomaticAct::new(origin, situation))
    }
}

/// Whether a unit has what its rollout brings: the snapshot, or else its stage's flag as its agent holds it.
pub(super) fn has_candidate(
    record: &Record,
    unit: &UnitKey,
    runs: Option<&Digest>,
    held: Option<&BTreeMap<FlagKey, HeldFlag>>,
) -> bool {
    let plan = &record.stored.plan;
    if let Some(snapshot) = &plan.snapshot {
        return runs == Some(snapshot);
    }
    let wanted = record.stored.state.flag_of(unit, plan);
    let variant = wanted.and_then(|wanted| held?.get(&wanted.key)?.variant.as_ref());
    wanted.is_some_and(|wanted| variant == Some(&wanted.variant))
}

/// The next look: on the clock, so that rollouts that share a source are asked for together, and half
/// way between the ends of slices, so that what was counted in one has arrived.
pub(super) fn next_look(now: DateTime<Utc>, slice: u32) -> DateTime<Utc> {
    let every = (i64::from(slice) / 2).clamp(2, EVERY);
    let number = (now.timestamp() - every / 2).div_euclid(every) + 1;
    DateTime::from_timestamp(number * every + every / 2, 0).unwrap_or(now + TimeDelta::seconds(every))
}
