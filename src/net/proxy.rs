//! Reads and writes the PROXY protocol's headers, versions 1 and 2, which name the client of a
//! proxy.
//!
//! The rules are `HAProxy`'s (`doc/proxy-protocol.txt`, the "specification" below). A header is
//! sent once, in one direction, as the first bytes of a connection. The only module that uses
//! `proxy_header`.

use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{ParseConfig, Protocol, ProxiedAddress, ProxyHeader};

/// The maximum number of bytes kept until a header can be parsed: for version 2 the fixed part and
/// the longest addresses, those of Unix sockets (section 2.2).
pub const HEADER_BYTES_MAX: usize = V2_FIXED_BYTES + V2_UNIX_BYTES;

/// The longest header of version 1, in bytes, its CRLF included (specification, section 2.1).
const V1_BYTES_MAX: usize = 107;

/// The sizes of the part before the addresses in version 2, and of the addresses of two Unix
/// sockets.
const V2_FIXED_BYTES: usize = 16;
const V2_UNIX_BYTES: usize = 216;

/// The time limit for a header. The specification asks for at least 3 seconds, to cover a
/// retransmission (section 2); this covers two.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The first bytes of a header of each version (sections 2.1 and 2.2).
const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Whether connections begin with a header. The specification asks for this to be configured, not
/// guessed; guessing is for the migration of a server behind a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPolicy {
    /// A connection without a header comes from no proxy.
    Optional,
    /// A connection without a header is an error.
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
    /// The name on the command line and in the load generator's report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// The result of parsing the first bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The bytes begin with a header.
    Header {
        /// The length of the header. It may exceed the received bytes: the rest consists of fields
        /// other than addresses, such as a certificate, up to 64 KiB.
        bytes: usize,
        /// The client's address; none if the proxy speaks for itself (`LOCAL`, a health check) or
        /// does not know the client (`UNKNOWN`), or if the client has no internet address.
        source: Option<SocketAddr>,
    },
    /// The bytes may be the beginning of a header.
    Incomplete,
    /// The bytes are neither a header nor the beginning of one.
    NoHeader,
}

/// Parses a header at the beginning of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed {
    if bytes.starts_with(V1_SIGNATURE) {
        v1(bytes)
    } else if bytes.starts_with(V2_SIGNATURE) {
        v2(bytes)
    } else if V1_SIGNATURE.starts_with(bytes) || V2_SIGNATURE.starts_with(bytes) {
        Parsed::Incomplete
    } else {
        Parsed::NoHeader
    }
}

/// Parses version 1: one line.
fn v1(bytes: &[u8]) -> Parsed {
    let Some(line) = v1_line(bytes) else {
        return if may_become_v1(bytes) { Parsed::Incomplete } else { Parsed::NoHeader };
    };
    match ProxyHeader::parse(line, ParseConfig::default()) {
        Ok((header, bytes)) if is_strict_v1(line) => {
            Parsed::Header { bytes, source: header.proxied_address().and_then(client) }
        }
        Ok(_) | Err(_) => Parsed::NoHeader,
    }
}

/// The line of a header, if its end has come.
fn v1_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().take(V1_BYTES_MAX).position(|byte| *byte == b'\n')?;
    bytes.get(..=end)
}

/// Returns true if more bytes may complete a line: a CR must be the last one so far.
fn may_become_v1(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| *byte == b'\r');
    bytes.len() < V1_BYTES_MAX && end.is_none_or(|end| end + 1 == bytes.len())
}

/// Rejects ports with a sign or leading zeros and words that begin with UNKNOWN, which the package
/// accepts.
fn is_strict_v1(line: &[u8]) -> bool {
    let mut words = line.trim_ascii_end().split(|byte| *byte == b' ').skip(1);
    let is_port = |word: &[u8]| {
        word == b"0" || (!word.starts_with(b"0") && word.iter().all(u8::is_ascii_digit))
    };
    words.next() == Some(b"UNKNOWN")
        || words.skip(2).all(is_port) && !line.starts_with(b"PROXY UNKNOWN")
}

/// Parses version 2 as soon as its addresses have arrived (section 2.2). Skips the addresses of a
/// `LOCAL` header, whether valid or not.
fn v2(bytes: &[u8]) -> Parsed {
    let Some((fixed, addresses)) = bytes.split_at_checked(V2_FIXED_BYTES) else {
        return Parsed::Incomplete;
    };
    let [.., command, family, high, low] = *fixed else { return Parsed::NoHeader };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let header = |source| Parsed::Header { bytes: V2_FIXED_BYTES + length, source };
    let needed = match (command, family) {
        (0x20, _) | (0x21, 0x00) => return header(None),
        (0x21, 0x11 | 0x12) => 12,
        (0x21, 0x21 | 0x22) => 36,
        (0x21, 0x31 | 0x32) => V2_UNIX_BYTES,
        _ => return Parsed::NoHeader,
    };
    if length < needed {
        return Parsed::NoHeader;
    }
    match addresses.split_at_checked(needed) {
        Some((addresses, _)) => header(v2_source(command, family, addresses)),
        None => Parsed::Incomplete,
    }
}

/// Returns the client that these addresses of version 2 name.
fn v2_source(command: u8, family: u8, addresses: &[u8]) -> Option<SocketAddr> {
    let length = u16::try_from(addresses.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header = [V2_SIGNATURE, &[command, family], &length, addresses].concat();
    let (header, _) = ProxyHeader::parse(&header, ParseConfig::default()).ok()?;
    header.proxied_address().and_then(client)
}

/// Returns the client of a stream, unless its address is unspecified.
fn client(addresses: &ProxiedAddress) -> Option<SocketAddr> {
    let ProxiedAddress { protocol, source, .. } = *addresses;
    (protocol == Protocol::Stream && !source.ip().is_unspecified()).then_some(source)
}

/// Returns a header for a connection from the first of the `addresses` to the second. Without
/// addresses, or with addresses of different families, the header says that the sender speaks for
/// itself.
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
mod tests;
