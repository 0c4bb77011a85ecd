//! `rolldeck demo`: the dashboard on a simulated warehouse fleet in this process.

use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use color_eyre::Result;

use super::{dashboard, exit::say, parse, plane, session::Session};
use crate::{
    backend::{Backend, local::Local, read_only::ReadOnly},
    domain::{RolloutId, SafeText, Via},
    settings::Settings,
    sim::{self, SimOptions},
    tui::{ContextChoice, Options, Preferences},
};

/// What its only context is called.
pub const CONTEXT: &str = "demo";

/// The demo, as the dashboard's only context.
pub fn context(place: String) -> ContextChoice {
    // No command reaches a demo. What is pasted of it may not reach a server either, and no context of the
    // configuration can be called this.
    let reached_by = vec!["--context".to_owned(), "demo (SIMULATED)".to_owned()];
    ContextChoice { name: CONTEXT.to_owned(), protected: false, place, reached_by }
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What all chance is drawn from: the same seed, the same story
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Simulated seconds in a real one: 0.1 to 1000
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    speed: f64,
    /// Which story
    #[arg(long, value_name = "NAME", default_value = sim::DEFAULT_SCENARIO, value_parser = PossibleValuesParser::new(sim::scenarios()))]
    scenario: String,
    /// Follow this site, and change nothing
    #[arg(long, value_name = "SITE", value_parser = parse::followed, conflicts_with = "rollout")]
    follow: Option<dashboard::Followed>,
    /// Print lines instead of painting a screen: for screen readers, and for pipes
    #[arg(long)]
    pub plain: bool,
    /// Open the dashboard on this rollout
    #[arg(value_name = "TARGET/NAME")]
    rollout: Option<RolloutId>,
}

/// Runs it until the person leaves; its data goes with it.
///
/// # Errors
/// When there is no terminal, or the simulation cannot be set up.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    dashboard::needs_terminal(args.plain)?;
    // A demo needs nothing of the config but theme and keys, so a bad one is said and passed over.
    let overrides = session.global.overrides();
    let (settings, notices) = match Settings::load(&overrides, &session.env) {
        Ok(settings) => (settings, Vec::new()),
        Err(error) => (Settings::without_file(&overrides, &session.env)?, vec![SafeText::new(error.to_string())]),
    };
    say(&format!("setting up a SIMULATED fleet (scenario {}, seed {}) ...", args.scenario, args.seed));
    let sim = sim::start(SimOptions { seed: args.seed, speed: args.speed, scenario: args.scenario }).await?;
    let who = Local::person(&plane::user(&session.env), Via::Tui);
    let backend: Arc<dyn Backend> = Arc::new(Local::new(sim.control.clone(), who));
    let place = backend.place();
    let read_only = settings.read_only || args.follow.is_some();
    let backend: Arc<dyn Backend> = if read_only { Arc::new(ReadOnly(backend)) } else { backend };
    let connect = move |name: &str| -> Result<Arc<dyn Backend>, String> {
        if name == CONTEXT { Ok(Arc::clone(&backend)) } else { Err(format!("the demo has no context {name}")) }
    };
    let plain = dashboard::plain(session, &settings, notices);
    // Reasons of a play are none to be offered again where it matters.
    let preferences = Preferences {
        links: [(CONTEXT.to_owned(), settings.links.clone())].into(),
        state_dir: None,
        ..plain.preferences.clone()
    };
    let options = Options {
        connect: Arc::new(connect),
        contexts: vec![context(place)],
        current: CONTEXT.to_owned(),
        open: args.rollout,
        follow: args.follow,
        read_only,
        preferences,
        ..plain
    };
    let shown = dashboard::present(options, dashboard::watched(session, &settings), args.plain).await;
    sim.shutdown().await;
    shown
}
