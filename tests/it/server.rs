//! The HTTP API: through the router without a port, and over real sockets where those matter.

mod access;
mod agents;
mod approvals;
mod changes;
mod clients;
mod description;
mod flags;
mod hostile;
mod ofrep;
mod overrides;
mod polls;
mod private;
mod requests;
mod sockets;
mod windows;
mod world;
