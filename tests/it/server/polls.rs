//! Held requests: answered by a change, by the end of the wait, and by the end of the server.

use std::time::{Duration, Instant};

use serde_json::json;

use super::world::{Call, World, act};

#[tokio::test]
async fn a_held_list_is_answered_by_a_change_with_that_change_only() {
    let world = World::new().await;
    world.rollout().await;
    let all = world.get("/api/v1/rollouts").await.json;
    assert_eq!(all["rollouts"].as_array().unwrap().len(), 1);
    let path = format!("/api/v1/rollouts?wait=20&after={}", all["cursor"].as_str().unwrap());
    let begun = Instant::now();
    let (page, acted) = tokio::join!(world.get(&path), world.send(act("pause")));
    assert_eq!(acted.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(10), "it was not answered by the change");
    assert_eq!(page.json["changed"][0]["phase"], "paused", "{}", page.text);
    assert_eq!(page.json["removed"], json!([]));
    assert_ne!(page.json["cursor"], all["cursor"]);
}

#[tokio::test]
async fn a_held_list_without_change_is_answered_when_its_wait_is_over() {
    let world = World::new().await;
    let cursor = world.get("/api/v1/rollouts").await.json["cursor"].as_str().unwrap().to_owned();
    let page = world.get(&format!("/api/v1/rollouts?wait=1&after={cursor}")).await;
    assert_eq!((page.status.as_u16(), &page.json["changed"]), (200, &json!([])), "{}", page.text);
}

#[tokio::test]
async fn a_cursor_that_is_not_known_is_answered_with_everything_at_once() {
    let world = World::new().await;
    world.rollout().await;
    let page = world.get("/api/v1/rollouts?wait=20&after=of-another-life").await;
    assert_eq!(page.json["rollouts"].as_array().map(Vec::len), Some(1), "{}", page.text);
}

#[tokio::test]
async fn a_rollout_that_is_as_it_was_is_not_sent_again() {
    let world = World::new().await;
    world.rollout().await;
    let path = "/api/v1/rollouts/dc-west/pick-assist";
    let first = world.get(path).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = world.send(Call::get(path).header("if-none-match", &known)).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), tag);
    }
    for unknown in ["\"other\"", "\"other\", \"another\""] {
        let again = world.send(Call::get(path).header("if-none-match", unknown)).await;
        assert_eq!(again.status, 200, "{unknown}");
    }
    world.send(Call::get(path).header("if-none-match", "nonsense")).await.is_problem(400, "invalid");

    let held = Call::get(&format!("{path}?wait=20")).header("if-none-match", &tag);
    let begun = Instant::now();
    let (held, acted) = tokio::join!(world.send(held), world.send(act("pause")));
    assert_eq!(acted.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(10), "it was not answered by the change");
    assert_eq!(held.status, 200, "{}", held.text);
    assert_ne!(held.header("etag"), tag);
}
