//! Requests for objects: get, list, watch, create, update, patch, delete, and the proxy to services.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    answer::{Refusal, details, json_response},
    events,
    kinds::{EVENTS, EVENTS_GROUP, RESOURCES, Resource, by_plural},
    now, patch,
    selector::Selector,
    server::{Call, Target},
    store::Key,
    watch::{self, Wish},
    world::{Shared, World},
    write::{Writing, Written},
};

/// Answers a request that is permitted, for a kind that is served.
pub fn answer(
    shared: &Arc<Shared>,
    world: &mut World,
    call: &Call,
    target: &Target,
    kind: usize,
) -> Result<Response<Body>, Refusal> {
    let wanted = &target.wanted;
    let resource = &RESOURCES[kind];
    if wanted.resource == "services" && wanted.subresource == "proxy" {
        return world.gates_answer(call, target);
    }
    let status = match wanted.subresource.as_str() {
        "" => false,
        "status" if resource.status => true,
        // A kind without such a subresource says the same as an object that is not there.
        _ => return Err(Refusal::not_found(resource, &wanted.name)),
    };
    let request = Requested { call, target, kind, resource, status };
    match wanted.verb.as_str() {
        "get" => request.get(world),
        "list" => request.list(world),
        "watch" => request.watch(shared, world),
        "create" if wanted.name.is_empty() => request.create(shared, world),
        "update" | "patch" => request.write(shared, world),
        "delete" => request.delete(shared, world),
        _ => Err(Refusal::method_not_allowed()),
    }
}

struct Requested<'r> {
    call: &'r Call,
    target: &'r Target,
    kind: usize,
    resource: &'static Resource,
    status: bool,
}

impl Requested<'_> {
    fn key(&self) -> Key {
        let wanted = &self.target.wanted;
        (self.kind, wanted.namespace.clone().unwrap_or_default(), wanted.name.clone())
    }

    fn newer_event(&self) -> bool {
        self.target.wanted.group == EVENTS_GROUP
    }

    fn answer(&self, world: &World, code: u16, object: &Arc<Value>, warnings: &[String]) -> Response<Body> {
        let mut response = json_response(code, &world.shown(self.kind, self.newer_event(), object));
        for warning in warnings {
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{}\"", warning.replace('"', "\\\""))) {
                response.headers_mut().append("warning", value);
            }
        }
        response
    }

    fn get(&self, world: &World) -> Result<Response<Body>, Refusal> {
        self.version(world)?;
        let name = &self.target.wanted.name;
        let object = world.store.get(&self.key()).ok_or_else(|| Refusal::not_found(self.resource, name))?;
        Ok(self.answer(world, 200, &object, &[]))
    }

    /// The version that is asked for, if any.
    fn version(&self, world: &World) -> Result<Option<u64>, Refusal> {
        let text = self.call.parameter("resourceVersion");
        if text.is_empty() {
            return Ok(None);
        }
        let why = format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        );
        let version = text.parse().map_err(|_| {
            if self.call.says("watch") {
                Refusal::internal(why)
            } else {
                Refusal::bad_request(format!("invalid resource version: {why}"))
            }
        })?;
        // A watch waits for a version that is not there yet.
        if version > world.store.version() && !self.call.says("watch") {
            return Err(Refusal::too_large(version, world.store.version()));
        }
        Ok(Some(version))
    }

    fn selector(&self) -> Result<Selector, Refusal> {
        let call = self.call;
        Selector::parse(self.resource.plural, call.parameter("labelSelector"), call.parameter("fieldSelector"))
    }

    fn list(&self, world: &World) -> Result<Response<Body>, Refusal> {
        let call = self.call;
        if !call.parameter("sendInitialEvents").is_empty() {
            return Err(Refusal::bad_options("sendInitialEvents is forbidden for list", "sendInitialEvents"));
        }
        let asked = self.version(world)?;
        let exact = match call.parameter("resourceVersionMatch") {
            "" => false,
            _ if asked.is_none() => {
                let text = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                return Err(Refusal::bad_options(text, "resourceVersionMatch"));
            }
            text => text == "Exact",
        };
        let limit = match call.parameter("limit") {
            "" => 0,
            text => text
                .parse::<usize>()
                .map_err(|_| Refusal::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))?,
        };
        // What is answered from the cache is answered whole.
        let limit = if asked == Some(0) { 0 } else { limit };
        let (version, after) = match call.parameter("continue") {
            "" if exact => (asked.unwrap_or_default(), None),
            "" => (world.store.version(), None),
            token => {
                let (version, after) = continued(token)?;
                (version, Some(after))
            }
        };
        let all = world.store.at(self.kind, version).ok_or_else(|| {
            Refusal::expired(if after.is_some() {
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
            } else {
                "The resourceVersion for the provided list is too old."
            })
        })?;
        let selector = self.selector()?;
        let namespace = self.target.wanted.namespace.as_ref();
        let place = |key: &Key| {
            if key.1.is_empty() || namespace.is_some() { key.2.clone() } else { format!("{}/{}", key.1, key.2) }
        };
        let mut rest = all
            .iter()
            .filter(|(key, object)| namespace.is_none_or(|namespace| *namespace == key.1) && selector.holds(object))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| place(key) > *after));
        let mut metadata = json!({"resourceVersion": version.to_string()});
        let chosen: Vec<_> = if limit == 0 { rest.by_ref().collect() } else { rest.by_ref().take(limit).collect() };
        let left = rest.count();
        if self.resource.custom() {
            metadata["continue"] = json!("");
        }
        if let (Some((last, _)), true) = (chosen.last(), left > 0) {
            let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": format!("{}\0", place(last))});
            metadata["continue"] = json!(URL_SAFE_NO_PAD.encode(token.to_string()));
            // With a selector nobody counts what is left.
            if selector == Selector::default() {
                metadata["remainingItemCount"] = json!(left);
            }
        }
        let items: Vec<Value> = chosen
            .iter()
            .map(|(_, object)| {
                let mut shown = world.shown(self.kind, self.newer_event(), object);
                if !self.resource.custom() {
                    // Built-in kinds say once, of the list, what its items are.
                    let fields = shown.as_object_mut().unwrap();
                    fields.remove("kind");
                    fields.remove("apiVersion");
                }
                shown
            })
            .collect();
        let api = if self.newer_event() { format!("{EVENTS_GROUP}/v1") } else { self.resource.api_version() };
        let list = json!({"kind": format!("{}List", self.resource.kind), "apiVersion": api, "metadata": metadata, "items": items});
        Ok(json_response(200, &list))
    }

    fn watch(&self, shared: &Arc<Shared>, world: &mut World) -> Result<Response<Body>, Refusal> {
        let call = self.call;
        let (matched, initial) = (call.parameter("resourceVersionMatch"), call.parameter("sendInitialEvents"));
        if !matched.is_empty() && initial.is_empty() {
            let text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            return Err(Refusal::bad_options(text, "resourceVersionMatch"));
        }
        if !initial.is_empty() && matched != "NotOlderThan" {
            let text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            return Err(Refusal::bad_options(text, "resourceVersionMatch"));
        }
        let seconds = call.parameter("timeoutSeconds").parse::<u64>().ok().filter(|seconds| *seconds > 0);
        let wish = Wish {
            kind: self.kind,
            events_v1: self.newer_event(),
            namespace: self.target.wanted.namespace.clone(),
            selector: self.selector()?,
            version: self.version(world)?.filter(|version| *version > 0),
            bookmarks: call.says("allowWatchBookmarks"),
            initial_events: call.says("sendInitialEvents"),
            until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
            path: call.path.clone(),
        };
        Ok(watch::answer(shared, world, wish))
    }

    /// Whether nothing is to be stored.
    fn dry(&self) -> Result<bool, Refusal> {
        let kind = match self.target.wanted.verb.as_str() {
            "create" => "CreateOptions",
            "update" => "UpdateOptions",
            "patch" => "PatchOptions",
            _ => "DeleteOptions",
        };
        match self.call.parameter("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let message = format!("Unsupported value: [\"{other}\"]: supported values: \"All\"");
                let cause = json!({"reason": "FieldValueNotSupported", "message": message, "field": "dryRun"});
                Err(Refusal {
                    details: Some(json!({"group": "meta.k8s.io", "kind": kind, "causes": [cause]})),
                    ..Refusal::new(422, "Invalid", format!("{kind}.meta.k8s.io \"\" is invalid: dryRun: {message}"))
                })
            }
        }
    }

    /// The field manager: who says so, or the first word of the client's name.
    fn manager(&self) -> String {
        match self.call.parameter("fieldManager") {
            "" => self.call.user_agent.split('/').next().unwrap_or_default().to_owned(),
            manager => manager.to_owned(),
        }
    }

    fn object(&self) -> Result<Value, Refusal> {
        let kind = self.call.content_type.split(';').next().unwrap_or_default().trim();
        if !kind.is_empty() && kind != "application/json" {
            let accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
            return Err(Refusal::media_type(accepted));
        }
        let text = String::from_utf8_lossy(&self.call.body);
        let what = self.resource.kind;
        let object: Value = serde_json::from_slice(&self.call.body).map_err(|error| {
            Refusal::bad_request(format!(
                "the object provided is unrecognized (must be of type {what}): couldn't get version/kind; json parse error: {error} ({text})"
            ))
        })?;
        let object = if self.newer_event() { events::stored(object) } else { object };
        if object["kind"].as_str().is_none_or(str::is_empty) && self.resource.custom() {
            let text = format!(
                "the object provided is unrecognized (must be of type {what}): Object 'Kind' is missing in '{text}' ({text})"
            );
            return Err(Refusal::bad_request(text));
        }
        Ok(object)
    }

    fn create(&self, shared: &Arc<Shared>, world: &mut World) -> Result<Response<Body>, Refusal> {
        let (dry, mut object) = (self.dry()?, self.object()?);
        let namespace = self.target.wanted.namespace.clone().unwrap_or_default();
        if object["kind"].as_str().is_some_and(|kind| kind != self.resource.kind) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let said = object["kind"].clone();
            let message = format!("Invalid value: {said}: must be {}", self.resource.kind);
            let cause = ("FieldValueInvalid", message, "kind".to_owned());
            let mut refusal = Refusal::invalid(self.resource, &name, &[cause]);
            let said = said.as_str().unwrap_or_default();
            refusal.message = refusal.message.replacen(self.resource.kind, said, 1);
            if let Some(details) = &mut refusal.details {
                details["kind"] = json!(said);
            }
            return Err(refusal);
        }
        let said = &object["metadata"]["namespace"];
        if said.as_str().is_some_and(|said| !said.is_empty() && said != namespace) {
            let text = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(text));
        }
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        if self.resource.namespaced {
            object["metadata"]["namespace"] = json!(namespace);
            let home = (by_plural("namespaces"), String::new(), namespace.clone());
            if world.store.get(&home).is_none() {
                return Err(Refusal::not_found(&RESOURCES[home.0], &namespace));
            }
        }
        if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
            let Some(prefix) = object["metadata"]["generateName"].as_str() else {
                let missing = "Required value: name or generateName is required".to_owned();
                return Err(Refusal::invalid(
                    self.resource,
                    "",
                    &[("FieldValueRequired", missing, "metadata.name".to_owned())],
                ));
            };
            let name = format!("{prefix}{:05x}", world.next_name());
            object["metadata"]["name"] = json!(name);
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = (self.kind, namespace, name.clone());
        if world.store.get(&key).is_some() {
            return Err(Refusal::already_exists(self.resource, &name));
        }
        let (manager, now) = (self.manager(), now());
        let uid = world.next_uid();
        let written = self.writing(&manager, &now).create(object, &uid)?;
        let stored = if dry { Arc::new(written.object) } else { world.store.write(key, written.object) };
        shared.tell(world);
        Ok(self.answer(world, 201, &stored, &written.warnings))
    }

    fn writing<'w>(&'w self, manager: &'w str, now: &'w str) -> Writing<'w> {
        let whole = self.target.wanted.verb == "update";
        Writing { resource: self.resource, status: self.status, whole, manager, now }
    }

    fn write(&self, shared: &Arc<Shared>, world: &mut World) -> Result<Response<Body>, Refusal> {
        let (dry, key) = (self.dry()?, self.key());
        // What cannot be read is refused before anybody looks for the object.
        let whole = if self.target.wanted.verb == "update" { Some(self.object()?) } else { None };
        let old = world.store.get(&key).ok_or_else(|| Refusal::not_found(self.resource, &key.2))?;
        let wanted = match whole {
            Some(object) => object,
            None => patch::patched(self.resource, &old, &self.call.content_type, &self.call.body)?,
        };
        let (manager, now) = (self.manager(), now());
        let Written { object, warnings, changed } = self.writing(&manager, &now).update(&old, wanted)?;
        let stored = if !changed {
            old
        } else if dry {
            Arc::new(object)
        } else {
            world.write_or_finish(key, object)
        };
        shared.tell(world);
        Ok(self.answer(world, 200, &stored, &warnings))
    }

    fn delete(&self, shared: &Arc<Shared>, world: &mut World) -> Result<Response<Body>, Refusal> {
        let (dry, key) = (self.dry()?, self.key());
        let old = world.store.get(&key).ok_or_else(|| Refusal::not_found(self.resource, &key.2))?;
        let held = super::world::held(&old);
        if !dry {
            world.delete(&key);
            shared.tell(world);
        }
        if held {
            // It is still there, and shown.
            let object = world.store.get(&key).unwrap_or(old);
            return Ok(self.answer(world, 200, &object, &[]));
        }
        let mut told = details(self.resource.group, self.resource.plural, &key.2);
        told["uid"] = old["metadata"]["uid"].clone();
        let status =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": told});
        Ok(json_response(200, &status))
    }
}

fn continued(token: &str) -> Result<(u64, String), Refusal> {
    let wrong = |why: String| Refusal::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|error| wrong(error.to_string()))?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    match (token["rv"].as_u64(), token["start"].as_str()) {
        (Some(version), Some(start)) => Ok((version, start.trim_end_matches('\0').to_owned())),
        _ => Err(wrong("incorrect encoded start resourceVersion".to_owned())),
    }
}

/// The place of events among the kinds, for what writes them.
pub fn events_kind() -> usize {
    by_plural(EVENTS)
}
