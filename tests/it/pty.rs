//! Terminal discipline, seen from the terminal's side.

mod child;
mod dashboard;
mod demo;
mod environment;
mod exits;
mod links;
mod monkey;
mod multiplexer;
mod outside;
mod plain;
mod sizes;
mod style;
mod terminal;
