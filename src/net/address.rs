//! Addresses as people write them: one parser for all programs.
//!
//! `HOST`, `HOST:PORT`, `[v6]:PORT`, `v6%SCOPE`, `PORT`, `:PORT`, `*:PORT`, `tcp://HOST:PORT`,
//! `unix:/path` and `unix:@abstract`. A port is a number or a name of services(5). The form is
//! checked here; names of hosts are resolved when they are used.

use std::fmt;
use std::fs;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use super::endpoint::UNIX_PREFIX;

/// An address that a user has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host on the network, and a port.
    Internet {
        /// Its name or address, an IPv6 address without brackets; none for all of this machine.
        host: Option<String>,
        /// The port; none for the program's default.
        port: Option<u16>,
    },
    /// A path, or `@` and a name in the abstract namespace (unix(7)).
    Unix(PathBuf),
}

/// The forms, for an error.
const FORMS: &str =
    "expected HOST, HOST:PORT, [v6]:PORT, PORT, :PORT, unix:/path or unix:@abstract";

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(UNIX_PREFIX) {
            return unix(path);
        }
        let text = text.strip_prefix("tcp://").map_or(text, |rest| rest.trim_end_matches('/'));
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("{scheme}:// is not supported: expected tcp:// or none"));
        }
        let (host, port) = split(text)?;
        let port = port.map(self::port).transpose()?;
        let host = (!matches!(host, "" | "*")).then(|| host.to_owned());
        if host.is_none() && port.is_none() {
            return Err(FORMS.to_owned());
        }
        Ok(Self::Internet { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = match self {
            Self::Unix(path) => return write!(f, "{UNIX_PREFIX}{}", path.display()),
            Self::Internet { host, port } => (host.as_deref().unwrap_or("*"), port),
        };
        let Some(port) = port else { return f.write_str(host) };
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

fn unix(path: &str) -> Result<Address, String> {
    match path {
        "" => Err("expected a path, as in unix:/run/tcpechod.sock".to_owned()),
        "@" => Err("expected a name, as in unix:@echo".to_owned()),
        path => Ok(Address::Unix(path.into())),
    }
}

/// Divides an internet address into its host, without brackets, and its port.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    if is_number(text) {
        return Ok(("", Some(text)));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a closing bracket is missing")?;
        if !is_v6(host) {
            return Err(format!("{host:?} is no IPv6 address, and only those have brackets"));
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("expected a colon and a port after the bracket, not {rest:?}")),
        };
    }
    match text.rsplit_once(':') {
        None => Ok((text, None)),
        // A decimal last group is more likely to be meant as a port.
        Some((host, port)) if is_v6(text) && is_v6(host) && port.len() == 4 && is_number(port) => {
            Err(format!("write [{host}]:{port}, or [{text}] for an address without a port"))
        }
        Some(_) if is_v6(text) => Ok((text, None)),
        Some((host, port)) if !host.contains(':') => Ok((host, Some(port))),
        Some((host, port)) if is_v6(host) => Err(format!("write [{host}]:{port}")),
        Some(_) => Err(FORMS.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for an IPv6 address, with or without a scope such as `%eth0`.
fn is_v6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

/// Services that work without a file of services: those of RFC 862, 863, 867 and 864.
const WELL_KNOWN: [(&str, u16); 4] =
    [("echo", 7), ("discard", 9), ("daytime", 13), ("chargen", 19)];

/// Returns the port with this number, or with this name in `/etc/services` (services(5)).
pub fn port(text: &str) -> Result<u16, String> {
    if text.is_empty() {
        return Err("expected a port after the colon".to_owned());
    }
    if is_number(text) {
        return text.parse().map_err(|_overflow| {
            format!("{text} is not a port: expected a number from 0 to {}", u16::MAX)
        });
    }
    let services = fs::read_to_string("/etc/services").unwrap_or_default();
    let known = WELL_KNOWN.iter().find(|(name, _)| *name == text).map(|(_, port)| *port);
    service(&services, text).or(known).ok_or_else(|| {
        format!("{text:?} is not a port: expected a number or a name from /etc/services")
    })
}

/// Looks for a TCP service by its name or an alias.
fn service(services: &str, name: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (official, port) = (words.next()?, words.next()?);
        let port = port.strip_suffix("/tcp")?;
        (official == name || words.any(|alias| alias == name)).then(|| port.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internet(host: &str, port: u16) -> Address {
        let host = (!host.is_empty()).then(|| host.to_owned());
        Address::Internet { host, port: (port > 0).then_some(port) }
    }

    #[test]
    fn every_form_is_read() {
        for (text, host, port) in [
            ("localhost", "localhost", 0),
            ("localhost:7", "localhost", 7),
            ("127.0.0.1:7", "127.0.0.1", 7),
            ("[::1]:7", "::1", 7),
            ("[::1]", "::1", 0),
            ("::1", "::1", 0),
            ("::1:98", "::1:98", 0),
            ("[::1:9877]", "::1:9877", 0),
            ("fe80::1%eth0", "fe80::1%eth0", 0),
            ("[fe80::1%eth0]:7", "fe80::1%eth0", 7),
            ("9877", "", 9877),
            (":9877", "", 9877),
            ("*:9877", "", 9877),
            ("tcp://example.org:9877", "example.org", 9877),
            ("tcp://[::1]:9877/", "::1", 9877),
            (":echo", "", 7),
            ("localhost:chargen", "localhost", 19),
        ] {
            assert_eq!(text.parse(), Ok(internet(host, port)), "{text}");
        }
        assert_eq!("unix:/run/e".parse(), Ok(Address::Unix("/run/e".into())));
        assert_eq!("unix:@e".parse(), Ok(Address::Unix("@e".into())));
    }

    #[test]
    fn an_address_of_no_form_is_refused_with_advice() {
        for (text, advice) in [
            ("", "expected HOST"),
            ("*", "expected HOST"),
            (":", "expected a port"),
            ("host:", "expected a port"),
            ("host:99999", "from 0 to 65535"),
            ("host:no-such-service", "/etc/services"),
            ("[localhost]:7", "no IPv6 address"),
            ("[::1", "closing bracket"),
            ("[::1]7", "a colon and a port"),
            ("2001:db8::1:2:3:4:5:7777:9", "expected HOST"),
            ("1:2:3:4:5:6:7:8:9877", "write [1:2:3:4:5:6:7:8]:9877"),
            ("::1:9877", "write [::1]:9877, or [::1:9877]"),
            ("udp://host:7", "udp:// is not supported"),
            ("unix:", "expected a path"),
            ("unix:@", "expected a name"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(advice), "{text}: {error}");
        }
    }

    #[test]
    fn services_are_found_by_name_and_alias_and_only_for_tcp() {
        let services = "# comment\necho 7/tcp\necho 7/udp\nhttp 80/tcp www # WorldWideWeb\n\
                        ntp 123/udp\nbroken\n";
        assert_eq!(service(services, "echo"), Some(7));
        assert_eq!(service(services, "www"), Some(80));
        assert_eq!(service(services, "ntp"), None);
        assert_eq!(service(services, "WorldWideWeb"), None);
    }
}
