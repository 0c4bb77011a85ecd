//! (area: support)
