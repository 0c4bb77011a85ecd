//! Flagger: what its objects mean, and what is sent to change them. Pure: objects as they were read
//! in, what is shown and sent out.
//!
//! [`object`] reads a Canary, and says by which strategy it goes.

pub mod object;

pub use object::Canary;
