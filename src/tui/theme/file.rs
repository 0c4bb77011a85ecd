//! The theme file: `extends`, and a table of roles.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeValue, ValueDeserializer},
};

use super::{BUILT_IN, DEFAULT, Paint, Role, color};
use crate::tui::overlay::{self, Finding, Source};

/// A theme as it is written.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Rolldeck theme", deny_unknown_fields)]
#[expect(dead_code, reason = "it is the shape that the schema describes; reading goes entry by entry")]
struct ThemeFile {
    /// The built-in theme that this one is laid over.
    extends: Option<String>,
    /// The background that the colours were chosen for, `#rrggbb`; it is not painted. A theme that paints its
    /// own says so with `bg` of `normal`.
    background: Option<String>,
    /// How each meaning is painted. What is left out stays as in the theme that is extended.
    #[serde(default)]
    roles: BTreeMap<String, PaintFile>,
}

/// How a meaning is painted. A colour is `default`, one of the 16 names (`red`, `bright-red`, ...), a
/// number from 0 to 255, or `#rrggbb`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PaintFile {
    /// The text's colour.
    fg: Option<String>,
    /// The background's colour.
    bg: Option<String>,
    /// The text's colour where there are only 16; without it the nearest to `fg`.
    fg16: Option<String>,
    /// The background's colour where there are only 16; without it the nearest to `bg`.
    bg16: Option<String>,
    /// What holds without colour too.
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Attribute {
    Bold,
    Dim,
    Italic,
    Underlined,
    Reversed,
}

impl Attribute {
    const fn modifier(self) -> Modifier {
        match self {
            Self::Bold => Modifier::BOLD,
            Self::Dim => Modifier::DIM,
            Self::Italic => Modifier::ITALIC,
            Self::Underlined => Modifier::UNDERLINED,
            Self::Reversed => Modifier::REVERSED,
        }
    }
}

/// The JSON schema of a theme file.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(ThemeFile).to_value();
    let names: Vec<_> = Role::ALL.iter().map(|role| role.id()).collect();
    if let Some(roles) = schema.pointer_mut("/properties/roles").and_then(serde_json::Value::as_object_mut) {
        roles.insert("propertyNames".to_owned(), serde_json::json!({ "enum": names }));
    }
    let themes: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    let color = format!(
        "^(default|{}|[0-9]{{1,2}}|1[0-9]{{2}}|2[0-4][0-9]|25[0-5]|#[0-9A-Fa-f]{{6}})$",
        color::NAMES.join("|")
    );
    let mut set = |pointer: &str, value: serde_json::Value| {
        if let (Some(at), serde_json::Value::Object(value)) = (schema.pointer_mut(pointer), value)
            && let Some(at) = at.as_object_mut()
        {
            at.extend(value);
        }
    };
    set("", serde_json::json!({ "$id": "urn:rolldeck:theme" }));
    set("/properties/extends", serde_json::json!({ "type": "string", "enum": themes }));
    set("/properties/background", serde_json::json!({ "type": "string", "pattern": "^#[0-9A-Fa-f]{6}$" }));
    for field in ["fg", "bg", "fg16", "bg16"] {
        set(&format!("/$defs/PaintFile/properties/{field}"), serde_json::json!({ "type": "string", "pattern": color }));
    }
    schema
}

/// What could be read of a theme file.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub extends: Option<String>,
    pub background: Option<Color>,
    pub paints: BTreeMap<Role, Paint>,
}

/// Reads a theme file; a role that is wrong is left out and found.
pub(super) fn read(source: &Source<'_>, findings: &mut Vec<Finding>) -> Read {
    let mut out = Read::default();
    let table = overlay::parse(source, findings);
    for (field, span, value) in overlay::in_order(table.get_ref()) {
        match (field, value.get_ref()) {
            ("extends", DeValue::String(name)) if BUILT_IN.iter().any(|(built_in, _)| *built_in == name.as_ref()) => {
                out.extends = Some(name.clone().into_owned());
            }
            ("extends", _) => {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                let problem = match value.get_ref() {
                    DeValue::String(name) => overlay::unknown("built-in theme", name, names),
                    _ => format!("expected one of {}", names.join(", ")),
                };
                findings.push(source.finding(&value.span(), field, format!("{problem}; {DEFAULT} is used")));
            }
            ("background", DeValue::String(text)) if matches!(color::parse(text), Some(Color::Rgb(..))) => {
                out.background = color::parse(text);
            }
            ("background", _) => findings.push(source.finding(&value.span(), field, "expected #rrggbb")),
            ("roles", DeValue::Table(roles)) => {
                for (id, span, value) in overlay::in_order(roles) {
                    let field = format!("roles.{id}");
                    let Some(role) = Role::ALL.iter().find(|role| role.id() == id) else {
                        let names: Vec<_> = Role::ALL.iter().map(|role| role.id()).collect();
                        findings.push(source.finding(&span, &field, overlay::unknown("role", id, names)));
                        continue;
                    };
                    if let Some(paint) = paint(source, &field, value, findings) {
                        out.paints.insert(*role, paint);
                    }
                }
            }
            ("roles", _) => findings.push(source.finding(&span, field, "expected a table of roles")),
            _ => {
                findings.push(source.finding(
                    &span,
                    field,
                    overlay::unknown("field", field, ["extends", "background", "roles"]),
                ));
            }
        }
    }
    out
}

fn paint(source: &Source<'_>, field: &str, value: &Spanned<DeValue<'_>>, findings: &mut Vec<Finding>) -> Option<Paint> {
    let file = match PaintFile::deserialize(ValueDeserializer::from(value.clone())) {
        Ok(file) => file,
        Err(error) => {
            let problem = format!("{}; the built-in style is kept", error.message());
            findings.push(source.finding(&error.span().unwrap_or_else(|| value.span()), field, problem));
            return None;
        }
    };
    let mut wrong = false;
    let mut read = |key: &str, text: &Option<String>| {
        let text = text.as_ref()?;
        let color = color::parse(text);
        if color.is_none() {
            wrong = true;
            let span = value.get_ref().get(key).map_or_else(|| value.span(), Spanned::span);
            findings.push(source.finding(
                &span,
                &format!("{field}.{key}"),
                format!("{}; the built-in style is kept", color::unknown(text)),
            ));
        }
        color
    };
    let attributes = file.attributes.iter().fold(Modifier::empty(), |all, one| all | one.modifier());
    let paint = Paint {
        fg: read("fg", &file.fg),
        bg: read("bg", &file.bg),
        fg16: read("fg16", &file.fg16),
        bg16: read("bg16", &file.bg16),
        attributes,
    };
    (!wrong).then_some(paint)
}
