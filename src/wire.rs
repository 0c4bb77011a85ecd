//! What crosses HTTP and is not already a domain type: envelopes and problems; and the one builder
//! of clients that carry them.

pub mod change;
pub mod client;
pub mod envelope;
pub mod problem;
pub mod token;

pub use change::*;
pub use envelope::*;
pub use problem::{Code, Problem};
pub use token::{TokenReply, TokenRequest, TokenView, TokensPage};
