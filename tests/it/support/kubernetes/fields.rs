//! Who wrote which field: `metadata.managedFields`, as far as updates and patches write it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kinds::Resource;

/// A path of names; the path of a map stands for the map itself.
type Paths = BTreeSet<Vec<String>>;

/// Fields of metadata that belong to the server.
const OF_THE_SERVER: [&str; 11] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generateName",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Writes into `object` who manages what, after `manager` made it of `old`. What it was asked to write, before the
/// server dropped what may not be written here, is `wanted`: a patch of `/status` that carries annotations
/// makes its writer their manager, though they are not stored.
pub fn manage(
    resource: &Resource,
    old: &Value,
    wanted: &Value,
    object: &mut Value,
    manager: &str,
    status: bool,
    now: &str,
) {
    let (before, after) = (paths_of(old), paths_of(wanted));
    let mut written: Paths = after.difference(&before).cloned().collect();
    written.extend(
        after.intersection(&before).filter(|path| leaf(wanted, path) && at(wanted, path) != at(old, path)).cloned(),
    );
    let gone: Paths = before.difference(&after).cloned().collect();
    let entries = old["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    if written.is_empty() && gone.is_empty() {
        if !entries.is_empty() {
            object["metadata"]["managedFields"] = json!(entries);
        }
        return;
    }
    let subresource = status.then_some("status");
    let mut kept: Vec<Value> = Vec::new();
    let mut mine = Paths::new();
    for mut entry in entries {
        let mut fields = Paths::new();
        read(&entry["fieldsV1"], &mut Vec::new(), &mut fields);
        fields.retain(|path| !gone.contains(path));
        if entry["manager"] == manager && entry["operation"] == "Update" && entry["subresource"].as_str() == subresource
        {
            mine = fields;
            continue;
        }
        fields.retain(|path| !written.contains(path));
        if fields.is_empty() {
            continue;
        }
        entry["fieldsV1"] = tree(&fields);
        kept.push(entry);
    }
    let changed = !written.is_empty();
    mine.extend(written);
    if !mine.is_empty() {
        let mut entry = json!({
            "apiVersion": resource.api_version(), "fieldsType": "FieldsV1", "fieldsV1": tree(&mine),
            "manager": manager, "operation": "Update", "time": now,
        });
        if let Some(subresource) = subresource {
            entry["subresource"] = json!(subresource);
        }
        // Without a change of its own it keeps its time.
        let former = old["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|former| former["manager"] == manager && former["subresource"].as_str() == subresource);
        if let (false, Some(former)) = (changed, former) {
            entry["time"] = former["time"].clone();
        }
        kept.push(entry);
    }
    let order = |entry: &Value| {
        ["time", "manager", "subresource"].map(|key| entry[key].as_str().unwrap_or_default().to_owned())
    };
    kept.sort_by_key(order);
    object["metadata"]["managedFields"] = json!(kept);
}

fn at<'o>(object: &'o Value, path: &[String]) -> &'o Value {
    path.iter().fold(object, |value, name| &value[name.as_str()])
}

fn leaf(object: &Value, path: &[String]) -> bool {
    !at(object, path).is_object()
}

fn paths_of(object: &Value) -> Paths {
    let mut paths = Paths::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("apiVersion" | "kind", _) => {}
            ("metadata", Value::Object(fields)) => {
                for (name, value) in fields.iter().filter(|(name, _)| !OF_THE_SERVER.contains(&name.as_str())) {
                    collect(value, &mut vec!["metadata".to_owned(), name.clone()], &mut paths);
                }
            }
            _ => collect(value, &mut vec![name.clone()], &mut paths),
        }
    }
    paths
}

/// Lists are managed as a whole: what is said of their items is more than anybody here reads.
fn collect(value: &Value, path: &mut Vec<String>, paths: &mut Paths) {
    paths.insert(path.clone());
    for (name, value) in value.as_object().into_iter().flatten() {
        path.push(name.clone());
        collect(value, path, paths);
        path.pop();
    }
}

/// The paths of a `fieldsV1`: `.` stands for the map itself, and a field without more for all of it.
fn read(fields: &Value, path: &mut Vec<String>, paths: &mut Paths) {
    for (name, below) in fields.as_object().into_iter().flatten() {
        if name == "." {
            paths.insert(path.clone());
        } else if let Some(name) = name.strip_prefix("f:") {
            path.push(name.to_owned());
            if below.as_object().is_none_or(Map::is_empty) {
                paths.insert(path.clone());
            } else {
                read(below, path, paths);
            }
            path.pop();
        }
    }
}

fn tree(paths: &Paths) -> Value {
    let mut root = json!({});
    for path in paths {
        let mut place = &mut root;
        for name in path {
            place = &mut place[format!("f:{name}")];
            if place.is_null() {
                *place = json!({});
            }
        }
        // Which of them turn out to be maps is known by what follows: a map sorts before what it holds.
        if paths.range(path.clone()..).nth(1).is_some_and(|next| next.starts_with(path)) {
            place["."] = json!({});
        }
    }
    root
}
