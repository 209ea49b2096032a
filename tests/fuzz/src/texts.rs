//! Texts that are parsed at once: PROXY headers, command lines, thresholds.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use tcpecho::cli::{read_client, read_daemon, read_load};
use tcpecho::load::Threshold;
use tcpecho::net::proxy::{self, HEADER_BYTES_MAX, Parsed};

/// Tests the PROXY parser: it finds a header at the start of any input, and takes an incomplete
/// header for nothing else.
pub fn proxy(input: &[u8]) {
    let found = proxy::parse(input);
    match found {
        Parsed::Header { bytes, .. } => {
            assert!(bytes <= 16 + 65_535, "{bytes} bytes");
            let come = bytes.min(input.len());
            assert_eq!(proxy::parse(&input[..come]), found, "later input makes no difference");
            for end in 0..come {
                let beginning = proxy::parse(&input[..end]);
                let early = beginning == found && end >= HEADER_BYTES_MAX.min(16);
                assert!(early || beginning == Parsed::Incomplete, "the first {end} of {bytes}");
            }
        }
        Parsed::Incomplete => assert!(input.len() < HEADER_BYTES_MAX, "its length is bounded"),
        Parsed::NoHeader => {
            let longer = [input, b"PROXY"].concat();
            assert_eq!(proxy::parse(&longer), Parsed::NoHeader, "more input makes no header");
        }
    }
}

/// Parses words separated by NUL as a command line of each program, without a panic.
pub fn commands(input: &[u8]) {
    let words = || {
        let words = input.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec()));
        std::iter::once(OsString::from("program")).chain(words)
    };
    // Tests of the programs check the meaning.
    let _read = (read_daemon(words()).is_ok(), read_client(words()).is_ok());
    let _read = read_load(words()).is_ok();
}

/// A parsed threshold, printed and parsed again, stays the same.
pub fn criteria(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(criterion) = Threshold::parse(text) {
        let printed = criterion.to_string();
        let again =
            Threshold::parse(&printed).unwrap_or_else(|wrong| panic!("{printed:?}: {wrong}"));
        assert_eq!(again.to_string(), printed, "{text:?}");
    }
}
