//! What agents ask and report.

use std::{collections::BTreeMap, time::Duration};

use rolldeck::{
    domain::{Action, Binding, FactValue, Phase, Principal, ReportState, Role},
    wire::Code,
};

use super::world::{World, mira, person, unit};

const STAGES: &str = "  - canary: 1 site\n  - fleet: all\n";

#[tokio::test]
async fn a_waiting_agent_is_told_as_soon_as_somebody_promotes() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b"], &old).await;
    world.start(&new, STAGES).await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    let control = world.control.clone();
    let waiting =
        tokio::spawn(
            async move { control.desired(&mira(), &unit("b"), BTreeMap::new(), 0, Duration::from_secs(20)).await },
        );
    // The poll has to be waiting before anybody promotes: it is when its unit was seen just now.
    let before = rolldeck::clock::system().now();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let sites = world.control.sites(&mira()).await.unwrap().sites;
        if sites.iter().any(|s| s.site.as_str() == "b" && s.lanes[0].seen_at >= Some(before)) || waiting.is_finished() {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    world.act(Action::Promote).await.unwrap();
    let told =
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it is told at once").unwrap().unwrap();
    assert_eq!(told.unwrap().snapshot, new);
}

#[tokio::test]
async fn a_new_unit_is_given_the_newest_known_good_snapshot_of_its_group() {
    let world = World::new().await;
    let good = world.snapshot("1.0", true).await;
    world.snapshot("2.0", false).await;
    let order = world.ask("fresh", 0).await.expect("there is a known-good one");
    assert_eq!(order.snapshot, good);
    world.obey("fresh", &order).await;
    assert!(world.ask("fresh", order.generation).await.is_none(), "it has it");
}

#[tokio::test]
async fn a_report_of_an_old_generation_is_refused_and_has_no_effect() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a"], &old).await;
    world.start(&new, "  - all-of-it: all\n").await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    let problem = world.say("a", order.generation - 1, ReportState::Healthy, Some(new.clone()), &[]).await.unwrap_err();
    assert_eq!(problem.code, Code::RevisionMismatch);
    assert_eq!(world.show().await.phase, Phase::Progressing);
}

#[tokio::test]
async fn a_success_that_was_measured_to_be_something_else_is_none() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a"], &old).await;
    world.start(&new, "  - all-of-it: all\n").await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    world.say("a", order.generation, ReportState::Applied, None, &[]).await.unwrap();
    world.say("a", order.generation, ReportState::Healthy, Some(old), &[("ok", FactValue::Bool(true))]).await.unwrap();
    let phase = world.show().await.phase;
    assert!(!matches!(phase, Phase::AwaitingPromotion | Phase::Completed), "{phase}");
}

#[tokio::test]
async fn an_agents_token_speaks_for_its_own_site_only() {
    let world = World::new().await;
    let agent = |site: &str| Principal {
        binding: Some(Binding { group: "dc-west".parse().unwrap(), site: site.parse().unwrap(), lane: None }),
        credential: Some("t-1".into()),
        ..person("agent", Role::Agent, &["dc-west"])
    };
    let asked = world.control.desired(&agent("a"), &unit("b"), BTreeMap::new(), 0, Duration::ZERO).await;
    assert_eq!(asked.unwrap_err().code, Code::Forbidden);
    assert!(
        world.control.desired(&agent("b"), &unit("b"), BTreeMap::new(), 0, Duration::ZERO).await.unwrap().is_none()
    );
    assert_eq!(world.control.sites(&agent("b")).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn orders_and_progress_survive_a_restart() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b"], &old).await;
    world.start(&new, STAGES).await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    let world = world.restart().await;
    let again = world.ask("a", 0).await.expect("an order that got lost is said again");
    assert_eq!(again.snapshot, order.snapshot);
    assert!(again.generation >= order.generation);
    world.obey("a", &again).await;
    let world = world.restart().await;
    world.until(Phase::AwaitingPromotion).await;
}

#[tokio::test]
async fn an_order_is_said_again_under_its_number_and_never_anew_to_an_agent_that_has_it() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a"], &old).await;
    world.start(&new, "  - all-of-it: all\n").await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    assert!(world.ask("a", order.generation).await.is_none(), "it has it, its first report is on the way");
    let again = world.ask("a", 0).await.expect("the answer was lost");
    assert_eq!(again, order);
    world.act(Action::Pause).await.unwrap();
    assert!(world.ask("a", 0).await.is_none(), "a pause holds what no agent has acknowledged");
    world.act(Action::Resume).await.unwrap();
    world.obey("a", &order).await;
    world.act(Action::Pause).await.unwrap();
    assert_eq!(world.ask("a", 0).await, Some(order), "an agent that lost its memory is told what it runs");
}
