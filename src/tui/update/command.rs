//! The command line, and what keys and commands share: views to fill, contexts, arming, holding.

use chrono::{Local, Offset, TimeZone};

use super::{act, calendar, consent, flags, follow, record};
use crate::{
    domain::{Action, RolloutId, action::ACTIONS},
    tui::{
        app::{
            ARMED_FOR, App, Hold, Overlay, View,
            chart::ChartMode,
            link::Link,
            notice::Tone,
            text::Field,
            trail::{self, Trail},
            when,
        },
        message::Command,
        theme,
    },
};

/// The words of the command line, with what may follow.
pub const COMMANDS: &[(&str, &str)] = &[
    ("rollouts", ""),
    ("open", "TARGET/NAME"),
    ("sites", ""),
    ("audit", "[actor:x outcome:refused site:y since:2h -action:z words]"),
    ("windows", ""),
    ("flags", ""),
    ("flag", "kill|disable|enable|widen|revive KEY [SHARE]"),
    ("overrides", ""),
    ("approvals", ""),
    ("follow", "SITE or GROUP/SITE: what holds it, what runs there, what touched it"),
    ("ctx", "[NAME]"),
    ("clusters", ""),
    ("pause", "[TARGET/NAME]"),
    ("rollback", "[TARGET/NAME]"),
    ("promote", "[TARGET/NAME]"),
    ("promote_full", "[TARGET/NAME]"),
    ("resume", "[TARGET/NAME]"),
    ("retry", "[TARGET/NAME]"),
    ("restart", "[TARGET/NAME]"),
    ("terminate", "[TARGET/NAME]"),
    ("freeze", "[SCOPE]"),
    ("lift", "ID"),
    ("arm", "[10m]"),
    ("disarm", ""),
    ("verify", ""),
    ("set", "theme NAME, zone utc|mine, or chart difference|ratio|raw"),
    ("keys", "every key that works, and what is wrong with the keymap"),
    ("help", ""),
    ("q", ""),
];

/// Runs a line.
pub(super) fn run(app: &mut App, text: &str) -> Vec<Command> {
    let (word, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()));
    if let Some(spec) = ACTIONS.iter().find(|spec| spec.verb == word) {
        return action(app, spec.action, rest);
    }
    match word {
        "" => Vec::new(),
        "rollouts" | "overview" => show(app, View::Overview),
        "sites" => show(app, View::Sites),
        "windows" | "calendar" => show(app, View::Windows),
        "flags" => show(app, View::Flags),
        "flag" => flags::run(app, rest),
        "overrides" => show(app, View::Overrides),
        "approvals" => show(app, View::Approvals),
        "follow" if rest.is_empty() && app.follow.is_some() => show(app, View::Follow),
        "follow" => follow::open(app, rest),
        "audit" => match trail::query(rest, &app.filters, app.server_now(), app.zone) {
            Ok(query) => {
                rest.clone_into(&mut app.trail.text);
                app.trail.query = query;
                show(app, View::Audit)
            }
            Err(error) => refuse(app, error),
        },
        "open" | "rollout" => open(app, rest),
        "ctx" | "context" | "contexts" if rest.is_empty() => {
            app.context_cursor = app.context;
            show(app, View::Contexts)
        }
        "ctx" | "context" => connect(app, rest),
        "clusters" | "carriers" => {
            app.overlay = Overlay::Clusters { top: 0 };
            Vec::new()
        }
        "freeze" => act::add_window(app, Some(rest).filter(|scope| !scope.is_empty())),
        "lift" => act::lift_window(app, Some(rest).filter(|id| !id.is_empty())),
        "arm" => {
            match rest {
                "" => toggle_arm(app, Some(ARMED_FOR)),
                span => match when::span(span) {
                    Some(span) => toggle_arm(app, Some(span)),
                    None => return refuse(app, format!("arm {span}: use a span such as 10m, at most 1h")),
                },
            }
            Vec::new()
        }
        "disarm" => {
            let said = if app.disarm() { "locked again" } else { "it is not armed" };
            app.say(Tone::Note, said);
            Vec::new()
        }
        "verify" => {
            let mut commands = show(app, View::Audit);
            commands.extend(verify(app));
            commands
        }
        "set" => set(app, rest),
        "sort" => {
            app.rollouts.sort();
            Vec::new()
        }
        "hold" => hold(app),
        "help" | "h" => {
            app.overlay = Overlay::Help { search: Field::with(40, rest), cursor: 0 };
            Vec::new()
        }
        "keys" => {
            record::keys(app);
            Vec::new()
        }
        "q" | "quit" | "q!" => match app.under_way().filter(|_| word != "q!") {
            Some(why) => {
                app.overlay = Overlay::Leave { why };
                Vec::new()
            }
            None => vec![Command::Quit],
        },
        _ if word.contains('/') && rest.is_empty() => open(app, word),
        _ => refuse(app, format!("'{}' is no command: tab lists them", word.chars().take(30).collect::<String>())),
    }
}

fn refuse(app: &mut App, why: impl AsRef<str>) -> Vec<Command> {
    app.say(Tone::Attention, why);
    Vec::new()
}

fn named(app: &App, rest: &str) -> Result<Option<RolloutId>, String> {
    match rest {
        "" => Ok(app.subject()),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| format!("'{}' is no TARGET/NAME", text.chars().take(40).collect::<String>())),
    }
}

fn action(app: &mut App, action: Action, rest: &str) -> Vec<Command> {
    match named(app, rest) {
        Ok(id) => act::open(app, action, id),
        Err(why) => refuse(app, why),
    }
}

fn open(app: &mut App, rest: &str) -> Vec<Command> {
    match named(app, rest) {
        Ok(Some(id)) => {
            app.open_rollout(id);
            Vec::new()
        }
        Ok(None) => refuse(app, "open what? name a TARGET/NAME"),
        Err(why) => refuse(app, why),
    }
}

fn set(app: &mut App, rest: &str) -> Vec<Command> {
    match rest.split_once(char::is_whitespace).map(|(key, value)| (key, value.trim())) {
        Some(("theme", name)) => vec![Command::Theme(name.to_owned())],
        Some(("zone", "utc")) => {
            app.zone = None;
            Vec::new()
        }
        Some(("zone", "mine")) => {
            app.zone = None;
            switch_zone(app);
            Vec::new()
        }
        Some(("chart", name)) => match ChartMode::ALL.into_iter().find(|mode| mode.as_str() == name) {
            Some(mode) => {
                app.chart = mode;
                Vec::new()
            }
            None => refuse(app, "set chart to what? difference, ratio or raw"),
        },
        _ => refuse(app, "set what? theme NAME, zone utc|mine, or chart difference|ratio|raw"),
    }
}

/// What can follow what is typed.
pub(super) fn candidates(app: &App, text: &str) -> Vec<String> {
    let starting = |words: &mut dyn Iterator<Item = String>| -> Vec<String> {
        words.filter(|candidate| candidate.starts_with(text) && candidate != text).take(200).collect()
    };
    let verbs = |verb: &str| ACTIONS.iter().any(|spec| spec.verb == verb) || verb == "open";
    match text.split_once(' ') {
        None => starting(&mut COMMANDS.iter().map(|(word, _)| (*word).to_owned())),
        Some((verb, _)) if verbs(verb) => {
            let mut ids: Vec<&RolloutId> = app.rollouts.iter().map(crate::tui::app::rollouts::Row::id).collect();
            ids.sort();
            starting(&mut ids.into_iter().map(|id| format!("{verb} {id}")))
        }
        Some(("ctx", _)) => starting(&mut app.contexts.iter().map(|context| format!("ctx {}", context.name))),
        Some(("flag", rest)) => starting(&mut flags::candidates(app, rest).into_iter()),
        Some(("lift", _)) => starting(&mut app.windows.active().map(|view| format!("lift {}", view.window.id))),
        Some(("freeze", _)) => {
            let mut targets: Vec<String> = app.rollouts.iter().map(|row| row.rollout.target.to_string()).collect();
            targets.sort();
            targets.dedup();
            starting(&mut targets.into_iter().map(|target| format!("freeze {target}")))
        }
        Some(("follow", _)) => {
            let sites = app.sites.page.iter().flat_map(|page| &page.sites);
            starting(
                &mut sites
                    .flat_map(|site| [format!("follow {}", site.site), format!("follow {}/{}", site.group, site.site)]),
            )
        }
        Some(("set", rest)) if rest.starts_with("theme ") => {
            starting(&mut theme::BUILT_IN.iter().map(|(name, _)| format!("set theme {name}")))
        }
        Some(("set", _)) => {
            let charts = ChartMode::ALL.iter().map(|mode| format!("set chart {}", mode.as_str()));
            let others = ["set theme ", "set zone utc", "set zone mine"].into_iter().map(str::to_owned);
            starting(&mut others.chain(charts))
        }
        Some(("audit", rest)) => {
            app.trail.completions(rest, &app.filters).into_iter().map(|filter| format!("audit {filter}")).collect()
        }
        _ => Vec::new(),
    }
}

/// Shows a view and asks for what it needs.
pub(super) fn show(app: &mut App, view: View) -> Vec<Command> {
    app.show(view);
    ask_for(app, view)
}

/// Asks for what a view needs and nobody sends by itself.
pub(super) fn ask_for(app: &mut App, view: View) -> Vec<Command> {
    match view {
        View::Audit => {
            if app.trail.query.limit == 0 {
                app.trail.query = trail::query("", &app.filters, app.server_now(), app.zone).unwrap_or_default();
            }
            app.trail.asking = true;
            vec![Command::Audit(app.trail.query.clone())]
        }
        View::Windows => calendar::ask(app),
        View::Overrides => {
            let mut commands = consent::ask_for_overrides(app);
            commands.push(Command::Windows);
            commands
        }
        View::Approvals => vec![Command::Approvals],
        View::Follow => follow::ask(app),
        View::Sites => vec![Command::Sites],
        View::Flags => flags::ask(app),
        View::Overview | View::Detail | View::Contexts => Vec::new(),
    }
}

/// Asks for what the followed site shows, where one is followed from the start.
pub(super) fn ask_for_followed(app: &mut App) -> Vec<Command> {
    if app.view == View::Follow { follow::ask(app) } else { Vec::new() }
}

/// Verifies the trail, unless that is under way.
pub(super) fn verify(app: &mut App) -> Vec<Command> {
    if app.trail.verifying.is_some() {
        return Vec::new();
    }
    let now = app.now.elapsed;
    app.trail.verifying = Some(now);
    app.trail.asks_witness(now);
    app.touch();
    vec![Command::Verify, Command::Witness]
}

/// Arms for a span, or toggles.
pub(super) fn toggle_arm(app: &mut App, span: Option<std::time::Duration>) {
    if !app.is_protected() {
        app.say(Tone::Note, "this context is not protected: there is nothing to arm");
    } else if let Err(why) = app.permits(crate::domain::Role::Operator, "") {
        app.say(Tone::Attention, why);
    } else if app.is_armed() && span.is_none() {
        app.disarm();
        app.say(Tone::Note, "locked again");
    } else {
        app.arm(span.unwrap_or(ARMED_FOR));
        let left = app.armed_left().map(crate::tui::app::age::left).unwrap_or_default();
        app.say(Tone::Attention, format!("ARMED for {left}: what widens a change can be sent; A locks it again"));
    }
}

/// Holds the display, or lets it go on with all that came meanwhile.
pub(super) fn hold(app: &mut App) -> Vec<Command> {
    match app.hold.take() {
        None => {
            app.hold = Some(Hold { since: app.now.elapsed, answers: Vec::new(), as_of: app.link.as_of() });
            app.touch();
            Vec::new()
        }
        Some(hold) => {
            app.touch();
            hold.answers.into_iter().flat_map(|answer| super::answer::replay(app, answer)).collect()
        }
    }
}

/// UTC or the viewer's zone.
pub(super) fn switch_zone(app: &mut App) {
    app.zone = match app.zone {
        Some(_) => None,
        None => Some(Local.offset_from_utc_datetime(&app.now.wall.naive_utc()).fix()),
    };
    let said = if app.zone.is_some() { "times are in your zone" } else { "times are in UTC" };
    app.say(Tone::Note, said);
}

/// Connects to another context: nothing of the last one stays on the screen, nothing stays armed.
pub(super) fn connect(app: &mut App, name: &str) -> Vec<Command> {
    let Some(index) = app.contexts.iter().position(|context| context.name == name) else {
        return refuse(app, format!("there is no context '{}'", name.chars().take(40).collect::<String>()));
    };
    app.disarm();
    app.hold = None;
    app.context = index;
    app.context_cursor = index;
    app.generation += 1;
    app.link = Link::new(app.now);
    app.info = None;
    app.rollouts = app.rollouts.renewed();
    app.carriers = crate::tui::app::carriers::Carriers::default();
    app.lasting = None;
    app.detail = None;
    app.watched = None;
    app.trail = Trail::default();
    app.windows = crate::tui::app::places::Windows::default();
    app.calendar = crate::tui::app::calendar::Calendar::default();
    app.overrides = crate::tui::app::overrides::Overrides::default();
    app.approvals = crate::tui::app::approvals::Approvals::default();
    app.follow = None;
    app.sites = crate::tui::app::places::Sites::default();
    app.flags = crate::tui::app::flags::Flags::default();
    app.overlay = Overlay::None;
    app.view = View::Overview;
    app.views.clear();
    app.say(Tone::Note, format!("context {name}"));
    vec![Command::Connect(name.to_owned()), Command::Windows]
}
