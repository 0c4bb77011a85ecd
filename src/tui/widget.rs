//! Parts that screens are made of; they know nothing of rollouts.

pub mod bar;
pub mod chart;
pub mod field;
pub mod fit;
pub mod row;
pub mod sweep;
