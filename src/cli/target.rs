//! The server arguments, shared by the client and the load generator.

use clap::Args;

use crate::client::{Family, Server};
use crate::net::endpoint::UNIX_PREFIX;

#[derive(Debug, Args)]
pub(super) struct Target {
    /// Server name or address (IPv6 with or without brackets), or `unix:/path`
    #[arg(value_name = "HOST", value_parser = host, required = true)]
    host: Option<String>,

    /// Server port
    #[arg(value_name = "PORT", default_value_t = super::PORT,
          value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,

    /// Use only IPv4 addresses
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,

    /// Use only IPv6 addresses
    #[arg(short = '6')]
    ipv6: bool,
}

impl From<Target> for Server {
    fn from(target: Target) -> Self {
        let host = target.host.unwrap_or_default();
        if let Some(path) = host.strip_prefix(UNIX_PREFIX) {
            return Self::Path(path.into());
        }
        let family = match (target.ipv4, target.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            (false, false) => Family::Any,
        };
        Self::Host { name: host, port: target.port, family }
    }
}

/// Checks the form and removes the brackets; the name is resolved when connecting.
fn host(text: &str) -> Result<String, String> {
    if text == UNIX_PREFIX {
        return Err("expected a path, as in unix:/run/tcpechod.sock".to_owned());
    }
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let host = inside.unwrap_or(text);
    if host.is_empty() {
        return Err("expected a name or an address".to_owned());
    }
    if inside.is_some() && !host.contains(':') {
        return Err("brackets are for IPv6 addresses, as in [::1]".to_owned());
    }
    Ok(host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_belong_to_ipv6() {
        assert_eq!(host("::1"), Ok("::1".to_owned()));
        assert_eq!(host("[::1]"), Ok("::1".to_owned()));
        assert_eq!(host("localhost"), Ok("localhost".to_owned()));
        assert_eq!(host("unix:/run/echo"), Ok("unix:/run/echo".to_owned()));
        for wrong in ["", "[]", "[localhost]", "unix:"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }
}
