//! What the drivers on Kubernetes share.
//!
//! Pure: [`read`] takes values out of objects of any shape, [`meta`] their metadata, [`children`] the
//! objects that belong to a rollout, [`pod`] and [`replica_set`] how those do, [`request`] says what is
//! sent and which rule that needs, [`grants`] which rules there are, and [`uptake`] what became of what was sent.

pub mod children;
pub mod grants;
pub mod meta;
pub mod pod;
pub mod read;
pub mod replica_set;
pub mod request;
pub mod uptake;
