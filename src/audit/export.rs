//! (to come: export)
