//! What Argo's controller makes of a rollout that it sees: one step of it, as a pure function.

use serde_json::{Value, json};

use super::{controller::wanted, parts};

/// What belongs to the rollout.
#[derive(Debug, Default)]
pub struct Sets {
    /// Its replica sets.
    pub all: Vec<Value>,
    /// Its analysis runs and experiments.
    pub runs: Vec<Value>,
}

/// What is to be written.
#[derive(Debug)]
pub struct Next {
    /// A merge patch of the status.
    pub status: Value,
    /// A merge patch of the metadata.
    pub metadata: Value,
    /// Replica sets, and how many pods they are to have.
    pub scale: Vec<(Value, u64)>,
    /// Analysis runs and experiments to be made or changed.
    pub runs: Vec<Value>,
}

pub struct Work<'w> {
    pub rollout: &'w Value,
    pub sets: &'w Sets,
    pub outcome: &'w str,
    pub come_up: bool,
    pub now: &'w str,
    pub status: Value,
    pub runs: Vec<Value>,
    /// The weight of the candidate, and whether the last step was just done.
    pub weight: u64,
}

fn revision_of(set: &Value) -> u64 {
    set["metadata"]["annotations"]["rollout.argoproj.io/revision"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn hash_of(set: &Value) -> &str {
    set["metadata"]["labels"]["rollouts-pod-template-hash"].as_str().unwrap_or_default()
}

/// One reconciliation.
pub fn next(rollout: &Value, sets: &Sets, outcome: &str, come_up: bool, now: &str) -> Next {
    let (template, hash) = wanted(rollout);
    let replicas = rollout["spec"]["replicas"].as_u64().unwrap_or(1);
    let newest = sets.all.iter().map(revision_of).max().unwrap_or(0);
    let known = sets.all.iter().find(|set| hash_of(set) == hash);
    // Going back to a set makes it the newest revision.
    let revision = known.map(revision_of).filter(|revision| *revision == newest).unwrap_or(newest + 1);
    let status = if rollout["status"].is_object() { rollout["status"].clone() } else { json!({}) };
    let mut work = Work { rollout, sets, outcome, come_up, now, status, runs: Vec::new(), weight: 0 };
    work.notice_new_template(&hash);
    let blue_green = rollout["spec"]["strategy"]["blueGreen"].is_object();
    if blue_green {
        work.blue_green(&hash, replicas)
    } else {
        work.canary(&hash, replicas, revision)
    };
    work.restart();
    let (scale, counts) = work.scale(&template, &hash, replicas, revision, blue_green);
    work.finish(&hash, replicas, revision, counts, blue_green);
    let metadata = json!({"annotations": {"rollout.argoproj.io/revision": revision.to_string()}});
    Next { status: difference(&rollout["status"], &work.status), metadata, scale, runs: work.runs }
}

/// The merge patch that makes the second of the first.
fn difference(before: &Value, after: &Value) -> Value {
    let empty = serde_json::Map::new();
    let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let mut patch = serde_json::Map::new();
    for (key, value) in after {
        match before.get(key) {
            Some(old) if old == value => {}
            Some(Value::Object(_)) if value.is_object() => {
                patch.insert(key.clone(), difference(&before[key], value));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

impl Work<'_> {
    pub fn is(&self, field: &str) -> bool {
        self.status[field] == true
    }

    pub fn drop(&mut self, fields: &[&str]) {
        if let Some(status) = self.status.as_object_mut() {
            fields.iter().for_each(|field| {
                status.remove(*field);
            });
        }
    }

    pub fn steps(&self) -> &[Value] {
        self.rollout["spec"]["strategy"]["canary"]["steps"].as_array().map_or(&[], Vec::as_slice)
    }

    fn paused_for(&self, reason: &str) -> bool {
        self.status["pauseConditions"].as_array().is_some_and(|all| all.iter().any(|one| one["reason"] == reason))
    }

    fn pause(&mut self, reason: &str) {
        self.status["controllerPause"] = json!(true);
        self.status["pauseConditions"] = json!([{"reason": reason, "startTime": self.now}]);
    }

    pub fn stable_is(&self, hash: &str) -> bool {
        self.status["stableRS"] == hash
    }

    /// A new template begins at the first step; that of the stable set has no more steps to do.
    fn notice_new_template(&mut self, hash: &str) {
        if self.status["currentPodHash"] == hash {
            return;
        }
        self.drop(&["abort", "abortedAt", "promoteFull", "pauseConditions", "controllerPause"]);
        self.status["canary"] = json!({});
        if !self.steps().is_empty() {
            let at = if self.stable_is(hash) || self.status["stableRS"].is_null() { self.steps().len() } else { 0 };
            self.status["currentStepIndex"] = json!(at);
            self.status["currentStepHash"] = json!(parts::pod_hash(&json!(self.steps())));
        }
        self.status["currentPodHash"] = json!(hash);
    }

    fn aborted(&mut self) {
        if self.status["abortedAt"].is_null() {
            self.status["abortedAt"] = json!(self.now);
        }
        self.drop(&["pauseConditions", "controllerPause"]);
    }

    fn canary(&mut self, hash: &str, replicas: u64, revision: u64) {
        let steps = self.steps().to_vec();
        if self.is("promoteFull") {
            self.drop(&["abort", "abortedAt", "pauseConditions", "controllerPause"]);
            if !steps.is_empty() {
                self.status["currentStepIndex"] = json!(steps.len());
            }
        }
        if self.is("abort") && !self.stable_is(hash) {
            self.aborted();
            if !steps.is_empty() {
                self.status["currentStepIndex"] = json!(0);
            }
            return;
        }
        if !self.is("abort") && self.status["abortedAt"].is_string() {
            // Somebody tries again: with analyses of its own.
            self.drop(&["abortedAt"]);
            self.status["canary"] = json!({});
        }
        let index = self.status["currentStepIndex"].as_u64().unwrap_or(0) as usize;
        let paused = self.rollout["spec"]["paused"] == true;
        self.weight =
            steps[..index.min(steps.len())].iter().rev().find_map(|step| step["setWeight"].as_u64()).unwrap_or(0);
        if index >= steps.len() {
            self.weight = 100;
            return;
        }
        let step = &steps[index];
        if let Some(weight) = step["setWeight"].as_u64() {
            self.weight = weight;
        }
        // A person's pause halts the steps.
        if paused {
            return;
        }
        let reached = self.available(hash) >= parts::split(replicas, self.weight).0;
        let done = if step["setWeight"].is_u64() {
            reached
        } else if step["pause"].is_object() {
            self.pause_step(&step["pause"])
        } else if step["analysis"].is_object() || step["experiment"].is_object() {
            self.run_step(step, index as u64, revision)
        } else {
            true
        };
        if done {
            self.drop(&["pauseConditions", "controllerPause"]);
            self.status["currentStepIndex"] = json!(index + 1);
        }
    }

    /// Whether a pause is over: somebody took its condition away, or its time has passed.
    fn pause_step(&mut self, pause: &Value) -> bool {
        if !self.paused_for("CanaryPauseStep") {
            if self.is("controllerPause") {
                return true;
            }
            self.pause("CanaryPauseStep");
            return false;
        }
        let text = match &pause["duration"] {
            Value::Number(seconds) => seconds.to_string(),
            Value::String(text) => text.clone(),
            _ => return false,
        };
        let (number, factor) = match text.strip_suffix(['s', 'm', 'h']) {
            Some(number) if text.ends_with('m') => (number, 60),
            Some(number) if text.ends_with('h') => (number, 3600),
            Some(number) => (number, 1),
            None => (text.as_str(), 1),
        };
        let seconds = number.parse::<i64>().unwrap_or(i64::MAX / 3600) * factor;
        let at =
            |text: &str| chrono::DateTime::parse_from_rfc3339(text).map(|time| time.timestamp()).unwrap_or_default();
        let since = self.status["pauseConditions"][0]["startTime"].as_str().unwrap_or_default();
        at(self.now) - at(since) >= seconds
    }

    /// Whether an analysis or an experiment has ended well.
    fn run_step(&mut self, step: &Value, index: u64, revision: u64) -> bool {
        let mut owner = self.rollout.clone();
        owner["status"] = self.status.clone();
        owner["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!(revision.to_string());
        let experiment = step["experiment"].is_object();
        let values: &[f64] = match self.outcome {
            "Failed" => &[0.2],
            "Inconclusive" => &[0.03],
            _ => &[0.01],
        };
        let mut fresh = if experiment {
            parts::experiment(&owner, index, self.outcome)
        } else {
            parts::analysis_run(&owner, "Step", Some(index), self.outcome, values)
        };
        let current = match experiment {
            true => &self.status["canary"]["currentExperiment"],
            false => &self.status["canary"]["currentStepAnalysisRunStatus"]["name"],
        };
        // A run of an earlier try is over: this one is the next of its name.
        let base = fresh["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let known = |name: &str| self.sets.runs.iter().find(|run| run["metadata"]["name"] == name);
        let numbered = |number: usize| if number == 0 { base.clone() } else { format!("{base}.{number}") };
        let name =
            (0..).map(numbered).find(|name| *current == name.as_str() || known(name).is_none()).unwrap_or_default();
        fresh["metadata"]["name"] = json!(name);
        fresh["metadata"]["uid"] = json!(format!("uid-{name}"));
        let known = known(&name);
        let ended = |run: &Value| run["status"]["phase"] != "Running";
        let mut run = match known {
            Some(run) if ended(run) => run.clone(),
            Some(run) if run["status"] == fresh["status"] => run.clone(),
            _ => {
                self.runs.push(fresh.clone());
                fresh
            }
        };
        if run["spec"]["terminate"] == true && !ended(&run) {
            // What has not failed until then has succeeded.
            run["status"]["phase"] = json!("Successful");
            run["status"]["message"] = json!("Run Terminated");
            self.runs.push(run.clone());
        }
        let phase = run["status"]["phase"].as_str().unwrap_or_default().to_owned();
        let message = run["status"]["message"].as_str().unwrap_or_default().to_owned();
        if experiment {
            self.status["canary"]["currentExperiment"] = run["metadata"]["name"].clone();
        } else {
            let mut told = json!({"name": run["metadata"]["name"], "status": phase});
            if !message.is_empty() {
                told["message"] = json!(message);
            }
            self.status["canary"]["currentStepAnalysisRunStatus"] = told;
        }
        match phase.as_str() {
            "Successful" => return true,
            "Failed" | "Error" => {
                self.status["abort"] = json!(true);
                self.aborted();
                self.status["currentStepIndex"] = json!(0);
                self.weight = 0;
            }
            "Inconclusive" if !self.is("controllerPause") => self.pause("InconclusiveAnalysisRun"),
            _ => {}
        }
        false
    }

    fn blue_green(&mut self, hash: &str, replicas: u64) {
        let spec = &self.rollout["spec"]["strategy"]["blueGreen"];
        self.status["blueGreen"]["previewSelector"] = json!(hash);
        if self.status["blueGreen"]["activeSelector"].is_null() && self.status["stableRS"].is_null() {
            if self.available(hash) >= replicas {
                self.status["blueGreen"]["activeSelector"] = json!(hash);
            }
            return;
        }
        if self.is("promoteFull") {
            self.drop(&["abort", "abortedAt", "pauseConditions", "controllerPause"]);
        } else if self.is("abort") && !self.stable_is(hash) {
            self.aborted();
            return;
        }
        if self.stable_is(hash) || self.available(hash) < replicas || self.rollout["spec"]["paused"] == true {
            return;
        }
        let automatic = spec["autoPromotionEnabled"] != false || self.is("promoteFull");
        if !automatic && !self.paused_for("BlueGreenPause") && !self.is("controllerPause") {
            self.pause("BlueGreenPause");
        } else if automatic || !self.paused_for("BlueGreenPause") {
            self.drop(&["pauseConditions", "controllerPause"]);
            self.status["blueGreen"]["activeSelector"] = json!(hash);
        }
    }

    fn restart(&mut self) {
        let wanted = &self.rollout["spec"]["restartAt"];
        if wanted.is_string() && wanted.as_str() <= Some(self.now) {
            self.status["restartedAt"] = wanted.clone();
        }
    }

    pub fn available(&self, hash: &str) -> u64 {
        let set = self.sets.all.iter().find(|set| hash_of(set) == hash);
        set.and_then(|set| set["status"]["availableReplicas"].as_u64()).unwrap_or(0)
    }

    /// How many pods each set is to have, where that is not so; pods and available ones of all, and of the newest.
    fn scale(
        &mut self,
        template: &Value,
        hash: &str,
        replicas: u64,
        revision: u64,
        blue_green: bool,
    ) -> (Vec<(Value, u64)>, [u64; 4]) {
        let first = self.status["stableRS"].is_null() || self.stable_is(hash);
        let routed = self.rollout["spec"]["strategy"]["canary"]["trafficRouting"].is_object();
        let aborted = self.is("abort") && !first;
        let (candidate, rest) = parts::split(replicas, self.weight);
        let candidate = match (first, blue_green, aborted) {
            (true, ..) | (_, true, _) => replicas,
            (_, _, true) => 0,
            _ => candidate,
        };
        let stable = if routed || blue_green || aborted { replicas } else { rest };
        let halted = self.rollout["spec"]["paused"] == true;
        let mut scale = Vec::new();
        let mut counts = [0; 4];
        let mut sets: Vec<Value> = self.sets.all.clone();
        if !sets.iter().any(|set| hash_of(set) == hash) {
            sets.push(parts::replica_set(self.rollout, template, revision, 0, 0));
        }
        for mut set in sets {
            let now = set["spec"]["replicas"].as_u64().unwrap_or(0);
            let available = set["status"]["availableReplicas"].as_u64().unwrap_or(0);
            let newest = hash_of(&set) == hash;
            let known = self.sets.all.iter().any(|one| one["metadata"]["name"] == set["metadata"]["name"]);
            let wanted = if newest {
                candidate
            } else if self.stable_is(hash_of(&set)) {
                stable
            } else {
                0
            };
            // Old pods of a blue-green rollout stay for a while, as do all while somebody pauses it.
            let stays = (blue_green && !newest) || (halted && known);
            let wanted = if stays { now } else { wanted };
            let renumbered = newest && revision_of(&set) != revision;
            if renumbered {
                set["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!(revision.to_string());
            }
            let behind = self.come_up && available < wanted;
            if !known || renumbered || wanted != now || behind {
                scale.push((set, wanted));
            }
            let available = if self.come_up { wanted } else { available.min(wanted) };
            counts[0] += wanted;
            counts[1] += available;
            if newest {
                counts[2] = wanted;
                counts[3] = available;
            }
        }
        (scale, counts)
    }
}
