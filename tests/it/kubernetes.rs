//! Kubernetes: the stand-in for its API server, and what stands on it.

mod driver;
mod standin;
