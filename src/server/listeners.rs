//! All listeners of the daemon: inherited ones, and those that it has bound itself.

use anyhow::{Context, bail};
use log::{info, warn};

use crate::connection::LISTENERS_MAX;
use crate::net::endpoint::Endpoint;
use crate::reactor::{ListenerOptions, OverLimit};
use crate::sys::Listener;

use super::config::{ListenerConfig, Origin, ServerConfig};
use super::hand_over::Predecessor;
use super::listen::{self, Bound};
use super::port_file;
use super::socket_activation::Inherited;
use super::socket_file::SocketFile;

/// The listeners and their endpoints; the inherited ones come first.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub for_peers: Vec<Listener>,
    pub addresses: Vec<Endpoint>,
    configs: Vec<ListenerConfig>,
    /// The admin listener: bound by `--metrics`, or else inherited.
    pub admin: Option<Listener>,
    /// Where the next daemon asks for all of them.
    pub hand_over: Option<Listener>,
    /// The daemon that runs, until this one is ready.
    pub predecessor: Predecessor,
    /// The socket files, which are removed when this value is dropped.
    pub socket_files: Vec<SocketFile>,
    /// The number of inherited listeners.
    pub inherited: usize,
}

impl Listeners {
    /// Opens the configured listeners beside the inherited ones.
    pub(super) fn open(config: &ServerConfig, inherited: Inherited) -> anyhow::Result<Self> {
        let Inherited { listeners: mut all, metrics } = inherited;
        let inherited = all.len();
        let mut predecessor = match &config.hand_over {
            Some(path) => Predecessor::ask(path)?,
            None => Predecessor::default(),
        };
        if also_binds(config, &all) {
            all.extend(listen::bind(config, &mut predecessor)?);
        }
        if all.len() > LISTENERS_MAX {
            bail!("{} listeners, with inherited ones: at most {LISTENERS_MAX} work", all.len());
        }
        let mut places = Self { inherited, ..Self::default() };
        for Bound { listener, endpoint, file, .. } in
            listen::bind_admin(config, &mut predecessor)?.into_iter().chain(metrics)
        {
            if places.admin.is_some() {
                warn!("the inherited socket {endpoint} is ignored: metrics are on another already");
                continue;
            }
            info!("metrics on {endpoint}");
            if endpoint.tcp().is_some() {
                listener.defer_accept();
            }
            places.admin = Some(listener);
            places.socket_files.extend(file);
        }
        for Bound { listener, endpoint, file, config } in all {
            places.for_peers.push(listener);
            places.addresses.push(endpoint);
            places.configs.push(config);
            places.socket_files.extend(file);
        }
        if let Some(path) = &config.hand_over {
            let (listener, file) = listen::bind_hand_over(path, &mut predecessor)?;
            places.hand_over = Some(listener);
            places.socket_files.push(file);
        }
        places.predecessor = predecessor;
        Ok(places)
    }

    /// Announces the addresses: to people in the log, to waiting programs in the port file.
    pub(super) fn announce(&self, config: &ServerConfig) -> anyhow::Result<()> {
        let others = config.listener();
        for (number, (address, own)) in self.addresses.iter().zip(&self.configs).enumerate() {
            if number < self.inherited {
                info!("listening on {address} (inherited)");
            } else {
                info!("listening on {address} ({})", own.summary(&others));
            }
        }
        let Some(file) = &config.port_file else { return Ok(()) };
        port_file::write(file, &self.addresses)
            .with_context(|| format!("cannot write the port file {}", file.display()))
    }

    /// Returns how the reactor treats the connections of each listener.
    pub(super) fn options(&self) -> Vec<ListenerOptions> {
        let all = self.addresses.iter().zip(&self.configs);
        all.map(|(address, config)| ListenerOptions {
            address: address.to_string(),
            service: config.service,
            proxy_header: config.proxy_header,
        })
        .collect()
    }

    /// Warns of options that let one peer shut out the others.
    pub(super) fn warn_of_one_peer(&self, config: &ServerConfig, connections_max: usize) {
        if config.options.per_peer_max.is_some() {
            return;
        }
        let without = "without --max-per-peer: one address may";
        // The peers of a Unix socket have no addresses.
        if config.exec.is_some() && self.addresses.iter().any(|address| address.tcp().is_some()) {
            warn!("--exec {without} have all {connections_max} children");
        }
        if config.options.over_limit == OverLimit::Evict {
            warn!("--over-limit evict {without} evict all the others");
        }
    }

    /// Returns the addresses as a list.
    pub(super) fn listed(&self) -> String {
        let shown: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        shown.join(", ")
    }
}

/// Returns true if the daemon binds listeners beside the inherited ones: the configured ones, and
/// the default ones only if none was inherited.
pub(super) fn also_binds(config: &ServerConfig, inherited: &[Bound]) -> bool {
    inherited.is_empty() || config.origin == Origin::Addresses
}
