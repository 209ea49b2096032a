//! Resolves the configured addresses to endpoints, before any of them is bound.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use anyhow::{Context, bail};

use crate::connection::LISTENERS_MAX;
use crate::net::address::Address;
use crate::net::endpoint::Endpoint;

use super::config::{ListenerConfig, ServerConfig};

/// An endpoint to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenTarget {
    pub endpoint: Endpoint,
    /// A name or the default implies this endpoint: it may be missing on this machine.
    pub optional: bool,
    /// An IPv6 endpoint that IPv4 peers reach too (`IPV6_V6ONLY`, ipv6(7)).
    pub both_families: bool,
    pub config: ListenerConfig,
}

/// Returns the endpoints of all listeners for peers. A name stands for all its addresses.
pub(super) fn listeners(config: &ServerConfig) -> anyhow::Result<Vec<ListenTarget>> {
    let mut all: Vec<ListenTarget> = Vec::new();
    for spec in &config.listen {
        for target in targets(&spec.address, &spec.config)? {
            let any_port = target.endpoint.tcp().is_some_and(|at| at.port() == 0);
            match all.iter().find(|one| !any_port && one.endpoint == target.endpoint) {
                None => all.push(target),
                Some(one) if one.config == target.config => {}
                Some(_) => {
                    bail!("{} is listened on twice, with different options", target.endpoint)
                }
            }
        }
    }
    if all.len() > LISTENERS_MAX {
        bail!("{} addresses to listen on: at most {LISTENERS_MAX} are possible", all.len());
    }
    let admin = admin(config)?.into_iter().take(1);
    let admin: Vec<_> = admin.map(|target| (target, " (--metrics)")).collect();
    let named = all.iter().cloned().map(|target| (target, "")).chain(admin);
    if !config.reuse_port {
        assert_disjoint(&named.collect::<Vec<_>>())?;
    }
    Ok(all)
}

/// Returns the endpoint of the admin listener, if configured: the first of a name. Without a host
/// it is every IPv6 address and with it every IPv4 address, or on a machine without IPv6 the second
/// one.
pub(super) fn admin(config: &ServerConfig) -> anyhow::Result<Vec<ListenTarget>> {
    let Some(address) = &config.metrics else { return Ok(Vec::new()) };
    let mut all = targets(address, &config.listener())?;
    if let Address::Internet { host: None, .. } = address {
        all.reverse();
        for target in &mut all {
            target.both_families = true;
        }
    } else {
        all.truncate(1);
    }
    Ok(all)
}

/// Returns the endpoints of an address: at least one.
fn targets(address: &Address, config: &ListenerConfig) -> anyhow::Result<Vec<ListenTarget>> {
    let target = |endpoint: Endpoint, optional: bool| ListenTarget {
        endpoint,
        optional,
        both_families: false,
        config: config.clone(),
    };
    let (host, port) = match address {
        Address::Unix(path) => return Ok(vec![target(Endpoint::Unix(path.clone()), false)]),
        Address::Internet { host, port } => (host, port.unwrap_or_default()),
    };
    let Some(host) = host else {
        let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        return Ok(vec![target(v4.into(), false), target(v6.into(), true)]);
    };
    let found = (host.as_str(), port).to_socket_addrs();
    let found = found.with_context(|| format!("cannot listen on {address}"))?;
    let optional = host.parse::<IpAddr>().is_err();
    let all: Vec<_> = found.map(|found| target(found.into(), optional)).collect();
    if all.is_empty() {
        bail!("cannot listen on {address}: it has no address");
    }
    Ok(all)
}

/// Checks that no two endpoints are in each other's way. The kernel would only say that an address
/// is in use, and not by which listener.
fn assert_disjoint(all: &[(ListenTarget, &str)]) -> anyhow::Result<()> {
    for (number, (one, of_one)) in all.iter().enumerate() {
        let mut earlier = all.iter().take(number);
        if let Some((other, of_other)) = earlier.find(|(other, _)| overlap(one, other)) {
            bail!(
                "cannot listen on {}{of_one}: it overlaps with {}{of_other}, which is to be \
                 listened on too; name only one of them, or use --reuse-port",
                one.endpoint,
                other.endpoint,
            );
        }
    }
    Ok(())
}

fn overlap(one: &ListenTarget, other: &ListenTarget) -> bool {
    let (Some(at), Some(there)) = (one.endpoint.tcp(), other.endpoint.tcp()) else {
        return one.endpoint == other.endpoint;
    };
    let covers = |target: &ListenTarget, at: SocketAddr, there: SocketAddr| {
        at == there
            || at.ip().is_unspecified() && (target.both_families || at.is_ipv4() == there.is_ipv4())
    };
    let same_port = at.port() == there.port() && at.port() != 0;
    same_port && (covers(one, at, there) || covers(other, there, at))
}
