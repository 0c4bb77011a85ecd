//! Flagger: what its objects mean, and what is sent to change them. Pure: objects as they were read
//! in, what is shown and sent out.
//!
//! [`object`] reads a Canary, and says by which strategy it goes; [`revision`](mod@revision) says what an order is
//! compared against.

pub mod events;
pub mod object;
pub mod revision;

pub use object::Canary;
pub use revision::{candidate, revision};
