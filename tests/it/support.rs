//! What several areas need to test with.

pub mod pty;
pub mod runner;
