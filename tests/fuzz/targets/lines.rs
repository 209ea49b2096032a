//! See `tcpecho_fuzz::lines`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::lines(input));
