//! The built server over TLS: against the clients people use, against a client of our own that does what those do not, and
//! against peers that mean no good.
//!
//! Certificates are made by openssl(1) in each test's own directory, so that has to be there. A client that is not installed skips its tests with a word
//! on standard error, or fails them where the environment variable `CI` is set. Every wait is bounded.

#[path = "../common"]
mod common {
    #[allow(dead_code, reason = "addresses and lines are for the other tests")]
    pub(crate) mod client;
    pub(crate) mod ending;
    pub(crate) mod programs;
    #[allow(
        dead_code,
        reason = "here only Wharf is started, and never without a test"
    )]
    pub(crate) mod server;
    pub(crate) mod skipping;
    pub(crate) mod waiting;
}

mod attacks;
mod authority;
mod beside_pure_certd;
mod certd;
mod certificates;
mod client_certificates;
mod clients;
mod demands;
mod fixture;
mod peer;
mod policy;
mod resumption;
mod transfers;
