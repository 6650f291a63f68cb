#![forbid(unsafe_code)]
//! The keeper: a second, tiny process that keeps the rights the server gives up.
//!
//! It checks logins (through workers it forks), binds ports below 1024, looks names up, makes home directories. The
//! server asks it over a socket pair and it believes nothing it is told: every message is bounded, every field is
//! checked, and no message names a path. It never sees a line of FTP.
//!
//! [`message`] is what travels, [`sources`] are the places where accounts come from.

mod judge;
pub mod link;
pub mod message;
mod process;
pub mod sources;
mod wire;

pub use judge::{Jail, Plan};
pub use link::Link;
pub use process::start;
