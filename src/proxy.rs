//! The PROXY protocol's headers, versions 1 and 2, read and written: who the client of a proxy is.
//!
//! The rules are `HAProxy`'s (`doc/proxy-protocol.txt`, the "specification" below). A header is the
//! first thing on a connection, in one direction, once. The only home of `proxy_header`.

use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{Error, ParseConfig, Protocol, ProxiedAddress, ProxyHeader};

/// The longest header that is read, in bytes. Version 2 could have 64 KiB; its addresses take 216
/// at most, and what proxies add (a name, an id, a certificate's subject) some hundred more. Who
/// has sent that much and no whole header is sending something else.
pub const HEADER_BYTES_MAX: usize = 16 + 2048;

/// The longest header of version 1, in bytes, its CRLF included (specification, section 2.1).
const V1_BYTES_MAX: usize = 107;

/// How long a header may take. The specification wants at least 3 seconds, for a segment that has
/// to be sent again (section 2); this is as much for two.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What a header of each version begins with (sections 2.1 and 2.2), and its greatest length.
const SIGNATURES: [(&[u8], usize); 2] =
    [(V1_SIGNATURE, V1_BYTES_MAX), (b"\r\n\r\n\0\r\nQUIT\n", HEADER_BYTES_MAX)];

const V1_SIGNATURE: &[u8] = b"PROXY ";

/// Whether connections begin with a header. The specification wants this to be said, not guessed;
/// guessing is for a server that is being moved behind a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// One that does not is a connection without a proxy.
    Optional,
    /// One that does not is an error.
    Required,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

impl Version {
    /// Its name on the command line and in the load generator's report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// They begin with a header.
    Header {
        /// How long it is.
        bytes: usize,
        /// The client's address; none if the proxy speaks for itself (`LOCAL`, a health check),
        /// does not know (`UNKNOWN`), or the client has no internet address.
        source: Option<SocketAddr>,
    },
    /// They may be the beginning of one.
    Unfinished,
    /// They are no header, and no beginning of one.
    Other,
}

/// Looks for a header at the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Beginning {
    let may_be = |signature: &[u8]| bytes.starts_with(signature) || signature.starts_with(bytes);
    let Some((signature, most)) = SIGNATURES.iter().find(|(signature, _)| may_be(signature)) else {
        return Beginning::Other;
    };
    let mut most_of_it = bytes.get(..*most).unwrap_or(bytes);
    // The package would look for CRLF in the next lines too.
    let newline = most_of_it.iter().position(|byte| *byte == b'\n');
    let line = newline.filter(|_| *signature == V1_SIGNATURE);
    let ended = line.is_some();
    if let Some(line) = line.and_then(|end| most_of_it.get(..=end)) {
        most_of_it = line;
    }
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    match ProxyHeader::parse(most_of_it, config) {
        Ok((header, bytes)) => {
            Beginning::Header { bytes, source: header.proxied_address().and_then(client) }
        }
        Err(Error::BufferTooShort) if bytes.len() < *most && !ended => Beginning::Unfinished,
        Err(_) => Beginning::Other,
    }
}

/// The client of a stream. Nobody connects from the unspecified address.
fn client(addresses: &ProxiedAddress) -> Option<SocketAddr> {
    let ProxiedAddress { protocol, source, .. } = *addresses;
    (protocol == Protocol::Stream && !source.ip().is_unspecified()).then_some(source)
}

/// A header for a connection from the first of the `addresses` to the second; without them, or if
/// they are of different families, one that says that the sender speaks for itself.
pub fn header(version: Version, addresses: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let addresses = addresses.filter(|(from, to)| from.is_ipv4() == to.is_ipv4());
    let header = addresses.map_or_else(ProxyHeader::with_local, |(from, to)| {
        ProxyHeader::with_address(ProxiedAddress::stream(from, to))
    });
    let mut bytes = Vec::new();
    let written = match version {
        Version::V1 => header.encode_v1(&mut bytes),
        Version::V2 => header.encode_v2(&mut bytes),
    };
    debug_assert!(written.is_ok(), "a Vec takes everything, and nothing is mixed");
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap();
        [V2, &[command, family], &length.to_be_bytes(), rest].concat()
    }

    fn source(bytes: &[u8]) -> Option<SocketAddr> {
        let Beginning::Header { bytes: length, source } = read(bytes) else {
            panic!("no header: {bytes:?}")
        };
        assert_eq!(length, bytes.len());
        source
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (from, to) in [("192.0.2.1:4711", "127.0.0.1:9877"), ("[2001:db8::1]:1", "[::1]:65535")]
        {
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
    fn who_has_no_internet_address_is_not_named() {
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
        assert_eq!(read(longer.as_bytes()), Beginning::Other);
        assert_eq!(read(&longer.as_bytes()[..106]), Beginning::Unfinished);
        assert_eq!(read(&longer.as_bytes()[..107]), Beginning::Other);

        let longest = v2(0x21, 0x00, &[0; 2048]);
        assert_eq!(source(&longest), None);
        let longer = v2(0x21, 0x00, &[0; 2049]);
        assert_eq!(read(&longer), Beginning::Other);
        assert_eq!(read(&longer[..HEADER_BYTES_MAX - 1]), Beginning::Unfinished);
        assert_eq!(read(&longer[..HEADER_BYTES_MAX]), Beginning::Other);
    }

    #[test]
    fn a_newline_alone_in_a_header_of_version_1_makes_it_none_in_whatever_pieces() {
        let wrong = b"PROXY UNKNOWN\nhello\r\n";
        assert_eq!(read(wrong), Beginning::Other);
        assert_eq!(read(&wrong[..14]), Beginning::Other);
        assert_eq!(read(&wrong[..13]), Beginning::Unfinished);
    }

    #[test]
    fn what_can_be_no_header_is_none_at_once() {
        for other in [&b"x"[..], b"\n", b"PROXX", b"PROXYabc", b"\r\r", b"\r\n\r\n\0\r\nQUIT\r"] {
            assert_eq!(read(other), Beginning::Other, "{other:?}");
        }
        for wrong in [
            &b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"[..],
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
            b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
            b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx",
            b"PROXY TCP4 192.0.2.1\r\n",
            b"PROXY UNKNOWN\n",
            &v2(0x31, 0x11, &[0; 12]),
            &v2(0x22, 0x11, &[0; 12]),
            &v2(0x21, 0x41, &[0; 12]),
            &v2(0x21, 0x31, &[0; 215]),
        ] {
            assert_eq!(read(wrong), Beginning::Other, "{wrong:?}");
        }
    }

    #[test]
    fn every_beginning_of_a_header_may_be_one() {
        let addresses = Some((address("[2001:db8::1]:1"), address("[::1]:2")));
        for version in [Version::V1, Version::V2] {
            let whole = header(version, addresses);
            for length in 0..whole.len() {
                assert_eq!(read(&whole[..length]), Beginning::Unfinished, "{length}");
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_a_panic(
            signature in prop_oneof![Just(&b""[..]), Just(SIGNATURES[0].0), Just(SIGNATURES[1].0)],
            rest in vec(any::<u8>(), 0..200),
        ) {
            let bytes = [signature, &rest].concat();
            if let Beginning::Header { bytes: length, .. } = read(&bytes) {
                prop_assert!(length <= bytes.len() && length <= HEADER_BYTES_MAX);
            }
        }
    }
}
