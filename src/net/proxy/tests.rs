//! Headers as proxies send them, and bytes that are not a header.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap();
    [V2_SIGNATURE, &[command, family], &length.to_be_bytes(), rest].concat()
}

fn source(bytes: &[u8]) -> Option<SocketAddr> {
    let Parsed::Header { bytes: length, source } = parse(bytes) else {
        panic!("no header: {bytes:?}")
    };
    assert_eq!(length, bytes.len());
    source
}

#[test]
fn a_written_header_is_read_back() {
    for (from, to) in [("192.0.2.1:4711", "127.0.0.1:9877"), ("[2001:db8::1]:1", "[::1]:65535")] {
        let addresses = (address(from), address(to));
        for version in [Version::V1, Version::V2] {
            assert_eq!(source(&header(version, Some(addresses))), Some(addresses.0));
            assert_eq!(source(&header(version, None)), None);
            let mixed = Some((address("192.0.2.1:1"), address("[::1]:1")));
            assert_eq!(source(&header(version, mixed)), None);
        }
    }
    let written = header(Version::V1, Some((address("192.0.2.1:1"), address("192.0.2.2:2"))));
    assert_eq!(written, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
    assert_eq!(header(Version::V1, None), b"PROXY UNKNOWN\r\n");
    assert_eq!(header(Version::V2, None), v2(0x20, 0, b""));
}

#[test]
fn a_client_without_an_internet_address_is_not_named() {
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 2];
    assert_eq!(source(&v2(0x21, 0x11, &v4)), Some(address("192.0.2.1:1")));
    assert_eq!(source(&v2(0x20, 0x11, &v4)), None, "LOCAL");
    assert_eq!(source(&v2(0x21, 0x12, &v4)), None, "a datagram");
    assert_eq!(source(&v2(0x21, 0x00, &v4)), None, "UNSPEC");
    assert_eq!(source(&v2(0x21, 0x31, &[b'x'; 216])), None, "AF_UNIX");
    assert_eq!(source(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), None);
    assert_eq!(source(b"PROXY TCP6 :: ::1 0 0\r\n"), None);
}

#[test]
fn a_header_has_a_greatest_length() {
    let longest = format!("PROXY UNKNOWN{:>92}\r\n", "");
    assert_eq!((longest.len(), source(longest.as_bytes())), (V1_BYTES_MAX, None));
    let longer = format!("PROXY UNKNOWN{:>93}\r\n", "");
    assert_eq!(parse(longer.as_bytes()), Parsed::NoHeader);
    assert_eq!(parse(&longer.as_bytes()[..106]), Parsed::Incomplete);
    assert_eq!(parse(&longer.as_bytes()[..107]), Parsed::NoHeader);
}

#[test]
fn version_2_is_read_once_its_addresses_have_come_and_its_fields_are_skipped() {
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 2];
    for fields in [0, 3000, 65_523] {
        let whole = v2(0x21, 0x11, &[&v4[..], &vec![0xee; fields]].concat());
        let header = Parsed::Header { bytes: whole.len(), source: Some(address("192.0.2.1:1")) };
        assert_eq!(parse(&whole), header);
        assert_eq!(parse(&whole[..28]), header, "{fields} bytes of fields follow");
        assert_eq!(parse(&whole[..27]), Parsed::Incomplete);
    }
}

#[test]
fn a_local_header_of_version_2_is_skipped_by_its_length_for_any_family() {
    for family in [0x00, 0x11, 0x21, 0x31, 0x41, 0xff] {
        for length in [0, 4, 11, 300] {
            assert_eq!(source(&v2(0x20, family, &vec![7; length])), None);
        }
    }
}

#[test]
fn a_length_too_short_for_its_family_is_refused_at_once() {
    for (family, needed) in [(0x11, 12), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216)] {
        for length in [0, 4, needed - 1] {
            let short = v2(0x21, family, &vec![0; length]);
            assert_eq!(parse(&short[..16]), Parsed::NoHeader, "{family:#x}, {length}");
            assert_eq!(parse(&[&short[..], b"input"].concat()), Parsed::NoHeader);
        }
    }
}

#[test]
fn a_bare_newline_in_a_header_of_version_1_makes_it_none_for_any_split() {
    let wrong = b"PROXY UNKNOWN\nhello\r\n";
    assert_eq!(parse(wrong), Parsed::NoHeader);
    assert_eq!(parse(&wrong[..14]), Parsed::NoHeader);
    assert_eq!(parse(&wrong[..13]), Parsed::Incomplete);
}

#[test]
fn input_that_cannot_be_a_header_is_none_at_once() {
    for other in [&b"x"[..], b"\n", b"PROXX", b"PROXYabc", b"\r\r", b"\r\n\r\n\0\r\nQUIT\r"] {
        assert_eq!(parse(other), Parsed::NoHeader, "{other:?}");
    }
    for wrong in [
        &b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"[..],
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 +2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 00\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY UNKNOWN\n",
        &v2(0x31, 0x11, &[0; 12]),
        &v2(0x22, 0x11, &[0; 12]),
        &v2(0x21, 0x41, &[0; 12]),
        &v2(0x21, 0x31, &[0; 215]),
    ] {
        assert_eq!(parse(wrong), Parsed::NoHeader, "{wrong:?}");
    }
}

#[test]
fn every_beginning_of_a_header_may_be_one() {
    let addresses = Some((address("[2001:db8::1]:1"), address("[::1]:2")));
    for version in [Version::V1, Version::V2] {
        let whole = header(version, addresses);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), Parsed::Incomplete, "{length}");
        }
    }
}

proptest! {
    #[test]
    fn any_input_is_read_without_a_panic(
        signature in prop_oneof![Just(&b""[..]), Just(V1_SIGNATURE), Just(V2_SIGNATURE)],
        rest in vec(any::<u8>(), 0..200),
    ) {
        let bytes = [signature, &rest].concat();
        match parse(&bytes) {
            Parsed::Header { bytes: length, .. } => prop_assert!(length <= 16 + 65_535),
            Parsed::Incomplete => prop_assert!(bytes.len() < HEADER_BYTES_MAX),
            Parsed::NoHeader => {}
        }
    }
}
