//! Quotas as users and administrators meet them: virtual users of a PureDB on the started server, killed in between or beside
//! a second one, and `wharf-quotacheck` beside Debian's pure-quotacheck.
//!
//! `WHARF_PURE_PW` names Debian's pure-pw (`.ci/test` sets it); the other programs of that package lie beside it. Without it
//! the comparisons skip with a word on standard error, or fail where `CI` is set. What needs root says so when it is skipped.

mod at_once;
mod client;
mod ground;
mod killed;
mod manual;
mod quotacheck;
mod server;
mod users;
