//! `rolldeck`, `rolldeck TARGET/NAME`: the dashboard on a context.

use std::{collections::BTreeMap, io::IsTerminal as _, path::Path, sync::Arc};

use color_eyre::Result;

use super::{
    cluster,
    exit::{FAILED, Failure, say},
    session::{NO_CONTEXT, Session, asking},
};
use crate::{
    backend::{Backend, Memory, read_only::ReadOnly, remote::Remote},
    domain::{RolloutId, SafeText, SiteName, TargetName, Via},
    settings::{ColorChoice, Endpoint, GlyphChoice, Links, Settings, TimeZone, TokenSource},
    tui::{
        self, ContextChoice, Names, Options, Preferences, WatchedConfig,
        app::zone::{Mine, Zone},
        capability::{Capability, Depth, Glyphs, Wishes},
        plain::PlainError,
    },
};

/// A site, and its group where that is named.
pub type Followed = (Option<TargetName>, SiteName);

/// Runs it until the person leaves.
///
/// # Errors
/// When nothing says which server, or there is no terminal to paint on. That the server does not
/// answer is no error: the dashboard says so and goes on asking.
pub async fn run(session: &Session, open: Option<RolloutId>, follow: Option<Followed>, plain: bool) -> Result<()> {
    // Whether there is a server to show comes first: it is what a newcomer is told.
    let options = options(session, open, follow)?;
    needs_terminal(plain)?;
    let config = watched(session, &session.settings()?);
    present(options, config, plain).await
}

/// Paints the dashboard; prints it as lines where that was asked for, or where the terminal can do no more.
///
/// # Errors
/// As the dashboard.
pub async fn present(options: Options, config: WatchedConfig, plain: bool) -> Result<()> {
    let capability = Capability::here(Wishes { depth: options.color, glyphs: options.glyphs });
    if !plain && capability.full_screen {
        return Ok(Box::pin(tui::run(options, Some(config))).await?);
    }
    if !plain {
        say("this terminal cannot move its cursor (TERM): lines are printed, as with --plain");
    }
    match Box::pin(tui::plain::run(options, &capability)).await {
        // Whoever interrupts it knows that.
        Err(PlainError::Ended(ended)) => Err(Failure::Silent(u8::try_from(ended.code).unwrap_or(FAILED)).into()),
        ended => Ok(ended?),
    }
}

/// What the dashboard is started with on a context.
///
/// # Errors
/// When nothing says which server, or its credentials cannot be used.
pub fn options(session: &Session, open: Option<RolloutId>, follow: Option<Followed>) -> Result<Options> {
    let settings = session.settings()?;
    let endpoint = settings.endpoint_or_cluster()?.ok_or_else(|| Failure::Usage(NO_CONTEXT.to_owned()))?;
    // Read once now, so that a token file that is refused is said before the screen is taken.
    let first = backend(session, &endpoint)?;
    let contexts = contexts(&settings, &endpoint, session.global.config.as_deref());
    // Whoever follows a site watches it, and changes nothing.
    let read_only = endpoint.read_only || follow.is_some();
    let (named, by_name, held) = (endpoint.name.clone(), settings.clone(), session.clone());
    let from_stdin = matches!(&endpoint.token, TokenSource::File(path) if path == std::path::Path::new("-"));
    let connect = move |name: &str| -> Result<Arc<dyn Backend>, String> {
        if name == named && (from_stdin || !endpoint.is_context || endpoint.cluster.is_some()) {
            return Ok(Arc::clone(&first));
        }
        let endpoint = by_name.endpoint_named(name, "chosen in the dashboard").map_err(|error| error.to_string())?;
        backend(&held, &endpoint).map_err(|error| error.to_string())
    };
    let current = contexts.first().map(|context| context.name.clone()).unwrap_or_default();
    let mut plain = plain(session, &settings, Vec::new());
    // A server that is no context has the links of all.
    plain.preferences.links.entry(current.clone()).or_insert_with(|| settings.links.clone());
    Ok(Options { connect: Arc::new(connect), contexts, current, read_only, open, follow, ..plain })
}

fn backend(session: &Session, endpoint: &Endpoint) -> Result<Arc<dyn Backend>> {
    let remote: Arc<dyn Backend> = if let Some(cluster) = &endpoint.cluster {
        cluster::backend(session, endpoint, cluster, Via::Tui)?
    } else {
        let data = session.settings()?.paths.data_dir;
        let memory = Memory::new(&data, &endpoint.server, Arc::clone(&session.clock));
        asking(endpoint, Arc::new(Remote::of_endpoint(endpoint, Via::Tui)?.remembering(memory)))
    };
    // Which context is read-only is not the dashboard's to remember.
    Ok(if endpoint.read_only { Arc::new(ReadOnly(remote)) } else { remote })
}

/// The contexts to choose from, the one to begin with first.
fn contexts(settings: &Settings, first: &Endpoint, config: Option<&Path>) -> Vec<ContextChoice> {
    let choice = |endpoint: &Endpoint| ContextChoice {
        name: endpoint.name.clone(),
        protected: endpoint.protected,
        place: endpoint.server.clone(),
        reached_by: reached_by(endpoint, config),
    };
    let kubeconfig = settings.kubeconfig.contexts.iter().filter(|name| !settings.contexts.contains_key(*name));
    let others = settings
        .contexts
        .keys()
        .chain(kubeconfig)
        .filter(|name| **name != first.name)
        .filter_map(|name| settings.endpoint_named(name, "a context").ok());
    std::iter::once(choice(first)).chain(others.map(|endpoint| choice(&endpoint))).collect()
}

/// The options with which another command reaches the same place.
fn reached_by(endpoint: &Endpoint, config: Option<&Path>) -> Vec<String> {
    let mut words = match config {
        Some(file) => vec!["--config".to_owned(), file.display().to_string()],
        None => Vec::new(),
    };
    if endpoint.is_context {
        words.extend(["--context".to_owned(), endpoint.name.clone()]);
        return words;
    }
    words.extend(["--server".to_owned(), endpoint.server.clone()]);
    if let TokenSource::File(file) = &endpoint.token {
        words.extend(["--token-file".to_owned(), file.display().to_string()]);
    }
    if let Some(file) = &endpoint.ca_file {
        words.extend(["--ca-file".to_owned(), file.display().to_string()]);
    }
    words
}

/// Options of the dashboard that come from settings, without a backend.
pub fn plain(session: &Session, settings: &Settings, notices: Vec<SafeText>) -> Options {
    let mine = match settings.time_zone {
        TimeZone::Named(zone) => Mine::Named(zone),
        TimeZone::Utc | TimeZone::Local => Mine::here(),
    };
    Options {
        connect: Arc::new(|name: &str| Err(format!("there is no context {name}"))),
        contexts: Vec::new(),
        current: String::new(),
        read_only: settings.read_only,
        open: None,
        follow: None,
        theme: Some(settings.theme.clone()),
        keymap: Some(settings.keymap.clone()),
        user_dir: Some(settings.paths.config_dir.clone()),
        color: depth(settings.color),
        glyphs: glyphs(settings.glyphs),
        clock: Arc::clone(&session.clock),
        filters: settings.filters.clone(),
        notices,
        preferences: Preferences {
            tui: settings.tui.clone(),
            links: links(settings),
            zone: match settings.time_zone {
                TimeZone::Utc => Zone::Utc,
                TimeZone::Local | TimeZone::Named(_) => Zone::Mine(mine),
            },
            mine,
            state_dir: Some(settings.paths.state_dir.clone()),
        },
    }
}

/// The configuration's theme and keymap, to be followed while the dashboard runs.
pub fn watched(session: &Session, settings: &Settings) -> WatchedConfig {
    let (overrides, env) = (session.global.overrides(), session.env.clone());
    let names = move || match Settings::load(&overrides, &env) {
        Ok(settings) => Ok(Names { theme: settings.theme, keymap: settings.keymap }),
        Err(error) => Err(SafeText::new(error.to_string())),
    };
    WatchedConfig { file: settings.paths.config_file.clone(), names: Arc::new(names) }
}

/// Links by context: those of the context over those of all.
fn links(settings: &Settings) -> BTreeMap<String, Links> {
    let names = settings.contexts.keys().chain(&settings.kubeconfig.contexts);
    let of = |name: &String| match settings.contexts.get(name) {
        Some(context) => context.links.over(&settings.links),
        None => settings.links.clone(),
    };
    names.map(|name| (name.clone(), of(name))).collect()
}

/// The colour depth that was asked for.
pub fn depth(choice: ColorChoice) -> Option<Depth> {
    match choice {
        ColorChoice::Auto => None,
        ColorChoice::Never => Some(Depth::Mono),
        ColorChoice::Sixteen => Some(Depth::Ansi16),
        ColorChoice::Palette => Some(Depth::Ansi256),
        ColorChoice::True => Some(Depth::True),
    }
}

/// The marks that were asked for.
pub fn glyphs(choice: GlyphChoice) -> Option<Glyphs> {
    match choice {
        GlyphChoice::Auto => None,
        GlyphChoice::Ascii => Some(Glyphs::Ascii),
        GlyphChoice::Unicode => Some(Glyphs::Unicode),
    }
}

/// Refuses to take a screen that is none.
///
/// # Errors
/// What to use instead.
pub fn needs_terminal(plain: bool) -> Result<(), Failure> {
    if plain || std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::Usage(
        "the dashboard needs a terminal on standard input and output; --plain prints lines as things happen, \
         `rolldeck list` and `rolldeck show` print what is"
            .to_owned(),
    ))
}
