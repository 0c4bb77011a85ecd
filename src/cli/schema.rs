//! `rolldeck schema`: the JSON Schema of each kind of file that people write.

use clap::ValueEnum;
use color_eyre::Result;

use super::{args::Format, output, session::Session};
use crate::{
    domain::plan,
    settings::ConfigFile,
    tui::{keymap, theme},
};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// keymaps/NAME.toml: keys of the dashboard
    Keymap,
    /// themes/NAME.toml: colours of the dashboard
    Theme,
    /// config.toml: contexts, sources, and what the dashboard begins with
    Config,
    /// A rollout's plan, in YAML
    Plan,
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which kind of file
    #[arg(value_enum)]
    kind: Kind,
}

/// The JSON Schema (draft 2020-12) of a kind of file.
pub fn of(kind: Kind) -> serde_json::Value {
    match kind {
        Kind::Keymap => keymap::schema(),
        Kind::Theme => theme::schema(),
        Kind::Config => ConfigFile::schema(),
        Kind::Plan => plan::schema(),
    }
}

/// Runs it.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(session: &Session, args: &Args) -> Result<()> {
    // A schema is JSON, also for people.
    let format = if session.format() == Format::Yaml { Format::Yaml } else { Format::Json };
    output::print(format, &of(args.kind), String::new)
}
