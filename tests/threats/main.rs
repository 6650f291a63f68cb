//! The built server under attack and misfortune: slow and hung disks, floods, vanishing clients, full logs, races for
//! names, killed uploads. Test names begin with the row of the threat catalogue they answer.
//!
//! Each test starts servers of its own on loopback. What must be mounted is mounted in a mount namespace of the test's
//! thread, so that it is gone with the test, however it ends. Tests that need root or a device say so and pass without it,
//! unless the environment variable `CI` is set: then they fail. Every wait is bounded.

#[path = "../common"]
mod common {
    pub(crate) mod client;
    pub(crate) mod skipping;
    pub(crate) mod waiting;
}

mod confinement;
mod crashes;
mod floods;
mod full_disks;
mod fuse;
mod limits;
mod logging;
mod logins;
mod namespace;
mod races;
mod restarts;
mod rights;
mod signals;
mod slow_disks;
mod starting;
mod support;
mod vanishing;
