//! The engine held against random plans and random stories.

mod judged;
mod membership;
mod properties;
mod routine;
mod world;
