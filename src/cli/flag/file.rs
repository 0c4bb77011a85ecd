//! Files with definitions: our own form in YAML or JSON, or flagd's JSON.

use std::{io::Read as _, path::Path};

use chrono::{DateTime, Utc};
use color_eyre::Result;
use serde_json::Value;

use super::super::exit::Failure;
use crate::{
    domain::{Flag, FlagDefinition, FlagKey, SafeText, flag::FlagKind},
    flag::{self, Compiled, SIZE_MAX},
};

/// What a file has.
pub(super) struct Read {
    /// Definitions by key.
    pub flags: Vec<(FlagKey, FlagDefinition)>,
    /// What was left out or added.
    pub remarks: Vec<SafeText>,
}

type Unsaid = (FlagKind, SafeText, Option<DateTime<Utc>>);

/// The flags of a file in flagd's form, or in ours as `flags: {KEY: definition}`; or one definition, whose key
/// is the file's name.
pub(super) fn read(path: &Path, unsaid: Unsaid) -> Result<Read> {
    let text = text(path)?;
    let wrong = |message: String| Failure::Usage(format!("{}: {message}", path.display()));
    let value = value(&text).map_err(|error| wrong(SafeText::new(error).to_string()))?;
    let flags = value.get("flags").and_then(Value::as_object);
    if flags.is_some_and(|flags| flags.values().any(|flag| flag.get("state").is_some())) {
        let (kind, owner, expires) = unsaid;
        if owner.is_empty() {
            return Err(wrong("is in flagd's form, which names no owner: say --owner NAME".to_owned()).into());
        }
        let imported =
            flag::import(&value.to_string(), kind, &owner, expires).map_err(|error| wrong(error.to_string()))?;
        return Ok(Read { flags: imported.flags.into_iter().collect(), remarks: imported.remarks });
    }
    let mut read = Read { flags: Vec::new(), remarks: Vec::new() };
    let named = |key: &str| key.parse::<FlagKey>().map_err(|error| wrong(error.to_string()));
    if let Some(flags) = flags {
        for (key, definition) in flags {
            let definition =
                ours(definition, &named(key)?).map_err(|message| wrong(format!("flags.{key}.{message}")))?;
            read.flags.push((named(key)?, definition));
        }
    } else {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != "-").unwrap_or("flag");
        let key = named(stem).or_else(|_| named("flag"))?;
        let definition = ours(&value, &key).map_err(wrong)?;
        read.flags.push((key, definition));
    }
    Ok(read)
}

/// YAML, as plans are read: `on` and `off` are texts, for variants are called so.
fn value(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// The definition of one flag: the whole file, or the flag of that key in it.
pub(super) fn read_one(path: &Path, key: &FlagKey, unsaid: Unsaid, note: impl Fn(&str)) -> Result<FlagDefinition> {
    let mut read = read(path, unsaid)?;
    for remark in read.remarks.iter().filter(|remark| remark.as_str().starts_with(&format!("{key}:"))) {
        note(remark.as_str());
    }
    if let Some(at) = read.flags.iter().position(|(name, _)| name == key) {
        return Ok(read.flags.swap_remove(at).1);
    }
    match (read.flags.pop(), read.flags.pop()) {
        (Some((_, only)), None) if read.remarks.is_empty() => Ok(only),
        _ => Err(Failure::Usage(format!("{} has no flag {key}", path.display())).into()),
    }
}

/// Reads a definition in our form and checks it as the server will.
fn ours(value: &Value, key: &FlagKey) -> Result<FlagDefinition, String> {
    let definition: FlagDefinition = serde_path_to_error::deserialize(value)
        .map_err(|error| format!("{}: {}", error.path(), SafeText::new(error.inner().to_string())))?;
    let nobody = SafeText::default();
    let flag = Flag {
        key: key.clone(),
        revision: 1,
        definition,
        killed: None,
        created_by: nobody.clone(),
        created_at: DateTime::UNIX_EPOCH,
        changed_by: nobody.clone(),
        changed_at: DateTime::UNIX_EPOCH,
        reason: nobody,
        ticket: None,
    };
    Compiled::new(&flag).map_err(|error| error.to_string())?;
    Ok(flag.definition)
}

fn text(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let max = 16 * SIZE_MAX as u64;
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(max + 1).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(max + 1).read_to_string(&mut text).map_err(failed)?;
    }
    if text.len() as u64 > max {
        return Err(Failure::Usage(format!("{} is larger than {} MiB", path.display(), max >> 20)).into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_that_are_called_on_and_off_need_no_quotes() {
        let text = "kind: ops\nowner: team-picking\nenabled: true\nvariants: {on: true, off: false}\n\
            default_variant: off\noff_variant: off\nrules:\n- {id: pilot, serve: {variant: on}}\n";
        let read = ours(&value(text).unwrap(), &"dim-lights".parse().unwrap()).unwrap();
        assert_eq!((read.default_variant.as_str(), read.variants["on"].as_bool()), ("off", Some(true)));
    }
}
