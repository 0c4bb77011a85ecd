//! (area: layering)
