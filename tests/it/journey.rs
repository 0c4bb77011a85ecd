//! The story of the README with real processes: a server, twelve agents whose commands write and
//! read files, people at the command line, and `kill -9` at the worst moments.

mod crash;
mod database;
mod flags;
mod judged;
mod overrides;
mod rollout;
pub mod stage;
