//! The processes of the daemons and the load generators.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::process::Process;
use super::scale::Scale;

/// How long a load generator holds its connections without a signal: longer than all deadlines of a
/// run together.
const HOLD: &str = "1h";

/// A daemon on a port that it shares with others.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: Process,
    port_file: PathBuf,
}

impl Daemon {
    /// Starts a daemon; the port is 0 for the first, and that of the first for the others.
    pub(crate) fn start(folder: &Path, number: u64, port: u16) -> Result<Self, String> {
        let port_file = folder.join(format!("port-{number}"));
        let words = [
            "--listen".to_owned(),
            format!("127.0.0.1:{port}"),
            "--reuse-port".to_owned(),
            "--port-file".to_owned(),
            port_file.display().to_string(),
        ];
        let log = folder.join(format!("daemon-{number}"));
        let process = Process::start(env!("CARGO_BIN_EXE_tcpechod"), &words, log)?;
        Ok(Self { process, port_file })
    }

    /// The address, once the daemon listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        fs::read_to_string(&self.port_file).ok()?.trim().parse().ok()
    }
}

/// A load generator with its share of the connections.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) process: Process,
    pub(crate) connections: u64,
    report: PathBuf,
}

impl Load {
    pub(crate) fn start(
        folder: &Path,
        address: SocketAddr,
        scale: &Scale,
        (number, connections): (u64, u64),
        timeout: Duration,
    ) -> Result<Self, String> {
        let report = folder.join(format!("report-{number}"));
        let words = format!(
            "{} {} --mode idle -c {connections} -d {HOLD} --warmup 0s --verify-held {} --source {} \
             --timeout {}s --seed {} -q --format json -o",
            address.ip(),
            address.port(),
            Scale::again(connections),
            scale.source(number),
            timeout.as_secs(),
            number + 1
        );
        let mut words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        words.push(report.display().to_string());
        let log = folder.join(format!("load-{number}"));
        let process = Process::start(env!("CARGO_BIN_EXE_tcpecho-load"), &words, log)?;
        Ok(Self { process, connections, report })
    }

    /// Returns its report, once it has ended.
    pub(crate) fn report(&self) -> Result<Value, String> {
        let text = fs::read_to_string(&self.report).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }
}
