//! See `tcpecho_fuzz::criteria`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::criteria(input));
