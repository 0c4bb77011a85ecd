//! What the dialog of a flag's change says: what it serves now, which places get or lose it, what holds it.

use super::{Styled, heading};
use crate::{
    backend::FlagReply,
    domain::{FlagStage, Freeze, SafeText, WindowRef},
    tui::{
        app::{
            App, age,
            dialog::{Dialog, PreviewState},
            figure,
            flags::{
                cell::{Cell, Serves},
                change::{self, FlagChange, Verb},
            },
        },
        theme::{Mark, Role},
    },
};

/// Places that are named one by one.
const NAMED: usize = 12;

/// The title of the dialog.
pub(super) fn title(change: &FlagChange, context: &str) -> String {
    let flag = &change.pinned.flag;
    format!("{} flag {}  rev {}  {context}", change.verb.label().to_uppercase(), flag.key, flag.revision)
}

/// The words on the button that commits.
pub(super) fn commit_words(dialog: &Dialog, change: &FlagChange) -> String {
    let key = &change.pinned.flag.key;
    match change.verb {
        Verb::Kill => format!("Kill {key} everywhere"),
        Verb::Disable | Verb::Enable | Verb::Revive => format!("{} {key}", change.verb.label()),
        Verb::Widen => {
            let word = if dialog.widens() { "Widen" } else { "Narrow" };
            dialog.percent().map_or_else(|| format!("{word} {key}"), |percent| format!("{word} {key} to {percent} %"))
        }
    }
}

/// The words of the command line that does the same, but for the reason and the context.
pub(super) fn twin(dialog: &Dialog, change: &FlagChange) -> Vec<String> {
    let flag = &change.pinned.flag;
    let verb = match change.verb {
        Verb::Revive => "enable",
        // The command only widens: whoever narrows a share defines the flag anew.
        Verb::Widen if dialog.percent().is_some() && !dialog.widens() => "set",
        verb => verb.as_str(),
    };
    let mut words = vec!["flag".to_owned(), verb.to_owned(), flag.key.to_string()];
    match change.verb {
        Verb::Revive => words.push("--revive".to_owned()),
        Verb::Widen if verb == "set" => words.push("FILE".to_owned()),
        Verb::Widen => {
            let percent = dialog.percent().map_or_else(|| "N".to_owned(), |percent| percent.to_string());
            words.extend(["--percent".to_owned(), percent, "--sites".to_owned()]);
        }
        _ => {}
    }
    if change.verb != Verb::Kill {
        words.extend(["--if-revision".to_owned(), flag.revision.to_string()]);
    }
    if let Some(id) = &dialog.overriding {
        words.extend(["--override".to_owned(), id.as_str().to_owned()]);
    }
    words
}

fn plain(text: impl std::fmt::Display) -> Styled {
    (None, format!("  {text}"), Role::Normal)
}

/// Places by name, and how many more there are.
fn named(places: &[String]) -> String {
    let shown = places.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What it does, as far as it is known.
pub(super) fn preview(app: &App, dialog: &Dialog, change: &FlagChange, lines: &mut Vec<Styled>) {
    match &dialog.preview {
        _ if change.verb == Verb::Kill => kill(change, lines),
        PreviewState::Flag(reply) => ready(app, change, reply, lines),
        PreviewState::Failed(error) => {
            lines.push((Some(Mark::NoData), format!("NO PREVIEW: {error}"), Role::NoData));
            if !dialog.widens() {
                lines.push(plain("it can be sent all the same"));
            }
        }
        _ if change.verb == Verb::Widen && dialog.percent().is_none() => {
            lines.push((None, "up and down step through 10, 25, 50 and 100 %".to_owned(), Role::Muted));
        }
        _ => lines.push((None, "asking what it would do".to_owned(), Role::Muted)),
    }
}

fn kill(change: &FlagChange, lines: &mut Vec<Styled>) {
    let definition = &change.pinned.flag.definition;
    let view = &change.pinned;
    let serves = |place| Cell::of(view, &[place]).is_some_and(|cell| cell.wanted != Serves::Off);
    let on: Vec<String> = view
        .places
        .iter()
        .filter(|place| serves(place))
        .map(|place| format!("{}/{}", place.site, place.lane))
        .collect();
    lines.push(heading("What changes"));
    lines.push(plain(format!(
        "every place gets '{}' at once, whatever the rules say",
        SafeText::new(&definition.off_variant)
    )));
    if on.is_empty() {
        lines.push(plain("no unit is known to get anything else now"));
    } else {
        lines.push(plain(format!("{} lose it: {}", figure::counted(on.len(), "unit"), named(&on))));
    }
    lines.push(heading("What does not change"));
    lines.push(plain("its rules and its share are kept; bringing it back is a change of its own"));
    lines.push(heading("Checks"));
    lines.push((
        Some(Mark::Passed),
        "no window, no approval and no lock holds a kill: it is sent at once".to_owned(),
        Role::Passed,
    ));
}

fn ready(app: &App, change: &FlagChange, reply: &FlagReply, lines: &mut Vec<Styled>) {
    let (gets, loses) = change.moves(&reply.flag);
    lines.push(heading("What changes"));
    if !reply.effect.is_empty() {
        lines.push(plain(&reply.effect));
    }
    if change.verb == Verb::Widen {
        let before = change::present_share(&change.pinned.flag.definition);
        let after = change::share_rule(&reply.flag.flag.definition);
        let members = after.map_or(0, |(_, share)| share.members.len());
        let now = after.map_or(0.0, |(_, share)| share.percent);
        let variant = after.map_or("-", |(_, share)| share.variant.as_str());
        lines.push(plain(format!(
            "'{}' for {before} % -> {now} % of sites: {} in the share",
            SafeText::new(variant),
            figure::counted(members, "site")
        )));
        let brought = sites_in(change, reply);
        if !brought.is_empty() {
            lines.push(plain(format!("brings in {}: {}", figure::counted(brought.len(), "site"), named(&brought))));
        }
    }
    if !gets.is_empty() {
        lines.push(plain(format!("{} get something else: {}", figure::counted(gets.len(), "unit"), named(&gets))));
    }
    if !loses.is_empty() {
        lines.push(plain(format!("{} lose it: {}", figure::counted(loses.len(), "unit"), named(&loses))));
    }
    if gets.is_empty() && loses.is_empty() {
        lines.push(plain("no unit that is known gets anything else than now"));
    }
    let same = reply.flag.places.len().saturating_sub(gets.len() + loses.len());
    lines.push(heading("What does not change"));
    lines.push(plain(format!("{} keep what they get", figure::counted(same, "other unit"))));
    let definition = &change.pinned.flag.definition;
    if change.verb == Verb::Widen && !definition.enabled {
        lines.push((
            Some(Mark::NeedsPerson),
            "the flag is off: its share counts once it is switched on".to_owned(),
            Role::NeedsPerson,
        ));
    }
    if change.pinned.stage == FlagStage::Expired && change.widens(None) {
        let why = change.pinned.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        lines.push((Some(Mark::NeedsPerson), format!("EXPIRED{why}"), Role::NeedsPerson));
    }
    for freeze in &reply.blocking_windows {
        lines.push((Some(Mark::Frozen), format!("HELD: {}", app.held_by(freeze)), Role::Frozen));
        if let Some(until) = freeze.until {
            lines.push(plain(format!("it ends in {}", age::coarse_left(app.server_now(), until))));
        }
    }
    if !reply.blocking_windows.is_empty() {
        let flag = &change.pinned.flag.key;
        let named = |freeze: &Freeze| WindowRef::from(freeze).to_string();
        let windows: Vec<String> = reply.blocking_windows.iter().map(named).collect();
        let action = change.operation();
        lines.push(plain(format!(
            "an override lifts it: rolldeck override ask --flag {flag} --window {} --action {action} --reason TEXT",
            windows.join(",")
        )));
    }
    if let Some(approval) = &reply.approval {
        lines.push((
            Some(Mark::NeedsPerson),
            format!("a second person has to agree before it is done: {}", approval.approval.action),
            Role::NeedsPerson,
        ));
    }
}

/// Sites that the share has after the change and did not have before.
fn sites_in(change: &FlagChange, reply: &FlagReply) -> Vec<String> {
    let members = |definition| change::share_rule(definition).map_or(&[][..], |(_, share)| share.members.as_slice());
    let before = members(&change.pinned.flag.definition);
    let after = members(&reply.flag.flag.definition);
    after.iter().filter(|site| !before.contains(site)).map(|site| site.site.to_string()).collect()
}
