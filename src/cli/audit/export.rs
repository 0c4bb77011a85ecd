//! `rolldeck audit export [FILE]`: the stored entries, and the checkpoints that prove them.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter},
    path::{Path, PathBuf},
};

use color_eyre::{Result, eyre::WrapErr as _};

use super::{Export, ExportFormat, database, held_against_memory, table};
use crate::{
    audit::{self, verify::Report},
    backend::{AuditQuery, Backend, remote::Remote},
    cli::{
        exit::{Failure, say},
        session::{Connection, Session},
    },
    store::{offline, postgres::Address},
};

/// Runs it.
///
/// # Errors
/// When the backend does not answer, the file is there already or cannot be written, or what
/// arrived does not verify (then it is kept, as evidence).
pub async fn run(session: &Session, args: Export) -> Result<()> {
    let database = database(session, false, args.data.as_deref(), args.database.as_deref())?;
    if database.is_some() || args.data.is_some() {
        return at_rest(session, args, database).await;
    }
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
    told(path, &report)?;
    held_against_memory(&*backend).await
}

/// Writes the trail of a data directory or a database, without a server.
async fn at_rest(session: &Session, args: Export, database: Option<(Address, Option<PathBuf>)>) -> Result<()> {
    if args.format == ExportFormat::Csv {
        let text = "--format csv is made by a server: name it with --server or --context, or leave the format as it is";
        return Err(Failure::Usage(text.to_owned()).into());
    }
    let query = args.filter.query(session)?;
    let from = async |out: &mut (dyn io::Write + Send)| match (&database, &args.data) {
        (Some((address, key_dir)), _) => offline::export_database(address, key_dir.as_deref(), &query, out).await,
        (None, dir) => offline::export_data_dir(dir.as_deref().unwrap_or(Path::new(".")), &query, out).await,
    };
    if let Some((address, _)) = &database {
        session.note(&format!("the trail of {address}, as it is stored there"));
    }
    let Some(path) = &args.file else {
        return Ok(from(&mut BufWriter::new(io::stdout())).await?);
    };
    let mut out = BufWriter::new(new_file(path)?);
    let report = async {
        from(&mut out).await?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        let written = BufReader::new(File::open(path)?);
        Ok::<_, color_eyre::Report>(audit::export::verify(written, None)?)
    };
    let report = report.await.inspect_err(|_| drop(std::fs::remove_file(path)))?;
    told(path, &report)
}

/// Says what was written, and whether it verifies.
fn told(path: &Path, report: &Report) -> Result<()> {
    let place = path.display();
    if !report.ok {
        return Err(Failure::Failed(format!("{place} is written, and does not verify: {}", report.detail)).into());
    }
    let are = if report.entries == 1 { "entry is" } else { "entries are" };
    say(&format!("{} {are} in {place}: {}", report.entries, report.detail));
    Ok(())
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
