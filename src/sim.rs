//! A simulated warehouse fleet on a control plane of its own: what the demo, drills and
//! measurements run on. Everything in it goes through the same calls as real agents and real
//! people, and is labelled SIMULATED wherever it is shown.
//!
//! Deterministic by seed: units draw their numbers from a sequence each, and people act on what
//! they see, not on a clock. Real time only says when.

mod change;
mod fleet;
mod pace;
mod people;
mod scenario;
mod still;
mod telemetry;
mod unit;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::still::{Still, still};
use self::{
    fleet::Scene,
    pace::Pace,
    scenario::{Group, LIND, SCENARIOS, Scenario, Trouble},
    telemetry::Telemetry,
    unit::{Troubles, Unit},
};
use crate::{
    clock::{self, Clock},
    control::{Control, Options},
    domain::{Digest, NameError, SafeText, TargetName},
    source::SliSource,
    store::{Store, StoreError, memory::Memory},
    wire::Problem,
};

/// The scenario that is taken when none is named.
pub const DEFAULT_SCENARIO: &str = SCENARIOS[0].0;
/// How long setting the scene may take.
const SETTING_MAX: Duration = Duration::from_mins(1);
/// How long an ending simulation is waited for.
const ENDING_MAX: Duration = Duration::from_secs(5);
/// How many groups are worked on side by side.
const TOGETHER: usize = 128;

/// How a simulation is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct SimOptions {
    /// What all chance is drawn from.
    pub seed: u64,
    /// Simulated seconds in a real one: 0.1 to 1000.
    pub speed: f64,
    /// Which scenario, one of [`scenarios`].
    pub scenario: String,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self { seed: 1, speed: 1.0, scenario: DEFAULT_SCENARIO.to_owned() }
    }
}

/// Why there is no simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// There is no such scenario.
    #[error("there is no scenario {given:?}: choose one of {}", .known.join(", "))]
    UnknownScenario {
        /// What was given.
        given: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// The speed is out of its range.
    #[error("a speed of {0} cannot be simulated: it goes from 0.1 to 1000")]
    Speed(f64),
    /// There is no thread for it.
    #[error("no thread for the simulation: {0}")]
    Thread(std::io::Error),
    /// The control plane cannot begin on its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The control plane refused what the scenario does.
    #[error("the simulation of {place} went wrong: {why}")]
    Story {
        /// Which rollout or group.
        place: String,
        /// Why.
        why: SafeText,
    },
    /// The scene was not set in time.
    #[error("the simulation was not ready within {0:?}: is this machine very busy?")]
    Late(Duration),
}

impl SimError {
    fn story(place: &impl fmt::Display, problem: &Problem) -> Self {
        Self::Story { place: place.to_string(), why: problem.detail.clone() }
    }

    fn name(error: &NameError) -> Self {
        Self::Story { place: "a name".to_owned(), why: SafeText::new(error.to_string()) }
    }
}

/// The names of all scenarios, the default first.
#[must_use]
pub fn scenarios() -> Vec<&'static str> {
    SCENARIOS.iter().map(|(name, _)| *name).collect()
}

/// A running simulation. Ends when it is dropped.
#[derive(Debug)]
pub struct Sim {
    /// Its control plane.
    pub control: Control,
    tasks: Vec<JoinHandle<()>>,
    _stop: DropGuard,
}

impl Sim {
    /// Ends the fleet and closes the control plane.
    pub async fn shutdown(self) {
        let Self { control, tasks, _stop: stop } = self;
        drop(stop);
        let ended = timeout(ENDING_MAX, async {
            for task in tasks {
                let _ = task.await;
            }
            control.shutdown().await;
        });
        if ended.await.is_err() {
            tracing::warn!("the simulation did not end within {ENDING_MAX:?}");
        }
    }
}

/// Starts a simulation and returns when its scene is set, so that what is shown first is what the
/// scenario is about.
///
/// # Errors
/// [`SimError`] when an option is wrong, or the machine cannot hold it.
pub async fn start(options: SimOptions) -> Result<Sim, SimError> {
    // In memory: nothing of a play outlives it, however it ends, and nobody waits for a disk to see it.
    start_at(options, clock::system(), Arc::new(Memory::default()), false).await
}

/// Starts one by a clock and on a store. `in_turn`: of people who are told at one moment, one acts after the
/// other, because who is told first is chance.
async fn start_at(
    options: SimOptions,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    in_turn: bool,
) -> Result<Sim, SimError> {
    let Some(scenario) = scenario::find(&options.scenario) else {
        return Err(SimError::UnknownScenario { given: options.scenario, known: scenarios() });
    };
    if !(0.1..=1000.0).contains(&options.speed) {
        return Err(SimError::Speed(options.speed));
    }
    let telemetry = scenario.telemetry.then(|| Arc::new(Telemetry::new(options.seed, scenario.noise > 0.0)));
    let settings = Options {
        simulated: true,
        signing_seed: Sha256::digest(format!("rolldeck simulation {}", options.seed)).into(),
        origin: "simulated.rolldeck/audit".to_owned(),
        sources: telemetry.iter().map(|telemetry| Arc::clone(telemetry) as Arc<dyn SliSource>).collect(),
        drivers: Vec::new(),
        declared: None,
        pauses: true,
        policy: crate::control::Policy::default(),
        beside: None,
    };
    let control = Control::start(store, Arc::clone(&clock), settings).await?;
    let stop = CancellationToken::new();
    let scene = Arc::new(Scene {
        control: control.clone(),
        pace: Pace::new(options.speed, clock),
        in_turn,
        check_interval: scenario.check_interval,
        stop: stop.clone(),
        hurried: AtomicBool::new(true),
        troubles: RwLock::default(),
        present: AtomicUsize::new(0),
        telemetry,
    });
    let mut sim = Sim { control, tasks: Vec::new(), _stop: stop.drop_guard() };
    match timeout(SETTING_MAX, set_the_scene(&scene, scenario, options.seed, &mut sim.tasks)).await {
        Ok(Ok(())) => Ok(sim),
        Ok(Err(error)) => {
            sim.shutdown().await;
            Err(error)
        }
        Err(_) => {
            sim.shutdown().await;
            Err(SimError::Late(SETTING_MAX))
        }
    }
}

/// Brings everybody to where the story begins.
async fn set_the_scene(
    scene: &Arc<Scene>,
    scenario: Scenario,
    seed: u64,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<(), SimError> {
    // Side by side, so that they share commits.
    let adding = stream::iter(&scenario.groups).map(|group| add_versions(scene, group)).buffered(TOGETHER);
    let versions: Vec<BTreeMap<String, Digest>> = adding.try_collect().await?;
    let mut units = Vec::new();
    for (group, known) in scenario.groups.iter().zip(&versions) {
        units.extend(people_the_sites(group, known, seed, scenario.noise)?);
    }
    let count = units.len();
    tasks.push(tokio::spawn(fleet::live(Arc::clone(scene), units)));
    while scene.present.load(Ordering::Relaxed) < count {
        scene.pace.clock().sleep(Duration::from_millis(5)).await;
    }
    // Only now, when all units have said that they run it: nobody has to be told to.
    let marking = stream::iter(&scenario.groups).map(|group| mark_known_good(scene, group)).buffered(TOGETHER);
    marking.try_collect::<()>().await?;
    if scenario.changes {
        change::set(scene).await?;
    }
    let set = watch::Sender::new(0);
    let mut ready = set.subscribe();
    let count = scenario.groups.len();
    let (failed, mut failure) = watch::channel(None);
    let groups = scenario.groups.into_iter().zip(versions).collect();
    tasks.push(tokio::spawn(let_people_act(Arc::clone(scene), groups, Arc::new(set), failed)));
    tokio::select! {
        _ = ready.wait_for(|done| *done >= count) => {}
        failed = failure.wait_for(Option::is_some) => {
            if let Ok(Some((place, why))) = failed.map(|failed| failed.clone()) {
                return Err(SimError::Story { place, why });
            }
        }
    }
    scene.hurried.store(false, Ordering::Relaxed);
    Ok(())
}

async fn mark_known_good(scene: &Scene, group: &Group) -> Result<(), SimError> {
    let target = TargetName::new(&group.name).map_err(|error| SimError::name(&error))?;
    let reason = "Runs everywhere since the last release train";
    people::add_version(scene, &target, &group.stable, LIND, Some(reason)).await.map(drop)
}

async fn add_versions(scene: &Scene, group: &Group) -> Result<BTreeMap<String, Digest>, SimError> {
    let target = TargetName::new(&group.name).map_err(|error| SimError::name(&error))?;
    let mut known = BTreeMap::new();
    let mut troubles = Troubles::new();
    let candidates = group.stories.iter().map(|story| (story.version.as_str(), story.trouble));
    for (version, trouble) in std::iter::once((group.stable.as_str(), Trouble::None)).chain(candidates) {
        let digest = people::add_version(scene, &target, version, LIND, None).await?;
        troubles.insert(digest.clone(), trouble);
        known.insert(version.to_owned(), digest);
    }
    let mut shared = scene.troubles.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    Arc::make_mut(&mut shared).extend(troubles);
    Ok(known)
}

fn people_the_sites(
    group: &Group,
    known: &BTreeMap<String, Digest>,
    seed: u64,
    noise: f64,
) -> Result<Vec<Unit>, SimError> {
    let target = TargetName::new(&group.name).map_err(|error| SimError::name(&error))?;
    let Some(stable) = known.get(&group.stable) else { return Ok(Vec::new()) };
    let mut places: Vec<(&str, &str)> =
        group.sites.iter().flat_map(|site| group.lanes.iter().map(|lane| (site.as_str(), *lane))).collect();
    // As the engine counts them, so that a scenario knows which come first.
    places.sort_unstable();
    places
        .into_iter()
        .enumerate()
        .map(|(ordinal, (site, lane))| {
            let (site, lane) = (
                site.parse().map_err(|error| SimError::name(&error))?,
                lane.parse().map_err(|error| SimError::name(&error))?,
            );
            let born = unit::Birth { group: &target, region: group.region, ordinal, stable, seed, noise };
            Ok(Unit::new(site, lane, &born))
        })
        .collect()
}

/// Lets the people of every group act; the first thing that goes wrong is said.
async fn let_people_act(
    scene: Arc<Scene>,
    groups: Vec<(Group, BTreeMap<String, Digest>)>,
    set: Arc<watch::Sender<usize>>,
    failed: watch::Sender<Option<(String, SafeText)>>,
) {
    let telling = |(place, (group, versions)): (usize, (Group, BTreeMap<String, Digest>))| {
        let (scene, set) = (Arc::clone(&scene), Arc::clone(&set));
        let turn = Duration::from_millis(if scene.in_turn { place as u64 + 1 } else { 0 });
        async move { people::tell(&scene, &group, &versions, &set, turn).await }
    };
    let mut acting = stream::iter(groups.into_iter().enumerate()).map(telling).buffer_unordered(TOGETHER);
    loop {
        tokio::select! {
            () = scene.stop.cancelled() => return,
            told = acting.next() => match told {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::warn!("{error}");
                    if let SimError::Story { place, why } = error {
                        failed.send_replace(Some((place, why)));
                    }
                }
                // Nobody has more to do; the senders stay, so that nobody takes that for a failure.
                None => return scene.stop.cancelled().await,
            },
        }
    }
}
