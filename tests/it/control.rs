//! The control plane over a real store: stories of people, agents, freezes and crashes.

mod actions;
mod agents;
mod approvals;
mod audit;
mod away;
mod carried;
mod flag_stages;
mod flags;
mod overrides;
mod puppet;
mod tampered;
mod trail;
mod trouble;
mod windows;
mod world;
