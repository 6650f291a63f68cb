//! Users of a PureDB and of the system, each with a number of their own, on one running server: what they can do, that none
//! can do it to another, where they are kept, what limits them, and what becomes of them when the processes behind a
//! login die or hang.
//!
//! Where a threat of the catalogue is answered, the test's name begins with its row. Users of different numbers need a server
//! started by root; without root the tests say that they are skipped, or fail where `CI` is set. Programs that are not
//! installed likewise. Every wait is bounded.

#[path = "../common"]
mod common {
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod processes;
    pub(crate) mod programs;
    pub(crate) mod skipping;
    pub(crate) mod waiting;
}

mod active;
mod analysers;
mod clients;
mod confinement;
mod fail2ban;
mod identity;
mod json_log;
mod keeper;
mod limits;
mod names;
mod reading_again;
mod support;
mod transfer_logs;
mod user_flags;
