//! Flagger: what its objects mean, and what is sent to change them. Pure: objects as they were read
//! in, what is shown and sent out.
//!
//! [`object`] reads a Canary, and says by which strategy it goes; [`revision`](mod@revision) says what an order is
//! compared against. [`view`] shows it in the words of all drivers, out of [`events`] (why an advance halted),
//! [`sides`] (its two workloads), [`stages`], [`gates`] and [`workload`]. [`act`] decides, says and sends what an
//! action comes to, [`uptake`] tells what became of it, and [`elsewhere`](mod@elsewhere) what others did.

pub mod act;
mod blockers;
pub mod elsewhere;
pub mod events;
pub mod gates;
pub mod object;
pub mod revision;
pub mod sides;
pub mod stages;
pub mod uptake;
pub mod view;
pub mod workload;

#[cfg(test)]
mod samples;

pub use act::{afterwards, offers, propose, requests, rules};
pub use elsewhere::elsewhere;
pub use object::Canary;
pub use revision::revision;

pub use super::candidate;
pub use uptake::look;
pub use view::sighting;
