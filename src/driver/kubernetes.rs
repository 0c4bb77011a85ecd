//! What the drivers on Kubernetes share.
//!
//! Pure: [`read`] takes values out of objects of any shape, [`meta`] their metadata, [`children`] the
//! objects that belong to a rollout, [`pod`] and [`replica_set`] how those do, [`happening`] what happened to
//! it, [`name`] and [`image`] what things are called, [`request`] says what is sent and which rule that needs,
//! [`grants`] which rules there are, [`preview`] what is said before it is sent, and [`uptake`] what became
//! of it.
//!
//! Not pure: [`client`] finds a cluster and its credential, [`api`] asks it, [`watch`] follows objects,
//! [`access`] asks what is granted, [`events`] leaves a trace of what was done.
//! [`cluster`] is the driver of all of it, for both kinds behind [`kind`].

pub mod access;
pub mod api;
pub mod children;
pub mod client;
pub mod cluster;
pub mod events;
pub mod grants;
pub mod happening;
pub mod image;
pub mod kind;
pub mod meta;
pub mod name;
pub mod pod;
pub mod preview;
pub mod read;
pub mod replica_set;
pub mod request;
pub mod uptake;
pub mod watch;
