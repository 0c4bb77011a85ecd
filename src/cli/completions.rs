//! `rolldeck completions SHELL`.

use clap_complete::Shell;
use color_eyre::Result;

use super::{output, session::Session};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs it.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(_: &Session, args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "rolldeck", &mut script);
    output::write(&String::from_utf8_lossy(&script))
}
