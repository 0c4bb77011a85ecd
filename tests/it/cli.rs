//! (area: cli)
