//! What a driver tells, and that nothing of how it was found out can be noticed.

use serde_json::json;

use super::{Desk, canary, waiting};
use crate::support::kubernetes::{Fault, StandIn, Tell};

const ROLLOUTS: &str = "*/rollouts";

async fn shop(names: &[&str]) -> StandIn {
    let stand_in = StandIn::start().await;
    for name in names {
        stand_in.put(waiting(name));
    }
    stand_in
}

/// Until the watches of both kinds are open.
async fn open_watches(stand_in: &StandIn) {
    stand_in.wait_until("both kinds are watched", |s| s.watches().len() >= 2).await;
}

#[tokio::test]
async fn all_that_is_there_is_told_before_it_is_said_that_all_is() {
    let stand_in = shop(&["basket", "cart"]).await;
    stand_in.put(canary("search"));
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let told: Vec<_> = desk.told.rollouts.keys().cloned().collect();
    assert_eq!(told, ["shop/basket", "shop/cart", "shop/search"]);
    assert_eq!(desk.told.remarks(), "");
    open_watches(&stand_in).await;
    stand_in.forget_log();
    stand_in.edit("rollouts", "shop", "cart", "controller", |o| o["status"]["currentStepIndex"] = json!(3));
    stand_in.delete("rollouts", "shop", "basket");
    let before = desk.told.rollouts["shop/cart"].rollout.revision.clone();
    desk.until("the change and the end are told", |told| {
        told.count("gone shop/basket") == 1 && told.rollouts["shop/cart"].rollout.revision != before
    })
    .await;
    assert_eq!(stand_in.count("list"), 0, "changes come without a list");
}

#[tokio::test]
async fn a_list_that_is_read_again_cannot_be_noticed() {
    let stand_in = shop(&["basket", "cart", "search"]).await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    open_watches(&stand_in).await;
    stand_in.fault("watch */rollouts", Fault::Fails(500), 1);
    stand_in.tell_watches(ROLLOUTS, Tell::Break);
    stand_in.delete("rollouts", "shop", "cart");
    stand_in.edit("rollouts", "shop", "basket", "controller", |o| o["status"]["currentStepIndex"] = json!(3));
    stand_in.compact();
    stand_in.forget_log();
    let before = desk.told.rollouts["shop/basket"].rollout.revision.clone();
    desk.until("what changed meanwhile is told", |told| {
        told.count("gone shop/cart") == 1 && told.rollouts["shop/basket"].rollout.revision != before
    })
    .await;
    assert!(stand_in.log().iter().any(|asked| asked.verb == "list" && asked.path.ends_with("/rollouts")));
    assert_eq!(desk.told.count("seen shop/search"), 1, "what is as it was is not told again: {:?}", desk.told.story);
    assert_eq!(desk.told.count("gone shop/basket") + desk.told.count("gone shop/search"), 0);
}

#[tokio::test]
async fn a_watch_that_ends_or_breaks_goes_on_without_a_list_and_loses_nothing() {
    let stand_in = shop(&["basket"]).await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    for (step, tell) in [(1, Tell::End), (2, Tell::Break), (3, Tell::BreakInNext), (1, Tell::Bookmark)] {
        open_watches(&stand_in).await;
        stand_in.forget_log();
        stand_in.tell_watches(ROLLOUTS, tell);
        stand_in.edit("rollouts", "shop", "basket", "controller", |o| {
            o["status"]["currentStepIndex"] = json!(step + 1);
        });
        let wanted = format!("12-6f8c7:{}w-", step + 1);
        desk.until("the change is told", |told| {
            told.rollouts["shop/basket"].rollout.revision.0.as_str().starts_with(&wanted)
        })
        .await;
        assert_eq!(stand_in.count("list"), 0, "{tell:?}");
    }
}

#[tokio::test]
async fn a_cluster_that_has_trouble_when_it_is_first_asked_is_asked_again() {
    let stand_in = shop(&["basket"]).await;
    stand_in.fault("list */rollouts", Fault::Fails(500), 1);
    stand_in.fault("list */rollouts", Fault::TooManyRequests(0), 1);
    stand_in.fault("list */rollouts", Fault::AnswerCut, 1);
    stand_in.fault("list */rollouts", Fault::Page(502), 1);
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    assert!(desk.told.rollouts.contains_key("shop/basket"), "{:?}", desk.told.story);
    desk.until("nothing is wrong any more", |told| told.health.remarks.is_empty()).await;
}

#[tokio::test]
async fn long_lists_are_read_in_pages_and_told_whole() {
    let names: Vec<String> = (0..1203).map(|number| format!("r{number:04}")).collect();
    let stand_in = shop(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    assert_eq!(desk.told.rollouts.len(), 1203);
    let pages = stand_in.log().iter().filter(|asked| asked.verb == "list" && asked.path.ends_with("/rollouts")).count();
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn many_changes_are_told_as_few_and_the_last_one_is_told() {
    let stand_in = shop(&["basket"]).await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    for step in 0..300 {
        stand_in.edit("rollouts", "shop", "basket", "controller", |o| {
            o["status"]["currentStepHash"] = json!(format!("h{step}"));
            o["status"]["currentStepIndex"] = json!(if step == 299 { 3 } else { step % 2 });
        });
    }
    desk.until("the last one is told", |told| {
        told.rollouts["shop/basket"].rollout.revision.0.as_str().starts_with("12-6f8c7:3w-")
    })
    .await;
    assert!(desk.told.count("seen shop/basket") < 150, "{}", desk.told.count("seen shop/basket"));
}

#[tokio::test]
async fn what_only_the_cluster_counts_is_not_told_again() {
    let stand_in = shop(&["basket", "cart"]).await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    stand_in.edit("rollouts", "shop", "basket", "someone", |o| o["metadata"]["annotations"]["note"] = json!("x"));
    stand_in.edit("rollouts", "shop", "cart", "controller", |o| o["status"]["currentStepIndex"] = json!(3));
    desk.until("the other one is told", |told| told.count("seen shop/cart") == 2).await;
    assert_eq!(desk.told.count("seen shop/basket"), 1);
}

#[tokio::test]
async fn a_canary_beside_a_rollout_of_its_name_has_a_name_of_its_own() {
    let stand_in = shop(&["basket"]).await;
    stand_in.put(canary("basket"));
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    let drivers: Vec<_> =
        desk.told.rollouts.iter().map(|(id, sighting)| (id.as_str(), sighting.rollout.driver.as_str())).collect();
    assert_eq!(drivers, [("shop/basket", "argo"), ("shop/basket.canary", "flagger")]);
    stand_in.delete("rollouts", "shop", "basket");
    desk.until("the canary has the name now", |told| {
        told.rollouts.len() == 1 && told.rollouts["shop/basket"].rollout.driver.as_str() == "flagger"
    })
    .await;
}
