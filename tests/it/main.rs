//! One integration binary: a module per area.
#![allow(missing_docs, clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "tests")]
#![allow(
    clippy::pedantic,
    clippy::type_complexity,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "what reads well in a story is not what reads well in a library"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what tests share fails as tests do")]

mod agent;
mod argo;
mod cli;
mod control;
mod journey;
mod kayenta;
mod kubernetes;
mod layering;
mod manifests;
mod openfeature;
mod prometheus;
mod pty;
mod server;
mod sim;
mod store;
mod support;
mod tui;
mod vectors;
mod window;
