//! The command line's one table, and what keys and commands share: views to fill, contexts, arming, holding.

use super::{act, calendar, consent, flags, follow, input, offered, palette, record, recover, set, sort};
use crate::{
    domain::{Action, Role, RolloutId},
    tui::{
        app::{
            ARMED_FOR, App, Hold, Overlay, View,
            line::{Kind, Line},
            link::Link,
            notice::Tone,
            offer::Why,
            text::Field,
            trail::{self, Trail},
            when,
        },
        intent::Intent,
        message::{Command, Input},
    },
};

/// What may stand behind the word of a command, and so what completes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Argument {
    /// Nothing.
    None,
    /// A rollout's address.
    Rollout,
    /// A context's name.
    Context,
    /// A site, with its group or without.
    Site,
    /// What a freeze is for.
    Scope,
    /// A window's id.
    Window,
    /// A verb, a flag's key, and for some a share.
    Flag,
    /// A filter of the audit trail.
    Audit,
    /// What is set, and to what.
    Setting,
    /// A span of time.
    Span,
    /// An order of the list.
    Order,
    /// Words.
    Words,
}

/// What a command does.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Opens the dialog of an action.
    Act(Action),
    /// Something that changes nothing but the screen, or opens a dialog.
    Run(fn(&mut App, &str) -> Vec<Command>),
}

/// A command of the command line.
#[derive(Debug)]
pub(in crate::tui) struct CommandSpec {
    /// Its word.
    pub name: &'static str,
    /// Words that mean the same.
    also: &'static [&'static str],
    /// What may follow.
    pub argument: Argument,
    /// What may follow, for people.
    shape: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
    does: Does,
}

impl CommandSpec {
    const fn run(
        name: &'static str,
        argument: Argument,
        shape: &'static str,
        help: &'static str,
        run: fn(&mut App, &str) -> Vec<Command>,
    ) -> Self {
        Self { name, also: &[], argument, shape, help, does: Does::Run(run) }
    }

    const fn act(name: &'static str, action: Action, help: &'static str) -> Self {
        Self { name, also: &[], argument: Argument::Rollout, shape: "[TARGET/NAME]", help, does: Does::Act(action) }
    }

    const fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    /// Its word, or else one that means the same, of which this holds.
    pub fn word(&self, holds: impl Fn(&str) -> bool) -> Option<&'static str> {
        std::iter::once(self.name).chain(self.also.iter().copied()).find(|word| holds(word))
    }

    /// What may follow its word, for people.
    pub const fn shape(&self) -> &'static str {
        self.shape
    }

    /// The action whose dialog it opens.
    pub const fn action(&self) -> Option<Action> {
        match self.does {
            Does::Act(action) => Some(action),
            Does::Run(_) => None,
        }
    }

    /// The intent that does the same without an argument.
    pub fn intent(&self) -> Option<Intent> {
        let mut words = self.also.iter().copied().chain([self.name]);
        words.find_map(|word| Intent::ALL.iter().copied().find(|intent| intent.id() == word))
    }
}

/// Every command.
pub(in crate::tui) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("rollouts", Argument::None, "", "all rollouts", |app, _| show(app, View::Overview))
        .also(&["overview", "view-overview"]),
    CommandSpec::run("open", Argument::Rollout, "TARGET/NAME", "one rollout", open).also(&["rollout"]),
    CommandSpec::run("sites", Argument::None, "", "sites and their lanes", |app, _| show(app, View::Sites))
        .also(&["view-sites"]),
    CommandSpec::run(
        "audit",
        Argument::Audit,
        "[FILTER]",
        "the audit trail, such as actor:x site:y since:2h -action:z",
        audit,
    )
    .also(&["view-audit"]),
    CommandSpec::run("windows", Argument::None, "", "change windows", |app, _| show(app, View::Windows))
        .also(&["calendar", "view-windows"]),
    CommandSpec::run("flags", Argument::None, "", "flags by site and lane, or by stage", |app, _| {
        show(app, View::Flags)
    })
    .also(&["view-flags"]),
    CommandSpec::run("flag", Argument::Flag, "VERB KEY [SHARE]", "opens the dialog that changes a flag", flags::run),
    CommandSpec::run("overrides", Argument::None, "", "who may pass which window", |app, _| show(app, View::Overrides))
        .also(&["view-overrides"]),
    CommandSpec::run("approvals", Argument::None, "", "what waits for a second person", |app, _| {
        show(app, View::Approvals)
    })
    .also(&["view-approvals"]),
    CommandSpec::run(
        "follow",
        Argument::Site,
        "[GROUP/]SITE",
        "one site: what holds it, what runs there, what touched it",
        follow_site,
    ),
    CommandSpec::run(
        "recover",
        Argument::Rollout,
        "[TARGET/NAME | [GROUP/]SITE]",
        "guided recovery: what is wrong, what changed, what to do",
        recover::open,
    )
    .also(&["view-recover"]),
    CommandSpec::run("ctx", Argument::Context, "[NAME]", "contexts, or connect to one", context)
        .also(&["context", "contexts"]),
    CommandSpec::run("clusters", Argument::None, "", "clusters and others that carry rollouts out", clusters)
        .also(&["carriers"]),
    CommandSpec::act("pause", Action::Pause, "opens the dialog that pauses a rollout"),
    CommandSpec::act("rollback", Action::Rollback, "opens the dialog that rolls a rollout back"),
    CommandSpec::act("promote", Action::Promote, "opens the dialog that promotes a rollout"),
    CommandSpec::act("promote_full", Action::PromoteFull, "opens the dialog that promotes a rollout to all")
        .also(&["promote-full"]),
    CommandSpec::act("resume", Action::Resume, "opens the dialog that lets a rollout go on"),
    CommandSpec::act("retry", Action::Retry, "opens the dialog that tries a rollout again"),
    CommandSpec::act("restart", Action::Restart, "opens the dialog that restarts all pods"),
    CommandSpec::act("terminate", Action::Terminate, "opens the dialog that ends the analysis that runs"),
    CommandSpec::run("freeze", Argument::Scope, "[SCOPE]", "opens the dialog of a new freeze", |app, rest| {
        act::add_window(app, Some(rest).filter(|scope| !scope.is_empty()))
    })
    .also(&["add-window"]),
    CommandSpec::run("lift", Argument::Window, "[ID]", "opens the dialog that lifts a freeze", |app, rest| {
        act::lift_window(app, Some(rest).filter(|id| !id.is_empty()))
    })
    .also(&["lift-window"]),
    CommandSpec::run("arm", Argument::Span, "[10m]", "unlock what widens a change, for a while", arm),
    CommandSpec::run("disarm", Argument::None, "", "lock what widens a change again", disarm),
    CommandSpec::run("verify", Argument::None, "", "verify the audit trail now", |app, _| {
        let mut commands = show(app, View::Audit);
        commands.extend(verify(app));
        commands
    })
    .also(&["verify-audit"]),
    CommandSpec::run(
        "set",
        Argument::Setting,
        "NAME VALUE",
        "chart, theme, keymap, zone, mouse, notify, wide",
        set::run,
    ),
    CommandSpec::run(
        "sort",
        Argument::Order,
        "[BY [reversed]]",
        "the order of the list, or into its order now",
        sort::run,
    ),
    CommandSpec::run("hold", Argument::None, "", "hold the display, or let it go on", |app, _| hold(app))
        .also(&["hold-display"]),
    CommandSpec::run(
        "keys",
        Argument::None,
        "",
        "every key that works, and what is wrong with the keymap",
        |app, _| {
            record::keys(app);
            Vec::new()
        },
    ),
    CommandSpec::run(
        "perf",
        Argument::None,
        "",
        "what this dashboard cost so far: frames, bytes, round trip",
        |_, _| vec![Command::Measure],
    ),
    CommandSpec::run("help", Argument::Words, "[WORDS]", "keys and commands that have these words", |app, rest| {
        app.overlay = Overlay::Help { search: Field::with(40, rest), cursor: 0 };
        Vec::new()
    })
    .also(&["h"]),
    CommandSpec::run("q", Argument::None, "", "leave; asks when something is under way", |app, _| leave(app))
        .also(&["quit"]),
    CommandSpec::run("q!", Argument::None, "", "leave without being asked", |_, _| vec![Command::Quit]),
];

/// What a word of the command line is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// A command of the table.
    Command(&'static CommandSpec),
    /// An intent by its name, as in a keymap file.
    Intent(Intent),
}

/// What a word means: the name of a command or of an intent, or the beginning of one command only.
pub(super) fn resolve(word: &str) -> Option<Word> {
    if let Some(spec) = COMMANDS.iter().find(|spec| spec.name == word || spec.also.contains(&word)) {
        return Some(Word::Command(spec));
    }
    if let Some(intent) = Intent::ALL.iter().find(|intent| intent.id() == word) {
        return Some(Word::Intent(*intent));
    }
    let mut begun = COMMANDS.iter().filter(|spec| !word.is_empty() && spec.name.starts_with(word));
    begun.next().filter(|_| begun.next().is_none()).map(Word::Command)
}

/// Why a command can do nothing now, without an argument.
pub(in crate::tui) fn refused(app: &App, spec: &CommandSpec) -> Option<String> {
    if let Some(action) = spec.action() {
        let offer = act::Item::Action(action.spec()).offer(app);
        return offer.err().map(|why| match why {
            Why::Held(why) => format!("HELD: {why}"),
            Why::Never(why) => why,
        });
    }
    match spec.name {
        "freeze" | "lift" => app.permits(Role::Commander, "").err(),
        "flag" => app.permits(Role::Operator, "").err(),
        "arm" => (!app.is_protected()).then(|| "this context is not protected: there is nothing to arm".to_owned()),
        "disarm" => (!app.is_armed()).then(|| "it is not armed".to_owned()),
        "sort" => offered::refused(app, Intent::Sort),
        _ => None,
    }
}

/// Runs a line.
pub(super) fn run(app: &mut App, text: &str) -> Vec<Command> {
    let (word, rest) = text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim()));
    match resolve(word) {
        Some(Word::Command(spec)) => match spec.does {
            Does::Act(action) => act_on(app, action, rest),
            Does::Run(run) => run(app, rest),
        },
        Some(Word::Intent(intent)) if rest.is_empty() => input::input(app, Input::Intent(intent)),
        Some(Word::Intent(_)) => refuse(app, format!("nothing follows '{word}'")),
        None if word.is_empty() => Vec::new(),
        None if word.contains('/') && rest.is_empty() => open(app, word),
        None => {
            let name: String = word.chars().take(30).collect();
            let how = set::named(word).map_or_else(
                || "tab lists them".to_owned(),
                |setting| format!("set {} {} does it", setting.name, setting.shape),
            );
            refuse(app, format!("'{name}' is no command: {how}"))
        }
    }
}

fn audit(app: &mut App, rest: &str) -> Vec<Command> {
    match trail::query(rest, &app.filters, app.server_now(), app.zone()) {
        Ok(query) => {
            rest.clone_into(&mut app.trail.text);
            app.trail.query = query;
            show(app, View::Audit)
        }
        Err(error) => refuse(app, error),
    }
}

fn follow_site(app: &mut App, rest: &str) -> Vec<Command> {
    if rest.is_empty() && app.follow.is_some() { show(app, View::Follow) } else { follow::open(app, rest) }
}

fn context(app: &mut App, rest: &str) -> Vec<Command> {
    if !rest.is_empty() {
        return connect(app, rest);
    }
    app.context_cursor = app.context;
    show(app, View::Contexts)
}

fn clusters(app: &mut App, _: &str) -> Vec<Command> {
    app.overlay = Overlay::Clusters { top: 0 };
    Vec::new()
}

fn arm(app: &mut App, rest: &str) -> Vec<Command> {
    let span = if rest.is_empty() { Some(ARMED_FOR) } else { when::span(rest) };
    match span {
        Some(span) => {
            toggle_arm(app, Some(span));
            Vec::new()
        }
        None => refuse(app, format!("arm {rest}: use a span such as 10m, at most 1h")),
    }
}

fn disarm(app: &mut App, _: &str) -> Vec<Command> {
    let said = if app.disarm() { "locked again" } else { "it is not armed" };
    app.say(Tone::Note, said);
    Vec::new()
}

/// Leaves, or asks first where something is under way.
pub(super) fn leave(app: &mut App) -> Vec<Command> {
    match app.under_way() {
        Some(why) => {
            app.overlay = Overlay::Leave { why };
            Vec::new()
        }
        None => vec![Command::Quit],
    }
}

/// Says why a command is not run.
pub(super) fn refuse(app: &mut App, why: impl AsRef<str>) -> Vec<Command> {
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

fn act_on(app: &mut App, action: Action, rest: &str) -> Vec<Command> {
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

/// More columns, or the usual ones.
pub(super) fn set_wide(app: &mut App, wide: bool) {
    if let Some(why) = offered::refused(app, Intent::Wide) {
        app.say(Tone::Note, why);
        return;
    }
    app.wide = wide;
    let said = if wide { "all columns that fit, and the whole width for them" } else { "the usual columns" };
    app.say(Tone::Note, said);
}

/// A command begins to be typed.
pub(super) fn begin(app: &mut App, text: &str) {
    app.line = Some(Line::new(Kind::Command, text));
    palette::refresh(app);
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
                app.trail.query = trail::query("", &app.filters, app.server_now(), app.zone()).unwrap_or_default();
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
        View::Recover => recover::ask(app),
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
            app.hold = Some(Hold { since: app.now.elapsed, answers: Vec::new(), changes: 0, as_of: app.link.as_of() });
            app.touch();
            Vec::new()
        }
        Some(hold) => {
            app.touch();
            hold.answers.into_iter().flat_map(|answer| super::answer::replay(app, answer)).collect()
        }
    }
}

/// Connects to another context: nothing of the last one stays on the screen, nothing stays armed.
pub(super) fn connect(app: &mut App, name: &str) -> Vec<Command> {
    let Some(index) = app.contexts.iter().position(|context| context.name == name) else {
        return refuse(app, format!("there is no context '{}'", name.chars().take(40).collect::<String>()));
    };
    app.disarm();
    app.alerts.forget();
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
    app.recover = None;
    app.sites = crate::tui::app::places::Sites::default();
    app.flags = crate::tui::app::flags::Flags::default();
    app.overlay = Overlay::None;
    app.view = View::Overview;
    app.views.clear();
    app.ahead.clear();
    app.say(Tone::Note, format!("context {name}"));
    vec![Command::Connect(name.to_owned()), Command::Windows]
}
