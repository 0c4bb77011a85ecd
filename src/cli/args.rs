//! The options that every subcommand takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::settings::{ColorChoice, GlyphChoice, Overrides};

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// The API's JSON.
    Json,
    /// The same as YAML.
    Yaml,
}

/// Options that every subcommand takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options everywhere")]
pub struct Global {
    /// Which context to use instead of the current one
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "server")]
    pub context: Option<String>,
    /// A server's URL, instead of any context
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// The file with the token, readable by you alone; - reads it from standard input
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificates of authorities to trust beside the system's (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The config file instead of the one in the platform's directory
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Refuse every change
    #[arg(long, global = true)]
    pub read_only: bool,
    /// How results are printed
    #[arg(short, long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Format,
    /// The dashboard's theme: terminal, dark, light, high-contrast, color-safe, mono, or one of yours
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// The dashboard's keys: default, vim, emacs, or your own
    #[arg(long, global = true, value_name = "NAME")]
    pub keymap: Option<String>,
    /// How many colours the dashboard uses
    #[arg(long, global = true, value_name = "DEPTH", value_enum)]
    pub color: Option<Color>,
    /// Which marks the dashboard uses
    #[arg(long, global = true, value_name = "SET", value_enum)]
    pub glyphs: Option<Glyphs>,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// What the terminal says it can
    Auto,
    /// None
    Never,
    /// The terminal's sixteen
    #[value(name = "16")]
    Sixteen,
    /// The palette of 256
    #[value(name = "256")]
    Palette,
    /// All of them
    True,
}

/// `--glyphs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Glyphs {
    /// By locale and terminal
    Auto,
    /// ASCII only
    Ascii,
    /// Unicode marks and lines
    Unicode,
}

impl Global {
    /// What of it is settings.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            context: self.context.clone(),
            server: self.server.clone(),
            token_file: self.token_file.clone(),
            ca_file: self.ca_file.clone(),
            read_only: self.read_only,
            theme: self.theme.clone(),
            keymap: self.keymap.clone(),
            color: self.color.map(|color| match color {
                Color::Auto => ColorChoice::Auto,
                Color::Never => ColorChoice::Never,
                Color::Sixteen => ColorChoice::Sixteen,
                Color::Palette => ColorChoice::Palette,
                Color::True => ColorChoice::True,
            }),
            glyphs: self.glyphs.map(|glyphs| match glyphs {
                Glyphs::Auto => GlyphChoice::Auto,
                Glyphs::Ascii => GlyphChoice::Ascii,
                Glyphs::Unicode => GlyphChoice::Unicode,
            }),
        }
    }
}
