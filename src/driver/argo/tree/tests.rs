use serde_json::json;

use super::{
    super::{
        phase,
        samples::{blue_green, canary, children, with},
    },
    *,
};

fn now() -> DateTime<Utc> {
    "2026-05-01T10:05:00Z".parse().unwrap()
}

fn lines(rollout: &Value, children: &Children) -> Vec<String> {
    let rollout = Rollout::read(rollout);
    let tree = Tree::of(&rollout, children);
    let (objects, left_out) = tree.objects(&rollout, &phase::standing(&rollout), now());
    assert_eq!(left_out, 0);
    let line = |object: &ObjectView| {
        format!(
            "{}{} {} {} {}",
            "  ".repeat(object.depth.into()),
            object.kind,
            object.name,
            object.status,
            object.detail
        )
    };
    objects.iter().map(|object| line(object).trim_end().to_owned()).collect()
}

#[test]
fn objects_lie_under_what_owns_them_in_the_plugins_order() {
    assert_eq!(
        lines(&canary(), &children()),
        [
            "Rollout basket Paused",
            "  Revision 2",
            "    ReplicaSet basket-6f8c7 Healthy canary",
            "      Pod basket-6f8c7-a Running ready 1/1",
            "    AnalysisRun basket-6f8c7-2 Running ✔ 2,✖ 1",
            "  Revision 1",
            "    ReplicaSet basket-d41d8 Healthy stable",
            "      Pod basket-d41d8-b Running ready 1/1",
            "      Pod basket-d41d8-a Running ready 1/1",
        ]
    );
}

#[test]
fn an_object_of_another_owner_is_nobodys_here_whatever_its_name() {
    let mut others = children();
    for object in others.objects.values_mut().flatten() {
        for owner in object["metadata"]["ownerReferences"].as_array_mut().unwrap() {
            owner["uid"] = json!(format!("other-{}", owner["uid"].as_str().unwrap()));
        }
    }
    assert_eq!(lines(&canary(), &others), ["Rollout basket Paused"]);
    let nameless = with(canary(), "/metadata/uid", json!(null));
    assert_eq!(lines(&nameless, &children()).len(), 1, "a rollout without an identity owns nothing");
}

#[test]
fn what_a_replica_set_is_follows_from_the_hashes() {
    let ping_pong = |stable: &str| {
        let object = with(canary(), "/spec/strategy/canary/pingPong", json!({"pingService": "a", "pongService": "b"}));
        with(object, "/status/canary", json!({"stablePingPong": stable}))
    };
    let promoted = with(blue_green(), "/status/blueGreen/activeSelector", json!("6f8c7"));
    for (object, candidate, stable) in [
        (canary(), vec!["canary"], vec!["stable"]),
        (ping_pong("ping"), vec!["canary", "pong"], vec!["stable", "ping"]),
        (ping_pong("pong"), vec!["canary", "ping"], vec!["stable", "pong"]),
        (blue_green(), vec!["preview"], vec!["stable", "active"]),
        (promoted, vec!["active"], vec!["stable"]),
    ] {
        let rollout = Rollout::read(&object);
        let tree = Tree::of(&rollout, &children());
        assert_eq!(tree.candidate(&rollout).unwrap().roles, candidate, "{object}");
        assert_eq!(tree.stable(&rollout).unwrap().roles, stable, "{object}");
        assert_eq!(roles(&rollout, "77777"), Vec::<&str>::new());
    }
}

#[test]
fn revisions_have_their_images_and_only_what_runs_counts_as_an_image_of_now() {
    let rollout = Rollout::read(&canary());
    let mut children = children();
    let tree = Tree::of(&rollout, &children);
    let revisions = tree.revisions();
    assert_eq!((revisions[0].number, revisions[0].hash.as_str()), (2, "6f8c7"));
    assert_eq!(revisions[0].images, [SafeText::new("registry.example/basket:1.5.0")]);
    assert_eq!(revisions[1].replicas.available, Some(4));
    assert_eq!(tree.images().len(), 2);
    assert_eq!(tree.candidate_available(&rollout), Some(1));
    children.objects.get_mut(&Kind::REPLICA_SET).unwrap()[0]["status"]["replicas"] = json!(0);
    let tree = Tree::of(&rollout, &children);
    let images: Vec<_> = tree.images().into_iter().collect();
    assert_eq!(images, [("registry.example/basket:1.4.2".into(), BTreeSet::from(["stable".to_owned()]))]);
    assert_eq!(
        Tree::of(&rollout, &Children::default()).candidate_available(&rollout),
        None,
        "what is not known is not zero"
    );
}

#[test]
fn a_replica_set_says_when_it_goes() {
    let mut children = children();
    for (at, detail) in [
        ("2026-05-01T10:05:29Z", "stable, delay 29s"),
        ("2026-05-01T10:00:00Z", "stable, delay passed"),
        ("soon", "stable"),
    ] {
        children.objects.get_mut(&Kind::REPLICA_SET).unwrap()[1]["metadata"]["annotations"][SCALE_DOWN_AT] = json!(at);
        assert!(lines(&canary(), &children).contains(&format!("    ReplicaSet basket-d41d8 Healthy {detail}")), "{at}");
    }
    // Cases of argo-rollouts, info/info_test.go (TestBlueGreenRolloutInfo), and of Kubernetes' duration_test.go.
    for (seconds, text) in [
        (14_399, "3h59m"),
        (119, "119s"),
        (120, "2m"),
        (332, "5m32s"),
        (600, "10m"),
        (10_800, "3h"),
        (90_000, "25h"),
        (259_200, "3d"),
        (-5, "0s"),
    ] {
        assert_eq!(span(TimeDelta::seconds(seconds)), text);
    }
}

#[test]
fn an_experiment_has_its_own_replica_sets_runs_and_jobs() {
    let mut children = children();
    let owned = |name: &str, uid: &str, owner: &str| {
        json!({"name": name, "uid": uid, "creationTimestamp": "2026-05-01T10:02:00Z",
        "annotations": {"rollout.argoproj.io/revision": "2", "experiment.argoproj.io/template-name": "baseline"},
        "ownerReferences": [{"uid": owner, "kind": "x", "name": "x", "controller": true}]})
    };
    children.objects.insert(
        Kind::EXPERIMENT,
        vec![json!({"metadata": owned("basket-6f8c7-2-1", "e-1", "r-1"), "status": {"phase": "Running"}})],
    );
    children.objects.get_mut(&Kind::REPLICA_SET).unwrap().push(
        json!({"metadata": owned("basket-e-baseline", "s-3", "e-1"),
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": "registry.example/basket:1.4.2"}]}}},
        "status": {"replicas": 1, "availableReplicas": 1}}),
    );
    children.objects.get_mut(&Kind::ANALYSIS_RUN).unwrap().push(
        json!({"metadata": owned("basket-e-load", "a-2", "e-1"),
        "spec": {"metrics": [{"name": "load", "provider": {"job": {}}}]},
        "status": {"phase": "Running", "metricResults": [{"name": "load", "measurements": [
            {"phase": "Running", "metadata": {"job-name": "u.load.1"}}]}]}}),
    );
    let text = lines(&canary(), &children);
    let from = text.iter().position(|line| line.contains("Experiment")).unwrap();
    assert_eq!(
        text[from..from + 4],
        [
            "    Experiment basket-6f8c7-2-1 Running",
            "      ReplicaSet basket-e-baseline Healthy",
            "      AnalysisRun basket-e-load Running",
            "        Job u.load.1 Running",
        ]
    );
    let rollout = Rollout::read(&with(canary(), "/status/canary", json!({"currentExperiment": "basket-6f8c7-2-1"})));
    let tree = Tree::of(&rollout, &children);
    assert_eq!(tree.current_runs(&rollout).len(), 1);
    let views = tree.run_views(&rollout);
    assert_eq!((views[0].name.as_str(), views[0].current, views[1].current), ("basket-e-load", true, false));
    let tags = &tree.images()[&SafeText::new("registry.example/basket:1.4.2")];
    assert_eq!(tags, &BTreeSet::from(["stable".to_owned(), "Σ:baseline".to_owned()]));
}

#[test]
fn a_tree_without_end_is_cut_and_says_so() {
    let mut children = children();
    let pod = children.objects[&Kind::POD][0].clone();
    let pods = (0..600).map(|n| with(pod.clone(), "/metadata/name", json!(format!("p-{n:03}"))));
    children.objects.insert(Kind::POD, pods.collect());
    let rollout = Rollout::read(&canary());
    let (objects, left_out) = Tree::of(&rollout, &children).objects(&rollout, &phase::standing(&rollout), now());
    assert_eq!((objects.len(), left_out), (500, 606 - 500));
}

#[test]
fn what_is_wrong_with_pods_is_said_with_numbers() {
    let mut children = children();
    let pod = &mut children.objects.get_mut(&Kind::POD).unwrap()[0];
    pod["status"]["containerStatuses"] =
        json!([{"restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}}]);
    let rollout = Rollout::read(&canary());
    let tree = Tree::of(&rollout, &children);
    assert_eq!(
        tree.candidate(&rollout).unwrap().trouble().unwrap(),
        "CrashLoopBackOff on 1 pod (7 restarts): back-off 5m0s"
    );
    assert_eq!(tree.stable(&rollout).unwrap().trouble(), None);
}
