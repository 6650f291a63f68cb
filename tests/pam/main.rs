//! `wharf-ftpd -l pam` with the modules that Debian has, on a machine whose users and services the test has made.
//!
//! Each server runs in a mount namespace where /etc is a directory of the test, so that neither the users nor the PAM of the
//! machine play a part or are changed. Without root the tests say that they are skipped, or fail where `CI` is set. Every
//! wait is bounded. Built with the feature `pam` only.

#[path = "../common"]
mod common {
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod processes;
    pub(crate) mod skipping;
    pub(crate) mod waiting;
}

#[path = "../accounts/support.rs"]
#[allow(dead_code, reason = "the tests of accounts use the rest")]
mod support;

mod broken;
mod machine;
mod sessions;
mod sleeping;
mod told;
mod users;
