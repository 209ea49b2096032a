//! See `tcpecho_fuzz::proxy`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::proxy(input));
