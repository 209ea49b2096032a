//! See `tcpecho_fuzz::http`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::http(input));
