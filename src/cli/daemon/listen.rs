//! The listener options of `tcpechod`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::cli::units::within;
use crate::net::access::{self, Access, IpNet};
use crate::net::endpoint::UNIX_PREFIX;
use crate::server::Listen;

use super::PORT;

/// The largest backlog that listen(2) accepts.
const BACKLOG_MAX: u32 = i32::MAX.unsigned_abs();

#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    #[arg(short, long, help = LISTEN_HELP, value_name = "ADDR", env = "TCPECHOD_LISTEN",
          value_delimiter = ',', value_parser = listen_address)]
    listen: Vec<String>,

    /// Serve `/metrics` (OpenMetrics), `/healthz` and `/readyz` over HTTP on this address, in one
    /// of the forms of --listen
    #[arg(long, value_name = "ADDR", env = "TCPECHOD_METRICS", value_parser = listen_address)]
    pub(super) metrics: Option<String>,

    /// Accept metrics connections only from these networks, such as 10.0.0.0/8 or `2001:db8::/32`,
    /// or addresses; close others at once. May be given several times
    #[arg(long, value_name = "CIDR", env = "TCPECHOD_METRICS_ALLOW", value_delimiter = ',',
          value_parser = access::network)]
    metrics_allow: Vec<IpNet>,

    /// Once ready, write the bound addresses to this file, one per line. A regular file is
    /// replaced; a device, a FIFO or a link such as `/dev/stdout` is written in place
    #[arg(long, value_name = "FILE", env = "TCPECHOD_PORT_FILE")]
    pub(super) port_file: Option<PathBuf>,

    /// Length of the kernel's accept queue
    #[arg(short, long, value_name = "N", env = "TCPECHOD_BACKLOG", default_value_t = 4096,
          value_parser = within(1..=BACKLOG_MAX))]
    pub(super) backlog: u32,

    /// Let several processes listen on the same port
    #[arg(long, env = "TCPECHOD_REUSE_PORT", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    pub(super) reuse_port: bool,
}

// Not a doc comment, in which brackets would be links.
const LISTEN_HELP: &str = "\
Address to listen on: ip:port, [ip6]:port, name:port, or unix:/path; port 0 picks a free one. May \
be given several times \
[default: 0.0.0.0:9877 and [::]:9877]";

impl ListenArgs {
    pub(super) fn metrics_access(&self) -> Access {
        Access { allow: self.metrics_allow.clone(), deny: Vec::new() }
    }

    pub(super) fn listen(&mut self) -> Listen {
        if self.listen.is_empty() {
            Listen::Everywhere { port: PORT }
        } else {
            Listen::At(std::mem::take(&mut self.listen))
        }
    }
}

/// Checks the form only; names are resolved when the listener is bound.
fn listen_address(text: &str) -> Result<String, String> {
    match text.strip_prefix(UNIX_PREFIX) {
        Some("") => return Err("expected a path, as in unix:/run/tcpechod.sock".to_owned()),
        Some(_) => return Ok(text.to_owned()),
        None => {}
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err("expected ip:port, [ip6]:port, name:port or unix:/path".to_owned());
    };
    if port.parse::<u16>().is_err() {
        return Err(format!("{port:?} is not a port: expected a number from 0 to 65535"));
    }
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || (host.contains(':') && !bracketed) {
        return Err("expected ip:port, [ip6]:port (with the brackets) or name:port".to_owned());
    }
    Ok(text.to_owned())
}
