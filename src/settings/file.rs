//! The config file as it is written.

use std::{collections::BTreeMap, path::Path};

use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Context, Links, SettingsError, SourceSettings, TuiSettings, context, source};

/// Largest config file, in bytes.
const CONFIG_MAX: u64 = 1024 * 1024;

/// How many colours to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColorChoice {
    /// What the terminal says it can.
    #[default]
    Auto,
    /// None: marks, words and attributes only.
    Never,
    /// The terminal's sixteen.
    #[serde(rename = "16")]
    Sixteen,
    /// The palette of 256.
    #[serde(rename = "256")]
    Palette,
    /// All of them.
    True,
}

/// Which marks and lines to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GlyphChoice {
    /// By locale and terminal.
    #[default]
    Auto,
    /// ASCII only.
    Ascii,
    /// Unicode marks of one cell, and lines.
    Unicode,
}

/// In which zone times are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum TimeZone {
    /// UTC.
    #[default]
    Utc,
    /// The machine's, or that of `TZ`.
    Local,
    /// This one.
    Named(Tz),
}

impl TryFrom<String> for TimeZone {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "utc" | "UTC" => Ok(Self::Utc),
            "local" => Ok(Self::Local),
            name => name.parse().map(Self::Named).map_err(|_| {
                let name: String = name.chars().take(60).collect();
                format!("{name:?} is no time zone; expected utc, local, or an IANA name such as Europe/Oslo")
            }),
        }
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        match zone {
            TimeZone::Utc => "utc".to_owned(),
            TimeZone::Local => "local".to_owned(),
            TimeZone::Named(zone) => zone.name().to_owned(),
        }
    }
}

/// What the config file may say; everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Rolldeck configuration")]
pub struct ConfigFile {
    /// The context that is used when none is named.
    pub current: Option<String>,
    /// A theme's name.
    pub theme: Option<String>,
    /// A keymap's name.
    pub keymap: Option<String>,
    /// How many colours to use.
    pub color: Option<ColorChoice>,
    /// Which marks and lines to use.
    pub glyphs: Option<GlyphChoice>,
    /// In which zone times are shown.
    pub time_zone: Option<TimeZone>,
    /// Refuse every change.
    pub read_only: Option<bool>,
    /// Servers by name.
    pub contexts: BTreeMap<String, Context>,
    /// Sources of indicators by name: what a server that runs with this config asks.
    pub sources: BTreeMap<String, SourceSettings>,
    /// Filters of the audit trail by name, for `--filter @NAME`.
    pub filters: BTreeMap<String, String>,
    /// What the dashboard does beside its screen.
    pub tui: TuiSettings,
    /// Links to other places, as templates of URLs; those of a context lie over them.
    pub links: Links,
}

impl ConfigFile {
    /// The JSON Schema (draft 2020-12) of the file. What is between two fields, the reader alone knows.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        let mut schema = schemars::schema_for!(Self).to_value();
        if let Some(object) = schema.as_object_mut() {
            object.insert("$id".to_owned(), "urn:rolldeck:config".into());
        }
        schema
    }

    /// Reads the file. One that is not there says nothing, unless it was asked for by name.
    ///
    /// # Errors
    /// [`SettingsError`], naming file, line and field.
    pub fn read(path: &Path, named: bool) -> Result<Self, SettingsError> {
        match read_text(path)? {
            Some(text) => Self::parse(path, &text),
            None if named => Err(SettingsError::Missing(path.display().to_string())),
            None => Ok(Self::default()),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`SettingsError::Config`], naming file, line and field.
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(path, text, at, error.message().trim_end().replace('\n', " "))
        })?;
        for (name, entry) in &file.contexts {
            let at = || find(text, &[&format!("[contexts.{name}]"), &format!("[contexts.\"{name}\"]"), name]);
            context::check_name(name).map_err(|message| wrong(path, text, at(), message))?;
            entry.check().map_err(|(field, message)| {
                let start = at();
                let offset = text.get(start..).and_then(|rest| rest.find(field)).map_or(start, |n| start + n);
                wrong(path, text, offset, message)
            })?;
        }
        for (name, entry) in &file.sources {
            let headers = [&*format!("[sources.{name}]"), &format!("[sources.\"{name}\"]"), name];
            let at = || find(text, &headers);
            source::check_name(name).map_err(|message| wrong(path, text, at(), message))?;
            entry.check().map_err(|(field, message)| {
                let start = at();
                let offset = text.get(start..).map_or(start, |rest| start + find(rest, &[field]));
                wrong(path, text, offset, message)
            })?;
        }
        for (key, name) in [("theme", &file.theme), ("keymap", &file.keymap)] {
            if let Some(Err(message)) = name.as_deref().map(file_name) {
                return Err(wrong(path, text, find(text, &[key]), message));
            }
        }
        if let Some(current) = file.current.as_deref().filter(|name| !file.contexts.contains_key(*name)) {
            let message = format!("there is no [contexts.{current}] in this file; expected the name of one that is");
            return Err(wrong(path, text, find(text, &["current"]), message));
        }
        Ok(file)
    }
}

/// Reads a config's text; `None` when there is no such file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, SettingsError> {
    use std::io::Read as _;
    let failed = |source| SettingsError::Io { doing: "read", path: path.display().to_string(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(CONFIG_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > CONFIG_MAX {
        return Err(failed(std::io::Error::other("it is larger than 1 MiB, which no config is")));
    }
    Ok(Some(text))
}

/// Whether a text can name a theme or keymap: it becomes part of a file's name.
///
/// # Errors
/// What was expected.
pub fn file_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) {
        Ok(())
    } else {
        let name: String = name.chars().take(40).collect();
        Err(format!("{name:?} cannot name a theme or keymap; expected 1 to 63 letters, digits, '-' or '_'"))
    }
}

/// The byte at which the first line begins that starts with one of the texts.
fn find(text: &str, starts: &[&str]) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if starts.iter().any(|start| trimmed.starts_with(start)) {
            return at + (line.len() - trimmed.len());
        }
        at += line.len();
    }
    0
}

/// An error at a byte of the text, with the field that stands there.
fn wrong(path: &Path, text: &str, at: usize, message: String) -> SettingsError {
    let at = (0..=at.min(text.len())).rev().find(|&n| text.is_char_boundary(n)).unwrap_or(0);
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    let line_text = text[start..].lines().next().unwrap_or_default();
    let key = line_text.split_once('=').map(|(key, _)| key.trim()).filter(|key| !key.is_empty());
    let table = text[..start]
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| line.starts_with('['))
        .map(|line| line.trim_matches(['[', ']']).trim());
    let field = match (line_text.trim().starts_with('['), table, key) {
        (true, _, _) => format!("{}: ", line_text.trim().trim_matches(['[', ']'])),
        (false, Some(table), Some(key)) => format!("{table}.{key}: "),
        (false, None, Some(key)) => format!("{key}: "),
        (false, _, None) => String::new(),
    };
    SettingsError::Config {
        path: path.display().to_string(),
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        field,
        message,
    }
}
