//! What the dashboard is started with.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    app::zone::{Mine, Zone},
    capability::{Depth, Glyphs},
};
use crate::{
    backend::Backend,
    clock::Clock,
    domain::{RolloutId, SafeText, SiteName, TargetName},
    settings::{Clipboard, Links, TuiSettings},
};

/// Makes the backend of a named context; the error says what is wrong with it, for people.
pub type Connect = Arc<dyn Fn(&str) -> Result<Arc<dyn Backend>, String> + Send + Sync>;

/// A context that the dashboard can be switched to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextChoice {
    /// Its name in the configuration.
    pub name: String,
    /// Whether what widens a change is locked in it until armed.
    pub protected: bool,
    /// Where it is, for people: a URL without secrets, or `this process`.
    pub place: String,
    /// The options of a command line that reach it, each word unquoted: `--context NAME`, or `--server URL`
    /// where it is no context. Those of a place that no command reaches name no context there is, so that
    /// a line that is pasted is refused rather than carried out elsewhere.
    pub reached_by: Vec<String>,
}

/// What the dashboard is started with.
#[derive(Clone)]
pub struct Options {
    /// Makes the backend of a context.
    pub connect: Connect,
    /// The contexts there are.
    pub contexts: Vec<ContextChoice>,
    /// The name of the one to begin with.
    pub current: String,
    /// Whether no action is offered at all.
    pub read_only: bool,
    /// The rollout to open.
    pub open: Option<RolloutId>,
    /// The site to follow, and its group where that was named.
    pub follow: Option<(Option<TargetName>, SiteName)>,
    /// The theme's name; `terminal` without.
    pub theme: Option<String>,
    /// The keymap's name; `default` without.
    pub keymap: Option<String>,
    /// Where the user's `themes/NAME.toml` and `keymaps/NAME.toml` are.
    pub user_dir: Option<PathBuf>,
    /// Colours that were asked for, whatever the environment says.
    pub color: Option<Depth>,
    /// Marks and borders that were asked for, whatever the locale says.
    pub glyphs: Option<Glyphs>,
    /// Where the time and new ids come from.
    pub clock: Arc<dyn Clock>,
    /// Filters of the audit trail that somebody saved, by name.
    pub filters: BTreeMap<String, String>,
    /// What to tell the person first, such as a mistake in the configuration.
    pub notices: Vec<SafeText>,
    /// What the person set for the dashboard.
    pub preferences: Preferences,
}

/// What a person set for the dashboard beside how it looks.
#[derive(Debug, Clone, Default)]
pub struct Preferences {
    /// The `[tui]` table.
    pub tui: TuiSettings,
    /// Links to other places, by the name of the context.
    pub links: BTreeMap<String, Links>,
    /// The zone to begin with.
    pub zone: Zone,
    /// The viewer's zone.
    pub mine: Mine,
    /// Where the history of reasons lies; none is kept without.
    pub state_dir: Option<PathBuf>,
}

impl Preferences {
    /// Whether texts are handed to the terminal's clipboard.
    #[must_use]
    pub fn clipboard(&self) -> bool {
        self.tui.clipboard == Clipboard::Osc52
    }

    /// The file of the history, where one is kept.
    #[must_use]
    pub fn history(&self) -> Option<PathBuf> {
        self.state_dir.as_deref().filter(|_| self.tui.history).map(super::history::file)
    }
}
