//! What the drivers on Kubernetes share.
//!
//! Pure: [`read`] takes values out of objects of any shape, [`meta`] their metadata, [`children`] the
//! objects that belong to a rollout, [`pod`] and [`replica_set`] how those do, [`happening`] what happened to
//! it, [`name`] and [`image`] what things are called, [`request`] says what is sent and which rule that needs,
//! [`grants`] which rules there are, [`preview`] what is said before it is sent, and [`uptake`] what became
//! of it.

pub mod children;
pub mod grants;
pub mod happening;
pub mod image;
pub mod meta;
pub mod name;
pub mod pod;
pub mod preview;
pub mod read;
pub mod replica_set;
pub mod request;
pub mod uptake;
