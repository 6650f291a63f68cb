#![forbid(unsafe_code)]
//! The keeper: a second, tiny process that keeps the rights the server gives up, and what it knows of accounts.
//!
//! It checks logins (through workers it forks), binds ports below 1024, looks names up, makes home directories, asks which
//! certificate a client is shown (`-3`), and opens anew the lists and logs that SIGHUP is about. The server asks it over a socket pair and it believes
//! nothing it is told: every message is bounded, every field is checked, and no message names a path. It never sees a
//! line of FTP.
//!
//! [`message`] is what travels, [`sources`] are the places where accounts come from. Users that exist for FTP only stand
//! in a text file, one [`record`] a line, which is made into a database ([`puredb`]); what a password is compared to is
//! in [`hashes`]. These three are Pure-FTPd's formats, so its files are used as they are.

mod certd;
mod confinement;
pub mod hashes;
mod judge;
pub mod link;
pub mod message;
mod process;
mod program;
pub mod puredb;
pub mod record;
mod reread;
pub mod sources;
mod wire;

pub use certd::Certd;
pub use confinement::Confinement;
pub use judge::{Accounts, Jail, Mapped, Plan, Reopened};
pub use link::{Chosen, Granted, Link};
pub use process::{await_end, start};

/// The second of the monotonic clock, which the server and its keeper have in common.
fn seconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs()
}
