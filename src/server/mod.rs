//! `tcpechod`: listeners, limits, the loop around the reactor's turn, and signals.

mod access_lists;
mod admin;
mod check;
mod config;
mod descriptors;
mod hand_over;
mod health;
mod inetd;
mod listen;
mod listeners;
mod log_format;
mod log_sink;
mod metrics;
mod notify;
mod port_file;
mod privileges;
mod reload;
mod resolve;
mod sandbox;
mod serve;
mod socket_activation;
mod socket_file;
mod status;
mod status_page;

use std::hash::RandomState;
use std::path::Path;

use anyhow::Context;
use log::{info, warn};

use crate::os::descriptors::DescriptorLimit;
use crate::os::signals;
use crate::reactor::{
    Capacity, FaultCounts, FaultInjector, FaultSampler, ListenerOptions, Options, Reactor,
};
use crate::sys::{Launcher, MioOs, SignalHandlers};

use admin::AdminResponses;
use inetd::Inetd;
use listeners::Listeners;
use notify::Manager;
use privileges::Identity;
use reload::Reload;
use serve::{Reporting, begin};
use socket_activation::Claimed;
use socket_file::SocketFile;

pub use check::check;
pub use config::{
    AccessLists, Keepalive, ListenSpec, ListenerConfig, LogLevel, Origin, ServerConfig,
};
pub use descriptors::DESCRIPTORS_RESERVED;
pub use health::health;
pub use inetd::log_is_connection;
pub use log_format::LogFormat;
pub use log_sink::LogSink;
pub use reload::ReadLogLevel;
pub use sandbox::Sandbox;

/// The way in which the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// Every connection got all of its replies.
    Drained,
    /// That many connections did not: the deadline, or a second signal, came first.
    Cut(u64),
}

/// The state that the daemon claims before it reads its command line.
#[derive(Debug)]
pub struct Start {
    inherited: anyhow::Result<Claimed>,
    handlers: anyhow::Result<SignalHandlers>,
}

impl Start {
    /// Claims the sockets that the service manager passes on, and installs the signal handlers: a
    /// signal that comes now, or was blocked until now, makes the daemon drain as soon as it
    /// serves. [`run`] reports errors, when there is a log.
    pub fn begin() -> Self {
        let inherited = socket_activation::claim();
        let handlers =
            SignalHandlers::install().and_then(|handlers| signals::begin().map(|()| handlers));
        Self { inherited, handlers: handlers.context("cannot install signal handlers") }
    }
}

/// Binds, reports the addresses, and serves until a signal ends it. SIGHUP calls `read_log_level`,
/// if a file has the level.
///
/// # Errors
///
/// Those that the operator has to see: an address that can't be bound, a port file that can't be
/// written, a broken listener or poll.
pub fn run(
    config: &ServerConfig,
    start: Start,
    read_log_level: ReadLogLevel<'_>,
) -> anyhow::Result<ExitReason> {
    let config = &config.with_access()?;
    let reload = Reload { config, read_log_level };
    info!("tcpechod {}: {}", env!("CARGO_PKG_VERSION"), config.summary());
    if config.origin == Origin::StandardInput {
        return run_inetd(&reload, start);
    }
    inetd::refuse()?;
    let limit = DescriptorLimit::now();
    descriptors::raise();
    let identity = privileges::wanted(config)?;
    let inherited = socket_activation::take(start.inherited?, config)?;
    let handlers = start.handlers?;
    // Hash maps draw their seed once per thread. Where getrandom(2) is filtered they open a device
    // for it, and would panic in the sandbox.
    drop(RandomState::new());
    let mut places = Listeners::open(config, inherited)?;
    let listeners = std::mem::take(&mut places.for_peers);
    let count = listeners.len();
    let launcher = config.exec.clone().map(|program| Launcher::new(program, limit.clone()));
    let mut system = launcher
        .transpose()
        .and_then(|launcher| MioOs::new(handlers, listeners, places.admin.take(), launcher))
        .context("cannot set up the event loop")?;
    if let Some(listener) = places.hand_over.take() {
        system.hand_over_on(listener).context("cannot set up the event loop")?;
    }
    let options = Options { listeners: places.options(), ..config.options.clone() };
    let responses = AdminResponses::new(config.in_force.clone());
    let manager = Manager::connect();
    let descriptors = crate::os::descriptors::open();
    let connections_max = descriptors::connections_max(config.connections_max, count, &limit);
    let capacity = Capacity {
        listeners: count,
        listeners_inherited: places.inherited,
        connections_max,
        descriptors,
    };
    places.announce(config)?;
    places.warn_of_one_peer(config, connections_max);
    let removable: Vec<_> = places.socket_files.iter().map(SocketFile::directory).collect();
    give_up_rights(&reload, identity, &removable)?;
    std::mem::take(&mut places.predecessor).replace();
    manager.ready(&format!("listening on {}", places.listed()));
    info!("ready");
    let socket_files = places.socket_files;
    if config.faults.is_empty() {
        let faults = FaultCounts::default();
        let reporting = Reporting { responses, manager, faults, socket_files };
        return begin(Reactor::new(system, capacity, options), &reload, reporting);
    }
    warn!("fault injection enabled: {}", config.faults_summary());
    let sampler = FaultSampler::new(config.faults.clone(), config.fault_seed);
    let reporting = Reporting { responses, manager, faults: sampler.counts(), socket_files };
    let system = FaultInjector::new(system, sampler);
    begin(Reactor::new(system, capacity, options), &reload, reporting)
}

fn give_up_rights(
    reload: &Reload<'_>,
    identity: Option<Identity>,
    removable: &[&Path],
) -> anyhow::Result<()> {
    privileges::give_up(identity)?;
    sandbox::enter(reload.config, removable);
    reload.rehearse();
    Ok(())
}

/// Serves the connection on standard input.
fn run_inetd(reload: &Reload<'_>, start: Start) -> anyhow::Result<ExitReason> {
    let config = reload.config;
    let Inetd { socket, peer, address } = inetd::take(config)?;
    let identity = privileges::wanted(config)?;
    let system = MioOs::new(start.handlers?, Vec::new(), None, None);
    let system = system.context("cannot set up the event loop")?;
    let Options { service, proxy_header, .. } = config.options;
    let listeners = vec![ListenerOptions { address, service, proxy_header }];
    let capacity = Capacity {
        listeners: 0,
        listeners_inherited: 0,
        connections_max: 1,
        descriptors: crate::os::descriptors::open(),
    };
    give_up_rights(reload, identity, &[])?;
    let options = Options { listeners, ..config.options.clone() };
    let mut reactor = Reactor::new(system, capacity, options);
    reactor.serve_one(socket, peer);
    let responses = AdminResponses::new(Vec::new());
    let (manager, faults) = (Manager::connect(), FaultCounts::default());
    begin(reactor, reload, Reporting { responses, manager, faults, socket_files: Vec::new() })
}
