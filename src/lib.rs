//! Rolldeck
pub mod audit;
pub mod backend;
pub mod clock;
pub mod control;
pub mod domain;
pub mod engine;
pub mod gate;
pub mod guard;
pub mod store;
pub mod tui;
pub mod window;
pub mod wire;
