//! A small world around one rollout: units that ask, report and fall silent, freezes that come and go, a
//! judge that says what it likes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::{
    domain::{
        Action, Digest, FailureCategory, Freeze, GateName, Plan, SafeBlock, SafeText, Truth, UnitKey,
        plan::{Advance, BreachResponse, FailResponse, GateRule, PlanStage, PlanTelemetry, Selection},
    },
    engine::{
        Context, Demand, Effect, Event, Judged, Member, Progress, Reading, State, Step, UnitReport, begin,
        fail_response, step,
    },
};

pub(super) fn candidate() -> Digest {
    Digest::of([0xc; 32])
}

pub(super) fn old() -> Digest {
    Digest::of([0x0; 32])
}

pub(super) fn other() -> Digest {
    Digest::of([0xa; 32])
}

pub(super) fn unit(site: usize, lane: usize) -> UnitKey {
    format!("osl{site}/{}", ["main", "west"][lane % 2]).try_into().unwrap()
}

/// One random thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Time {
        minutes: i64,
    },
    Act {
        action: Action,
        to: Option<Digest>,
    },
    Ask {
        unit: usize,
    },
    Report {
        unit: usize,
        progress: Progress,
        measured: u8,
        readings: Vec<Truth>,
        stale: bool,
    },
    /// A check that says nothing: neither what runs nor how it is.
    KnowsNothing {
        unit: usize,
    },
    Silent {
        unit: usize,
    },
    Freeze {
        units: Vec<bool>,
    },
    Judge {
        /// Of the verdict and the budget gate; none for one that is not said.
        readings: [Option<Truth>; 2],
        fails: bool,
        /// Whether what is asked for is what the plan says, or the other thing.
        by_plan: bool,
        /// Whether it is about the first stage, whatever the present one is.
        late: bool,
    },
    /// The judge has no data.
    JudgeKnowsNothing,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) state: State,
    pub(super) now: DateTime<Utc>,
    pub(super) held: BTreeMap<UnitKey, Freeze>,
    pub(super) members: Vec<Member>,
    generation: u64,
    orders: BTreeMap<UnitKey, (u64, Digest)>,
    /// Units that were ever told the candidate.
    pub(super) told: BTreeSet<UnitKey>,
}

impl World {
    /// None where the plan selects nothing in some stage.
    pub(super) fn begin(plan: Plan, members: Vec<Member>) -> Option<Self> {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let state = begin(&plan, &members, now).ok()?.state;
        let (held, orders) = (BTreeMap::new(), BTreeMap::new());
        Some(Self { plan, state, now, held, members, generation: 0, orders, told: BTreeSet::new() })
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context { now: self.now, plan: &self.plan, held: &self.held }
    }

    pub(super) fn key(&self, index: usize) -> UnitKey {
        self.members[index % self.members.len()].unit.clone()
    }

    /// The event that a happening is now.
    pub(super) fn event(&mut self, happening: &Happening) -> Event {
        match happening {
            Happening::Time { minutes } => {
                self.now += TimeDelta::minutes(*minutes);
                Event::Tick
            }
            Happening::Act { action, to } => Event::Act { action: *action, to: to.clone() },
            Happening::Ask { unit } => {
                self.generation += 1;
                Event::Asked { unit: self.key(*unit), generation: self.generation }
            }
            Happening::Report { unit, progress, measured, readings, stale } => {
                let unit = self.key(*unit);
                let order = self.orders.get(&unit);
                let told = order.map(|(_, snapshot)| snapshot.clone());
                let (measured, claimed) = match measured {
                    0 | 1 => (told, None),
                    2 => (None, told),
                    3 => (Some(other()), None),
                    _ => (None, None),
                };
                let by_unit = self.plan.gates.iter().filter(|(_, rule)| rule.is_by_unit());
                let readings = by_unit.zip(readings).map(|((gate, _), truth)| Reading {
                    gate: gate.clone(),
                    truth: *truth,
                    why: SafeText::new("as it was measured"),
                });
                let generation = order.map_or(0, |(generation, _)| *generation).saturating_sub(u64::from(*stale));
                let progress = progress.clone();
                let report =
                    UnitReport { generation, progress, measured, claimed, readings: readings.collect(), flag: None };
                Event::Reported { unit, report }
            }
            Happening::KnowsNothing { unit } => {
                let unit = self.key(*unit);
                let generation = self.orders.get(&unit).map_or(0, |(generation, _)| *generation);
                let progress = Progress::Healthy;
                let report = UnitReport {
                    generation,
                    progress,
                    measured: None,
                    claimed: None,
                    readings: Vec::new(),
                    flag: None,
                };
                Event::Reported { unit, report }
            }
            Happening::Silent { unit } => Event::Silent { unit: self.key(*unit) },
            Happening::Freeze { units } => {
                let frozen = self.members.iter().zip(units).filter(|(_, frozen)| **frozen);
                self.held = frozen.map(|(member, _)| (member.unit.clone(), freeze(self.now))).collect();
                Event::Tick
            }
            Happening::Judge { readings, fails, by_plan, late } => {
                let response = fail_response(&self.state, &self.plan).filter(|_| *by_plan);
                let response = response.or_else(|| (!by_plan).then_some(FailResponse::Pause)).filter(|_| *fails);
                let demand = Demand::of_failure(response, SafeText::new("errors fail"));
                self.judged(*readings, demand, *late)
            }
            Happening::JudgeKnowsNothing => self.judged([Some(Truth::Unknown); 2], Demand::Nothing, false),
        }
    }

    fn judged(&self, readings: [Option<Truth>; 2], demand: Demand, late: bool) -> Event {
        let first = &self.plan.stages[0];
        let stage = self.state.stage(&self.plan).filter(|_| !late).unwrap_or(first).name.clone();
        let why = SafeText::new("as it was judged");
        let said = [VERDICT, BUDGET].map(gate).into_iter().zip(readings);
        let readings =
            said.filter_map(|(gate, truth)| Some(Reading { gate, truth: truth?, why: why.clone() })).collect();
        Event::Judged(Judged { stage, readings, demand })
    }

    /// The judge finds nothing wrong.
    pub(super) fn all_pass(&mut self) {
        let event = self.judged([Some(Truth::True); 2], Demand::Nothing, false);
        self.step(&event);
    }

    pub(super) fn step(&mut self, event: &Event) -> Step {
        let step = step(&self.state, event, &self.context());
        for effect in &step.effects {
            if let Effect::Tell { unit, generation, snapshot, .. } = effect {
                self.orders.insert(unit.clone(), (*generation, snapshot.clone()));
                if !is_back(&step.state) {
                    self.told.insert(unit.clone());
                }
            }
        }
        self.state = step.state.clone();
        step
    }

    /// Every agent asks, and does what it is told, and nothing is wrong with it.
    pub(super) fn all_obey(&mut self) {
        for index in 0..self.members.len() {
            let event = self.event(&Happening::Ask { unit: index });
            self.step(&event);
            let readings = vec![Truth::True; self.plan.gates.len()];
            let progress = Progress::Healthy;
            let event = self.event(&Happening::Report { unit: index, progress, measured: 0, readings, stale: false });
            self.step(&event);
        }
        self.all_pass();
    }
}

pub(super) fn is_back(state: &State) -> bool {
    use crate::domain::Phase as P;
    matches!(state.phase(), P::RollingBack | P::RolledBack | P::RollbackFailed)
}

fn freeze(since: DateTime<Utc>) -> Freeze {
    let text = SafeText::new("pilot week");
    Freeze {
        window: SafeText::new("w-1"),
        scope: text.clone(),
        reason: text.clone(),
        by: text,
        since,
        until: None,
        ..Freeze::default()
    }
}

/// The places of the gates that are not asked of units, in their names.
const VERDICT: usize = 2;
const BUDGET: usize = 3;

pub(super) fn gate(index: usize) -> GateName {
    format!("gate{index}").parse().unwrap()
}

fn selection() -> impl Strategy<Value = Selection> {
    prop_oneof![
        (1_u32..4).prop_map(Selection::Sites),
        (1_u32..4).prop_map(Selection::Units),
        (1.0_f64..100.0).prop_map(Selection::Percent),
        Just(Selection::All),
    ]
}

fn minutes(choices: &'static [u64]) -> impl Strategy<Value = std::time::Duration> {
    prop::sample::select(choices).prop_map(|minutes| std::time::Duration::from_secs(minutes * 60))
}

fn stage() -> impl Strategy<Value = PlanStage> {
    let advance = prop_oneof![Just(Advance::Manual), Just(Advance::Automatic)];
    let gates = prop::option::weighted(0.3, prop::collection::btree_set(0_usize..4, 0..3));
    (selection(), minutes(&[0, 0, 7, 30]), advance, gates, prop::option::weighted(0.4, minutes(&[10, 40]))).prop_map(
        |(selects, hold, advance, gates, deadline)| PlanStage {
            name: "stage".parse().unwrap(),
            selects,
            hold,
            advance,
            gates: gates.map(|gates| gates.into_iter().map(gate).collect()),
            slis: None,
            deadline,
            flag: None,
        },
    )
}

fn response() -> impl Strategy<Value = BreachResponse> {
    prop_oneof![Just(BreachResponse::Rollback), Just(BreachResponse::Pause)]
}

/// Plans of one to four stages with up to two gates on units, with or without a verdict and a budget gate,
/// over one to eight units of up to four sites.
pub(super) fn worlds() -> impl Strategy<Value = World> {
    let runs = prop_oneof![8 => Just(Some(old())), 2 => Just(None), 1 => Just(Some(candidate()))];
    let members = prop::collection::btree_map((0_usize..4, 0_usize..2), runs, 1..9);
    let on_fail = prop::option::of(prop::sample::select(&FailResponse::ALL[..]));
    let judged = (prop::bool::weighted(0.4), prop::bool::weighted(0.2), on_fail, prop::option::of(response()));
    let plan = (0_usize..3, judged, prop::collection::vec(stage(), 1..4), response(), prop::option::of(response()));
    (plan, members).prop_filter_map(
        "a stage selects nothing",
        |((gates, judged, stages, on_breach, of_first), members)| {
            let (has_verdict, has_budget, on_fail, of_verdict) = judged;
            let budget = GateRule::Budget { sli: SafeText::new("success"), above: 0.1 };
            let by_unit = (0..gates).map(|index| (gate(index), GateRule::Expression("gap < 10s".to_owned())));
            let verdict = has_verdict.then(|| (gate(VERDICT), GateRule::Verdict(Vec::new())));
            let of_gates = [(gate(0), of_first), (gate(VERDICT), of_verdict)];
            let mut plan = Plan {
                rollout: "pick-assist".parse().unwrap(),
                target: "dc-west".parse().unwrap(),
                snapshot: Some(candidate()),
                owner: SafeText::new("team-picking"),
                gates: by_unit.chain(verdict).chain(has_budget.then(|| (gate(BUDGET), budget))).collect(),
                slis: Vec::new(),
                telemetry: PlanTelemetry { on_fail, ..PlanTelemetry::default() },
                stages,
                on_breach,
                approvals: Vec::new(),
                on_breach_of: of_gates.into_iter().filter_map(|(gate, response)| Some((gate, response?))).collect(),
            };
            for (index, stage) in plan.stages.iter_mut().enumerate() {
                stage.name = format!("stage{index}").parse().unwrap();
                if let Some(named) = &mut stage.gates {
                    named.retain(|gate| plan.gates.iter().any(|(known, _)| known == gate));
                }
            }
            let members =
                members.into_iter().map(|((site, lane), present)| Member { unit: unit(site, lane), present }).collect();
            World::begin(plan, members)
        },
    )
}

pub(super) fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let actions = prop::sample::select(&[
        Action::Pause,
        Action::Resume,
        Action::Promote,
        Action::Promote,
        Action::PromoteFull,
        Action::Rollback,
        Action::Retry,
    ]);
    let to = prop::option::weighted(0.2, prop_oneof![Just(other()), Just(candidate())]);
    let truth = prop_oneof![6 => Just(Truth::True), 3 => Just(Truth::False), 1 => Just(Truth::Unknown)];
    let progress = prop_oneof![
        12 => Just(Progress::Healthy),
        2 => Just(Progress::Unhealthy),
        1 => Just(Progress::Applying),
        1 => Just(Progress::Applied),
        1 => prop::sample::select(&[FailureCategory::Preflight, FailureCategory::Apply, FailureCategory::Verify])
            .prop_map(|category| Progress::Failed { category, output_tail: SafeBlock::new("exit 1") }),
    ];
    let measured = prop_oneof![12 => 0_u8..2, 2 => Just(2_u8), 1 => 3_u8..5];
    let report = (0_usize..8, progress, measured, prop::collection::vec(truth, 2), prop::bool::weighted(0.05));
    let read = prop::option::weighted(
        0.95,
        prop_oneof![8 => Just(Truth::True), 1 => Just(Truth::False), 1 => Just(Truth::Unknown)],
    );
    let fails = (prop::bool::weighted(0.1), prop::bool::weighted(0.7), prop::bool::weighted(0.1));
    let judge = ([read.clone(), read], fails).prop_map(|(readings, (fails, by_plan, late))| Happening::Judge {
        readings,
        fails,
        by_plan,
        late,
    });
    let happening = prop_oneof![
        3 => (0_i64..20).prop_map(|minutes| Happening::Time { minutes }),
        2 => (actions, to).prop_map(|(action, to)| Happening::Act { action, to }),
        8 => (0_usize..8).prop_map(|unit| Happening::Ask { unit }),
        14 => report.prop_map(|(unit, progress, measured, readings, stale)| {
            Happening::Report { unit, progress, measured, readings, stale }
        }),
        1 => (0_usize..8).prop_map(|unit| Happening::KnowsNothing { unit }),
        1 => (0_usize..8).prop_map(|unit| Happening::Silent { unit }),
        1 => prop::collection::vec(any::<bool>(), 8).prop_map(|units| Happening::Freeze { units }),
        1 => Just(Happening::Freeze { units: Vec::new() }),
        6 => judge,
        1 => Just(Happening::JudgeKnowsNothing),
    ];
    prop::collection::vec(happening, 1..90)
}
