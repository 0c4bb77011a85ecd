//! `rolldeck audit export [FILE]`: entries, and the checkpoints that prove them, page by page.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    path::Path,
};

use color_eyre::{Result, eyre::WrapErr as _};

use super::{Export, PAGE};
use crate::{
    audit::{
        Checkpoint, canonical,
        export::{Header, Writer},
    },
    backend::{AuditQuery, Backend},
    cli::{
        exit::{Failure, say},
        session::Session,
    },
};

/// Runs it.
///
/// # Errors
/// When the backend does not answer, or the file is there already or cannot be written.
pub async fn run(session: &Session, args: Export) -> Result<()> {
    let backend = session.connect()?.backend;
    let filtered = args.filter.is_filter();
    let query = AuditQuery { limit: PAGE, ..args.filter.query(session) };
    match &args.file {
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt as _;
                options.mode(0o600);
            }
            let file = options.open(path).map_err(|error| cannot(path, &error))?;
            let written = write(&*backend, query, filtered, BufWriter::new(file)).await.and_then(|(out, entries)| {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.sync_all()?;
                Ok(entries)
            });
            // Half an export would look like a trail that was cut off.
            let entries = written.inspect_err(|_| drop(std::fs::remove_file(path)))?;
            say(&format!("{entries} entries are in {}; check with: rolldeck audit verify {0}", path.display()));
        }
        None => {
            write(&*backend, query, filtered, BufWriter::new(io::stdout())).await?.0.flush()?;
        }
    }
    Ok(())
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::Usage(match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{} is there already: name a new file", path.display()),
        _ => format!("cannot write {}: {error}", path.display()),
    })
}

async fn write<W: Write>(backend: &dyn Backend, mut query: AuditQuery, filtered: bool, out: W) -> Result<(W, u64)> {
    // Signed now, it covers everything that is there now; what comes while we read is left for the next export.
    let last = backend.checkpoint().await?;
    let checkpoints = backend.checkpoints().await?;
    let mut writer = Writer::new(out, &Header::new(last.key.as_str(), filtered))?;
    let mut entries = 0;
    'pages: loop {
        let page = backend.audit(query.clone()).await?;
        if page.entries.is_empty() {
            break;
        }
        for entry in page.entries {
            if entry.seq > last.size {
                break 'pages;
            }
            if entry.seq <= query.after {
                return Err(Failure::Failed("the server answers entries out of order".to_owned()).into());
            }
            query.after = entry.seq;
            entries += 1;
            writer.entry(entry.seq, canonical(&entry), None).wrap_err("cannot write the export")?;
        }
    }
    let mut notes: Vec<(u64, String)> = checkpoints
        .notes
        .into_iter()
        .chain([last.note])
        .filter_map(|note| Some((Checkpoint::parse(&note).ok()?.size, note)))
        .filter(|(size, _)| *size <= last.size)
        .collect();
    notes.sort_by_key(|(size, _)| *size);
    notes.dedup_by(|a, b| a.0 == b.0);
    let out = writer.finish(notes.into_iter().map(|(_, note)| note)).wrap_err("cannot write the export")?;
    Ok((out, entries))
}
