//! See `tcpecho_fuzz::commands`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tcpecho_fuzz::commands(input));
