//! Rollouts of Argo in every state, against what `kubectl argo rollouts get rollout` prints of the same
//! objects: phase and message, weights, images, counts, and the tree with all its words.

use std::{collections::BTreeSet, fs, path::PathBuf};

use chrono::{DateTime, Utc};
use rolldeck::{
    domain::{Phase, SafeText, Verdict},
    driver::{
        Sighting,
        argo::{self, Rollout, phase, tree::Tree, weight},
        kubernetes::{children::Children, grants::Grants, request::Kind},
    },
};
use serde_json::Value;

mod mutated;

/// A state: the objects, what the plugin printed of them, and when.
struct State {
    name: String,
    now: DateTime<Utc>,
    plugin: Value,
    rollout: Value,
    children: Children,
}

fn state(name: &str) -> State {
    let path = folder().join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let mut children = Children::default();
    // What is watched and has no objects is known to have none.
    for kind in [Kind::REPLICA_SET, Kind::POD, Kind::ANALYSIS_RUN, Kind::EXPERIMENT, Kind::DEPLOYMENT] {
        children.objects.insert(kind, Vec::new());
    }
    let mut rollout = Value::Null;
    for object in file["objects"].as_array_mut().unwrap().iter_mut().map(Value::take) {
        if object["kind"] == "Rollout" {
            rollout = object;
        } else {
            let kind = *children.objects.keys().find(|kind| object["kind"] == kind.kind).unwrap();
            children.objects.get_mut(&kind).unwrap().push(object);
        }
    }
    State {
        name: name.to_owned(),
        now: file["now"].as_str().unwrap().parse().unwrap(),
        plugin: file["plugin"].take(),
        rollout,
        children,
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/argo")
}

fn states() -> Vec<State> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    names.iter().map(|name| state(name)).collect()
}

fn sighting(state: &State) -> Sighting {
    argo::sighting(&Rollout::read(&state.rollout), Some(&state.children), &Grants::default(), state.now)
}

#[test]
fn phase_weights_and_counts_are_those_that_the_plugin_prints() {
    for state in states() {
        let rollout = Rollout::read(&state.rollout);
        let tree = Tree::of(&rollout, &state.children);
        let standing = phase::standing(&rollout);
        let printed = |key: &str| state.plugin[key].as_str().unwrap_or_default().to_owned();
        let name = &state.name;
        assert_eq!(standing.phase.as_str(), printed("status"), "{name}");
        assert_eq!(standing.message, SafeText::new(printed("message")), "{name}");
        assert_eq!(weight::step_text(&rollout), printed("step"), "{name}");
        let shown = |weight: Option<u32>| weight.map(|weight| weight.to_string()).unwrap_or_default();
        assert_eq!(shown(weight::set_weight(&rollout)), printed("set"), "{name}");
        let available = tree.candidate_available(&rollout);
        // The plugin calls a replica set the canary only where it is not the stable one.
        assert_eq!(shown(weight::actual_weight(&rollout, available)), printed("actual"), "{name}");
        let counts = &state.plugin["replicas"];
        let seen = sighting(&state).rollout.workload.unwrap().replicas;
        for (key, count) in [
            ("desired", seen.desired),
            ("current", seen.current),
            ("updated", seen.updated),
            ("ready", seen.ready),
            ("available", seen.available),
        ] {
            assert_eq!(count.map(u64::from), counts[key].as_u64(), "{name}: {key}");
        }
    }
}

#[test]
fn objects_are_those_that_the_plugin_prints_in_its_order() {
    for state in states() {
        let rollout = Rollout::read(&state.rollout);
        let tree = Tree::of(&rollout, &state.children);
        let (objects, left_out) = tree.objects(&rollout, &phase::standing(&rollout), state.now);
        assert_eq!(left_out, 0);
        let ours: Vec<(u64, String, String, String, String)> = objects
            .iter()
            .map(|object| {
                // Ours says `ready 1/1, restarts 3` and `delay 29s`, the plugin `ready:1/1,restarts:3` and `delay:29s`.
                let detail = if object.kind.as_str() == "Experiment" { "" } else { object.detail.as_str() };
                let detail = detail.split("delay ").next().unwrap().to_owned()
                    + if detail.contains("delay ") { "delay" } else { "" };
                let detail = detail.replace(", ", ",").replace("ready ", "ready:").replace("restarts ", "restarts:");
                let text = |text: &SafeText| text.as_str().to_owned();
                (u64::from(object.depth), text(&object.kind), text(&object.name), text(&object.status), detail)
            })
            .collect();
        let printed: Vec<(u64, String, String, String, String)> =
            serde_json::from_value(state.plugin["rows"].clone()).unwrap();
        assert_eq!(ours, printed, "{}", state.name);
        let images: BTreeSet<String> = tree
            .images()
            .into_iter()
            .map(|(image, tags)| match tags.len() {
                0 => image.to_string(),
                _ => {
                    let tags: BTreeSet<String> = tags.into_iter().collect();
                    format!("{image} ({})", tags.into_iter().collect::<Vec<_>>().join(", "))
                }
            })
            .collect();
        let sorted = |line: &str| {
            let (image, tags) = line.split_once(" (").unwrap_or((line, ""));
            let mut tags: Vec<&str> = tags.trim_end_matches(')').split(", ").filter(|tag| !tag.is_empty()).collect();
            // The plugin sorts tags only where it merges two lists of them.
            tags.sort_unstable();
            if tags.is_empty() { image.to_owned() } else { format!("{image} ({})", tags.join(", ")) }
        };
        let printed: BTreeSet<String> =
            state.plugin["images"].as_array().unwrap().iter().map(|line| sorted(line.as_str().unwrap())).collect();
        assert_eq!(images, printed, "{}", state.name);
    }
}

#[test]
fn every_state_is_shown_as_what_it_is_and_says_what_holds_it() {
    use Phase as P;
    use Verdict as V;
    let mut wrong = Vec::new();
    for (name, phase, stage, blocker, verdict) in [
        (
            "canary-initial-progressing",
            P::Progressing,
            None,
            "5 of 5 pods of revision 1 (66b9c447fd) not available",
            V::NoData,
        ),
        ("canary-healthy", P::Completed, None, "", V::NoData),
        (
            "canary-progressing",
            P::Progressing,
            Some("weight-20"),
            "1 of 1 pod of revision 2 (86688cf869) not available",
            V::NoData,
        ),
        (
            "canary-paused-step",
            P::AwaitingPromotion,
            Some("weight-20"),
            "step 2 of 8 (pause) waits for a person since 17:02:05Z",
            V::NoData,
        ),
        ("canary-paused-step-and-user", P::Paused, Some("weight-20"), "paused (spec.paused)", V::NoData),
        ("canary-user-paused-healthy", P::Paused, None, "paused", V::NoData),
        ("canary-crashloop", P::Progressing, Some("weight-20"), "CrashLoopBackOff on 1 pod", V::NoData),
        (
            "canary-deadline-exceeded",
            P::Degraded,
            Some("weight-20"),
            "no progress within 60 s (ProgressDeadlineExceeded): 1 of 1 pod of revision 3 (7c466467cc) not available: CrashLoopBackOff",
            V::NoData,
        ),
        (
            "canary-invalid-spec",
            P::Degraded,
            None,
            "its controller refuses the spec: The Rollout \"canary-demo\" is invalid: spec.strategy.maxSurge",
            V::NoData,
        ),
        ("canary-aborted", P::Aborted, None, "revision 2 (86688cf869) was aborted at ", V::NoData),
        (
            "canary-aborted-while-user-paused",
            P::Degraded,
            None,
            "revision 2 (86688cf869) was aborted at 17:02:09Z",
            V::NoData,
        ),
        ("traffic-aborted-delay", P::Aborted, None, "revision 2 (575d45d87d) was aborted at ", V::NoData),
        (
            "traffic-paused-5",
            P::AwaitingPromotion,
            Some("weight-5"),
            "step 2 of 7 (pause) waits for a person",
            V::NoData,
        ),
        (
            "traffic-paused-timed-35",
            P::AwaitingPromotion,
            Some("weight-35"),
            "step 4 of 7 (pause: 15s) ends at 17:07:23Z",
            V::NoData,
        ),
        ("canary-promote-full-running", P::Progressing, Some("full"), "not available", V::NoData),
        ("canary-restarting", P::Progressing, None, "not available", V::NoData),
        (
            "bluegreen-paused",
            P::AwaitingPromotion,
            Some("preview"),
            "the switch to the new version waits for a person since ",
            V::NoData,
        ),
        ("bluegreen-promoted-scaledown-delay", P::Completed, None, "", V::NoData),
        ("bluegreen-aborted", P::Aborted, None, "revision 3 (59c577ccd8) was aborted at ", V::NoData),
        ("analysis-running", P::Progressing, Some("weight-20"), "step 2 of 5 (analysis) runs: ", V::Pass),
        ("analysis-failed", P::Aborted, None, "web value 0.1 is below 0.5 (2 failures, 1 allowed)", V::Fail),
        (
            "analysis-inconclusive",
            P::AwaitingPromotion,
            Some("weight-20"),
            "an analysis is inconclusive, and a person decides: web value 0.7 is below 0.95 and at least 0.5 (2 inconclusive, 1 allowed)",
            V::Insufficient,
        ),
        (
            "analysis-error",
            P::Aborted,
            None,
            "web value could not be measured 5 times in a row, 4 allowed: received non 2xx response code: 500",
            V::NoData,
        ),
        ("background-running", P::AwaitingPromotion, Some("weight-25"), "waits for a person", V::Pass),
        ("background-failed", P::Aborted, None, "(2 failures, 1 allowed)", V::Fail),
        (
            "experiment-running",
            P::Progressing,
            Some("weight-34"),
            "step 2 of 3 (experiment) runs: job has no measurement yet",
            V::NoData,
        ),
        ("upstream-aborted", P::Aborted, None, "web", V::Fail),
        ("upstream-invalid", P::Degraded, Some("full"), "its controller refuses the spec", V::NoData),
        (
            "upstream-canary",
            P::Degraded,
            Some("weight-20"),
            "no progress within 30 s (ProgressDeadlineExceeded): 1 of 1 pod of revision 31 (65fb5ffc84) not available: ImagePullBackOff on 1 pod",
            V::NoData,
        ),
    ] {
        let state = state(name);
        let seen = sighting(&state).rollout;
        let said: Vec<&str> = seen.blockers.iter().map(|blocker| blocker.summary.as_str()).collect();
        let stands = match said.first() {
            Some(first) => !blocker.is_empty() && first.contains(blocker),
            None => blocker.is_empty(),
        };
        let at = seen.current_stage.as_ref().map(|stage| stage.as_str());
        if seen.phase != phase || at != stage || !stands || seen.verdict.label != verdict {
            let (label, why) = (seen.verdict.label, &seen.verdict.why);
            wrong.push(format!("{name}: {:?} at {at:?}, {said:?}, {label:?} as {why}", seen.phase));
        }
        assert_eq!(seen.offers.len(), 8, "{name}");
        assert!(
            seen.exposure.percent <= 100.0 && seen.exposure.units <= seen.exposure.units_total.max(seen.exposure.units),
            "{name}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_abort_that_a_persons_pause_holds_up_is_never_called_done() {
    let seen = sighting(&state("canary-aborted-while-user-paused")).rollout;
    assert!(
        seen.message
            .as_str()
            .contains("1 pod of revision 2 (86688cf869) stay, and get traffic until spec.paused is ended"),
        "{}",
        seen.message
    );
    assert_eq!(seen.next.unwrap().what.as_str(), "a person ends the pause");
    let done = sighting(&state("canary-aborted")).rollout;
    assert!(
        done.message.as_str().ends_with("; the spec still names revision 2 until it is undone"),
        "{}",
        done.message
    );
    assert!((done.exposure.percent, done.exposure.units) == (0.0, 0), "{:?}", done.exposure);
}
