//! Argo Rollouts: what its objects mean, and what is sent to change them. Pure: objects as they were
//! read in, what is shown and sent out.

pub mod act;
pub mod analysis;
pub mod elsewhere;
pub mod object;
pub mod phase;
pub mod revision;
pub mod step;
pub mod tree;
pub mod uptake;
pub mod view;
pub mod weight;

#[cfg(test)]
mod samples;

pub use act::{
    offers::offers,
    propose::propose,
    requests::{nudge, requests, requests_without_status},
    rules::rules,
};
pub use elsewhere::elsewhere;
pub use object::Rollout;
pub use revision::revision;

pub use super::candidate;
pub use uptake::look;
pub use view::sighting;
