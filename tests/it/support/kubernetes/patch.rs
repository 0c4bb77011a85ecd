//! The ways to patch an object, with the semantics that an API server has: also where they differ from the
//! standards that they come from.

use serde_json::{Map, Value};

use super::{answer::Refusal, kinds::Resource};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// An object with a patch applied to it.
pub fn patched(resource: &Resource, object: &Value, content_type: &str, body: &[u8]) -> Result<Value, Refusal> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let accepted = if resource.custom() { vec![JSON, MERGE, APPLY] } else { vec![JSON, MERGE, STRATEGIC, APPLY] };
    if !accepted.contains(&kind) {
        return Err(Refusal::media_type(&accepted.join(", ")));
    }
    if kind == APPLY {
        return Err(Refusal::new(501, "NotImplemented", "the stand-in does no server-side apply"));
    }
    let patch: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
    let mut patched = object.clone();
    match kind {
        JSON => {
            let operations = patch.as_array().ok_or_else(|| {
                Refusal::bad_request(
                    "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
                )
            })?;
            for operation in operations {
                // Measured: a test without a value, of something that is not there, brings the handler down.
                if operation["op"] == "test"
                    && operation.get("value").is_none()
                    && operation["path"].as_str().is_some_and(|path| get(&patched, path) == Some(None))
                {
                    return Err(Refusal::crash());
                }
                apply(&mut patched, operation).ok_or_else(Refusal::patch_does_not_apply)?;
            }
        }
        MERGE => merge(&mut patched, &patch),
        _ => merge_strategically(&mut patched, &patch, ""),
    }
    Ok(patched)
}

/// RFC 7386.
pub fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    for (key, value) in fields {
        let Value::Object(object) = object else { return };
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// By which field the items of a list are told apart in a strategic merge.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "env" | "volumes" => Some("name"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

fn merge_strategically(object: &mut Value, patch: &Value, name: &str) {
    match (patch, merge_key(name)) {
        (Value::Object(fields), _) => {
            if !object.is_object() {
                *object = Value::Object(Map::new());
            }
            for (key, value) in fields {
                let Value::Object(object) = object else { return };
                if value.is_null() {
                    object.remove(key);
                } else {
                    merge_strategically(object.entry(key).or_insert(Value::Null), value, key);
                }
            }
        }
        (Value::Array(items), Some(key)) => {
            if !object.is_array() {
                *object = Value::Array(Vec::new());
            }
            let Value::Array(list) = object else { return };
            for item in items {
                match list.iter_mut().find(|one| one[key] == item[key]) {
                    Some(one) => merge_strategically(one, item, ""),
                    None => list.push(item.clone()),
                }
            }
        }
        _ => *object = patch.clone(),
    }
}

/// One operation of RFC 6902, as the library does that API servers use (evanphx/json-patch v4): a
/// `replace` of a member that is not there adds it, and a `test` for null holds where there is nothing.
/// None when it does not apply.
fn apply(object: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    let value = operation.get("value");
    match operation["op"].as_str()? {
        "test" => {
            let found = get(object, path)?;
            (found.unwrap_or(&Value::Null) == value.unwrap_or(&Value::Null)).then_some(())
        }
        "add" => put(object, path, value.cloned().unwrap_or_default(), true),
        "replace" if path.is_empty() => {
            *object = value?.clone();
            Some(())
        }
        "replace" => put(object, path, value?.clone(), false),
        "remove" => take(object, path).map(|_| ()),
        "move" => {
            let value = take(object, operation["from"].as_str()?)?;
            put(object, path, value, true)
        }
        "copy" => {
            let value = get(object, operation["from"].as_str()?)?.cloned().unwrap_or_default();
            put(object, path, value, true)
        }
        _ => None,
    }
}

/// The container of what a path points to, and the last part of the path.
fn parent<'o>(object: &'o mut Value, path: &str) -> Option<(&'o mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((object.pointer_mut(parent)?, last.replace("~1", "/").replace("~0", "~")))
}

/// What lies at a path; none when not even its container is there.
fn get<'o>(object: &'o Value, path: &str) -> Option<Option<&'o Value>> {
    if path.is_empty() {
        return Some(Some(object));
    }
    let (container, _) = path.rsplit_once('/')?;
    match object.pointer(container)? {
        Value::Object(_) => Some(object.pointer(path)),
        Value::Array(_) => object.pointer(path).map(Some),
        _ => None,
    }
}

fn put(object: &mut Value, path: &str, value: Value, insert: bool) -> Option<()> {
    let (container, last) = parent(object, path)?;
    match container {
        Value::Object(map) => {
            map.insert(last, value);
        }
        Value::Array(list) if insert => {
            let place = if last == "-" { list.len() } else { last.parse().ok()? };
            (place <= list.len()).then(|| list.insert(place, value))?;
        }
        Value::Array(list) => *list.get_mut(last.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(())
}

fn take(object: &mut Value, path: &str) -> Option<Value> {
    let (container, last) = parent(object, path)?;
    match container {
        Value::Object(map) => map.remove(&last),
        Value::Array(list) => {
            let place = last.parse::<usize>().ok()?;
            (place < list.len()).then(|| list.remove(place))
        }
        _ => None,
    }
}
