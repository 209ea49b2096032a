//! The report of `--check`: how the daemon would run.

use super::config::ServerConfig;
use super::resolve::{self, ListenTarget};
use super::socket_activation::{self, Inherited};
use super::{Start, descriptors, listeners, privileges};

/// The effects of [`run`](super::run), in the lines that `--check` prints.
///
/// # Errors
///
/// A name that can't be resolved; a list of networks that can't be read.
pub fn check(config: &ServerConfig, start: Start) -> anyhow::Result<String> {
    let config = &config.with_access()?;
    let Inherited { listeners: inherited, metrics } =
        socket_activation::take(start.inherited?, config)?;
    let binds = listeners::also_binds(config, &inherited);
    let wanted = if binds { resolve::listeners(config)? } else { Vec::new() };
    let connections_max = descriptors::effective(config.connections_max, wanted.len());
    let mut lines = vec![config.summary(), format!("up to {connections_max} connections")];
    let identity = privileges::wanted(config)?;
    lines.extend(identity.map(|identity| format!("would run as {identity}")));
    if !config.faults.is_empty() {
        lines.push(format!("would inject faults: {}", config.faults_summary()));
    }
    for bound in &inherited {
        lines.push(format!("would listen on {} (inherited)", bound.endpoint));
    }
    let others = config.listener();
    for ListenTarget { endpoint, config: own, .. } in wanted {
        lines.push(format!("would listen on {endpoint} ({})", own.summary(&others)));
    }
    let own = resolve::admin(config)?.into_iter().next().map(|target| target.endpoint);
    let admin = own.or_else(|| metrics.into_iter().next().map(|bound| bound.endpoint));
    lines.extend(admin.map(|endpoint| format!("would serve metrics on {endpoint}")));
    let file = config.port_file.as_ref();
    lines.extend(file.map(|file| format!("would write the addresses to {}", file.display())));
    let socket = config.hand_over.as_ref();
    lines.extend(socket.map(|path| {
        format!("would take over the listeners of a daemon on unix:{}", path.display())
    }));
    let log = config.log_file.as_ref();
    lines.extend(log.map(|file| format!("would log to {}", file.display())));
    Ok(lines.join("\n"))
}
