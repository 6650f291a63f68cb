//! The built server against the FTP clients people use: what they fetch and store arrives whole, whichever way they
//! open their data connections.
//!
//! Each client has a file of its own. A client that is not installed skips its tests with a word on standard error, or fails them
//! where the environment variable `CI` is set. With `WHARF_PEER` the same tests run against that Pure-FTPd (see `common::server`).
//! Every wait is bounded.

#[path = "../common"]
mod common {
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod processes;
    pub(crate) mod programs;
    pub(crate) mod server;
    pub(crate) mod skipping;
    pub(crate) mod waiting;
}

use common::programs;

mod aria2;
mod asked;
mod at_once;
mod curl;
mod fixture;
mod inetd;
mod inetutils;
mod lftp;
mod ncftp;
mod python;
mod rclone;
mod sharing;
mod starting;
mod tnftp;
mod vanishing;
mod ways;
mod wget;
