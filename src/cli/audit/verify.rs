//! `rolldeck audit verify`: of the server's trail, of a data directory or a database, or of an export.

use std::{fs::File, io::BufReader};

use color_eyre::{Result, eyre::WrapErr as _};

use super::{Verify, database, held_against_memory};
use crate::{
    audit::{self, Verifier},
    backend::VerifyReport,
    cli::{
        exit::{self, Failure},
        output::Table,
        session::Session,
    },
    domain::SafeText,
    store::offline,
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
    let report = match (
        &args.file,
        database(session, args.file.is_some(), args.data.as_deref(), args.database.as_deref())?,
        &args.data,
    ) {
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
