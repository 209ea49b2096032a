//! The PROXY protocol's headers, versions 1 and 2, read and written: who the client of a proxy is.
//!
//! The rules are `HAProxy`'s (`doc/proxy-protocol.txt`, the "specification" below). A header is the
//! first thing on a connection, in one direction, once. The only home of `proxy_header`.

use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{ParseConfig, Protocol, ProxiedAddress, ProxyHeader};

/// How much of a header is kept until it can be read, in bytes: of version 2 the fixed part and the
/// longest addresses, those of Unix sockets (section 2.2).
pub const HEADER_BYTES_MAX: usize = V2_FIXED_BYTES + V2_UNIX_BYTES;

/// The longest header of version 1, in bytes, its CRLF included (specification, section 2.1).
const V1_BYTES_MAX: usize = 107;

/// What comes before the addresses in version 2, and how long those of two Unix sockets are.
const V2_FIXED_BYTES: usize = 16;
const V2_UNIX_BYTES: usize = 216;

/// How long a header may take. The specification wants at least 3 seconds, for a segment that has
/// to be sent again (section 2); this is as much for two.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a header of each version begins with (sections 2.1 and 2.2).
const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Whether connections begin with a header. The specification wants this to be said, not guessed;
/// guessing is for a server that is being moved behind a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPolicy {
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
pub enum Parsed {
    /// They begin with a header.
    Header {
        /// How long it is. It may be longer than what has come: the rest of it are fields that
        /// are no addresses, a certificate for example, up to 64 KiB.
        bytes: usize,
        /// The client's address; none if the proxy speaks for itself (`LOCAL`, a health check),
        /// does not know (`UNKNOWN`), or the client has no internet address.
        source: Option<SocketAddr>,
    },
    /// They may be the beginning of one.
    Incomplete,
    /// They are no header, and no beginning of one.
    NoHeader,
}

/// Looks for a header at the beginning of `bytes`.
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

/// Version 1: one line.
fn v1(bytes: &[u8]) -> Parsed {
    let (most, _) = bytes.split_at(bytes.len().min(V1_BYTES_MAX));
    let Some(line) = most.split_inclusive(|byte| *byte == b'\n').next() else {
        return Parsed::Incomplete;
    };
    if !line.ends_with(b"\n") {
        let ended = line.iter().position(|byte| *byte == b'\r');
        let may_end = ended.is_none_or(|end| end + 1 == line.len());
        let may_go_on = may_end && line.len() < V1_BYTES_MAX;
        return if may_go_on { Parsed::Incomplete } else { Parsed::NoHeader };
    }
    match ProxyHeader::parse(line, ParseConfig::default()) {
        Ok((header, bytes)) if is_strict_v1(line) => {
            Parsed::Header { bytes, source: header.proxied_address().and_then(client) }
        }
        Ok(_) | Err(_) => Parsed::NoHeader,
    }
}

/// The package takes ports with a sign or leading zeros, and words that begin with UNKNOWN.
fn is_strict_v1(line: &[u8]) -> bool {
    let mut words = line.trim_ascii_end().split(|byte| *byte == b' ').skip(1);
    let is_port = |word: &[u8]| {
        word == b"0" || (!word.starts_with(b"0") && word.iter().all(u8::is_ascii_digit))
    };
    words.next() == Some(b"UNKNOWN")
        || words.skip(2).all(is_port) && !line.starts_with(b"PROXY UNKNOWN")
}

/// Version 2, as soon as its addresses have come (section 2.2). Where it is `LOCAL`, they are
/// skipped, whatever they are.
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

/// The client that these addresses of version 2 name.
fn v2_source(command: u8, family: u8, addresses: &[u8]) -> Option<SocketAddr> {
    let length = u16::try_from(addresses.len()).unwrap_or(u16::MAX).to_be_bytes();
    let header = [V2_SIGNATURE, &[command, family], &length, addresses].concat();
    let (header, _) = ProxyHeader::parse(&header, ParseConfig::default()).ok()?;
    header.proxied_address().and_then(client)
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
mod tests;
