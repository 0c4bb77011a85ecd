//! What becomes of an object when somebody writes it: what is taken, what is dropped without a word, what is refused.

use serde_json::{Value, json};

use super::{
    answer::Refusal,
    fields,
    kinds::{CANARY_PHASES, Resource, type_of},
};

/// How an object is written.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'w> {
    pub resource: &'w Resource,
    /// Through `/status`.
    pub status: bool,
    /// As a whole, with PUT.
    pub whole: bool,
    pub manager: &'w str,
    /// RFC 3339, to the second.
    pub now: &'w str,
}

/// What is to be stored, and what the server warns of.
#[derive(Debug)]
pub struct Written {
    pub object: Value,
    pub warnings: Vec<String>,
    /// Whether anything is different: else nothing is stored, and the version stays.
    pub changed: bool,
}

impl Writing<'_> {
    /// A new object of that identity.
    pub fn create(&self, mut wanted: Value, uid: &str) -> Result<Written, Refusal> {
        let warnings = self.prune(&mut wanted);
        wanted["apiVersion"] = json!(self.resource.api_version());
        wanted["kind"] = json!(self.resource.kind);
        if self.resource.status && self.resource.custom() {
            // A status is written through its own address.
            remove(&mut wanted, "status");
        }
        self.check(&json!({}), &wanted)?;
        let metadata = &mut wanted["metadata"];
        metadata["uid"] = json!(uid);
        metadata["creationTimestamp"] = json!(self.now);
        if self.resource.counts_generations() {
            metadata["generation"] = json!(1);
        }
        remove(metadata, "managedFields");
        remove(metadata, "resourceVersion");
        let mut object = wanted.clone();
        fields::manage(self.resource, &json!({}), &wanted, &mut object, self.manager, false, self.now);
        Ok(Written { object, warnings, changed: true })
    }

    /// `old`, made into what is wanted as far as it may be.
    pub fn update(&self, old: &Value, mut wanted: Value) -> Result<Written, Refusal> {
        let name = old["metadata"]["name"].as_str().unwrap_or_default();
        let warnings = self.prune(&mut wanted);
        self.identity(old, &wanted, name)?;
        for field in ["creationTimestamp", "generation", "deletionTimestamp", "managedFields", "resourceVersion"] {
            match old["metadata"].get(field) {
                Some(value) => wanted["metadata"][field] = value.clone(),
                None => remove(&mut wanted["metadata"], field),
            }
        }
        let mut object = if self.status {
            let mut object = old.clone();
            replace(&mut object, "status", wanted.get("status"));
            object
        } else {
            let mut object = wanted.clone();
            if self.resource.status && self.resource.custom() {
                replace(&mut object, "status", old.get("status"));
            }
            object
        };
        self.check(old, &object)?;
        if self.resource.counts_generations() && self.counts(old, &object) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            object["metadata"]["generation"] = json!(generation + 1);
        }
        // What manages a field looks at more than is stored: see there.
        let mut asked = object.clone();
        if self.status {
            asked["metadata"] = wanted["metadata"].clone();
        }
        fields::manage(self.resource, old, &asked, &mut object, self.manager, self.status, self.now);
        let changed = object != *old;
        Ok(Written { object, warnings, changed })
    }

    fn identity(&self, old: &Value, wanted: &Value, name: &str) -> Result<(), Refusal> {
        let said = wanted["metadata"]["name"].as_str().unwrap_or_default();
        if said.is_empty() {
            let text =
                format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
            return Err(Refusal::bad_request(text));
        }
        if said != name {
            let text = format!("the name of the object ({said}) does not match the name on the URL ({name})");
            return Err(Refusal::bad_request(text));
        }
        let namespace = &wanted["metadata"]["namespace"];
        if !namespace.is_null() && *namespace != old["metadata"]["namespace"] {
            let text = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(text));
        }
        match wanted["metadata"]["resourceVersion"].as_str() {
            None | Some("") if self.whole && self.resource.custom() => {
                let message = "Invalid value: 0: must be specified for an update".to_owned();
                let cause = ("FieldValueInvalid", message, "metadata.resourceVersion".to_owned());
                let mut refusal = Refusal::invalid(self.resource, name, &[cause]);
                // Here, and nowhere else, it calls the object by its resource.
                refusal.message = refusal.message.replacen(
                    &format!("{}.{}", self.resource.kind, self.resource.group),
                    &self.resource.qualified(),
                    1,
                );
                if let Some(details) = &mut refusal.details {
                    details["kind"] = json!(self.resource.plural);
                }
                return Err(refusal);
            }
            None | Some("") => {}
            Some(version) if version.parse::<u64>().is_err() => {
                return Err(Refusal::internal(format!("strconv.ParseUint: parsing \"{version}\": invalid syntax")));
            }
            Some(version) if old["metadata"]["resourceVersion"] != version => {
                return Err(Refusal::conflict(self.resource, name));
            }
            Some(_) => {}
        }
        let uid = &wanted["metadata"]["uid"];
        if !uid.is_null() && *uid != old["metadata"]["uid"] {
            let message = format!("Invalid value: {uid}: field is immutable");
            let cause = ("FieldValueInvalid", message, "metadata.uid".to_owned());
            let mut refusal = Refusal::invalid(self.resource, name, std::slice::from_ref(&cause));
            let twice = Refusal::invalid(self.resource, name, &[cause.clone(), cause]);
            refusal.details = twice.details;
            return Err(refusal);
        }
        Ok(())
    }

    /// Whether a change is one that `metadata.generation` counts: of anything but metadata, and but the status where
    /// that has an address of its own.
    fn counts(&self, old: &Value, new: &Value) -> bool {
        let bare = |object: &Value| {
            let mut object = object.clone();
            remove(&mut object, "metadata");
            if self.resource.status {
                remove(&mut object, "status");
            }
            object
        };
        bare(old) != bare(new)
    }

    /// Drops the fields that the definition does not know; what is said of them.
    fn prune(&self, wanted: &mut Value) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.resource.fields.is_empty() {
            return warnings;
        }
        for part in ["spec", "status"] {
            let Some(map) = wanted.get_mut(part).and_then(Value::as_object_mut) else { continue };
            map.retain(|name, _| {
                let known = self.resource.fields.iter().any(|(path, _)| *path == format!("/{part}/{name}"));
                if !known {
                    warnings.push(format!("unknown field \"{part}.{name}\""));
                }
                known
            });
        }
        // A null is dropped where a field may not be null.
        for (path, _) in self.resource.fields {
            if wanted.pointer(path).is_some_and(Value::is_null) {
                let (part, name) = path[1..].split_once('/').unwrap();
                remove(&mut wanted[part], name);
            }
        }
        warnings
    }

    /// Refuses what the definition does not allow.
    fn check(&self, old: &Value, new: &Value) -> Result<(), Refusal> {
        let name = new["metadata"]["name"].as_str().unwrap_or_default();
        let mut causes = Vec::new();
        for (path, wanted) in self.resource.fields {
            let Some(value) = new.pointer(path) else { continue };
            if wanted.admits(value) {
                continue;
            }
            let field = path[1..].replace('/', ".");
            // Through /status it names the field without its parent.
            let shown = if self.status { field.trim_start_matches("status.") } else { &field };
            let (is, should) = (type_of(value), wanted.name());
            let message = format!("Invalid value: \"{is}\": {shown} in body must be of type {should}: \"{is}\"");
            causes.push(("FieldValueTypeInvalid", message, field));
        }
        if let Some(phase) = new.pointer("/status/phase").and_then(Value::as_str)
            && self.resource.plural == "canaries"
            && !CANARY_PHASES.contains(&phase)
        {
            let known: Vec<String> = CANARY_PHASES.iter().map(|phase| format!("\"{phase}\"")).collect();
            let message = format!("Unsupported value: \"{phase}\": supported values: {}", known.join(", "));
            causes.push(("FieldValueNotSupported", message, "status.phase".to_owned()));
        }
        if !causes.is_empty() {
            let rest = "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            causes.push(("FieldValueInvalid", rest.to_owned(), "<nil>".to_owned()));
            return Err(Refusal::invalid(self.resource, name, &causes));
        }
        if self.resource.plural == "rollouts"
            && let (Some(before), Some(after)) = (old.pointer("/spec/selector"), new.pointer("/spec/selector"))
            && before != after
        {
            let message = "Invalid value: \"object\": .spec.selector is immutable".to_owned();
            let cause = ("FieldValueInvalid", message, "spec.selector".to_owned());
            return Err(Refusal::invalid(self.resource, name, &[cause]));
        }
        Ok(())
    }
}

fn remove(object: &mut Value, field: &str) {
    if let Some(map) = object.as_object_mut() {
        map.remove(field);
    }
}

fn replace(object: &mut Value, field: &str, value: Option<&Value>) {
    match value {
        Some(value) => object[field] = value.clone(),
        None => remove(object, field),
    }
}
