//! `wharf-config` as an administrator runs it: files of other servers beside the flags they must become, and the program's
//! own options.

#[path = "../common"]
mod common {
    #[expect(dead_code, reason = "not every program of tests needs all of it")]
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod skipping;
}

mod beside_proftpd;
mod beside_pure_ftpd;
mod beside_pure_ftpd_wrapper;
mod beside_vsftpd;
mod corpus;
mod proftpd_includes;
mod program;
mod questions;
mod support;
