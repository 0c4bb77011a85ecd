//! What crosses HTTP and is not already a domain type: envelopes and problems.

pub mod envelope;
pub mod problem;

pub use envelope::*;
pub use problem::{Code, Problem};
