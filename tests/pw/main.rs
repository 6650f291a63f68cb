//! The tools for virtual users as an administrator runs them, beside Debian's pure-pw where it is at hand: what one writes
//! the other reads, and the bytes are the same.
//!
//! `WHARF_PURE_PW` names that pure-pw (`.ci/test` sets it); pure-pwconvert lies beside it. Without it the comparisons skip
//! with a word on standard error, or fail where `CI` is set.

mod alone;
mod at_once;
mod beside_pure_pw;
mod conversion;
mod hashes;
mod manual;
mod terminal;
mod tool;
