//! The login sources and `wharf-authd` as they run for real: beside Debian's pure-authd and Pure-FTPd where those are at
//! hand, and on a machine whose users the test has made.
//!
//! `WHARF_PURE_PW` names Debian's pure-pw (`.ci/test` sets it); the other programs of that package lie beside it. Without it
//! the comparisons skip with a word on standard error, or fail where `CI` is set. What needs root says so when it is skipped.

mod authd;
mod beside_pure_ftpd;
mod examples;
mod manual;
mod running;
mod system_users;
mod timing;
