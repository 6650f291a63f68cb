//! See `wharf::session::fuzz::session_target`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wharf::session::fuzz::session_target(data));
