//! What the program goes by: arguments over environment over the config file over what is built in.
//!
//! [`Settings::build`] is a pure merge: it reads nothing but what it is handed. The config file is
//! TOML in the platform's config directory; user themes and keymaps lie beside it.

pub mod context;
pub mod edit;
pub mod env;
pub mod file;
pub mod kubeconfig;
pub mod links;
pub mod paths;
pub mod secret;
pub mod source;
pub mod tui;

use std::{collections::BTreeMap, path::PathBuf};

pub use context::{ClusterEndpoint, Context, Endpoint, TokenSource};
pub use edit::ConfigEditor;
pub use env::Env;
pub use file::{ColorChoice, ConfigFile, GlyphChoice, TimeZone};
pub use kubeconfig::Kubeconfig;
pub use links::Links;
pub use paths::Paths;
pub use secret::{SecretError, read_token_file};
pub use source::{SourceCredentials, SourceKind, SourceSecrets, SourceSettings};
pub use tui::{Clipboard, Notify, Occasion, TuiSettings};

/// What the command line says about settings; each wins over everything else.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`: this file instead of the platform's.
    pub config: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--server`: this server instead of any context.
    pub server: Option<String>,
    /// `--token-file`.
    pub token_file: Option<PathBuf>,
    /// `--ca-file`.
    pub ca_file: Option<PathBuf>,
    /// `--read-only`.
    pub read_only: bool,
    /// `--theme`.
    pub theme: Option<String>,
    /// `--keymap`.
    pub keymap: Option<String>,
    /// `--color`.
    pub color: Option<ColorChoice>,
    /// `--glyphs`.
    pub glyphs: Option<GlyphChoice>,
}

/// Merged and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where files lie.
    pub paths: Paths,
    /// The theme's name.
    pub theme: String,
    /// The keymap's name.
    pub keymap: String,
    /// How many colours to use.
    pub color: ColorChoice,
    /// Which marks and lines to use.
    pub glyphs: GlyphChoice,
    /// In which zone times are shown.
    pub time_zone: TimeZone,
    /// Refuse every change, whatever the context says.
    pub read_only: bool,
    /// Servers by name.
    pub contexts: BTreeMap<String, Context>,
    /// The context that is used when none is named.
    pub current: Option<String>,
    /// Sources of indicators by name.
    pub sources: BTreeMap<String, SourceSettings>,
    /// Filters of the audit trail by name.
    pub filters: BTreeMap<String, String>,
    /// What the dashboard does beside its screen.
    pub tui: TuiSettings,
    /// Links to other places, for every context.
    pub links: Links,
    /// The user's kubeconfig.
    pub kubeconfig: Kubeconfig,
    /// What the command line and the environment say of the endpoint.
    chosen: Chosen,
}

#[derive(Debug, Clone, Default)]
struct Chosen {
    context: Option<String>,
    server: Option<String>,
    token_file: Option<PathBuf>,
    token: Option<secrecy::SecretString>,
    ca_file: Option<PathBuf>,
}

/// Why there are no settings. Says the file, the line, the field and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The config file is not what it should be.
    #[error("{path}:{line}:{column}: {field}{message}")]
    Config {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The field and `: `, or nothing.
        field: String,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// The config file cannot be read or written.
    #[error("cannot {doing} {path}")]
    Io {
        /// `read`, `write`.
        doing: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file that `--config` names is not there.
    #[error("there is no config file {0}: leave --config out, or make it with `rolldeck --config {0} context add`")]
    Missing(String),
    /// There is no home directory to put files into.
    #[error("this user has no home directory: set ROLLDECK_CONFIG_DIR, ROLLDECK_DATA_DIR and ROLLDECK_STATE")]
    NoHome,
    /// The named context is not in the config.
    #[error("there is no context {name:?} ({source_of_name}); there {known}: see `rolldeck context list`")]
    NoSuchContext {
        /// The name.
        name: String,
        /// Who named it.
        source_of_name: &'static str,
        /// What there is, as the end of a sentence.
        known: String,
    },
    /// A value of the command line or the environment is not one.
    #[error("{origin}: {message}")]
    Value {
        /// The option or variable.
        origin: String,
        /// What is wrong, and what was expected.
        message: String,
    },
}

impl Settings {
    /// Merges: arguments over environment over file over what is built in.
    ///
    /// # Errors
    /// [`SettingsError`] when a value of arguments or environment is not one.
    pub fn build(args: &Overrides, env: &Env, paths: Paths, file: ConfigFile) -> Result<Self, SettingsError> {
        let pick = |arg: Option<&String>, var: &str, file: Option<String>, default: &str| {
            let (name, origin) = match (arg, env.get(var), file) {
                (Some(name), _, _) => (name.clone(), "the command line".to_owned()),
                (None, Some(name), _) => (name.to_owned(), var.to_owned()),
                (None, None, Some(name)) => (name, paths.config_file.display().to_string()),
                (None, None, None) => (default.to_owned(), String::new()),
            };
            file::file_name(&name).map(|()| name).map_err(|message| SettingsError::Value { origin, message })
        };
        let theme = pick(args.theme.as_ref(), "ROLLDECK_THEME", file.theme, "terminal")?;
        let keymap = pick(args.keymap.as_ref(), "ROLLDECK_KEYMAP", file.keymap, "default")?;
        // NO_COLOR stands between the option and the file: https://no-color.org.
        let color = match (args.color, env.is_set("NO_COLOR")) {
            (Some(color), _) => color,
            (None, true) => ColorChoice::Never,
            (None, false) => file.color.unwrap_or_default(),
        };
        let named = |text: &str| env.get(text).map(PathBuf::from);
        Ok(Self {
            theme,
            keymap,
            color,
            glyphs: args.glyphs.or(file.glyphs).unwrap_or_default(),
            time_zone: file.time_zone.unwrap_or_default(),
            read_only: args.read_only || env.is_set("ROLLDECK_READ_ONLY") || file.read_only.unwrap_or_default(),
            contexts: file.contexts.into_iter().map(|(name, context)| (name, context.placed(&paths))).collect(),
            filters: file.filters,
            tui: file.tui,
            links: file.links,
            current: file.current,
            kubeconfig: Kubeconfig::default(),
            sources: file.sources.into_iter().map(|(name, source)| (name, source.placed(&paths))).collect(),
            chosen: Chosen {
                context: args.context.clone().or_else(|| env.get("ROLLDECK_CONTEXT").map(str::to_owned)),
                // A context that is named in arguments wins over a server of the environment.
                server: args.server.clone().or_else(|| {
                    args.context.is_none().then(|| env.get("ROLLDECK_SERVER").map(str::to_owned)).flatten()
                }),
                token_file: args.token_file.clone().or_else(|| named("ROLLDECK_TOKEN_FILE")),
                token: env.get("ROLLDECK_TOKEN").map(|text| secrecy::SecretString::from(text.to_owned())),
                ca_file: args.ca_file.clone().or_else(|| named("ROLLDECK_CA_FILE")),
            },
            paths,
        })
    }

    /// Reads environment and config file, and merges them under the arguments.
    ///
    /// # Errors
    /// [`SettingsError`], naming file, line and field.
    pub fn load(args: &Overrides, env: &Env) -> Result<Self, SettingsError> {
        let paths = Paths::find(args.config.as_deref(), env)?;
        let file = ConfigFile::read(&paths.config_file, args.config.is_some())?;
        let settings = Self::build(args, env, paths, file)?;
        Ok(Self { kubeconfig: Kubeconfig::find(env), ..settings })
    }

    /// What is built in, over which arguments and environment still win: for when the config file
    /// is bad and something has to go on without it.
    ///
    /// # Errors
    /// As [`Settings::build`].
    pub fn without_file(args: &Overrides, env: &Env) -> Result<Self, SettingsError> {
        Self::build(args, env, Paths::find(args.config.as_deref(), env)?, ConfigFile::default())
    }

    /// Where to connect: what arguments and environment say, or the current context. `None` when
    /// nothing says anything.
    ///
    /// # Errors
    /// [`SettingsError`] when a context is named that is not there, or a URL is not one.
    pub fn endpoint(&self) -> Result<Option<Endpoint>, SettingsError> {
        if let Some(server) = &self.chosen.server {
            let context = Context { server: server.clone(), ..Context::default() };
            return self.endpoint_of(None, &context).map(Some);
        }
        let (name, source_of_name) = match (&self.chosen.context, &self.current) {
            (Some(name), _) => (name, "named by --context or ROLLDECK_CONTEXT"),
            (None, Some(name)) => (name, "`current` in the config"),
            (None, None) => return Ok(None),
        };
        self.endpoint_named(name, source_of_name).map(Some)
    }

    /// Where to look at rollouts: the endpoint, or where nothing says one, the kubeconfig's current context.
    ///
    /// # Errors
    /// As [`Settings::endpoint`].
    pub fn endpoint_or_cluster(&self) -> Result<Option<Endpoint>, SettingsError> {
        match (self.endpoint()?, &self.kubeconfig.current) {
            (None, Some(current)) => self.endpoint_named(current, "the kubeconfig's current context").map(Some),
            (endpoint, _) => Ok(endpoint),
        }
    }

    /// Where a context lies.
    ///
    /// # Errors
    /// [`SettingsError`] when there is no such context, or its URL is not one.
    pub fn endpoint_named(&self, name: &str, source_of_name: &'static str) -> Result<Endpoint, SettingsError> {
        // A context of the kubeconfig needs no entry of its own; one in the config wins over its namesake.
        let of_kubeconfig = || {
            let kubernetes = Some(name.to_owned());
            (self.kubeconfig.has(name) || name == kubeconfig::IN_CLUSTER)
                .then(|| Context { kubernetes, ..Context::default() })
        };
        let context = self.contexts.get(name).cloned().or_else(of_kubeconfig);
        let context = context.ok_or_else(|| SettingsError::NoSuchContext {
            name: name.chars().take(80).collect(),
            source_of_name,
            known: {
                let kubeconfig = self.kubeconfig.contexts.iter().filter(|name| !self.contexts.contains_key(*name));
                let names: Vec<&str> = self.contexts.keys().chain(kubeconfig).map(String::as_str).take(20).collect();
                if names.is_empty() { "are none yet".to_owned() } else { format!("are {}", names.join(", ")) }
            },
        })?;
        self.endpoint_of(Some(name), &context)
    }

    /// Where a context would lie that is not in the config yet.
    ///
    /// # Errors
    /// [`SettingsError`] when its URL is not one.
    pub fn endpoint_at(&self, name: &str, context: &Context) -> Result<Endpoint, SettingsError> {
        self.endpoint_of(Some(name), context)
    }

    fn endpoint_of(&self, name: Option<&str>, context: &Context) -> Result<Endpoint, SettingsError> {
        if context.kubernetes.is_none() {
            context::check_server(&context.server).map_err(|message| SettingsError::Value {
                origin: name.map_or_else(|| "--server".to_owned(), |name| format!("contexts.{name}.server")),
                message,
            })?;
        }
        let cluster = context.kubernetes.clone().map(|kubernetes| ClusterEndpoint {
            kubeconfig: match &context.kubeconfig {
                Some(file) => vec![file.clone()],
                None => self.kubeconfig.files.clone(),
            },
            context: kubernetes,
            namespaces: context.namespaces.clone(),
        });
        let token = match (&self.chosen.token_file, &context.token_file, &self.chosen.token) {
            (Some(path), _, _) | (None, Some(path), None) => TokenSource::File(path.clone()),
            (None, _, Some(token)) => TokenSource::Env(token.clone()),
            (None, None, None) => TokenSource::None,
        };
        Ok(Endpoint {
            name: name.map_or_else(|| context::host(&context.server), str::to_owned),
            is_context: name.is_some(),
            server: context.place(),
            cluster,
            token,
            ca_file: self.chosen.ca_file.clone().or_else(|| context.ca_file.clone()),
            protected: context.protected,
            read_only: self.read_only || context.read_only,
            slis: context.slis.clone(),
            approvals: context.approvals.clone(),
        })
    }

    /// Where a user's theme of the current name would be.
    #[must_use]
    pub fn theme_file(&self) -> PathBuf {
        self.paths.theme_file(&self.theme)
    }

    /// Where a user's keymap of the current name would be.
    #[must_use]
    pub fn keymap_file(&self) -> PathBuf {
        self.paths.keymap_file(&self.keymap)
    }
}

#[cfg(test)]
mod tests;
