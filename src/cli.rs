//! The command line: one file a subcommand, from arguments over backend calls to a printed result.
//!
//! Results go to standard output, everything else to standard error. What went wrong becomes one
//! message and one of the exit codes of [`exit`].

mod act;
mod agent;
mod approval;
mod args;
mod audit;
mod cluster;
mod completions;
mod context;
mod dashboard;
mod demo;
mod doctor;
mod exit;
mod flag;
mod judge;
mod keys;
mod list;
mod logs;
mod man;
mod output;
mod overrides;
mod parse;
mod plane;
mod recover;
mod schema;
mod screenshot;
mod serve;
mod session;
mod show;
mod signals;
mod site;
mod sli;
mod snapshot;
mod sources;
mod start;
mod storage;
mod token;
mod wait;
mod window;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::domain::{Action, RolloutId};
use session::Session;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 usage (a missing reason too), 3 not found, 4 blocked by the guard,
5 revision mismatch, 6 not authorized, 7 backend unreachable, 8 sent but unconfirmed.

Try it: rolldeck demo";

/// The dashboard for a change that is rolling out, and the control plane behind it.
///
/// Without a subcommand: the dashboard on the current context, opened on TARGET/NAME if one is given.
#[derive(Debug, Parser)]
#[command(name = "rolldeck", version, after_help = AFTER_HELP, subcommand_negates_reqs = true)]
pub struct Cli {
    #[command(flatten)]
    global: args::Global,
    /// Open the dashboard on this rollout.
    #[arg(value_name = "TARGET/NAME", value_parser = parse::rollout_or_subcommand)]
    rollout: Option<RolloutId>,
    /// Open the dashboard on one site, as its lead follows a pilot window: it changes nothing
    #[arg(long, value_name = "SITE", value_parser = parse::followed, conflicts_with = "rollout")]
    follow: Option<dashboard::Followed>,
    /// Print lines instead of painting a screen: for screen readers, and for pipes
    #[arg(long)]
    plain: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The dashboard on a simulated fleet in this process; everything it shows is SIMULATED
    Demo(demo::Args),
    /// Run the control plane over HTTP
    Serve(serve::Args),
    /// Run on a site: poll, apply, check, report
    Agent(agent::Args),
    /// Begin a rollout from a plan file
    Start(start::Args),
    /// List rollouts
    List(list::Args),
    /// Show one rollout with its stages, gates and what blocks it
    Show(show::Args),
    /// Say what is wrong with a rollout, what changed before, and what can be done: the safest step first
    Recover(recover::Args),
    /// Wait until a rollout is in a phase
    Wait(wait::Args),
    /// Stop a rollout where it is; no further unit is told
    Pause(act::Args),
    /// Go on from where it was paused
    Resume(act::Args),
    /// Let the next stage begin, or all of them with --full
    Promote(act::PromoteArgs),
    /// Bring every unit back to what it ran before
    Rollback(act::RollbackArgs),
    /// Tell the failed units again
    Retry(act::Args),
    /// Start all pods of a workload on Kubernetes anew, without another version
    Restart(act::Args),
    /// End the analysis that runs: what has not failed by then counts as passed, and the rollout goes on
    Terminate(act::Args),
    /// Read, export and verify the audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    /// Judge evidence again, or a Kayenta analysis, from a file and without a server
    Judge(judge::Args),
    /// Add, list and show snapshots
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    /// Add, list and lift change windows
    #[command(subcommand)]
    Window(window::Command),
    /// Ask for, list, countersign and take back overrides: counted exceptions to windows that expire
    #[command(subcommand, name = "override")]
    Override(overrides::Command),
    /// List, define, switch, widen, kill and export flags
    #[command(subcommand)]
    Flag(flag::Command),
    /// List what waits for a second person, and decide it
    #[command(subcommand)]
    Approval(approval::Command),
    /// Add, list and revoke tokens
    #[command(subcommand)]
    Token(token::Command),
    /// List the sites of the fleet
    #[command(subcommand)]
    Site(site::Command),
    /// List, show, check and convert indicators: what is measured of canary and baseline
    #[command(subcommand)]
    Sli(sli::Command),
    /// Add, list, use, show and remove contexts: servers by name
    #[command(subcommand)]
    Context(context::Command),
    /// Check keymaps, and list what every key of the dashboard does
    #[command(subcommand)]
    Keys(keys::Command),
    /// Print one screen as text, as what a terminal is told, or as SVG, without a terminal
    Screenshot(Box<screenshot::Args>),
    /// Say what is configured, reachable and permitted, and what this terminal can show
    Doctor(doctor::Args),
    /// Print the JSON Schema of a kind of file: a keymap, a theme, the config, a plan
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print a command's manual page, or write all of them with --dir
    Man(man::Args),
}

/// The program: parses, runs, prints what went wrong, and answers with the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0; a broken pipe is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    exit::install();
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    if !matches!(cli.command, Some(Command::Demo(_) | Command::Serve(_) | Command::Agent(_))) {
        // Who asks a server needs one thread beside its own, however many processors there are: each more
        // costs memory, and is woken for nothing.
        threads.worker_threads(1);
    }
    let runtime = match threads.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&color_eyre::Report::new(error).wrap_err("no threads to work with")),
    };
    let code = match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    };
    // Something that blocks, such as reading standard input, does not hold the end up.
    runtime.shutdown_background();
    code
}

/// The whole command line as clap knows it: what help, completions and manual pages are made from.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

async fn run(cli: Cli) -> color_eyre::Result<()> {
    let session = Session::new(cli.global);
    let done = chosen(&session, cli.command, cli.rollout, cli.follow, cli.plain).await;
    session.opened.close().await;
    done
}

async fn chosen(
    session: &Session,
    command: Option<Command>,
    rollout: Option<RolloutId>,
    follow: Option<dashboard::Followed>,
    plain: bool,
) -> color_eyre::Result<()> {
    let Some(command) = command else { return dashboard::run(session, rollout, follow, plain).await };
    if follow.is_some() {
        return Err(exit::Failure::Usage("--follow opens the dashboard and takes no subcommand".to_owned()).into());
    }
    if let Some(rollout) = rollout {
        return Err(exit::Failure::Usage(format!("{rollout} opens the dashboard and takes no subcommand")).into());
    }
    if plain && !matches!(command, Command::Demo(_)) {
        return Err(exit::Failure::Usage(
            "--plain is for the dashboard and demo: others print lines anyway".to_owned(),
        )
        .into());
    }
    match command {
        Command::Demo(mut args) => {
            args.plain |= plain;
            Box::pin(demo::run(session, args)).await
        }
        Command::Serve(args) => Box::pin(serve::run(session, args)).await,
        Command::Agent(args) => Box::pin(agent::run(session, args)).await,
        Command::Start(args) => start::run(session, args).await,
        Command::List(args) => list::run(session, args).await,
        Command::Show(args) => show::run(session, args).await,
        Command::Recover(args) => recover::run(session, args).await,
        Command::Wait(args) => wait::run(session, args).await,
        Command::Pause(args) => act::run(session, Action::Pause, args, None).await,
        Command::Resume(args) => act::run(session, Action::Resume, args, None).await,
        Command::Promote(args) => act::run(session, args.action(), args.args, None).await,
        Command::Rollback(args) => act::run(session, Action::Rollback, args.args, args.to).await,
        Command::Retry(args) => act::run(session, Action::Retry, args, None).await,
        Command::Restart(args) => act::run(session, Action::Restart, args, None).await,
        Command::Terminate(args) => act::run(session, Action::Terminate, args, None).await,
        Command::Audit(command) => audit::run(session, command).await,
        Command::Judge(args) => judge::run(session, &args),
        Command::Snapshot(command) => snapshot::run(session, command).await,
        Command::Window(command) => window::run(session, command).await,
        Command::Override(command) => overrides::run(session, command).await,
        Command::Flag(command) => flag::run(session, command).await,
        Command::Approval(command) => approval::run(session, command).await,
        Command::Token(command) => token::run(session, command).await,
        Command::Site(command) => site::run(session, command).await,
        Command::Sli(command) => sli::run(session, command).await,
        Command::Context(command) => context::run(session, command).await,
        Command::Keys(command) => keys::run(session, command),
        Command::Screenshot(args) => Box::pin(screenshot::run(session, *args)).await,
        Command::Doctor(args) => doctor::run(session, args).await,
        Command::Schema(args) => schema::run(session, &args),
        Command::Completions(args) => completions::run(session, &args),
        Command::Man(args) => man::run(session, &args),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_whole_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn a_site_is_followed_by_its_name_or_with_its_group_and_beside_no_rollout() {
        use clap::Parser as _;
        let parse = |words: &[&str]| super::Cli::try_parse_from([&["rolldeck"], words].concat());
        let (group, site) = parse(&["--follow", "dc-west/osl2"]).unwrap().follow.unwrap();
        assert_eq!((group.unwrap().as_str(), site.as_str()), ("dc-west", "osl2"));
        assert_eq!(parse(&["--follow", "osl2"]).unwrap().follow.unwrap().0, None);
        assert!(parse(&["demo", "--follow", "osl2"]).is_ok());
        assert!(parse(&["--follow", "osl2", "dc-west/pick-assist"]).is_err());
        assert!(parse(&["--follow", "a b"]).unwrap_err().to_string().contains("name a SITE, or GROUP/SITE"));
    }
}
