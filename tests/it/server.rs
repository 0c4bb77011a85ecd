//! (area: server)
