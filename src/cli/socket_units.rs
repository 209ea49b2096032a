//! Parsers of sources, marks and names for the socket options.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::source::Source;

use super::units::{bytes, within};

/// The maximum number of addresses in a range; no run has ports for more.
const SOURCES_MAX: usize = 65_536;

/// The longest name of an interface in bytes (`IFNAMSIZ`, netdevice(7), with its zero byte).
const INTERFACE_BYTES_MAX: usize = 15;

/// The largest buffer in gigabytes: the kernel keeps the double of it in an `int`.
const BUFFER_MAX_G: usize = 1;

/// Parses an address, or a range such as 127.0.0.2-127.0.0.9, and after it the ports:
/// 127.0.0.2:5000-5009. IPv6 addresses with ports have brackets, `[::1]:5000`.
pub(super) fn sources(text: &str) -> Result<Vec<Source>, String> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (range, after) = match (bracketed, text.split_once(':')) {
        (Some((range, "")), _) => (range, None),
        (Some((range, rest)), _) => {
            let ports = rest.strip_prefix(':');
            (range, Some(ports.ok_or("expected a colon and a port after the bracket")?))
        }
        // Several colons are those of IPv6 addresses.
        (None, Some((range, rest))) if !rest.contains(':') => (range, Some(rest)),
        (None, _) => (text, None),
    };
    let ports = after.map(ports).transpose()?;
    let addresses = addresses(range)?;
    Ok(addresses.into_iter().map(|address| Source { address, ports }).collect())
}

fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let address = |text: &str| {
        text.parse::<IpAddr>()
            .map_err(|_error| format!("{text:?} is no address; expected 127.0.0.2 or a range"))
    };
    let all: Vec<IpAddr> = match (address(first)?, address(last)?) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (u32::from(first)..=u32::from(last))
            .take(SOURCES_MAX + 1)
            .map(|number| Ipv4Addr::from(number).into())
            .collect(),
        (IpAddr::V6(first), IpAddr::V6(last)) => (u128::from(first)..=u128::from(last))
            .take(SOURCES_MAX + 1)
            .map(|number| Ipv6Addr::from(number).into())
            .collect(),
        _ => return Err("a range has two addresses of one family".to_owned()),
    };
    if all.is_empty() {
        return Err("a range goes from the lower to the higher address".to_owned());
    }
    if all.len() > SOURCES_MAX {
        return Err(format!("that is more than {SOURCES_MAX} addresses"));
    }
    Ok(all)
}

/// Parses a port, or a range such as 5000-5009.
fn ports(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        within(1..=u16::MAX)(text).map_err(|error| format!("{text:?} is no port: {error}"))
    };
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return Err("a range goes from the lower to the higher port, like 5000-5009".to_owned());
    }
    Ok((first, last))
}

/// Parses the name of a network interface.
pub(super) fn interface(text: &str) -> Result<String, String> {
    let fits = (1..=INTERFACE_BYTES_MAX).contains(&text.len());
    if !fits || text.contains(|letter: char| letter == '/' || letter.is_whitespace()) {
        return Err(format!("expected a name of at most {INTERFACE_BYTES_MAX} bytes, like eth0"));
    }
    Ok(text.to_owned())
}

/// Parses a value of the Differentiated Services field: a number, or a name of RFC 4594 (RFC 2474
/// defines csN, RFC 2597 afNN, RFC 3246 ef).
pub(super) fn dscp(text: &str) -> Result<u8, String> {
    let named = match *text.to_ascii_lowercase().as_bytes() {
        [b'c', b's', class @ b'0'..=b'7'] => Some((class - b'0') << 3),
        [b'a', b'f', class @ b'1'..=b'4', drop @ b'1'..=b'3'] => {
            Some((class - b'0') << 3 | (drop - b'0') << 1)
        }
        [b'e', b'f'] => Some(46),
        _ => None,
    };
    named
        .map_or_else(|| within(0..=63_u8)(text), Ok)
        .map_err(|error| format!("{error}, or a name: cs0 to cs7, af11 to af43, ef"))
}

/// Parses a mark, a decimal or a hexadecimal number.
pub(super) fn mark(text: &str) -> Result<u32, String> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    // from_str_radix takes a sign.
    let digits = hexadecimal.filter(|digits| !digits.starts_with('+'));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    number
        .map_or_else(|| within(0..=u32::MAX)(text), Ok)
        .map_err(|error| format!("{error}, or up to 0xffffffff"))
}

/// Parses the name of a congestion control algorithm.
pub(super) fn congestion(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|letter: char| !letter.is_ascii_graphic()) {
        return Err("expected a name, like cubic".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses the size of a socket's buffer.
pub(super) fn buffer(text: &str) -> Result<usize, String> {
    match bytes(text)? {
        0 => Err("a buffer has at least 1 byte".to_owned()),
        size if size > BUFFER_MAX_G << 30 => Err(format!("a buffer has at most {BUFFER_MAX_G}g")),
        size => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_one_address_or_a_range() {
        assert_eq!(sources("127.0.0.2").unwrap().len(), 1);
        let range = sources("127.0.0.2-127.0.0.9").unwrap();
        assert_eq!((range.len(), range[7].to_string()), (8, "127.0.0.9".to_owned()));
        assert_eq!(sources("::1-::3").unwrap().len(), 3);
        for wrong in ["", "localhost", "127.0.0.9-127.0.0.2", "127.0.0.1-::1", "10.0.0.0-10.9.0.0"]
        {
            assert!(sources(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sources_may_have_ports() {
        for (text, ports) in [
            ("127.0.0.2", None),
            ("127.0.0.2:5000", Some((5000, 5000))),
            ("127.0.0.2:5000-5009", Some((5000, 5009))),
            ("::1", None),
            ("[::1]", None),
            ("[::1]:65535", Some((65_535, 65_535))),
        ] {
            assert_eq!(sources(text).unwrap()[0].ports, ports, "{text}");
        }
        let both = sources("127.0.0.2-127.0.0.3:5-6").unwrap();
        assert_eq!(
            both.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.2:5-6", "127.0.0.3:5-6"]
        );
        assert_eq!(sources("[::1-::3]:5").unwrap().len(), 3);
        for (wrong, advice) in [
            ("127.0.0.2:", "\"\" is no port"),
            ("127.0.0.2:0", "from 1 to 65535"),
            ("127.0.0.2:65536", "from 1 to 65535"),
            ("127.0.0.2:9-8", "from the lower to the higher port"),
            ("127.0.0.2:5-", "is no port"),
            ("[::1]5", "a colon and a port after the bracket"),
            ("[::1", "is no address"),
            ("eth0:5", "is no address"),
        ] {
            let error = sources(wrong).unwrap_err();
            assert!(error.contains(advice), "{wrong}: {error}");
        }
    }

    #[test]
    fn names_of_the_differentiated_services_field_are_those_of_rfc_4594() {
        for (text, value) in [
            ("0", 0),
            ("63", 63),
            ("cs0", 0),
            ("cs1", 8),
            ("CS7", 56),
            ("af11", 10),
            ("af43", 38),
            ("AF22", 20),
            ("ef", 46),
        ] {
            assert_eq!(dscp(text), Ok(value), "{text}");
        }
        for wrong in ["", "64", "-1", "cs8", "af14", "af51", "af1", "csx", "best"] {
            let error = dscp(wrong).unwrap_err();
            assert!(error.contains("from 0 to 63, or a name: cs0"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_mark_is_decimal_or_hexadecimal() {
        assert_eq!((mark("7"), mark("0x1F"), mark("0Xffffffff")), (Ok(7), Ok(31), Ok(u32::MAX)));
        for wrong in ["", "0x", "0x+1", "-1", "4294967296", "0x100000000", "ff"] {
            let error = mark(wrong).unwrap_err();
            assert!(
                error.contains("from 0 to 4294967295, or up to 0xffffffff"),
                "{wrong}: {error}"
            );
        }
    }

    #[test]
    fn names_and_buffers_have_bounds() {
        assert_eq!(interface("eth0").as_deref(), Ok("eth0"));
        for wrong in ["", "a name", "a/b", "sixteen-letters-"] {
            let error = interface(wrong).unwrap_err();
            assert!(error.contains("at most 15 bytes, like eth0"), "{wrong}: {error}");
        }
        assert_eq!(congestion("cubic").as_deref(), Ok("cubic"));
        assert!(congestion("").is_err() && congestion("cu bic").is_err());
        assert_eq!((buffer("64k"), buffer("1g")), (Ok(65_536), Ok(1 << 30)));
        assert_eq!(buffer("0").unwrap_err(), "a buffer has at least 1 byte");
        assert_eq!(buffer("2g").unwrap_err(), "a buffer has at most 1g");
    }
}
