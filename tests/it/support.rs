//! What several areas need to test with.

pub mod bytes;
pub mod kubernetes;
pub mod postgres;
pub mod prometheus;
pub mod pty;
pub mod runner;
