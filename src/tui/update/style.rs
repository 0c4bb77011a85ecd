//! Another keymap or theme while the dashboard runs: chosen by name, or saved by the person anew.

use std::sync::Arc;

use crate::tui::{
    app::{App, notice::Tone},
    keymap::Keymap,
    message::Command,
    overlay::Finding,
};

/// Takes a keymap, unless its file is broken as a whole: then the keys stay as they are.
pub(super) fn keymap(app: &mut App, keymap: Keymap) -> Vec<Command> {
    if !told(app, "keymap", keymap.name(), keymap.findings()) {
        return Vec::new();
    }
    let keymap = Arc::new(keymap);
    app.keymap = Arc::clone(&keymap);
    app.sequence = None;
    vec![Command::Keys(keymap)]
}

/// Says what was found when a keymap or theme was loaded, or that it is in force; answers whether it is.
pub(in crate::tui) fn told(app: &mut App, what: &str, name: &str, findings: &[Finding]) -> bool {
    if let Some(spoilt) = findings.iter().find(|finding| finding.spoils_file()) {
        app.say(Tone::Attention, spoilt.unchanged().as_str());
        return false;
    }
    match findings {
        [] => app.say(Tone::Note, format!("{what} {name}")),
        [only] => app.say(Tone::Attention, only.notice().as_str()),
        [first, rest @ ..] => {
            let all = if what == "keymap" { ":keys says them all" } else { "rolldeck doctor says them all" };
            app.say(Tone::Attention, format!("{} (and {} more: {all})", first.notice(), rest.len()));
        }
    }
    true
}
