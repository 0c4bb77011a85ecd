//! `rolldeck man [COMMAND...]`: one manual page as roff, or all of them in a directory.
//!
//! What clap knows (names, usage, options) comes from the command line itself; what it does not know
//! (exit codes, environment, files, examples, what to read next) is added here, the same on every page.

use std::path::PathBuf;

use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};
use color_eyre::{Result, eyre::WrapErr as _};

use super::{
    exit::{self, Failure, say},
    output,
    session::Session,
};

mod examples;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which command's page: `rolldeck man window add | man -l -` reads it like any other
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write the pages of all commands into this directory instead
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
}

/// The section of the manual that they are in: commands of users.
const SECTION: &str = "1";

/// Runs it.
///
/// # Errors
/// When there is no such command, or the pages cannot be written.
pub fn run(_: &Session, args: &Args) -> Result<()> {
    let root = whole();
    let Some(dir) = &args.dir else {
        let command = find(&root, &args.command).map_err(Failure::Usage)?;
        return output::write(&page(&root, command)?);
    };
    let doing = || format!("cannot write the pages to {}", dir.display());
    std::fs::create_dir_all(dir).wrap_err_with(doing)?;
    for command in all(&root) {
        let file = dir.join(format!("{}.{SECTION}", name(command)));
        std::fs::write(file, page(&root, command)?).wrap_err_with(doing)?;
    }
    say(&format!("the pages are in {0}: man -M or MANPATH, or man -l {0}/rolldeck.{SECTION}", dir.display()));
    Ok(())
}

/// The whole command line, with every name worked out; that of `help` is left out, which has no page.
fn whole() -> clap::Command {
    let mut root = super::command().disable_help_subcommand(true);
    root.build();
    root
}

/// A command and all below it that are not hidden, the parents first.
fn all(root: &clap::Command) -> Vec<&clap::Command> {
    let below = root.get_subcommands().filter(|command| !command.is_hide_set()).flat_map(all);
    std::iter::once(root).chain(below).collect()
}

/// The name of a command's page: `rolldeck-window-add`.
fn name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// The command of these words: `window add`, `window-add`, or `rolldeck-window-add` as a page is called.
fn find<'a>(root: &'a clap::Command, words: &[String]) -> Result<&'a clap::Command, String> {
    let asked = words.join("-");
    let asked = asked.split_whitespace().collect::<Vec<_>>().join("-");
    if asked.is_empty() || asked == name(root) {
        return Ok(root);
    }
    let full = if asked.starts_with("rolldeck-") { asked } else { format!("rolldeck-{asked}") };
    all(root).into_iter().find(|command| name(command) == full).ok_or_else(|| {
        let near = all(root).into_iter().map(name).max_by_key(|known| {
            // From 0 to 1, where 1 is the same.
            (strsim::jaro_winkler(known, &full) * 1000.0) as u32
        });
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        format!("there is no page {full}{near} (rolldeck man | man -l - lists all commands)")
    })
}

/// A page as roff.
fn page(root: &clap::Command, command: &clap::Command) -> Result<String> {
    let version = root.get_version().unwrap_or_default();
    let man = Man::new(command.clone())
        .title(name(command).to_uppercase())
        .section(SECTION)
        .source(format!("rolldeck {version}"))
        .manual("Rolldeck");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    let mut rest = Roff::new();
    notes(root, command, &mut rest);
    exit_codes(command, &mut rest);
    environment(command, &mut rest);
    files(command, &mut rest);
    examples(command, &mut rest);
    see_also(root, command, &mut rest);
    rest.to_writer(&mut text)?;
    Ok(once(&String::from_utf8_lossy(&text)))
}

/// Each section brings the definition of the apostrophe along; one of them is enough.
fn once(text: &str) -> String {
    let mut preamble: Vec<&str> = Vec::new();
    let mut page = String::new();
    for line in text.lines() {
        if line.starts_with(".ie ") || line.starts_with(".el ") {
            if preamble.contains(&line) {
                continue;
            }
            preamble.push(line);
        }
        page.push_str(line);
        page.push('\n');
    }
    page
}

/// What the help says below the options, as it stands there. That of the whole program is its exit codes,
/// which have a section of their own.
fn notes(root: &clap::Command, command: &clap::Command, roff: &mut Roff) {
    let Some(text) = command.get_after_help().filter(|_| name(command) != name(root)) else { return };
    roff.control("SH", ["NOTES"]);
    as_it_is(&text.to_string(), roff);
}

/// Text whose lines and spaces mean something.
fn as_it_is(text: &str, roff: &mut Roff) {
    roff.control("PP", []);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// A term and what it means.
fn term(term: &str, meaning: &str, roff: &mut Roff) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text([roman(meaning)]);
}

fn exit_codes(command: &clap::Command, roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit::CODES {
        term(&code.to_string(), meaning, roff);
    }
    match name(command) {
        "rolldeck-window-state" => {
            roff.control("PP", []);
            roff.text([roman("With --target: 0 when it is open there, 4 when it is closed.")]);
        }
        "rolldeck" | "rolldeck-demo" => {
            roff.control("PP", []);
            roff.text([roman("The dashboard ends with 128 and the number of the signal that ended it.")]);
        }
        _ => {}
    }
}

/// Variables that every command reads.
const VARIABLES: &[(&str, &str)] = &[
    ("ROLLDECK_CONTEXT", "The context to use, where --context names none."),
    ("ROLLDECK_SERVER", "A server's URL, where neither --server nor --context is given."),
    ("ROLLDECK_TOKEN_FILE", "The file with the token."),
    ("ROLLDECK_TOKEN", "The token itself; other processes of yours can read it, a file is safer."),
    ("ROLLDECK_CA_FILE", "Certificates of authorities to trust beside the system's."),
    ("ROLLDECK_READ_ONLY", "Not empty: every change is refused."),
    ("ROLLDECK_THEME", "The dashboard's theme."),
    ("ROLLDECK_KEYMAP", "The dashboard's keys."),
    ("ROLLDECK_COLOR", "How many colours the dashboard uses: auto, never, 16, 256, true."),
    ("ROLLDECK_GLYPHS", "Which marks the dashboard uses: ascii, unicode."),
    ("NO_COLOR", "Not empty: no colour, unless ROLLDECK_COLOR or --color asks for some."),
    ("ROLLDECK_CONFIG_DIR", "Where the config, themes and keymaps are, in place of the platform's directory."),
    ("ROLLDECK_DATA_DIR", "Where data is, in place of the platform's directory."),
    ("ROLLDECK_STATE", "Where what can be lost is, in place of the platform's directory."),
    ("VISUAL, EDITOR", "What the dashboard hands a text to; vi, where neither is set."),
    ("TZ", "Your time zone, where time_zone of the config names none."),
];

/// Variables that the commands read which may keep everything in a database.
const OF_DATABASES: &[(&str, &str)] = &[
    ("ROLLDECK_DATABASE", "The URL of --database; here it may have the password in it."),
    (
        "PGPASSWORD, PGPASSFILE",
        "The password of a database, or the file with it (0600), as PostgreSQL's own programs read them.",
    ),
    (
        "PGSSLMODE, PGSSLROOTCERT",
        "How a database's server is known; one on another machine has to prove itself, where nothing else is said.",
    ),
];

/// Variables that an agent's commands are given.
const OF_AGENTS: &[(&str, &str)] = &[
    ("ROLLDECK_SNAPSHOT", "The snapshot to apply, by its digest."),
    ("ROLLDECK_VERSION", "Its version name."),
    ("ROLLDECK_PREVIOUS", "The snapshot that ran before; empty where none did."),
    ("ROLLDECK_GROUP, ROLLDECK_SITE, ROLLDECK_LANE", "The unit."),
    ("ROLLDECK_GENERATION", "The number of the order."),
    ("ROLLDECK_ARTIFACT", "A verified local file, where the snapshot has one."),
    (
        "ROLLDECK_FLAGS, ROLLDECK_FLAGS_URL",
        "Where the unit's flags are: a file, and an address where --flags-listen is given.",
    ),
];

fn environment(command: &clap::Command, roff: &mut Roff) {
    roff.control("SH", ["ENVIRONMENT"]);
    for (variable, meaning) in VARIABLES {
        term(variable, meaning, roff);
    }
    if command.get_arguments().any(|argument| argument.get_id() == "database") {
        for (variable, meaning) in OF_DATABASES {
            term(variable, meaning, roff);
        }
    }
    if name(command) == "rolldeck-agent" {
        roff.control("PP", []);
        roff.text([roman("The commands of --apply and --check are given:")]);
        for (variable, meaning) in OF_AGENTS {
            term(variable, meaning, roff);
        }
    }
}

fn files(command: &clap::Command, roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    let places = [
        ("~/.config/rolldeck/config.toml", "Contexts and settings (on Linux; elsewhere in the platform's directory)."),
        ("~/.config/rolldeck/themes/NAME.toml", "Your themes."),
        ("~/.config/rolldeck/keymaps/NAME.toml", "Your keymaps."),
        ("~/.local/share/rolldeck/", "What is remembered of the audit trails of servers, and journals of clusters."),
        ("~/.local/state/rolldeck/reasons", "Reasons that you gave in the dashboard, to be offered again."),
        ("~/.kube/config", "The kubeconfig, whose contexts can be used as they are."),
    ];
    for (file, what) in places {
        roff.control("TP", []);
        roff.text([italic(file)]);
        roff.text([roman(what)]);
    }
    if matches!(name(command), "rolldeck-serve" | "rolldeck-audit-verify" | "rolldeck-token-add") {
        roff.control("TP", []);
        roff.text([italic("DIR/")]);
        roff.text([roman("What --data names: the database, the key that signs the audit trail, and a reserve that is given up when the disk is full; only the key, where --database is given.")]);
    }
}

fn examples(command: &clap::Command, roff: &mut Roff) {
    let of_it: Vec<_> = examples::EXAMPLES.iter().filter(|example| example.of == name(command)).collect();
    if of_it.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    for example in of_it {
        roff.control("TP", []);
        roff.text([bold(example.line)]);
        roff.text([roman(example.what)]);
    }
}

fn see_also(root: &clap::Command, command: &clap::Command, roff: &mut Roff) {
    let own = name(command);
    let parent = own.rsplit_once('-').map_or("rolldeck", |(parent, _)| parent);
    let pages = all(root);
    let is_page = |page: &str| pages.iter().any(|known| name(known) == page);
    let mut related = vec!["rolldeck"];
    if parent != "rolldeck" && is_page(parent) {
        related.push(parent);
    }
    let siblings = pages.iter().map(|page| name(page)).filter(|page| {
        let is_below = page.strip_prefix(own).is_some_and(|rest| rest.starts_with('-'));
        let is_beside = parent != "rolldeck" && page.rsplit_once('-').is_some_and(|(of, _)| of == parent);
        let is_of_root = own == "rolldeck" && page.matches('-').count() == 1;
        if own == "rolldeck" { is_of_root } else { is_below || is_beside }
    });
    related.extend(siblings);
    related.extend(examples::RELATED.iter().filter(|(of, _)| *of == own).map(|(_, other)| *other));
    related.retain(|page| *page != own);
    related.dedup();
    roff.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for (index, page) in related.iter().enumerate() {
        if index > 0 {
            line.push(roman(", "));
        }
        line.extend([bold(*page), roman(format!("({SECTION})"))]);
    }
    roff.text(line);
}

#[cfg(test)]
mod tests;
