//! `/openapi.json`: the table of routes as an OpenAPI 3.1 description, schemas from the types themselves.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    problem::PROBLEM,
    routes::{Content, Param, Place, Route},
};
use crate::wire::{Code, Problem};

/// The description of a table of routes.
#[must_use]
pub fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| {
        s.definitions_path = "/components/schemas".into();
        s.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for route in routes {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.as_str()] = operation(route, &mut schemas);
    }
    // Asked for by every operation, and so never missing from what is taken.
    schemas.subschema_for::<Problem>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rolldeck",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Staged rollouts: what they do, and what people do to them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by rolldeck token add. On loopback none is needed while there is none at all.",
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": in_path(route.path).chain(route.params.iter().map(parameter)).collect::<Vec<_>>(),
        "responses": responses(route, schemas),
    });
    if let Some(body) = route.body {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body(schemas)}}});
    }
    if route.open {
        operation["security"] = json!([]);
    }
    operation
}

fn in_path(path: &str) -> impl Iterator<Item = Value> + '_ {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        let what = match name {
            "target" => "A site group of the fleet.",
            "name" => "The rollout's name in its target.",
            "group" => "The site group.",
            "site" => "The site.",
            "lane" => "The lane of the site; main where it has one only.",
            "digest" => "sha256: and 64 lower-case hex digits.",
            _ => "Its id.",
        };
        json!({"name": name, "in": "path", "required": true, "description": what, "schema": {"type": "string"}})
    })
}

fn parameter(param: &Param) -> Value {
    let one = json!({"type": param.kind});
    let place = match param.place {
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": param.name,
        "in": place,
        "required": false,
        "description": param.what,
        "schema": if param.repeated { json!({"type": "array", "items": one}) } else { one },
    })
}

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, what, content) in &route.answers {
        let mut response = json!({"description": what});
        match content {
            Content::Empty => {}
            Content::Json(schema) => response["content"] = json!({"application/json": {"schema": schema(schemas)}}),
            Content::Other(media) => response["content"] = json!({*media: {}}),
        }
        responses.insert(status.to_string(), response);
    }
    let always: &[Code] = if route.open { &[] } else { &[Code::Invalid, Code::Unauthenticated, Code::Forbidden] };
    let problem = schemas.subschema_for::<Problem>();
    for code in always.iter().chain(route.problems).chain([&Code::Unavailable]) {
        let slug = Problem::new(*code, "").kind;
        let slug = slug.as_str().trim_start_matches("urn:rolldeck:problem:");
        let response = responses
            .entry(code.status().to_string())
            .or_insert_with(|| json!({"description": "", "content": {PROBLEM: {"schema": problem}}}));
        let described = response["description"].as_str().unwrap_or_default();
        if !described.contains(slug) {
            let separator = if described.is_empty() { "code: " } else { ", " };
            response["description"] = format!("{described}{separator}{slug}").into();
        }
    }
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::routes;

    fn refs<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(target) if key == "$ref" => {
                            found.insert(target);
                        }
                        _ => refs(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| refs(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_of_the_description_leads_to_a_schema() {
        let document = document(&routes::all());
        let mut found = BTreeSet::new();
        refs(&document, &mut found);
        assert!(found.contains("#/components/schemas/Problem"), "{found:?}");
        for target in found {
            let pointer = target.strip_prefix('#').expect("references stay in the document");
            assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
        }
    }

    #[test]
    fn operations_have_names_of_their_own_and_describe_each_parameter_of_their_path() {
        let document = document(&routes::all());
        let mut names = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                let described =
                    operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "path").count();
                assert_eq!(described, path.matches('{').count(), "{method} {path}");
                let good = operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2'));
                assert!(good, "{method} {path} has no good answer");
            }
        }
        assert_eq!(names.len(), routes::all().len(), "a row of the table is hidden by another");
    }

    #[test]
    fn the_calls_of_the_contract_are_all_there() {
        let document = document(&routes::all());
        for (method, path) in [
            ("get", "/api/v1/rollouts"),
            ("post", "/api/v1/rollouts"),
            ("get", "/api/v1/rollouts/{target}/{name}"),
            ("post", "/api/v1/rollouts/{target}/{name}/actions"),
            ("get", "/api/v1/audit"),
            ("get", "/api/v1/audit/checkpoint"),
            ("get", "/api/v1/audit/proof"),
            ("get", "/api/v1/windows"),
            ("post", "/api/v1/windows"),
            ("put", "/api/v1/windows/{id}"),
            ("post", "/api/v1/windows/{id}/lift"),
            ("get", "/api/v1/windows/state"),
            ("get", "/api/v1/sites"),
            ("get", "/api/v1/snapshots"),
            ("post", "/api/v1/snapshots"),
            ("get", "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}/desired"),
            ("post", "/agent/v1/groups/{group}/sites/{site}/lanes/{lane}/report"),
            ("get", "/healthz"),
            ("get", "/readyz"),
            ("get", "/metrics"),
        ] {
            assert!(document["paths"][path][method].is_object(), "{method} {path}");
        }
    }
}
