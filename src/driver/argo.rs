//! Argo Rollouts: what its objects mean, and what is sent to change them. Pure: objects as they were
//! read in, what is shown and sent out.

pub mod object;
pub mod phase;
pub mod revision;
pub mod step;
pub mod weight;

#[cfg(test)]
mod samples;

pub use object::Rollout;
pub use revision::{candidate, revision};
