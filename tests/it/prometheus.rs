//! Indicators from a Prometheus, a real one.

mod server;
