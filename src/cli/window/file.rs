//! `rolldeck window import` and `window export`: windows from files of other tools, and for calendars.

use std::{io::Read as _, path::PathBuf};

use color_eyre::{Result, eyre::WrapErr as _};

use crate::{
    backend::{Conditions, ImportFormat, ImportedAs, WindowsImport},
    cli::{
        exit::say,
        output::{Table, word},
        session::{Session, reason},
    },
    domain::{Scope, Window},
    window,
};

/// Longest file that is read.
const FILE_MAX: u64 = 8 * 1024 * 1024;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it is: ical, argocd (an `AppProject`, YAML or JSON), or gitlab (the answer of /`freeze_periods`)
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: ImportFormat,
    /// What the windows are about, where the file does not say it
    #[arg(long, value_name = "S")]
    scope: Option<Scope>,
    /// Why: 10 to 500 characters; shown to whoever is blocked, where the file does not say it
    #[arg(short, long, value_name = "TEXT")]
    reason: Option<String>,
    /// A ticket's id, kept with each
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// Say what is new, replaced and unchanged, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Your own key for this: the same key is never carried out twice
    #[arg(long, value_name = "K")]
    idempotency_key: Option<String>,
}

fn format(text: &str) -> Result<ImportFormat, String> {
    match text {
        "ical" | "ics" | "icalendar" => Ok(ImportFormat::Ical),
        "argocd" | "argo" => Ok(ImportFormat::Argocd),
        "gitlab" => Ok(ImportFormat::Gitlab),
        _ => Err(format!("{text:?} is none of ical, argocd, gitlab")),
    }
}

/// Runs `import`.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn import(session: &Session, args: Import) -> Result<()> {
    let reason =
        if args.dry_run { args.reason.unwrap_or_default() } else { reason(args.reason.as_deref())?.to_string() };
    let text = read(&args.file)?;
    let request = WindowsImport {
        format: args.format,
        text,
        scope: args.scope,
        reason,
        ticket: args.ticket,
        saw: None,
        dry_run: args.dry_run,
    };
    let key = args.idempotency_key.unwrap_or_else(|| session.clock.id());
    let conditions = Conditions { revision: None, idempotency_key: Some(key) };
    let connection = if args.dry_run { session.connect()? } else { session.connect_to_change()? };
    let reply = connection.backend.import_windows(request, conditions).await?;
    for remark in &reply.remarks {
        say(remark.as_str());
    }
    session.print(&reply, || {
        let mut table = Table::new(&["IMPORT", "ID", "STATE", "WHAT", "SCOPE", "WHEN", "NEXT", "BY", "REASON"]);
        for (number, view) in reply.windows.iter().enumerate() {
            let [id, state, what, scope, when, next, by, reason] = super::row(view);
            // A server of an earlier version adds all, and does not say so.
            let became = reply.imported.get(number).copied().unwrap_or(ImportedAs::New);
            table.row([word(&became), id, state, what, scope, when, next, by, reason]);
        }
        let count = |wanted: ImportedAs| reply.imported.iter().filter(|became| **became == wanted).count();
        format!(
            "{}{}: {} new, {} replaced, {} unchanged\n",
            table.text(0),
            word(&reply.outcome),
            reply.windows.len() - count(ImportedAs::Replaced) - count(ImportedAs::Unchanged),
            count(ImportedAs::Replaced),
            count(ImportedAs::Unchanged),
        )
    })
}

fn read(file: &PathBuf) -> Result<String> {
    let mut text = String::new();
    let place = file.display();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(FILE_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(FILE_MAX + 1).read_to_string(&mut text))
    };
    read.wrap_err_with(|| format!("{place} cannot be read as text"))?;
    if text.len() as u64 > FILE_MAX {
        color_eyre::eyre::bail!("{place} has more than 8 MiB");
    }
    Ok(text)
}

/// Runs `export`.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn export(session: &Session) -> Result<()> {
    let page = session.connect()?.backend.windows().await?;
    let windows: Vec<Window> = page.windows.iter().map(|view| view.window.clone()).collect();
    let text = window::export::ical(&windows, "Rolldeck change windows", session.clock.now());
    crate::cli::output::write(&text)
}
