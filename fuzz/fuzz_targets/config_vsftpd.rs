//! See `wharf::wrapper::fuzz::config_target`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wharf::wrapper::fuzz::config_target("vsftpd", data));
