//! `/openapi.json`, `/metrics` and the health routes.

use rolldeck::domain::Role;

use super::world::{Call, World};

#[tokio::test]
async fn every_described_call_is_answered_and_no_other_method_is() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await;
    assert_eq!(document.json["openapi"], "3.1.0", "{}", document.text);
    let mut calls = 0;
    for (path, operations) in document.json["paths"].as_object().unwrap() {
        let mut real = path.clone();
        for name in ["target", "name", "group", "site", "lane", "id", "digest", "key"] {
            real = real.replace(&format!("{{{name}}}"), "x-1");
        }
        if path == "/ofrep/v1/events" {
            // Its answer does not end; it has tests of its own.
            continue;
        }
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let described = operations.get(method.to_lowercase()).is_some();
            let reply = world.send(Call::new(method, &real)).await;
            assert_eq!(reply.status != 405, described, "{method} {path}: {}", reply.text);
            assert_ne!(
                reply.json["detail"], "there is nothing at this path: /openapi.json lists what there is",
                "{path}"
            );
            calls += usize::from(described);
        }
    }
    assert!(calls > 25, "{calls}");
}

#[tokio::test]
async fn answers_have_the_fields_that_the_description_names() {
    let world = World::new().await;
    world.rollout().await;
    let document = world.get("/openapi.json").await.json;
    let named = |schema: &str| {
        let fields = document["components"]["schemas"][schema]["properties"].as_object();
        fields.unwrap_or_else(|| panic!("{schema} is not described")).keys().cloned().collect::<Vec<_>>()
    };
    let rollout = world.get("/api/v1/rollouts/dc-west/pick-assist").await.json;
    for field in rollout.as_object().unwrap().keys() {
        assert!(named("Rollout").contains(field), "{field} of a rollout is not described");
    }
    let audit = world.get("/api/v1/audit").await.json;
    for field in audit["entries"][0].as_object().unwrap().keys() {
        assert!(named("AuditEntry").contains(field), "{field} of an audit entry is not described");
    }
}

#[tokio::test]
async fn those_who_run_it_get_figures_and_health_without_a_token_and_no_names() {
    let world = World::new().await;
    world.rollout().await;
    world.token("mira", Role::Commander, &["*"], None).await;
    world.get("/api/v1/rollouts/dc-west/secret-project").await.is_problem(401, "unauthenticated");
    assert_eq!(world.get("/healthz").await.json["status"], "ok");
    assert_eq!(world.get("/readyz").await.json["status"], "ready");
    let metrics = world.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        "rolldeck_http_requests_total{method=\"GET\",path=\"/api/v1/rollouts/{target}/{name}\",status=\"401\"} 1",
        "rolldeck_units 3",
        "rolldeck_actions_total{action=\"start\",outcome=\"applied\"} 1",
    ] {
        assert!(metrics.text.contains(line), "{line} is not in\n{}", metrics.text);
    }
    for name in ["dc-west", "pick-assist", "secret-project", "mira"] {
        assert!(!metrics.text.contains(name), "{name} is in the figures");
    }
}
