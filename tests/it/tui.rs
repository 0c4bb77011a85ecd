//! The dashboard without a terminal: rules of the dialog, what stays true whatever is pressed, and
//! whole frames of every screen.

mod access;
mod audit;
mod calendar;
mod cluster;
mod comforts;
mod consent;
mod desk;
mod dialog;
mod effects;
mod emulator;
mod finding;
mod flags;
mod fleet;
mod follow;
mod frames;
mod freshness;
mod gallery;
mod hostile;
mod indicators;
mod keys;
mod list;
mod monkey;
mod mouse;
mod plain;
mod property;
mod recover;
mod screens;
mod signals;
mod table;
mod workload;
