//! Checks before a run that this machine has the resources for the load.

use std::fs;
use std::net::SocketAddr;

use anyhow::bail;

use crate::net::endpoint::Endpoint;
use crate::net::source::{self, Source};
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
    // A wrong option, or one that is not permitted, would make every connect fail.
    config.socket.unbound(server)?;
    let Some(address) = server.tcp() else { return Ok(()) };
    ports_suffice(config, address)?;
    let sources = &config.socket.sources;
    sources.iter().try_for_each(|source| source_is_ours(config, source, server, address))
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
    let sources = &config.socket.sources;
    let ports = match sources.as_slice() {
        [] => range,
        some => some.iter().map(|source| source.ports_count().unwrap_or(range)).sum(),
    };
    if config.connections > ports && sources.iter().any(|source| source.ports.is_some()) {
        bail!(
            "{} connections to {server} need as many ports, and --source gives {ports}",
            config.connections
        );
    }
    if config.connections > ports {
        let wanted = config.connections.div_ceil(range);
        bail!(
            "{} connections to {server} need as many ports, and {} source address(es) have \
             {ports}: give {wanted} or more (--source, such as 127.0.0.2-127.0.0.9), or widen \
             net.ipv4.ip_local_port_range",
            config.connections,
            sources.len().max(1)
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

fn source_is_ours(
    config: &LoadConfig,
    source: &Source,
    server: &Endpoint,
    address: SocketAddr,
) -> anyhow::Result<()> {
    if source.address.is_ipv4() != address.is_ipv4() {
        bail!("--source {source}: the server's address, {server}, is of another family");
    }
    let socket = config.socket.unbound(server)?;
    match source::bind(&socket, source.in_turn(0)) {
        // The other ports may be free, and this one later.
        Err(error) if !errno::is_address_in_use(&error) => bail!(source.failure(&error)),
        _ => Ok(()),
    }
}
