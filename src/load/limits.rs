//! Checks before a run that this machine has the resources for the load.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use anyhow::{anyhow, bail};
use socket2::{Domain, Socket, Type};

use crate::net::endpoint::Endpoint;
use crate::num;
use crate::os::descriptors;
use crate::os::errno;

use super::config::LoadConfig;

/// Descriptors reserved for other uses: standard streams, the poller, signals, the timer, and files
/// of the report.
const DESCRIPTORS_SPARE: usize = 32;

/// Raises the descriptor limit as far as possible, and rejects a load that this machine can't make.
pub(super) fn check(config: &LoadConfig, server: &Endpoint) -> anyhow::Result<()> {
    descriptors_suffice(config.connections)?;
    let Some(server) = server.tcp() else {
        if let Some(source) = config.sources.first() {
            bail!("--source {source}: to a Unix socket, connections have no address");
        }
        return Ok(());
    };
    ports_suffice(config, server)?;
    config.sources.iter().try_for_each(|source| source_is_ours(*source, server))
}

fn descriptors_suffice(connections: usize) -> anyhow::Result<()> {
    // If raising fails, the limit stays low and the check below reports it.
    descriptors::raise().ok();
    let limit = descriptors::limit().map_or(usize::MAX, num::to_usize);
    if connections.saturating_add(DESCRIPTORS_SPARE) > limit {
        bail!(
            "{connections} connections need {} descriptors, and this process may have {limit}: \
             raise the hard limit (ulimit -Hn), or start several of them with fewer connections \
             each (-c)",
            connections + DESCRIPTORS_SPARE
        );
    }
    Ok(())
}

/// Checks the ports: per source address, a port serves one connection to the same server at a time.
fn ports_suffice(config: &LoadConfig, server: SocketAddr) -> anyhow::Result<()> {
    let Some(range) = port_range() else { return Ok(()) };
    let sources = config.sources.len().max(1);
    let ports = range * sources;
    if config.connections > ports {
        let wanted = config.connections.div_ceil(range);
        bail!(
            "{} connections to {server} need as many ports, and {sources} source address(es) have \
             {ports}: give {wanted} or more (--source, such as 127.0.0.2-127.0.0.9), or widen \
             net.ipv4.ip_local_port_range",
            config.connections
        );
    }
    Ok(())
}

/// Returns the number of ephemeral ports; none where the file is missing.
fn port_range() -> Option<usize> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().filter_map(|word| word.parse::<usize>().ok());
    let (first, last) = (ends.next()?, ends.next()?);
    Some((last + 1).saturating_sub(first))
}

fn source_is_ours(source: IpAddr, server: SocketAddr) -> anyhow::Result<()> {
    if source.is_ipv4() != server.is_ipv4() {
        bail!("--source {source}: the server's address, {server}, is of another family");
    }
    let address = SocketAddr::new(source, 0);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&address.into()).map_err(|error| {
        let advice = errno::bind_advice(&error).map(|advice| format!(": {advice}"));
        anyhow!("--source {source}: {error}{}", advice.unwrap_or_default())
    })
}
