//! Access control by address.

use std::fmt;
use std::net::IpAddr;

use ipnet::Ipv4Net;

pub use ipnet::IpNet;

/// The networks that may connect, and those that may not. For the peer of a Unix socket, which has
/// no internet address, that socket's permissions decide instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// If there are any, only these may connect.
    pub allow: Vec<IpNet>,
    /// These may not connect, even if `allow` includes them.
    pub deny: Vec<IpNet>,
}

impl Access {
    /// True if a peer with that address may connect.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let within = |networks: &[IpNet]| networks.iter().any(|one| one.contains(&address));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }

    /// True if every address may connect.
    pub const fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |word, networks: &[IpNet]| {
            f.write_str(word)?;
            networks.iter().try_for_each(|network| write!(f, " {network}"))
        };
        match (self.allow.as_slice(), self.deny.as_slice()) {
            ([], []) => f.write_str("allow all"),
            ([], deny) => list("deny", deny),
            (allow, []) => list("allow", allow),
            (allow, deny) => list("allow", allow).and_then(|()| list(", but deny", deny)),
        }
    }
}

/// The address that a peer's limit counts: for IPv6 the network of `v6_prefix` bits, for IPv4,
/// mapped or not, the IPv4 address itself.
pub fn counted_as(address: IpAddr, v6_prefix: u8) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        v6 @ IpAddr::V6(_) => IpNet::new(v6, v6_prefix).map_or(v6, |network| network.network()),
    }
}

/// Parses a network, `10.0.0.0/8` or `2001:db8::/32`, or a single address. A network of IPv4-mapped
/// addresses (RFC 4291, section 2.5.5.2) becomes the IPv4 network, because the daemon compares
/// mapped peers by their IPv4 address on every listener.
///
/// # Errors
///
/// The expected form, for the command line.
pub fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_error| text.parse::<IpAddr>().map(IpNet::from));
    let network: IpNet = network.map_err(|_error| {
        "expected a network like 10.0.0.0/8 or 2001:db8::/32, or an address".to_owned()
    })?;
    Ok(unmapped(network).unwrap_or(network).trunc())
}

fn unmapped(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = network else { return None };
    let length = v6.prefix_len().checked_sub(96)?;
    let v4 = v6.addr().to_ipv4_mapped()?;
    Ipv4Net::new(v4, length).ok().map(IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(allow: &[&str], deny: &[&str]) -> Access {
        let networks = |texts: &[&str]| texts.iter().map(|text| network(text).unwrap()).collect();
        Access { allow: networks(allow), deny: networks(deny) }
    }

    #[test]
    fn deny_wins_and_allow_shuts_out_the_others() {
        let access = access(&["10.0.0.0/8", "2001:db8::/32"], &["10.1.0.0/16"]);
        for (address, permitted) in [
            ("10.0.0.1", true),
            ("10.1.0.1", false),
            ("11.0.0.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::ffff:10.2.3.4", true),
            ("::ffff:10.1.3.4", false),
        ] {
            assert_eq!(access.permits(address.parse().unwrap()), permitted, "{address}");
        }
    }

    #[test]
    fn without_allow_every_address_but_the_denied_is_permitted() {
        let access = access(&[], &["::1", "127.0.0.2"]);
        assert!(access.permits("127.0.0.1".parse().unwrap()));
        assert!(!access.permits("127.0.0.2".parse().unwrap()));
        assert!(!access.permits("::1".parse().unwrap()));
        assert!(Access::default().is_open() && !access.is_open());
        assert_eq!(access.to_string(), "deny ::1/128 127.0.0.2/32");
    }

    #[test]
    fn networks_are_read_as_people_write_them() {
        for (text, network_is) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("::1", "::1/128"),
            ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
            ("::/0", "::/0"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(network(text).unwrap().to_string(), network_is, "{text}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "::/129", "10.0.0.0/"] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }
}
