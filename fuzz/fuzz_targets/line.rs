//! See `wharf::session::fuzz::line_target`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wharf::session::fuzz::line_target(data));
