//! Completions of the command line: commands and intents by their names, then what may follow each.

use super::{
    command::{self, Argument, COMMANDS, CommandSpec, Word},
    offered, set,
};
use crate::{
    domain::RolloutId,
    tui::{
        app::{
            App, View,
            flags::change::Verb,
            line::Kind,
            palette::{Candidate, KEPT, Palette, Ranking},
            sort::SortBy,
        },
        intent::Intent,
    },
};

/// Looks for completions of what is typed now.
pub(super) fn refresh(app: &mut App) {
    let Some(line) = &app.line else { return };
    let palette = match line.kind {
        Kind::Command => of(app, line.field.text()),
        Kind::Filter if app.view == View::Audit => audit(app, "", line.field.text()),
        Kind::Filter => Palette::default(),
    };
    if let Some(line) = &mut app.line {
        line.palette = palette;
    }
}

/// What can follow a text on the command line.
pub(super) fn of(app: &App, text: &str) -> Palette {
    match text.split_once(' ') {
        None => words(app, text),
        Some((word, rest)) => match command::resolve(word) {
            Some(Word::Command(spec)) => arguments(app, word, spec, rest.trim_start()),
            _ => Palette::default(),
        },
    }
}

fn words(app: &App, typed: &str) -> Palette {
    let mut ranking = Ranking::new(typed);
    let contexts = app.view_contexts();
    let keys = |intent| app.keymap.keys_for(intent, &contexts).unwrap_or_default();
    let commands = COMMANDS.iter().filter_map(|spec| Some((spec, spec.word(|word| ranking.fits(word))?)));
    let commands: Vec<_> = commands.collect();
    ranking.take(commands.into_iter(), |spec| Candidate {
        argument: spec.shape(),
        help: spec.help.to_owned(),
        keys: spec.intent().map(keys).unwrap_or_default(),
        refused: command::refused(app, spec),
        ..Candidate::plain(spec.name.to_owned(), spec.name.to_owned())
    });
    // Who looks for what can be set types its name, and not `set`.
    let settings = set::SETTINGS.iter().filter(|_| !typed.is_empty());
    let settings = settings.filter_map(|setting| Some((setting, setting.word(|word| ranking.fits(word))?)));
    let settings: Vec<_> = settings.collect();
    ranking.take(settings.into_iter(), |setting| Candidate {
        argument: setting.shape,
        help: setting.help.to_owned(),
        ..Candidate::plain(format!("set {} ", setting.name), format!("set {}", setting.name))
    });
    let others = Intent::ALL.iter().filter(|intent| matches!(command::resolve(intent.id()), Some(Word::Intent(_))));
    ranking.take(others.map(|intent| (*intent, intent.id())), |intent| Candidate {
        help: intent.help().to_owned(),
        keys: keys(intent),
        refused: offered::refused(app, intent),
        ..Candidate::plain(intent.id().to_owned(), intent.id().to_owned())
    });
    ranking.palette()
}

fn arguments(app: &App, word: &str, spec: &CommandSpec, typed: &str) -> Palette {
    let mut ranking = Ranking::new(typed);
    let line = |label: &str| Candidate::plain(format!("{word} {label}"), label.to_owned());
    match spec.argument {
        Argument::None | Argument::Words | Argument::Span => {}
        Argument::Rollout => {
            let rows = app.rollouts.addressed();
            ranking.take(rows.map(|(row, address)| ((row, address), address)), |(row, address)| Candidate {
                help: row.class.word().to_owned(),
                refused: act_refused(app, spec, row.id()),
                ..line(address)
            });
        }
        Argument::Context => ranking.take(app.contexts.iter().map(|c| (c, c.name.as_str())), |context| Candidate {
            help: context.place.clone(),
            ..line(&context.name)
        }),
        Argument::Site => {
            let sites = app.sites.page.iter().flat_map(|page| &page.sites);
            let both = sites.flat_map(|site| [site.site.to_string(), format!("{}/{}", site.group, site.site)]);
            let both: Vec<String> = both.collect();
            ranking.take(both.iter().map(|name| (name, name.as_str())), |name| line(name));
        }
        Argument::Scope => {
            let targets: std::collections::BTreeSet<&str> =
                app.rollouts.iter().map(|row| row.rollout.target.as_str()).collect();
            ranking.take(targets.into_iter().map(|target| (target, target)), line);
        }
        Argument::Window => {
            ranking.take(app.windows.active().map(|view| (view, view.window.id.as_str())), |view| Candidate {
                help: format!("{}: {}", view.window.scope, view.window.reason),
                ..line(view.window.id.as_str())
            });
        }
        Argument::Flag => return flags(app, word, typed),
        Argument::Audit => return audit(app, &format!("{word} "), typed),
        Argument::Setting => {
            let settings = set::lines(app);
            ranking.take(settings.iter().map(|name| (name, name.as_str())), |name| line(name));
        }
        Argument::Order => {
            ranking.take(SortBy::of(app.view).iter().map(|by| (by, by.as_str())), |by| Candidate {
                help: by.says().to_owned(),
                ..line(by.as_str())
            });
        }
    }
    ranking.palette()
}

/// Why an action cannot be done to a rollout.
fn act_refused(app: &App, spec: &CommandSpec, id: &RolloutId) -> Option<String> {
    let row = app.rollouts.get(id)?;
    let action = spec.action()?;
    app.offer(action, row).err().map(|why| why.text().to_owned())
}

/// Filters of the audit trail, in its own language: what begins like what is typed.
fn audit(app: &App, before: &str, typed: &str) -> Palette {
    let filters = app.trail.completions(typed, &app.filters);
    let total = filters.len();
    let list = filters.into_iter().take(KEPT).map(|filter| Candidate::plain(format!("{before}{filter}"), filter));
    Palette { total, list: list.collect(), cursor: None }
}

/// `flag VERB KEY`.
fn flags(app: &App, word: &str, typed: &str) -> Palette {
    let Some((verb, key)) = typed.split_once(' ') else {
        let mut ranking = Ranking::new(typed);
        ranking.take(Verb::ALL.iter().map(|verb| (verb, verb.as_str())), |verb| Candidate {
            argument: if *verb == Verb::Widen { "KEY [SHARE]" } else { "KEY" },
            help: verb.summary().to_owned(),
            ..Candidate::plain(format!("{word} {} ", verb.as_str()), verb.as_str().to_owned())
        });
        return ranking.palette();
    };
    let mut ranking = Ranking::new(key);
    if let Some(verb) = Verb::ALL.into_iter().find(|known| known.as_str() == verb) {
        ranking.take(app.flags.all().iter().map(|view| (view, view.flag.key.as_str())), |view| {
            let key = view.flag.key.as_str();
            Candidate {
                refused: app.offer_flag(verb, Some(view)).err().map(|why| why.text().to_owned()),
                ..Candidate::plain(format!("{word} {} {key}", verb.as_str()), key.to_owned())
            }
        });
    }
    ranking.palette()
}
