//! What survives: one suite that every store must pass, and what is SQLite's own.

mod contract;
mod crash;
mod make;
mod sqlite;
mod tamper;
