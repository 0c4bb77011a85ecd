//! `rolldeck context add|list|use|show|remove`: servers by name, in the config file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use color_eyre::{Result, eyre::WrapErr as _};
use serde::Serialize;

use super::{
    cluster,
    exit::{Failure, say},
    output::Table,
    session::Session,
};
use crate::{
    backend::{Backend, RolloutsPage, remote::Remote},
    domain::{Operation, Via},
    settings::{ConfigEditor, Context, Links, Paths, Settings, context},
};

/// What to do with contexts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Add a server (--server URL [--token-file F] [--ca-file F]) or a cluster (--kubernetes CONTEXT), after trying it
    Add(Add),
    /// List contexts
    List,
    /// Use a context from now on
    Use {
        /// Its name
        name: String,
    },
    /// Show a context, the current one when none is named
    Show {
        /// Its name
        name: Option<String>,
    },
    /// Remove a context; its token file stays
    Remove {
        /// Its name
        name: String,
    },
}

/// Arguments of `add`; the server and its files are options that exist everywhere.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Add {
    /// Its name
    name: String,
    /// What widens a change is locked there until armed; pause and rollback never are
    #[arg(long)]
    protected: bool,
    /// Use it from now on (the first one is, anyway)
    #[arg(long = "use")]
    make_current: bool,
    /// Replace the context of that name
    #[arg(long)]
    replace: bool,
    /// Do not try the server
    #[arg(long)]
    no_check: bool,
    /// The indicators of rollouts whose plan declares none: an OpenSLO or Sloth file, or one with a plan's slis
    #[arg(long, value_name = "FILE")]
    slis: Option<PathBuf>,
    /// Actions that ask for a second person from here, also where the server does not demand it: `promote_full`
    #[arg(long, value_name = "ACTION", value_delimiter = ',', conflicts_with = "kubernetes")]
    approvals: Vec<Operation>,
    /// A context of the kubeconfig, instead of a server; in-cluster is the service account of a pod
    #[arg(long, value_name = "CONTEXT", conflicts_with_all = ["server", "token_file", "ca_file"])]
    kubernetes: Option<String>,
    /// The kubeconfig of that context; your own, when absent
    #[arg(long, value_name = "FILE", requires = "kubernetes")]
    kubeconfig: Option<PathBuf>,
    /// A namespace that is watched there; may be given again; all of them, when absent
    #[arg(long = "namespace", value_name = "NAME", requires = "kubernetes")]
    namespaces: Vec<String>,
}

/// A context as it is printed.
#[derive(Debug, Serialize)]
struct View<'a> {
    name: &'a str,
    current: bool,
    #[serde(flatten)]
    context: &'a Context,
}

/// Runs it.
///
/// # Errors
/// When the config cannot be read or written, or the server that is added does not answer.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Add(args) => add(session, args).await,
        Command::List => {
            let settings = session.settings()?;
            let views: Vec<View<'_>> =
                settings.contexts.iter().map(|(name, context)| view(&settings, name, context)).collect();
            session.print(&serde_json::json!({"contexts": &views}), || {
                if views.is_empty() {
                    session.note("no contexts; add one with: rolldeck context add NAME --server URL");
                    return String::new();
                }
                let mut table = Table::new(&["CURRENT", "NAME", "SERVER", "PROTECTED", "READ-ONLY", "TOKEN FILE"]);
                for view in &views {
                    table.row([
                        if view.current { "*" } else { "" },
                        view.name,
                        &view.context.place(),
                        yes(view.context.protected),
                        yes(view.context.read_only),
                        &shown(view.context.token_file.as_deref()),
                    ]);
                }
                table.text(0)
            })
        }
        Command::Show { name } => {
            let settings = session.settings()?;
            let Some(name) = name.or_else(|| session.global.context.clone()).or_else(|| settings.current.clone())
            else {
                let text = "no context is the current one: see `rolldeck context list`";
                return Err(Failure::NotFound(text.to_owned()).into());
            };
            let context = settings.contexts.get(&name).ok_or_else(|| no_such(&name))?;
            session.print(&view(&settings, &name, context), || {
                let mut table = Table::plain();
                let current = if settings.current.as_deref() == Some(&name) { " (current)" } else { "" };
                table.row(["name", &format!("{name}{current}")]);
                table.row(["server", &context.place()]);
                if context.kubernetes.is_some() {
                    table.row(["kubeconfig", &shown(context.kubeconfig.as_deref())]);
                    let namespaces = context.namespaces.join(", ");
                    table.row(["namespaces", if namespaces.is_empty() { "all" } else { &namespaces }]);
                }
                table.row(["token file", &shown(context.token_file.as_deref())]);
                table.row(["ca file", &shown(context.ca_file.as_deref())]);
                table.row(["slis", &shown(context.slis.as_deref())]);
                table.row(["protected", yes(context.protected)]);
                table.row(["read-only", yes(context.read_only)]);
                table.text(0)
            })
        }
        Command::Use { name } => {
            let settings = session.settings()?;
            if !settings.contexts.contains_key(&name) {
                return Err(no_such(&name).into());
            }
            let mut editor = ConfigEditor::open(&settings.paths.config_file)?;
            editor.set_current(&name);
            editor.save()?;
            say(&format!("{name} is the current context"));
            Ok(())
        }
        Command::Remove { name } => {
            let path = paths(session)?.config_file;
            let mut editor = ConfigEditor::open(&path)?;
            if !editor.remove_context(&name) {
                return Err(no_such(&name).into());
            }
            editor.save()?;
            say(&format!("{name} is removed"));
            Ok(())
        }
    }
}

fn no_such(name: &str) -> Failure {
    Failure::NotFound(format!("there is no context {name:?}: see `rolldeck context list`"))
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(|| "-".to_owned(), |path| path.display().to_string())
}

fn view<'a>(settings: &Settings, name: &'a str, context: &'a Context) -> View<'a> {
    View { name, current: settings.current.as_deref() == Some(name), context }
}

fn paths(session: &Session) -> Result<Paths> {
    Ok(Paths::find(session.global.config.as_deref(), &session.env)?)
}

/// A file as the config must name it, wherever rolldeck is called from.
fn absolute(path: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    let Some(path) = path else { return Ok(None) };
    if path == Path::new("-") {
        return Err(Failure::Usage("a context needs files that stay: - is for one call".to_owned()).into());
    }
    Ok(Some(std::path::absolute(path).wrap_err_with(|| format!("cannot find {}", path.display()))?))
}

async fn add(session: &Session, args: Add) -> Result<()> {
    let usage = |text: String| Failure::Usage(text);
    context::check_name(&args.name).map_err(usage)?;
    let global = &session.global;
    let server = match (&global.server, &args.kubernetes) {
        (Some(server), _) => server.clone(),
        (None, Some(_)) => String::new(),
        (None, None) => {
            let text = "which one? rolldeck context add NAME --server https://... [--token-file FILE], or --kubernetes CONTEXT";
            return Err(usage(text.to_owned()).into());
        }
    };
    let context = Context {
        server,
        kubernetes: args.kubernetes.clone(),
        kubeconfig: absolute(args.kubeconfig.as_ref())?,
        namespaces: args.namespaces.clone(),
        token_file: absolute(global.token_file.as_ref())?,
        ca_file: absolute(global.ca_file.as_ref())?,
        slis: absolute(args.slis.as_ref())?,
        protected: args.protected,
        read_only: global.read_only,
        approvals: args.approvals.clone(),
        links: Links::default(),
    };
    context.check().map_err(|(field, message)| usage(format!("--{}: {message}", field.replace('_', "-"))))?;
    // Read before anything is tried, so that a bad config is said first and is not changed.
    let path = paths(session)?.config_file;
    let mut editor = ConfigEditor::open(&path)?;
    if editor.has_context(&args.name) && !args.replace {
        return Err(usage(format!("there is a context {} already: give --replace, or another name", args.name)).into());
    }
    if args.no_check {
        say("not tried, as you asked");
    } else {
        let mut with = global.overrides();
        with.context = None;
        let settings = Settings::without_file(&with, &session.env)?;
        let endpoint = match &context.kubernetes {
            Some(_) => session.settings()?.endpoint_at(&args.name, &context)?,
            None => settings.endpoint()?.ok_or_else(|| usage("--server names no server".to_owned()))?,
        };
        let remote: Arc<dyn Backend> = match &endpoint.cluster {
            Some(cluster) => cluster::backend(session, &endpoint, cluster, Via::Cli)?,
            None => Arc::new(Remote::of_endpoint(&endpoint, Via::Cli)?),
        };
        if endpoint.cluster.is_some() {
            carriers(&*remote).await?;
        }
        let info = remote.info().await.wrap_err("nothing was added (--no-check adds it all the same)")?;
        let targets: Vec<&str> = info.targets.iter().map(crate::domain::SafeText::as_str).collect();
        let simulated = if info.simulated { ", SIMULATED" } else { "" };
        say(&format!(
            "{} answers (rolldeck {}{simulated}): you are {}, {} on {}",
            remote.place(),
            info.version,
            info.actor,
            info.role.as_str(),
            targets.join(", ")
        ));
    }
    editor.set_context(&args.name, &context);
    if args.make_current || !editor.has_current() {
        editor.set_current(&args.name);
        say(&format!("{} is the current context", args.name));
    }
    editor.save()?;
    say(&format!("added to {}", path.display()));
    Ok(())
}

/// Says what a cluster has and lacks, and refuses one that does not answer.
async fn carriers(backend: &dyn Backend) -> Result<()> {
    let (RolloutsPage::All { carriers, .. } | RolloutsPage::Changed { carriers, .. }) =
        backend.view(None, Duration::ZERO).await.wrap_err("nothing was added (--no-check adds it all the same)")?;
    for carrier in carriers {
        for remark in &carrier.remarks {
            say(remark.as_str());
        }
        if carrier.as_of.is_none() {
            let text =
                format!("{} does not answer: nothing was added (--no-check adds it all the same)", carrier.place);
            return Err(Failure::Failed(text).into());
        }
    }
    Ok(())
}
