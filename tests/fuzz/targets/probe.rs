//! See `tcpecho_fuzz::probe`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::probe(input));
