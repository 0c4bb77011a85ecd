//! `rolldeck audit export [FILE]`: the stored entries, and the checkpoints that prove them.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter},
    path::Path,
};

use color_eyre::{Result, eyre::WrapErr as _};

use super::{Export, ExportFormat, held_against_memory, table};
use crate::{
    audit::{self, verify::Report},
    backend::{AuditQuery, Backend, remote::Remote},
    cli::{
        exit::{Failure, say},
        session::{Connection, Session},
    },
};

/// Runs it.
///
/// # Errors
/// When the backend does not answer, the file is there already or cannot be written, or what
/// arrived does not verify (then it is kept, as evidence).
pub async fn run(session: &Session, args: Export) -> Result<()> {
    let Connection { backend, remote, .. } = session.connect()?;
    let query = args.filter.query(session)?;
    if args.format == ExportFormat::Csv {
        as_table(&*backend, query, args.file.as_deref()).await?;
        return held_against_memory(&*backend).await;
    }
    let Some(path) = &args.file else {
        remote.export(query, &mut BufWriter::new(io::stdout())).await?;
        return held_against_memory(&*backend).await;
    };
    let file = new_file(path)?;
    // Half an export would look like a trail that was cut off.
    let report = write(&remote, query, file, path).await.inspect_err(|_| drop(std::fs::remove_file(path)))?;
    let place = path.display();
    if !report.ok {
        return Err(Failure::Failed(format!("{place} is written, and does not verify: {}", report.detail)).into());
    }
    say(&format!("{} entries are in {place}: {}", report.entries, report.detail));
    held_against_memory(&*backend).await
}

/// Writes it for spreadsheets.
async fn as_table(backend: &dyn Backend, query: AuditQuery, path: Option<&Path>) -> Result<()> {
    let Some(path) = path else {
        table::write(backend, query, BufWriter::new(io::stdout())).await?;
        return Ok(());
    };
    let file = new_file(path)?;
    let written = table::write(backend, query, BufWriter::new(file)).await;
    // Half a table would look like a trail that was cut off.
    let count = written.inspect_err(|_| drop(std::fs::remove_file(path)))?;
    say(&format!("{count} entries are in {}, which proves nothing: --format jsonl does", path.display()));
    Ok(())
}

fn new_file(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map_err(|error| cannot(path, &error))
}

async fn write(remote: &Remote, query: AuditQuery, file: File, path: &Path) -> Result<Report> {
    let mut out = BufWriter::new(file);
    remote.export(query, &mut out).await?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let written = BufReader::new(File::open(path)?);
    audit::export::verify(written, None).wrap_err("what arrived is no export")
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{} is there already: name a new file", path.display()),
        _ => format!("cannot write {}: {error}", path.display()),
    })
}
