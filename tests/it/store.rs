//! What survives: one suite that every store must pass, and what is SQLite's own.

mod contract;
mod crash;
mod full;
mod make;
mod sqlite;
mod tamper;
