//! The line mode, for screen readers and pipes: first how everything stands, then one line an event, each
//! complete in itself. No cursor movement, no colour, no box drawing. On a terminal it takes commands as lines.
//!
//! The same app, actions, previews and guards as on the screen: [`Teller`] turns what the app knows into
//! lines, [`Talk`] turns typed lines into what keys would have asked for. Both are pure; [`mod@run`] is the
//! shell around them. Nothing printed means: connected, and nothing changed.

mod line;
mod run;
mod talk;
mod teller;

pub use line::{COLUMNS, Voice};
pub use run::{PlainError, run};
pub use talk::{Reply, Talk};
pub use teller::{Scope, Teller, entry};
