//! What becomes of orders: the traps of acting on a cluster, end to end.

use rolldeck::{
    domain::Action,
    driver::{Driver, OrderError, Uptake},
};
use serde_json::{Value, json};

use super::{Desk, status, waiting};
use crate::support::kubernetes::{ADMIN, Allow, Fault, StandIn, User};

async fn shop() -> StandIn {
    let stand_in = StandIn::start().await;
    stand_in.put(waiting("basket"));
    stand_in
}

fn basket(stand_in: &StandIn) -> Value {
    stand_in.get("rollouts", "shop", "basket").unwrap()
}

fn patches(stand_in: &StandIn) -> Vec<String> {
    let log = stand_in.log();
    let patches = log.iter().filter(|asked| asked.verb == "patch");
    patches.map(|asked| asked.path.rsplit("/rollouts/").next().unwrap_or_default().to_owned()).collect()
}

/// What the controller does when it notices that a pause was answered.
fn next_step(object: &mut Value) {
    object["status"]["currentStepIndex"] = json!(2);
    object["status"]["controllerPause"] = json!(false);
    object["status"]["phase"] = json!("Progressing");
    object["status"]["message"] = json!("more replicas need to be updated");
}

/// Plays the controller: once something is so, it writes.
async fn controller(stand_in: &StandIn, when: impl Fn(&Value) -> bool, then: impl FnOnce(&mut Value)) {
    stand_in.wait_until("the controller has something to do", |s| when(&basket(s))).await;
    stand_in.edit("rollouts", "shop", "basket", "rollouts-controller", then);
}

fn unpaused(object: &Value) -> bool {
    status(object)["pauseConditions"].is_null()
}

#[tokio::test]
async fn a_promotion_is_done_once_the_controller_took_it_up_and_leaves_an_event() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    let (uptake, ()) = tokio::join!(desk.cluster.carry_out(&order), controller(&stand_in, unpaused, next_step));
    assert!(matches!(uptake, Ok(Uptake::TakenUp(_))), "{uptake:?}");
    assert_eq!(patches(&stand_in), ["basket/status"]);
    let patch = stand_in.log().into_iter().find(|asked| asked.verb == "patch").unwrap();
    assert_eq!(patch.parameter("fieldManager"), Some("rolldeck"));
    let events = stand_in.all("events", "shop");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["reason"], "RolldeckPromote");
    assert_eq!(events[0]["message"], "promote by alice@example.com: the canary looks well");
    assert_eq!(events[0]["involvedObject"]["uid"], basket(&stand_in)["metadata"]["uid"]);
    assert!(matches!(desk.cluster.look_for(&order).await, Ok(Uptake::TakenUp(_))));
    assert_eq!(patches(&stand_in).len(), 1, "looking sends nothing");
}

#[tokio::test]
async fn a_swallowed_promotion_is_noticed_and_the_controller_nudged_once() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    let nudged = |object: &Value| object["metadata"]["annotations"]["rolldeck.dev/nudge"].is_string();
    let (uptake, ()) = tokio::join!(desk.cluster.carry_out(&order), controller(&stand_in, nudged, next_step));
    assert!(matches!(uptake, Ok(Uptake::TakenUp(_))), "{uptake:?}");
    assert_eq!(patches(&stand_in), ["basket/status", "basket"], "the promotion is sent once, and nudged once");
}

#[tokio::test]
async fn a_rollback_of_a_paused_rollout_unpauses_it_too() {
    let stand_in = shop().await;
    stand_in.edit("rollouts", "shop", "basket", "kubectl", |o| o["spec"]["paused"] = json!(true));
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Rollback);
    let aborted = |object: &Value| status(object)["abort"] == json!(true) && object["spec"]["paused"] == json!(false);
    let acts = controller(&stand_in, aborted, |o| {
        o["status"]["observedGeneration"] = o["metadata"]["generation"].as_i64().unwrap().to_string().into();
        o["status"]["currentStepIndex"] = json!(0);
        o["status"]["pauseConditions"] = json!(null);
        o["status"]["controllerPause"] = json!(false);
        o["status"]["abortedAt"] = json!("2026-05-01T11:00:00Z");
        o["status"]["phase"] = json!("Degraded");
        o["status"]["message"] = json!("RolloutAborted: Rollout aborted update to revision 12");
    });
    let (uptake, ()) = tokio::join!(desk.cluster.carry_out(&order), acts);
    assert!(matches!(uptake, Ok(Uptake::TakenUp(_))), "{uptake:?}");
    assert_eq!(patches(&stand_in), ["basket/status", "basket"]);
}

#[tokio::test]
async fn what_only_a_part_of_which_may_be_sent_says_so() {
    let stand_in = shop().await;
    stand_in.edit("rollouts", "shop", "basket", "kubectl", |o| o["spec"]["paused"] = json!(true));
    let rules =
        vec![Allow::new("get,list,watch", "*", "*", None), Allow::new("patch", "argoproj.io", "rollouts/status", None)];
    stand_in.user("status-only", User::new("status-only", rules));
    let mut desk = Desk::open_as(&stand_in, "status-only", &[]).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Rollback);
    let aborted = |object: &Value| status(object)["abort"] == json!(true);
    let acts = controller(&stand_in, aborted, |o| {
        o["status"]["currentStepIndex"] = json!(0);
        o["status"]["phase"] = json!("Degraded");
        o["status"]["abortedAt"] = json!("2026-05-01T11:00:00Z");
        o["status"]["pauseConditions"] = json!(null);
        o["status"]["controllerPause"] = json!(false);
    });
    let (uptake, ()) = tokio::join!(desk.cluster.carry_out(&order), acts);
    let words = match uptake.unwrap() {
        Uptake::TakenUp(words) | Uptake::Unconfirmed(words) | Uptake::NoOp(words) => words,
    };
    assert!(words.as_str().contains("patch rollouts.argoproj.io in shop"), "{words}");
    assert!(words.as_str().contains("no Event of it could be written"), "{words}");
}

#[tokio::test]
async fn a_promotion_never_lands_on_another_revision_than_the_one_on_the_screen() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    stand_in.edit("rollouts", "shop", "basket", "rollouts-controller", |o| {
        o["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!("13");
        o["status"]["currentPodHash"] = json!("77777");
    });
    let refused = desk.cluster.carry_out(&order).await;
    let Err(OrderError::Moved { present, .. }) = refused else { panic!("{refused:?}") };
    assert!(present.0.as_str().starts_with("13-77777:"), "{present}");
    assert!(patches(&stand_in).is_empty());
    assert!(stand_in.all("events", "").is_empty());
}

#[tokio::test]
async fn a_rollback_holds_its_own_against_others_who_write_all_the_time() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Rollback);
    stand_in.fault("patch *", Fault::Fails(409), 4);
    let acts = controller(
        &stand_in,
        |object| status(object)["abort"] == json!(true),
        |o| {
            o["status"]["currentStepIndex"] = json!(0);
            o["status"]["phase"] = json!("Degraded");
            o["status"]["message"] = json!("RolloutAborted: Rollout aborted update to revision 12");
            o["status"]["abortedAt"] = json!("2026-05-01T11:00:00Z");
            o["status"]["pauseConditions"] = json!(null);
            o["status"]["controllerPause"] = json!(false);
        },
    );
    let (uptake, ()) = tokio::join!(desk.cluster.carry_out(&order), acts);
    assert!(matches!(uptake, Ok(Uptake::TakenUp(_))), "{uptake:?}");
    assert_eq!(patches(&stand_in).len(), 5);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for_and_the_promotion_not_sent_again() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    stand_in.fault("patch *", Fault::AnswerLost, 1);
    let (uptake, ()) = tokio::join!(desk.cluster.carry_out(&order), controller(&stand_in, unpaused, next_step));
    let Ok(Uptake::TakenUp(words)) = uptake else { panic!("{uptake:?}") };
    assert!(words.as_str().contains("the answer of the cluster was lost"), "{words}");
    assert_eq!(patches(&stand_in).len(), 1);
}

#[tokio::test]
async fn a_promotion_that_may_be_lost_is_said_to_be_and_not_sent_again() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    stand_in.fault("patch *", Fault::Reset, 1);
    let lost = desk.cluster.carry_out(&order).await;
    assert!(matches!(lost, Err(OrderError::Lost(_))), "{lost:?}");
    assert_eq!(patches(&stand_in).len(), 1);
    assert_eq!(status(&basket(&stand_in))["pauseConditions"][0]["reason"], "CanaryPauseStep");
}

#[tokio::test]
async fn what_is_forbidden_is_named_by_the_rule_that_is_missing() {
    let stand_in = shop().await;
    stand_in.user("viewer", User::new("viewer", vec![Allow::new("get,list,watch", "*", "*", None)]));
    let mut desk = Desk::open_as(&stand_in, "viewer", &[]).await;
    desk.ready().await;
    desk.until("it is said before a key is pressed", |told| {
        let why = told.rollouts["shop/basket"].rollout.offers(Action::Promote);
        why.is_err_and(|why| why.as_str().contains("patch rollouts.argoproj.io/status"))
    })
    .await;
    let order = desk.order("shop/basket", Action::Promote);
    let refused = desk.cluster.carry_out(&order).await;
    let Err(OrderError::Forbidden { rule }) = refused else { panic!("{refused:?}") };
    assert_eq!(rule, "patch rollouts.argoproj.io/status in shop");
}

#[tokio::test]
async fn an_answer_that_changed_nothing_is_not_believed() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    // A status that is asked for where it is no resource goes to the object itself, which ignores it.
    stand_in.fault("patch */status", Fault::Fails(404), None);
    let refused = desk.cluster.carry_out(&order).await;
    let Err(OrderError::Failed(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("changed nothing"), "{why}");
    assert_eq!(patches(&stand_in), ["basket/status", "basket"]);
}

#[tokio::test]
async fn an_order_for_what_is_gone_says_so() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::Promote);
    stand_in.delete("rollouts", "shop", "basket");
    let refused = desk.cluster.carry_out(&order).await;
    assert!(matches!(refused, Err(OrderError::Gone(_))), "{refused:?}");
    desk.until("it is told", |told| told.rollouts.is_empty()).await;
    assert!(matches!(desk.cluster.look_for(&order).await, Err(OrderError::Gone(_))));
}

#[tokio::test]
async fn a_full_promotion_right_after_a_new_spec_waits_until_the_controller_has_seen_it() {
    let stand_in = shop().await;
    stand_in.edit("rollouts", "shop", "basket", "kubectl", |o| {
        o["spec"]["template"]["spec"]["containers"][0]["image"] = json!("shop/app:1");
    });
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let order = desk.order("shop/basket", Action::PromoteFull);
    let orders = desk.cluster.carry_out(&order);
    let acts = async {
        // It was read once, and nothing was sent: it waits.
        stand_in
            .wait_until("the order read it", |s| {
                s.log().iter().any(|asked| asked.verb == "get" && asked.path.ends_with("/rollouts/basket"))
            })
            .await;
        assert!(patches(&stand_in).is_empty());
        stand_in.edit("rollouts", "shop", "basket", "rollouts-controller", |o| {
            o["status"]["observedGeneration"] = o["metadata"]["generation"].as_i64().unwrap().to_string().into();
            o["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!("13");
            o["status"]["currentPodHash"] = json!("1a1a1");
            o["status"]["currentStepIndex"] = json!(0);
            o["status"]["pauseConditions"] = json!(null);
            o["status"]["controllerPause"] = json!(false);
            o["status"]["phase"] = json!("Progressing");
        });
        controller(
            &stand_in,
            |object| status(object)["promoteFull"] == json!(true),
            |o| {
                o["status"]["currentStepIndex"] = json!(4);
            },
        )
        .await;
    };
    let (uptake, ()) = tokio::join!(orders, acts);
    assert!(matches!(uptake, Ok(Uptake::TakenUp(_))), "{uptake:?}");
    assert_eq!(patches(&stand_in), ["basket/status"]);
}

#[tokio::test]
async fn an_order_is_carried_out_though_nothing_is_watched() {
    let stand_in = shop().await;
    let mut desk = Desk::open_as(&stand_in, ADMIN, &["elsewhere"]).await;
    desk.ready().await;
    let mut other = Desk::open(&stand_in).await;
    other.ready().await;
    let order = other.order("shop/basket", Action::Pause);
    let uptake = desk.cluster.carry_out(&order).await;
    assert!(uptake.is_ok(), "{uptake:?}");
    assert_eq!(basket(&stand_in)["spec"]["paused"], json!(true));
}
