//! `rolldeck audit verify`: of the server's trail, of a data directory or a database, or of an export.

use std::{fs::File, io::BufReader, path::PathBuf};

use color_eyre::{Result, eyre::WrapErr as _};

use super::{Verify, held_against_memory};
use crate::{
    audit::{self, Verifier},
    backend::VerifyReport,
    cli::{
        exit::{self, Failure},
        output::Table,
        session::Session,
        storage::{self, is_of_sqlite},
    },
    domain::SafeText,
    settings::Paths,
    store::{offline, postgres::Address},
};

/// Runs it.
///
/// # Errors
/// With exit code 1 when the trail does not verify, after saying what is wrong.
pub async fn run(session: &Session, args: Verify) -> Result<()> {
    let key = args.key.as_deref().map(str::parse::<Verifier>).transpose();
    let key = key.map_err(|error| Failure::Usage(format!("--key: {error}")))?;
    if key.is_some() && args.file.is_none() {
        return Err(Failure::Usage("--key is for verifying an export: name its FILE".to_owned()).into());
    }
    let mut remembered = None;
    let report = match (&args.file, database(session, &args)?, &args.data) {
        (Some(path), _, _) => {
            let name = path.display();
            let file = File::open(path).map_err(|error| Failure::Usage(format!("cannot read {name}: {error}")))?;
            of(audit::export::verify(BufReader::new(file), key).wrap_err_with(|| name.to_string())?)
        }
        (None, Some((address, key_dir)), _) => {
            session.note(&format!("the trail of {address}, as it is stored there"));
            of(offline::verify_database(&address, key_dir.as_deref()).await?)
        }
        (None, None, Some(dir)) => of(offline::verify_data_dir(dir).await?),
        (None, None, None) => {
            let backend = session.connect()?.backend;
            if let Some(memory) = backend.memory().filter(|_| args.accept) {
                let file = memory.file().display();
                memory.forget().map_err(|error| Failure::Failed(format!("cannot forget {file}: {error}")))?;
            }
            let report = backend.verify().await?;
            remembered = Some(held_against_memory(&*backend).await);
            report
        }
    };
    session.print(&report, || {
        let mut table = Table::plain();
        table.row([if report.ok { "ok" } else { "BROKEN" }, report.detail.as_str()]);
        table.row(["entries".to_owned(), report.entries.to_string()]);
        table.row(["proven".to_owned(), report.proven.to_string()]);
        if report.expired > 0 {
            table.row(["expired".to_owned(), report.expired.to_string()]);
        }
        if let Some(seq) = report.first_bad {
            table.row(["first bad".to_owned(), format!("seq {seq}")]);
        }
        if let Some(size) = report.differs_after {
            table.row(["differs".to_owned(), format!("after the checkpoint of size {size}")]);
        }
        table.text(0)
    })?;
    remembered.transpose()?;
    if report.ok { Ok(()) } else { Err(Failure::Silent(exit::FAILED).into()) }
}

/// The database whose trail is meant, and what has its key: that which was named, or, where nothing else was, that of
/// the environment.
fn database(session: &Session, args: &Verify) -> Result<Option<(Address, Option<PathBuf>)>> {
    let elsewhere = args.file.is_some()
        || args.data.as_deref().is_some_and(is_of_sqlite)
        || session.global.server.is_some()
        || session.global.context.is_some();
    if args.database.is_none() && elsewhere {
        return Ok(None);
    }
    let Some(address) = storage::address(session, args.database.as_deref())? else { return Ok(None) };
    let key_dir = if let Some(dir) = &args.data {
        Some(dir.clone())
    } else {
        let dir = Paths::find(session.global.config.as_deref(), &session.env)?.data_dir;
        // The key there is another trail's.
        (!is_of_sqlite(&dir)).then_some(dir)
    };
    Ok(Some((address, key_dir)))
}

fn of(report: audit::verify::Report) -> VerifyReport {
    VerifyReport {
        ok: report.ok,
        entries: report.entries,
        proven: report.proven,
        expired: report.expired,
        first_bad: report.first_bad,
        differs_after: report.differs_after,
        detail: SafeText::new(report.detail),
    }
}
