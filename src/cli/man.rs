//! `rolldeck man`: the manual page, or one a subcommand in a directory.

use std::path::PathBuf;

use color_eyre::{Result, eyre::WrapErr as _};

use super::{exit::say, output, session::Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write all pages into this directory instead
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// When the pages cannot be written.
pub fn run(_: &Session, args: &Args) -> Result<()> {
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(super::command()).render(&mut page)?;
        return output::write(&String::from_utf8_lossy(&page));
    };
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(super::command(), dir))
        .wrap_err_with(|| format!("cannot write the pages to {}", dir.display()))?;
    say(&format!("the pages are in {}", dir.display()));
    Ok(())
}
