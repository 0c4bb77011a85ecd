//! (area: tui)
