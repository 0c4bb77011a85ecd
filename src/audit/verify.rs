//! (to come: verify)
