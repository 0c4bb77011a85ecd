//! What `set` sets: the one table of settings, from which the command line, its completions and what is said
//! of a wrong one are made.

use super::{command, pointer};
use crate::{
    settings::Notify,
    tui::{
        app::{
            App,
            chart::ChartMode,
            notice::Tone,
            zone::{Mine, Zone},
        },
        message::Command,
    },
};

/// Something that `set` sets.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Words that people look for who mean the same.
    also: &'static [&'static str],
    /// What may follow, for people.
    pub shape: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
    /// All that it can be set to, where that can be listed.
    values: fn(&App) -> Vec<String>,
    /// Sets it; nothing where that is no value of it.
    run: fn(&mut App, &str) -> Option<Vec<Command>>,
}

/// Every setting.
pub(super) const SETTINGS: [Setting; 7] = [
    Setting {
        name: "chart",
        also: &["plot"],
        shape: "difference|ratio|raw",
        help: "what the charts of indicators draw",
        values: |_| ChartMode::ALL.iter().map(|mode| mode.as_str().to_owned()).collect(),
        run: |app, name| {
            app.chart = ChartMode::ALL.into_iter().find(|mode| mode.as_str() == name)?;
            Some(Vec::new())
        },
    },
    Setting {
        name: "theme",
        also: &["colors", "colours", "style"],
        shape: "NAME",
        help: "the colours",
        values: |app| app.themes.clone(),
        run: |_, name| Some(vec![Command::Theme(name.to_owned())]),
    },
    Setting {
        name: "keymap",
        also: &["keybindings", "vim", "emacs"],
        shape: "NAME",
        help: "what keys do",
        values: |app| app.keymaps.clone(),
        run: |_, name| Some(vec![Command::Keymap(name.to_owned())]),
    },
    Setting {
        name: "mouse",
        also: &["pointer"],
        shape: "on|off",
        help: "whether the mouse works here, or selects text",
        values: |_| words(&["on", "off"]),
        run: |app, value| switch(value).map(|on| pointer::set(app, on)),
    },
    Setting {
        name: "notify",
        also: &["alerts", "bell", "notifications"],
        shape: "off|bell|osc9",
        help: "how you are called",
        values: |_| words(&["bell", "off", "osc9"]),
        run: |app, name| {
            let notify = Notify::of(name)?;
            app.alerts.set(notify);
            app.say(Tone::Note, format!("you are called by {}", notify.says()));
            Some(Vec::new())
        },
    },
    Setting {
        name: "wide",
        also: &["columns"],
        shape: "on|off",
        help: "all columns that fit, or the usual ones",
        values: |_| words(&["on", "off"]),
        run: |app, value| {
            switch(value).map(|on| {
                command::set_wide(app, on);
                Vec::new()
            })
        },
    },
    Setting {
        name: "zone",
        also: &["timezone", "time-zone", "utc", "clock"],
        shape: "utc|mine|site|NAME",
        help: "the zone in which times are shown",
        values: |_| words(&["utc", "mine", "site"]),
        run: |app, name| Some(zone(app, name)),
    },
];

impl Setting {
    /// Its name, or else a word for it, of which this holds.
    pub fn word(&self, holds: impl Fn(&str) -> bool) -> Option<&'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied()).find(|word| holds(word))
    }
}

/// The setting of a name, or of a word for it.
pub(super) fn named(word: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.word(|known| known == word).is_some())
}

/// All that can follow `set`.
pub(super) fn lines(app: &App) -> Vec<String> {
    let mut lines = Vec::new();
    for setting in &SETTINGS {
        lines.extend((setting.values)(app).iter().map(|value| format!("{} {value}", setting.name)));
    }
    lines
}

/// Runs `set NAME VALUE`.
pub(super) fn run(app: &mut App, rest: &str) -> Vec<Command> {
    let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let Some(setting) = named(name) else {
        let all: Vec<String> = SETTINGS.iter().map(|setting| format!("{} {}", setting.name, setting.shape)).collect();
        return command::refuse(app, format!("set what? {}", all.join(", ")));
    };
    let value = value.trim();
    let done = if value.is_empty() { None } else { (setting.run)(app, value) };
    done.unwrap_or_else(|| command::refuse(app, format!("set {} to what? {}", setting.name, either(setting.shape))))
}

/// `on|off` as people say it: `on or off`.
fn either(shape: &str) -> String {
    match shape.rsplit_once('|') {
        Some((others, last)) => format!("{} or {last}", others.replace('|', ", ")),
        None => shape.to_owned(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn zone(app: &mut App, name: &str) -> Vec<Command> {
    let zone = match name {
        "utc" | "UTC" => Zone::Utc,
        "mine" | "local" => Zone::Mine(app.mine),
        "site" => match app.site_zone() {
            Some(zone) => Zone::Site(zone),
            None => {
                return command::refuse(
                    app,
                    "what is looked at has no zone of its own: select a window with a schedule",
                );
            }
        },
        name => {
            let Ok(zone) = name.parse() else {
                let name: String = name.chars().take(40).collect();
                let why = format!("'{name}' is no zone: utc, mine, site, or a name such as Europe/Oslo");
                return command::refuse(app, why);
            };
            Zone::Mine(Mine::Named(zone))
        }
    };
    if let Zone::Mine(mine) = zone {
        app.mine = mine;
    }
    set_zone(app, zone);
    Vec::new()
}

/// The next zone: UTC, the viewer's, that of what is looked at where it has one.
pub(super) fn switch_zone(app: &mut App) {
    let next = app.next_zone();
    set_zone(app, next);
}

fn set_zone(app: &mut App, zone: Zone) {
    app.zone = zone;
    let name = app.zone().name(app.server_now());
    app.say(Tone::Note, format!("times are in {name}"));
}
