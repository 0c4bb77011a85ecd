//! Rolldeck: the terminal dashboard for people on call while a change is rolling out, and the
//! control plane behind it.
//!
//! The rooms of the house lie on floors; a room imports only from floors below its own.
//!
//! | floor | rooms |
//! |---|---|
//! | 7 | [`cli`]: one file a subcommand |
//! | 6 | [`tui`]: the dashboard; [`server`]: HTTP over a control plane |
//! | 5 | [`backend`]: a control plane here or over HTTP; [`agent`]: what runs on a site; [`sim`]: a simulated fleet |
//! | 4 | [`control`]: observe, judge, guard, act, journal |
//! | 3 | [`driver`]: what carries rollouts out; [`source`]: where SLIs come from |
//! | 2 | [`store`], [`settings`], [`wire`], [`clock`] |
//! | 1, pure | [`engine`], [`guard`], [`judge`], [`gate`], [`window`], [`flag`], [`audit`] |
//! | 0, pure | [`domain`]: the words as types |

pub mod agent;
pub mod audit;
pub mod backend;
pub mod cli;
pub mod clock;
pub mod control;
pub mod domain;
pub mod driver;
pub mod engine;
pub mod flag;
pub mod gate;
pub mod guard;
pub mod judge;
pub mod server;
pub mod settings;
pub mod sim;
pub mod source;
pub mod store;
pub mod tui;
pub mod window;
pub mod wire;
