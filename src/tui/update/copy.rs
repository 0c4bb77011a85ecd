//! What can be copied of what is selected or open, and how it is handed to the terminal.

use super::choice;
use crate::tui::{
    app::{
        App, Overlay, View,
        choice::{Choice, ChoiceLine, Chosen},
        notice::Tone,
    },
    message::{Command, ScreenPart, TerminalRequest},
    terminal::fits_clipboard,
    view::quoted,
};

/// What is selected or open: its id, its link, and the command line that shows it.
struct Subject {
    what: &'static str,
    id: Option<String>,
    link: Option<String>,
    twin: String,
}

/// Words of a command line, each quoted, after its beginning.
fn after(line: &str, words: &[String]) -> String {
    words.iter().fold(line.to_owned(), |line, word| format!("{line} {}", quoted(word)))
}

fn subject(app: &App) -> Subject {
    // It asks the same place as the screen, whatever the shell that it is pasted into takes for current.
    let here = after("", app.reached_by());
    let of = |what, id: Option<String>, link: Option<String>, words: &str, rest: &str| Subject {
        twin: match &id {
            Some(id) => format!("rolldeck {words} {}{here}", quoted(id)),
            None => format!("rolldeck {rest}{here}"),
        },
        what,
        id,
        link,
    };
    let links = app.links();
    match app.view {
        View::Overview | View::Detail => {
            let id = app.subject();
            let link = id.as_ref().and_then(|id| links.rollout(id.target.as_str(), id.name.as_str()));
            of("rollout", id.map(|id| id.to_string()), link, "show", "list")
        }
        View::Recover => {
            let id = app.subject();
            let link = id.as_ref().and_then(|id| links.rollout(id.target.as_str(), id.name.as_str()));
            of("rollout", id.map(|id| id.to_string()), link, "recover", "list")
        }
        View::Flags => {
            let key = app.flags.selected().map(|view| view.flag.key.to_string());
            let link = key.as_deref().and_then(|key| links.flag(key));
            of("flag", key, link, "flag show", "flag list")
        }
        View::Windows => {
            let id = app.windows.selected().map(|view| view.window.id.as_str().to_owned());
            let link = id.as_deref().and_then(|id| links.window(id));
            of("window", id, link, "window show", "window list")
        }
        View::Overrides => {
            let record = app.overrides.selected().map(|view| &view.record);
            let link =
                record.and_then(|record| record.ticket.as_ref()).and_then(|ticket| links.ticket(ticket.as_str()));
            of("override", record.map(|record| record.id.as_str().to_owned()), link, "override show", "override list")
        }
        View::Approvals => {
            let approval = app.approvals.selected().map(|view| &view.approval);
            of("approval", approval.map(|it| it.id.as_str().to_owned()), None, "approval show", "approval list")
        }
        View::Audit => {
            let entry = app.trail.selected();
            let ticket = entry.and_then(|entry| entry.ticket.as_ref());
            let link = ticket.and_then(|ticket| links.ticket(ticket.as_str()));
            let text = app.trail.text.trim();
            let filter = if text.is_empty() { String::new() } else { format!(" --filter {}", quoted(text)) };
            Subject {
                what: "audit entry",
                id: entry.map(|entry| format!("#{}", entry.seq)),
                link,
                twin: format!("rolldeck audit list{filter}{here}"),
            }
        }
        View::Sites | View::Follow => {
            let site = match app.view {
                View::Follow => app.followed().ok(),
                _ => app.sites.at(app.sites.list.cursor()).map(|(site, _)| site),
            };
            let link = site.and_then(|site| links.site(site.group.as_str(), site.site.as_str()));
            let id = site.map(|site| format!("{}/{}", site.group, site.site));
            Subject { what: "site", id, link, twin: format!("rolldeck site list{here}") }
        }
        View::Contexts => {
            let context = app.contexts.get(app.context_cursor);
            let words = context.map_or(&[][..], |context| &context.reached_by);
            let twin = after("rolldeck", words);
            Subject { what: "context", id: context.map(|context| context.name.clone()), link: None, twin }
        }
    }
}

/// The copy menu; over a dialog or a record there is one thing to copy, and it is.
pub(super) fn open(app: &mut App) -> Vec<Command> {
    match &app.overlay {
        Overlay::Dialog(dialog) => {
            let twin = crate::tui::view::twin(app, dialog);
            return send(app, "the command line", twin);
        }
        Overlay::Raw { title, lines, .. } => {
            let (title, text) = (title.clone(), lines.join("\n"));
            return send(app, &title, text);
        }
        _ => {}
    }
    let it = subject(app);
    let copy = |what, text: String| Chosen::Copy { what, text };
    let id = match it.id {
        Some(id) => ChoiceLine::new('i', "id", id.clone(), copy(it.what, id)),
        None => ChoiceLine::refused('i', "id", "nothing is selected"),
    };
    let link = match it.link {
        Some(link) => ChoiceLine::new('l', "link", link.clone(), copy("the link", link)),
        None => ChoiceLine::refused('l', "link", "[links] of the config names none for it"),
    };
    let lines = vec![
        id,
        link,
        ChoiceLine::new('c', "command line", it.twin.clone(), copy("the command line", it.twin)),
        ChoiceLine::new('r', "row", "the selected row, as it is shown", Chosen::CopyScreen(ScreenPart::Row)),
        ChoiceLine::new('v', "view", "all of the screen, as text", Chosen::CopyScreen(ScreenPart::View)),
    ];
    choice::open(app, Choice::new("copy: sent to the terminal, which may put it into its clipboard", lines));
    Vec::new()
}

/// Hands a text to the terminal, and says so. Whether it took it nobody is told, so a short one stays on
/// the screen for a mouse to take.
pub(in crate::tui) fn send(app: &mut App, what: &str, text: String) -> Vec<Command> {
    let shown = match text.lines().count() {
        0 | 1 => text.clone(),
        n => format!("{n} lines"),
    };
    if !app.preferences.clipboard() {
        app.say(Tone::Note, format!("the clipboard is off in [tui] of the config; {what}: {shown}"));
        return Vec::new();
    }
    if !fits_clipboard(&text) {
        let size = text.len() / 1024;
        let said = format!("{what} was not sent: it has {size} KiB, and terminals take about 54");
        app.say(Tone::Attention, said);
        return Vec::new();
    }
    app.say(Tone::Note, format!("sent to the terminal ({what}): {shown}"));
    vec![Command::Terminal(TerminalRequest::Clipboard(text))]
}
