//! Rollouts of Argo in every state, with all that belongs to them: objects of our own making.
//!
//! `rollout("shop", "basket").canary(steps).paused_at(1).objects()`

use serde_json::{Value, json};

use super::parts::{self, THEN, template};

/// What state a rollout is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Healthy,
    /// The candidate's pods come up, at this step.
    Progressing(u64),
    /// Paused by this step.
    Paused(u64),
    /// Paused at this step because its analysis knows no answer.
    Inconclusive(u64),
    /// Given up, with this reason beyond the usual one; empty for a person's abort.
    Aborted(String),
    /// It took too long.
    TooLong,
    /// Its spec is wrong, and how.
    Invalid(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    Canary(Value),
    BlueGreen { automatic: bool },
}

/// A rollout in the making.
#[derive(Debug, Clone)]
pub struct Rollout {
    pub namespace: String,
    pub name: String,
    pub replicas: u64,
    pub stable: String,
    pub candidate: String,
    pub revision: u64,
    pub generation: i64,
    pub observed: Option<String>,
    pub strategy: Strategy,
    pub state: State,
    pub user_paused: bool,
    pub weights: Option<(u64, u64)>,
    pub stable_ping_pong: Option<String>,
    pub workload: Option<String>,
    pub promote_full: bool,
    pub legacy: bool,
    pub labels: Vec<(String, String)>,
    pub runs: Vec<(String, Option<u64>, String, Vec<f64>)>,
    pub experiments: Vec<(u64, String)>,
    pub with_pods: bool,
    pub pause_since: String,
}

/// A rollout of 4 replicas that is healthy, by a canary of 20 % with a pause.
pub fn rollout(namespace: &str, name: &str) -> Rollout {
    Rollout {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        replicas: 4,
        stable: format!("{name}:1.0.0"),
        candidate: format!("{name}:1.1.0"),
        revision: 2,
        generation: 2,
        observed: None,
        strategy: Strategy::Canary(json!([{"setWeight": 20}, {"pause": {}}])),
        state: State::Healthy,
        user_paused: false,
        weights: None,
        stable_ping_pong: None,
        workload: None,
        promote_full: false,
        legacy: false,
        labels: Vec::new(),
        runs: Vec::new(),
        experiments: Vec::new(),
        with_pods: true,
        pause_since: THEN.to_owned(),
    }
}

impl Rollout {
    pub fn replicas(mut self, replicas: u64) -> Self {
        self.replicas = replicas;
        self
    }

    pub fn images(mut self, stable: &str, candidate: &str) -> Self {
        (self.stable, self.candidate) = (stable.to_owned(), candidate.to_owned());
        self
    }

    pub fn revision(mut self, revision: u64) -> Self {
        self.revision = revision;
        self
    }

    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push((key.to_owned(), value.to_owned()));
        self
    }

    /// By canary, with these steps.
    pub fn canary(mut self, steps: Value) -> Self {
        self.strategy = Strategy::Canary(steps);
        self
    }

    /// Blue-green, with services `NAME-active` and `NAME-preview`; without `automatic` somebody promotes.
    pub fn blue_green(mut self, automatic: bool) -> Self {
        self.strategy = Strategy::BlueGreen { automatic };
        self
    }

    /// All of it serves the candidate, which is the stable version now.
    pub fn healthy(mut self) -> Self {
        self.state = State::Healthy;
        self
    }

    /// The candidate's pods come up, at this step.
    pub fn progressing_at(mut self, step: u64) -> Self {
        self.state = State::Progressing(step);
        self
    }

    /// This step, which is a pause, pauses it; of a blue-green one, that it waits for its promotion.
    pub fn paused_at(mut self, step: u64) -> Self {
        self.state = State::Paused(step);
        self
    }

    /// Since when it is paused, in RFC 3339.
    pub fn paused_since(mut self, time: &str) -> Self {
        time.clone_into(&mut self.pause_since);
        self
    }

    /// The analysis of this step has no answer, and somebody must decide.
    pub fn inconclusive_at(mut self, step: u64) -> Self {
        self.state = State::Inconclusive(step);
        self.analysis("Step", Some(step), "Inconclusive", &[0.03])
    }

    /// Aborted by a person; by an analysis, with its message.
    pub fn aborted(mut self, why: &str) -> Self {
        self.state = State::Aborted(why.to_owned());
        self
    }

    /// It did not progress in time.
    pub fn too_long(mut self) -> Self {
        self.state = State::TooLong;
        self
    }

    /// Its spec is not valid.
    pub fn invalid(mut self, why: &str) -> Self {
        self.state = State::Invalid(why.to_owned());
        self
    }

    /// Somebody paused it, whatever else it does.
    pub fn user_paused(mut self) -> Self {
        self.user_paused = true;
        self
    }

    /// A full promotion is under way.
    pub fn promoting_in_full(mut self) -> Self {
        self.promote_full = true;
        self
    }

    /// Traffic is routed: so many percent to the candidate, and so many to the stable version.
    pub fn weights(mut self, canary: u64, stable: u64) -> Self {
        self.weights = Some((canary, stable));
        self
    }

    /// Traffic is routed between ping and pong, and this one is stable.
    pub fn ping_pong(mut self, stable: &str) -> Self {
        self.stable_ping_pong = Some(stable.to_owned());
        self.weights.get_or_insert((20, 80));
        self
    }

    /// Its template is that of a deployment.
    pub fn of_deployment(mut self, name: &str) -> Self {
        self.workload = Some(name.to_owned());
        self
    }

    /// How its spec was changed, and what of that the controller has seen; none for all.
    pub fn generation(mut self, generation: i64, observed: Option<&str>) -> Self {
        (self.generation, self.observed) = (generation, observed.map(str::to_owned));
        self
    }

    /// With the status that controllers up to v0.9 write: no phase, and a hash for the generation that was seen.
    pub fn of_version_0_9(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// With an analysis run: see [`parts::analysis_run`].
    pub fn analysis(mut self, kind: &str, step: Option<u64>, phase: &str, values: &[f64]) -> Self {
        self.runs.push((kind.to_owned(), step, phase.to_owned(), values.to_vec()));
        self
    }

    /// With an experiment.
    pub fn experiment(mut self, step: u64, phase: &str) -> Self {
        self.experiments.push((step, phase.to_owned()));
        self
    }

    /// Without pods, where only the rollout matters.
    pub fn without_pods(mut self) -> Self {
        self.with_pods = false;
        self
    }

    pub fn steps(&self) -> u64 {
        match &self.strategy {
            Strategy::Canary(steps) => steps.as_array().map_or(0, Vec::len) as u64,
            Strategy::BlueGreen { .. } => 0,
        }
    }

    pub fn step(&self) -> u64 {
        match self.state {
            State::Healthy => self.steps(),
            State::Progressing(step) | State::Paused(step) | State::Inconclusive(step) => step,
            _ => 0,
        }
    }

    /// What the steps until the present one set for the candidate, in percent.
    fn set_weight(&self) -> u64 {
        let Strategy::Canary(steps) = &self.strategy else { return 100 };
        match self.state {
            State::Healthy => 100,
            State::Aborted(_) | State::Invalid(_) => 0,
            _ => {
                let done = steps.as_array().into_iter().flatten().take(self.step() as usize + 1);
                done.filter_map(|step| step["setWeight"].as_u64()).last().unwrap_or(0)
            }
        }
    }

    /// Pods of the candidate and of the stable version that are wanted.
    pub fn pods(&self) -> (u64, u64) {
        match (&self.strategy, &self.state) {
            (_, State::Healthy) => (self.replicas, 0),
            (Strategy::BlueGreen { .. }, State::Aborted(_)) => (0, self.replicas),
            (Strategy::BlueGreen { .. }, _) => (self.replicas, self.replicas),
            // Somebody's pause halts scaling too: what was there stays.
            (Strategy::Canary(_), State::Aborted(_)) if !self.user_paused => (0, self.replicas),
            (Strategy::Canary(_), State::Aborted(_)) => (1, self.replicas - 1),
            _ => {
                let (canary, stable) = parts::split(self.replicas, self.set_weight());
                (canary, if self.weights.is_some() { self.replicas } else { stable })
            }
        }
    }

    pub fn available(&self) -> u64 {
        let (canary, _) = self.pods();
        if matches!(self.state, State::Progressing(_) | State::TooLong) { canary.saturating_sub(1) } else { canary }
    }

    fn spec(&self) -> Value {
        let selector = json!({"matchLabels": {"app": self.name}});
        let mut spec =
            json!({"replicas": self.replicas, "selector": selector, "template": template(&self.name, &self.candidate)});
        if let Some(deployment) = &self.workload {
            spec = json!({
                "replicas": self.replicas,
                "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
            });
        }
        spec["strategy"] = match &self.strategy {
            Strategy::Canary(steps) => {
                let mut canary = json!({"steps": steps});
                if self.weights.is_some() {
                    canary["trafficRouting"] = json!({"nginx": {"stableIngress": self.name}});
                    canary["stableService"] = json!(format!("{}-stable", self.name));
                    canary["canaryService"] = json!(format!("{}-canary", self.name));
                }
                if self.stable_ping_pong.is_some() {
                    canary["pingPong"] = json!({"pingService": format!("{}-ping", self.name), "pongService": format!("{}-pong", self.name)});
                }
                json!({"canary": canary})
            }
            Strategy::BlueGreen { automatic } => json!({"blueGreen": {
                "activeService": format!("{}-active", self.name), "previewService": format!("{}-preview", self.name),
                "autoPromotionEnabled": automatic,
            }}),
        };
        if self.user_paused {
            spec["paused"] = json!(true);
        }
        spec
    }

    pub fn strategy_steps(&self) -> Value {
        match &self.strategy {
            Strategy::Canary(steps) => steps.clone(),
            Strategy::BlueGreen { .. } => Value::Null,
        }
    }

    /// The rollout alone.
    pub fn build(&self) -> Value {
        self.objects().swap_remove(0)
    }

    /// The rollout, and all that belongs to it: the rollout first, owners before what they own.
    pub fn objects(&self) -> Vec<Value> {
        let mut labels = json!({"app": self.name});
        for (key, value) in &self.labels {
            labels[key] = json!(value);
        }
        let mut rollout = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {
                "name": self.name, "namespace": self.namespace, "uid": format!("uid-{}-{}", self.namespace, self.name),
                "creationTimestamp": THEN, "generation": self.generation, "labels": labels,
                "annotations": {"rollout.argoproj.io/revision": self.revision.to_string()},
            },
            "spec": self.spec(), "status": self.status(),
        });
        if self.workload.is_some() {
            rollout["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"] = json!("2");
            rollout["status"]["workloadObservedGeneration"] = json!("2");
        }
        let mut objects = Vec::new();
        let (canary, stable) = self.pods();
        if !matches!(self.state, State::Invalid(_)) {
            for (image, revision, replicas, available) in [
                (&self.candidate, self.revision, canary, self.available()),
                (&self.stable, self.revision - 1, stable, stable),
            ] {
                if revision == 0 {
                    continue;
                }
                let set = parts::replica_set(&rollout, &template(&self.name, image), revision, replicas, available);
                let pods = (0..replicas).map(|serial| parts::pod(&set, serial, serial < available));
                let pods: Vec<Value> = if self.with_pods { pods.collect() } else { Vec::new() };
                objects.push(set);
                objects.extend(pods);
            }
        }
        for (kind, step, phase, values) in &self.runs {
            let run = parts::analysis_run(&rollout, kind, *step, phase, values);
            let mut told = json!({"name": run["metadata"]["name"], "status": phase});
            if let Some(message) = run["status"].get("message") {
                told["message"] = message.clone();
            }
            let field = match kind.as_str() {
                "Step" => "/status/canary/currentStepAnalysisRunStatus",
                "Background" => "/status/canary/currentBackgroundAnalysisRunStatus",
                "PrePromotion" => "/status/blueGreen/prePromotionAnalysisRunStatus",
                _ => "/status/blueGreen/postPromotionAnalysisRunStatus",
            };
            let (parent, name) = field.rsplit_once('/').unwrap();
            rollout.pointer_mut(parent).unwrap()[name] = told;
            objects.push(run);
        }
        for (step, phase) in &self.experiments {
            let experiment = parts::experiment(&rollout, *step, phase);
            rollout["status"]["canary"]["currentExperiment"] = experiment["metadata"]["name"].clone();
            objects.push(experiment);
        }
        if let Some(deployment) = &self.workload {
            objects.push(json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": deployment, "namespace": self.namespace, "generation": 2, "creationTimestamp": THEN},
                "spec": {
                    "replicas": 0, "selector": {"matchLabels": {"app": self.name}},
                    "template": template(&self.name, &self.candidate),
                },
            }));
        }
        objects.insert(0, rollout);
        objects
    }
}
