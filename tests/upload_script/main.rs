//! `-o` and `wharf-uploadscript` as they run for real: what the server says of uploads, what is run for them, and each end
//! beside the other end's original. Not for a peer that `WHARF_PEER` names: it has no `--uploadpipe`.
//!
//! `WHARF_PURE_PW` names Debian's pure-pw (`.ci/test` sets it); the other programs of that package lie beside it. Without it
//! the comparisons skip with a word on standard error, or fail where `CI` is set. What needs root says so when it is skipped.

#[path = "../common"]
mod common {
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod server;
}

mod announcing;
mod beside_pure_ftpd;
mod example;
mod manual;
mod running;
mod tool;
