//! See `tcpecho_fuzz::records`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::records(input));
