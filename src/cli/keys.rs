//! `rolldeck keys`: what is wrong with a keymap, and what every key means.

use std::{fmt::Write as _, path::Path};

use color_eyre::Result;
use serde::Serialize;

use super::{
    exit::{self, Failure},
    output::{self, Table},
    session::Session,
};
use crate::{
    settings::Settings,
    tui::{
        keymap::{BUILT_IN, Binding, ContextName, Keymap},
        overlay::Finding,
    },
};

/// Subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say what is wrong with a keymap, by line and key: 0 nothing, 1 something, 2 there is no such keymap
    Check(CheckArgs),
    /// List every key that works, with what it does and where that is said
    List(ListArgs),
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// A keymap's name, or a file; the keymap in use, when absent
    #[arg(id = "checked", value_name = "FILE|NAME")]
    keymap: Option<String>,
    /// The same as --output json
    #[arg(long)]
    json: bool,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// A keymap's name, or a file; the keymap in use, when absent
    #[arg(id = "listed", value_name = "FILE|NAME")]
    keymap: Option<String>,
    /// The keys of one context alone: always, global, list, menu, ...
    #[arg(id = "in", long = "in", value_name = "CONTEXT", value_parser = context)]
    context: Option<ContextName>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    keymap: String,
    keys: usize,
    findings: Vec<Finding>,
    remarks: Vec<Finding>,
}

/// The keys of a keymap.
#[derive(Debug, Serialize)]
struct Listing {
    keymap: String,
    keys: Vec<Binding>,
}

/// Runs it.
///
/// # Errors
/// With exit code 1 when the keymap has mistakes, after saying which; 2 when there is no such keymap.
pub fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Check(args) => check(session, &args),
        Command::List(args) => list(session, &args),
    }
}

fn check(session: &Session, args: &CheckArgs) -> Result<()> {
    let (map, mut findings) = load(session, args.keymap.as_deref())?;
    findings.extend(map.check());
    let report = Report { keymap: map.name().to_owned(), keys: map.all().len(), remarks: map.remarks(), findings };
    let format = if args.json { super::args::Format::Json } else { session.format() };
    output::print(format, &report, || text(&report))?;
    if report.findings.is_empty() { Ok(()) } else { Err(Failure::Silent(exit::FAILED).into()) }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let _ = writeln!(text, "{}", finding.notice());
    }
    for remark in &report.remarks {
        let _ = writeln!(text, "note: {}", remark.notice());
    }
    let found = match report.findings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    let _ = writeln!(text, "{}: {} keys, {found}", report.keymap, report.keys);
    text
}

fn list(session: &Session, args: &ListArgs) -> Result<()> {
    let (map, findings) = load(session, args.keymap.as_deref())?;
    if let Some(finding) = findings.first() {
        session.note(&format!("{}  (rolldeck keys check says all that is wrong)", finding.notice()));
    }
    let mut keys = map.all();
    keys.retain(|key| args.context.is_none_or(|context| context.id() == key.context));
    let listing = Listing { keymap: map.name().to_owned(), keys };
    session.print(&listing, || {
        let mut table = Table::new(&["CONTEXT", "KEYS", "INTENT", "WHAT IT DOES", "SAID IN"]);
        for key in &listing.keys {
            let place = format!("{}:{}", key.file, key.line);
            table.row([key.context, &key.keys, key.intent, key.help, &place]);
        }
        table.text(0)
    })
}

fn context(text: &str) -> Result<ContextName, String> {
    ContextName::ALL.into_iter().find(|context| context.id() == text).ok_or_else(|| {
        let names: Vec<&str> = ContextName::ALL.iter().map(|context| context.id()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// The keymap of a name or a file; the one in use without.
fn load(session: &Session, named: Option<&str>) -> Result<(Keymap, Vec<Finding>)> {
    // A mistake in the config is the doctor's to tell: keys can be checked all the same.
    let settings = match session.settings() {
        Ok(settings) => settings,
        Err(_) => Settings::without_file(&session.global.overrides(), &session.env)?,
    };
    let name = named.unwrap_or(&settings.keymap);
    if name.contains(['/', '.']) {
        return Keymap::read(Path::new(name)).map_err(|finding| Failure::Usage(finding.notice().to_string()).into());
    }
    let (map, findings) = Keymap::load(Some(name), Some(&settings.paths.config_dir));
    let is_there = BUILT_IN.iter().any(|(built_in, _)| *built_in == name) || settings.paths.keymap_file(name).exists();
    match findings.first() {
        Some(finding) if !is_there => Err(Failure::Usage(finding.notice().to_string()).into()),
        _ => Ok((map, findings)),
    }
}
