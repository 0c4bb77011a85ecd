//! The control plane over a real store: stories of people, agents, freezes and crashes.

mod actions;
mod agents;
mod audit;
mod carried;
mod flags;
mod overrides;
mod puppet;
mod windows;
mod trail;
mod world;
