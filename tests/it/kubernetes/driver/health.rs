//! That a driver never says more than it knows.

use rolldeck::driver::Driver;
use serde_json::json;

use super::{Desk, as_of, canary, waiting};
use crate::support::kubernetes::{ADMIN, Allow, Fault, StandIn, User};

async fn shop() -> StandIn {
    let stand_in = StandIn::start().await;
    stand_in.put(waiting("basket"));
    stand_in.put(canary("search"));
    stand_in
}

#[tokio::test]
async fn a_kind_that_is_not_installed_is_one_line_and_the_rest_works() {
    let stand_in = shop().await;
    stand_in.remove_kind("canaries");
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    assert_eq!(desk.told.remarks(), "Flagger is not installed in this cluster: there are no canaries.flagger.app");
    assert_eq!(desk.told.rollouts.len(), 1);
    let lists = stand_in.count("list");
    let first = as_of(&desk.told);
    desk.until("it stays known", |told| as_of(told) > first).await;
    assert_eq!(stand_in.count("list"), lists, "what is not there is not listed again and again");
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_is_one_line_and_the_rest_works() {
    let stand_in = shop().await;
    let rules = vec![Allow::new("get,list,watch", "flagger.app", "canaries", None)];
    stand_in.user("half", User::new("half@example.com", rules));
    let mut desk = Desk::open_as(&stand_in, "half", &["shop", "other"]).await;
    desk.ready().await;
    assert_eq!(desk.told.remarks(), "rollouts.argoproj.io may not be listed and watched in other, shop");
    assert_eq!(desk.told.rollouts.keys().collect::<Vec<_>>(), ["shop/search"]);
    assert_eq!(desk.cluster.identity().await.unwrap().as_str(), "half@example.com");
    let found = desk.cluster.examine().await;
    let said: Vec<_> = found.iter().map(|found| found.text.as_str()).collect();
    let missing =
        "you may not watch rollouts in shop: list rollouts.argoproj.io, watch rollouts.argoproj.io is missing";
    assert!(said.iter().any(|text| text.contains("it knows you as half@example.com")), "{said:#?}");
    assert!(said.contains(&missing), "{said:#?}");
}

#[tokio::test]
async fn an_expired_credential_is_said_and_another_one_in_the_same_file_is_taken() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    stand_in.expire_token(ADMIN);
    desk.until("it is said", |told| told.remarks().contains("log in again")).await;
    let known = as_of(&desk.told);
    assert_eq!(desk.told.health.remarks.len(), 1, "{}", desk.told.remarks());
    stand_in.user("new-token", User::new("admin", vec![Allow::all()]));
    stand_in.write_kubeconfig(desk.folder.path(), "new-token", "default");
    desk.until("it is known again", |told| told.health.remarks.is_empty() && as_of(told) > known).await;
}

#[tokio::test]
async fn a_cluster_that_is_lost_is_as_old_as_it_was_last_heard_and_goes_on_without_a_list() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    stand_in.wait_until("both kinds are watched", |s| s.watches().len() >= 2).await;
    stand_in.refuse();
    desk.until("it is said", |told| told.remarks().contains("cannot connect")).await;
    assert_eq!(desk.told.health.remarks.len(), 1, "one cause has one line: {}", desk.told.remarks());
    let known = as_of(&desk.told);
    assert_eq!(desk.told.rollouts.len(), 2, "what was known is kept");
    stand_in.edit("rollouts", "shop", "basket", "controller", |o| o["status"]["currentStepIndex"] = json!(3));
    stand_in.forget_log();
    stand_in.accept().await;
    desk.until("it is known again, with what changed", |told| {
        told.health.remarks.is_empty() && as_of(told) > known && told.count("seen shop/basket") == 2
    })
    .await;
    assert_eq!(stand_in.count("list"), 0);
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_any_more_is_noticed() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    stand_in.fault("*", Fault::Silence, None);
    desk.until("it is said", |told| told.remarks().contains("nothing came within 1.5 s")).await;
    let known = as_of(&desk.told);
    stand_in.heal();
    desk.until("it is known again", |told| told.health.remarks.is_empty() && as_of(told) > known).await;
}

#[tokio::test]
async fn a_field_whose_type_changed_under_our_feet_hides_no_rollout() {
    let stand_in = shop().await;
    stand_in.retype("rollouts", "/status/currentStepIndex", json!({"now": "an object"}));
    stand_in.retype("rollouts", "/spec/strategy", json!([1, 2]));
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    assert!(desk.told.rollouts.contains_key("shop/basket"), "{:?}", desk.told.story);
}
