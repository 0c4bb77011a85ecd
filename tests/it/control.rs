//! (area: control)
