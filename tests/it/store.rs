//! What survives: one suite that every store must pass, and what is each one's own.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    clippy::manual_is_multiple_of,
    clippy::items_after_statements,
    reason = "tests"
)]

mod contract;
mod crash;
mod full;
mod make;
mod memory;
mod postgres;
pub(super) mod sqlite;
mod tamper;
