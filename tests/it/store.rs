//! (area: store)
