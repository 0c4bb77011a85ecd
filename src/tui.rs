//! The dashboard. Messages go into [`update::update`], which changes the [`app::App`] and answers with
//! commands; [`view::draw`] paints the app; [`mod@run`] is the one loop around them.

pub mod app;
pub mod capability;
pub mod dashboard;
pub mod effects;
pub mod history;
pub mod hyperlink;
pub mod intent;
pub mod keymap;
pub mod message;
pub mod options;
pub mod overlay;
pub mod picture;
pub mod plain;
pub mod run;
pub mod screenshot;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
mod watch;
pub mod widget;

pub use dashboard::{DashboardError, run};
pub use options::{Connect, ContextChoice, Options, Preferences};
pub use watch::{Names, ReadNames, WatchedConfig};
