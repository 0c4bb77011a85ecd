//! What carries rollouts out. A driver observes and applies; it knows no audit, no freeze, no role.
//!
//! `fleet` is our own: agents ask for what they are to run, and report. Its state lies in the same
//! store as the rollouts, so that a step of the engine, its orders and its audit entries are one
//! transaction; [`fleet`] is therefore plain state that control owns and writes.

pub mod fleet;
