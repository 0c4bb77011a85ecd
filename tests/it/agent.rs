//! (area: agent)
