//! Tells a story to the engine, and holds what it answers against what the story expects.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    domain::{
        Digest, Freeze, GateName, OnEnter, Plan, SafeBlock, SafeText, Truth, UnitKey, flag::HeldFlag,
        rollout::CheckState,
    },
    engine::{
        self, Answer, Context, Demand, Effect, Event, FactBy, Judged, Member, Progress, Reading, State, UnitReport,
    },
};

use crate::story::{Expected, GateReading, JudgeFile, ReportFile, StepFile, Story, digest, maybe_digest, span};

struct Stage<'a> {
    story: &'a Story,
    plan: Plan,
    state: State,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
    held: BTreeMap<UnitKey, Freeze>,
    generation: u64,
    /// The newest revision of the flag, and for whom it is set to what.
    flag: (u64, BTreeMap<UnitKey, SafeText>),
    /// Why it is not set in this step.
    flag_refused: Option<SafeText>,
    /// The last order of each unit.
    orders: BTreeMap<UnitKey, (u64, Digest)>,
    /// The state as it was stored last.
    stored: State,
}

/// What one step of a story brought about.
#[derive(Default)]
struct Outcome {
    facts: Vec<String>,
    details: Vec<String>,
    tells: Vec<String>,
    known_good: bool,
    answer: &'static str,
    routine: bool,
}

pub fn play(story: &Story) {
    let plan = story.plan.plan();
    let start = "2026-03-01T12:00:00Z".parse().unwrap();
    let members: Vec<Member> =
        story.units.iter().map(|(unit, runs)| Member { unit: key(unit), present: maybe_digest(runs) }).collect();
    let begun = engine::begin(&plan, &members, start).unwrap_or_else(|error| panic!("{}: {error}", story.about));
    assert_eq!(begun.facts.len(), 1, "a begin is one fact");
    let mut stage = Stage {
        story,
        plan,
        stored: begun.state.clone(),
        state: begun.state,
        start,
        now: start,
        held: BTreeMap::new(),
        generation: 0,
        flag: (3, BTreeMap::new()),
        flag_refused: None,
        orders: BTreeMap::new(),
    };
    for (number, step) in story.step.iter().enumerate() {
        if let Some(at) = &step.at {
            stage.now = start + TimeDelta::from_std(span(at)).unwrap();
        }
        let before = stage.state.revision();
        let outcome = stage.happens(number + 1, step);
        stage.compare(number + 1, &step.expect, &outcome, before);
    }
}

fn key(text: &str) -> UnitKey {
    text.to_owned().try_into().unwrap()
}

/// What is said of a gate; true, when nothing else is.
fn reading(gate: &GateName, said: Option<&GateReading>) -> Reading {
    let truth = said.map_or(Truth::True, |said| said.is);
    Reading { gate: gate.clone(), truth, why: SafeText::new(said.map_or("", |said| said.why.as_str())) }
}

impl Stage<'_> {
    fn context(&self) -> Context<'_> {
        Context { now: self.now, plan: &self.plan, held: &self.held }
    }

    fn keys(&self, names: &[String]) -> Vec<UnitKey> {
        if names == ["*"] {
            return self.story.units.keys().map(|unit| key(unit)).collect();
        }
        names.iter().map(|name| key(name)).collect()
    }

    fn happens(&mut self, number: usize, file: &StepFile) -> Outcome {
        let mut outcome = Outcome::default();
        self.flag_refused = file.flag_refused.as_ref().map(SafeText::new);
        let things = [
            file.tick,
            file.act.is_some(),
            !file.ask.is_empty(),
            file.report.is_some(),
            !file.silent.is_empty(),
            file.freeze.is_some(),
            file.judge.is_some(),
            file.restart,
        ];
        assert_eq!(things.iter().filter(|is| **is).count(), 1, "step {number} is one thing that happens");
        if file.tick {
            self.step(&Event::Tick, &mut outcome);
        }
        if let Some(act) = &file.act {
            let to = act.to.as_deref().map(digest);
            let preview = engine::preview(&self.state, act.action, to.as_ref(), &self.context());
            self.step(&Event::Act { action: act.action, to }, &mut outcome);
            let is_blocked = preview.checks.iter().any(|check| check.state == CheckState::Block);
            assert_eq!(is_blocked, outcome.answer == "refused", "the preview says what happens: {preview:?}");
            for part in &file.expect.previews {
                let says = format!("{preview:?}");
                assert!(says.contains(part), "step {number}: the preview has {part:?}: {preview:#?}");
            }
        }
        for unit in self.keys(&file.ask) {
            self.generation += 1;
            let generation = self.generation;
            let wants = engine::wants(&self.state, &unit, &self.context());
            let before = outcome.tells.len();
            self.step(&Event::Asked { unit: unit.clone(), generation }, &mut outcome);
            assert_eq!(wants, outcome.tells.len() > before, "step {number}: what {unit} wants is what it is told");
        }
        if let Some(report) = &file.report {
            for unit in self.keys(&report.from) {
                let report = self.report(&unit, report);
                self.step(&Event::Reported { unit, report }, &mut outcome);
            }
        }
        for unit in self.keys(&file.silent) {
            self.step(&Event::Silent { unit }, &mut outcome);
        }
        if let Some(freeze) = &file.freeze {
            let until = freeze.until.as_deref().map(|at| self.start + TimeDelta::from_std(span(at)).unwrap());
            let freeze_of = |unit| {
                let freeze = Freeze {
                    window: SafeText::new("w-1"),
                    scope: SafeText::new("dc-west"),
                    reason: SafeText::new("pilot week"),
                    by: SafeText::new("ana"),
                    since: self.now,
                    until,
                    ..Freeze::default()
                };
                (unit, freeze)
            };
            let held = self.keys(&freeze.units).into_iter().map(freeze_of).collect();
            self.held = held;
            let why = SafeText::new("window w-1 began: pilot week (ana)");
            let demand = match freeze.on_enter {
                OnEnter::Hold => Demand::Nothing,
                OnEnter::Pause => Demand::Pause(why),
                OnEnter::AbortAndRestore => Demand::Rollback(why),
            };
            if demand != Demand::Nothing {
                self.step(&Event::Windowed(demand), &mut outcome);
            }
            self.step(&Event::Tick, &mut outcome);
        }
        if let Some(judge) = &file.judge {
            let judged = self.judged(judge);
            self.step(&Event::Judged(judged), &mut outcome);
        }
        if file.restart {
            self.state = self.stored.clone();
            outcome.answer = "done";
        }
        outcome
    }

    fn judged(&self, file: &JudgeFile) -> Judged {
        let stage = match &file.stage {
            Some(stage) => stage.parse().unwrap(),
            None => self.state.stage(&self.plan).expect("a stage that is judged").name.clone(),
        };
        let asked = self.plan.gates.iter().filter(|(_, rule)| !rule.is_by_unit());
        let readings = asked.map(|(gate, _)| reading(gate, file.gates.get(gate))).collect();
        let demand = file.fails.as_ref().map_or(Demand::Nothing, |why| {
            Demand::of_failure(engine::fail_response(&self.state, &self.plan), SafeText::new(why))
        });
        Judged { stage, readings, demand }
    }

    fn report(&self, unit: &UnitKey, file: &ReportFile) -> UnitReport {
        let told = self.orders.get(unit);
        let is_check = matches!(file.state.as_str(), "healthy" | "unhealthy");
        let progress = match file.state.as_str() {
            "applying" => Progress::Applying,
            "applied" => Progress::Applied,
            "healthy" => Progress::Healthy,
            "unhealthy" => Progress::Unhealthy,
            "failed" => Progress::Failed {
                category: file.category.expect("a failed report has a category"),
                output_tail: SafeBlock::new(&file.output),
            },
            other => panic!("{other:?} is no state of a report"),
        };
        let measured = match &file.measured {
            Some(word) => maybe_digest(word),
            None => told.filter(|_| is_check).map(|(_, snapshot)| snapshot.clone()),
        };
        let by_unit = self.plan.gates.iter().filter(|(_, rule)| is_check && rule.is_by_unit());
        let readings = by_unit.map(|(gate, _)| reading(gate, file.gates.get(gate)));
        UnitReport {
            generation: told.map_or(0, |(generation, _)| *generation) - u64::from(file.stale),
            progress,
            measured,
            claimed: file.claimed.as_deref().and_then(maybe_digest),
            readings: readings.collect(),
            flag: self.held(unit, file.holds.as_deref()),
        }
    }

    fn step(&mut self, event: &Event, outcome: &mut Outcome) {
        let before = self.state.clone();
        let step = engine::step(&self.state, event, &self.context());
        outcome.answer = match step.answer {
            Answer::Done => "done",
            Answer::NoOp => "no_op",
            Answer::Refused(blockers) => {
                assert!(!blockers.is_empty(), "a refusal says why");
                "refused"
            }
        };
        if outcome.answer != "done" {
            assert_eq!(step.state, before, "what is not done changes nothing");
        }
        for fact in step.facts {
            outcome.facts.push(match fact.by {
                FactBy::Engine => fact.what.to_owned(),
                FactBy::Judge => format!("{} (judge)", fact.what),
                FactBy::Window => format!("{} (window)", fact.what),
            });
            outcome.details.push(fact.detail.to_string());
        }
        let mut then = Vec::new();
        for effect in step.effects {
            match effect {
                Effect::Tell { unit, generation, snapshot, .. } => {
                    outcome.tells.push(format!("{unit} {}", self.word(&snapshot)));
                    self.orders.insert(unit, (generation, snapshot));
                }
                Effect::MarkKnownGood { .. } => outcome.known_good = true,
                Effect::SetFlag { flag, units, .. } => {
                    let names: Vec<String> = units.iter().map(ToString::to_string).collect();
                    outcome.tells.push(format!("{flag}: {}", names.join(", ")));
                    let set = if let Some(why) = self.flag_refused.clone() {
                        Err(why)
                    } else {
                        self.flag.0 += 1;
                        self.flag.1.extend(units.into_iter().map(|unit| (unit, flag.variant.clone())));
                        Ok(self.flag.0)
                    };
                    then.push(Event::FlagSet { flag, outcome: set });
                }
                Effect::RestoreFlag { key } => {
                    outcome.tells.push(format!("{key} as it was"));
                    self.flag.0 += 1;
                    self.flag.1.clear();
                    then.push(Event::FlagRestored { key, revision: self.flag.0 });
                }
            }
        }
        let stored = serde_json::to_string(&step.state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), step.state, "what is stored comes back");
        outcome.routine = step.routine;
        if !step.routine {
            self.stored = step.state.clone();
        }
        self.state = step.state;
        let answer = outcome.answer;
        for event in then {
            self.step(&event, outcome);
        }
        outcome.answer = answer;
    }

    /// What an agent holds of the flag.
    fn held(&self, unit: &UnitKey, said: Option<&str>) -> Option<HeldFlag> {
        let (newest, set) = &self.flag;
        let off = || SafeText::new("off");
        let (revision, variant) = match said {
            Some("nothing") => return None,
            Some("old") => (3, off()),
            Some(variant) => (*newest, SafeText::new(variant)),
            None => (*newest, set.get(unit).cloned().unwrap_or_else(off)),
        };
        Some(HeldFlag { revision, variant: Some(variant) })
    }

    /// The word that a digest stands for.
    fn word(&self, snapshot: &Digest) -> String {
        let words = self.story.units.values().map(String::as_str).chain(["candidate", "older"]);
        words.into_iter().find(|word| digest(word) == *snapshot).map_or(snapshot.to_string(), str::to_owned)
    }

    fn compare(&self, number: usize, expect: &Expected, outcome: &Outcome, revision: u64) {
        let view = engine::view(&self.state, &self.context());
        let at = format!(
            "{}\nstep {number}: phase {}, {:?}\nfacts {:#?}\nblockers {:#?}",
            self.story.about, view.phase, view.message, outcome.details, view.blockers
        );
        assert_eq!(outcome.facts, expect.facts, "facts\n{at}");
        assert_eq!(outcome.tells, expect.tells, "tells\n{at}");
        assert_eq!(outcome.known_good, expect.known_good, "known good\n{at}");
        assert_eq!(outcome.answer, expect.answer.as_deref().unwrap_or("done"), "answer\n{at}");
        if let Some(phase) = expect.phase {
            assert_eq!(view.phase, phase, "phase\n{at}");
        }
        if let Some(stage) = &expect.stage {
            assert_eq!(view.current_stage.as_ref().map(AsRef::as_ref), Some(stage.as_str()), "stage\n{at}");
        }
        for part in &expect.says {
            assert!(view.message.as_str().contains(part), "the message has {part:?}\n{at}");
        }
        if let Some(kinds) = &expect.blockers {
            assert_eq!(view.blockers.iter().map(|b| b.kind).collect::<Vec<_>>(), *kinds, "blockers\n{at}");
        }
        for part in &expect.blocked_by {
            let is_said = view.blockers.iter().any(|blocker| blocker.summary.as_str().contains(part));
            assert!(is_said, "a blocker has {part:?}\n{at}");
        }
        if let Some(exposure) = expect.exposure {
            assert_eq!(view.exposure.units, exposure, "exposure\n{at}");
        }
        for (unit, word) in &expect.units {
            let found = view.units.iter().find(|u| format!("{}/{}", u.site, u.lane) == *unit).expect("a known unit");
            assert_eq!(found.state.as_str(), word, "{unit}\n{at}");
        }
        for (gate, state) in &expect.gates {
            let current = view.current_stage.as_ref().expect("a stage");
            let stage = view.stages.iter().find(|stage| stage.name == *current).unwrap();
            let found = stage.gates().iter().find(|found| found.name == *gate).expect("a gate of the stage");
            assert_eq!(found.state, *state, "gate {gate}: {}\n{at}", found.detail);
        }
        for (name, state) in &expect.stages {
            let found = view.stages.iter().find(|stage| stage.name.as_str() == name).expect("a stage");
            assert_eq!(found.state, *state, "stage {name}\n{at}");
        }
        let since_start = |text: &str| self.start + TimeDelta::from_std(span(text)).unwrap();
        if let Some(until) = &expect.hold_until {
            let found = view.stages.iter().find_map(|stage| stage.hold_until);
            assert_eq!(found, Some(since_start(until)), "hold\n{at}");
        }
        if let Some(failures) = &expect.failures {
            let found: Vec<String> =
                view.failures.iter().map(|f| format!("{}/{} {}", f.site, f.lane, f.category.as_str())).collect();
            assert_eq!(found, *failures, "failures\n{at}");
        }
        if let Some(due) = &expect.due {
            let wanted = (due != "none").then(|| since_start(due));
            assert_eq!(engine::due(&self.state, &self.context()), wanted, "due\n{at}");
        }
        if let Some(part) = &expect.next {
            let says = view.next.as_ref().is_some_and(|next| next.what.as_str().contains(part));
            assert!(says, "next is {:?}\n{at}", view.next);
        }
        if let Some(routine) = expect.routine {
            assert_eq!(outcome.routine, routine, "routine\n{at}");
        }
        if let Some(new) = expect.new_revision {
            assert_eq!(self.state.revision() != revision, new, "revision\n{at}");
        }
    }
}
