//! Logs of `serve` and `agent`, on standard error.

use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::exit::Failure;

/// How much is logged, and how.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// What is logged, as `RUST_LOG` says it: warn, info, rolldeck=debug
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    log: String,
    /// Log JSON lines
    #[arg(long)]
    log_json: bool,
}

/// Begins to log.
///
/// # Errors
/// When the filter is none.
pub fn begin(args: &LogArgs) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&args.log).map_err(|error| {
        Failure::Usage(format!("--log {:?}: {error}; write it like info or rolldeck=debug", args.log))
    })?;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = !no_color && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let registry = tracing_subscriber::registry().with(filter);
    // It fails only when something logs already, which then does.
    let _ = if args.log_json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().with_ansi(color).with_writer(std::io::stderr)).try_init()
    };
    Ok(())
}
