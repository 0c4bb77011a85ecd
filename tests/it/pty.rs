//! Terminal discipline, seen from the terminal's side.

mod child;
mod dashboard;
mod demo;
mod terminal;
