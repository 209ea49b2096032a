//! Access control by address.

use std::fmt;
use std::net::IpAddr;

use ipnet::Ipv4Net;

pub use ipnet::IpNet;

/// The most networks that a text for people lists.
const SHOWN_MAX: usize = 8;

/// The networks that may connect, and those that may not. For the peer of a Unix socket, which has
/// no internet address, that socket's permissions decide instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// If given, only these may connect.
    pub allow: Option<Networks>,
    /// These may not connect, even if `allow` includes them.
    pub deny: Networks,
}

impl Access {
    /// Permits `allow`, or all if that is empty, without `deny`.
    pub fn of(allow: &[IpNet], deny: &[IpNet]) -> Self {
        let given = !allow.is_empty();
        Self { allow: given.then(|| Networks::of(allow)), deny: Networks::of(deny) }
    }

    /// True if a peer with that address may connect.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let allowed = self.allow.as_ref().is_none_or(|networks| networks.contains(address));
        allowed && !self.deny.contains(address)
    }

    /// True if every address may connect.
    pub const fn is_open(&self) -> bool {
        self.allow.is_none() && self.deny.merged.is_empty()
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.allow, &self.deny) {
            (None, deny) if deny.merged.is_empty() => f.write_str("allow all"),
            (None, deny) => write!(f, "deny {deny}"),
            (Some(allow), deny) if deny.merged.is_empty() => write!(f, "allow {allow}"),
            (Some(allow), deny) => write!(f, "allow {allow}, but deny {deny}"),
        }
    }
}

/// A list of networks of any length. They are sorted, and merged where they touch: so a search
/// takes few steps, and looks at one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    merged: Vec<IpNet>,
    entries: usize,
}

impl Networks {
    /// Creates the list of these.
    pub fn of(networks: &[IpNet]) -> Self {
        Self { merged: IpNet::aggregate(&networks.to_vec()), entries: networks.len() }
    }

    /// Returns the number of entries as they were given, before merging.
    pub const fn entries(&self) -> usize {
        self.entries
    }

    fn contains(&self, address: IpAddr) -> bool {
        let behind = self.merged.partition_point(|network| network.network() <= address);
        let nearest = behind.checked_sub(1).and_then(|index| self.merged.get(index));
        nearest.is_some_and(|network| network.contains(&address))
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.merged.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
        match self.merged.len().saturating_sub(SHOWN_MAX) {
            0 if shown.is_empty() => f.write_str("none"),
            0 => f.write_str(&shown.join(" ")),
            more => write!(f, "{} and {more} more", shown.join(" ")),
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
        let (allow, deny): (Vec<_>, Vec<_>) = (networks(allow), networks(deny));
        Access::of(&allow, &deny)
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
        assert_eq!(access.to_string(), "deny 127.0.0.2/32 ::1/128");
    }

    #[test]
    fn an_empty_list_allows_no_address() {
        let access = Access { allow: Some(Networks::default()), deny: Networks::default() };
        assert!(!access.permits("127.0.0.1".parse().unwrap()));
        assert!(!access.is_open());
        assert_eq!(access.to_string(), "allow none");
    }

    #[test]
    fn a_long_list_is_searched_and_shown_in_parts() {
        let every_other: Vec<_> =
            (0..5000_u32).map(|n| IpNet::from(IpAddr::V4((n << 9).into()))).collect();
        let access = Access::of(&[], &every_other);
        for number in 0..5000_u32 {
            let address = |low: u32| IpAddr::V4(((number << 9) + low).into());
            assert!(!access.permits(address(0)) && access.permits(address(1)), "{number}");
        }
        assert_eq!(access.deny.entries(), 5000);
        assert!(access.to_string().ends_with("0.0.14.0/32 and 4992 more"), "{access}");
        let touching = two("10.0.0.0/9", "10.128.0.0/9");
        assert_eq!((touching.to_string(), touching.entries()), ("10.0.0.0/8".to_owned(), 2));
    }

    fn two(one: &str, other: &str) -> Networks {
        Networks::of(&[network(one).unwrap(), network(other).unwrap()])
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
