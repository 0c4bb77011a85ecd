//! Where indicators come from. In this version: from agents, as they report them.

pub mod reported;
