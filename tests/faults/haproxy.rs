//! The real `HAProxy` with `docs/deploy/haproxy.cfg` in front of three daemons: the effects of a
//! drain and of a kill on its clients.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::support::{Daemon, Peer, Status, eventually, have};

const CONFIGURATION: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deploy/haproxy.cfg"));
const LOAD: &str = env!("CARGO_BIN_EXE_tcpecho-load");

/// The number of clients, and their addresses.
const CLIENTS: u64 = 60;
const SOURCES: &str = "127.0.0.2-127.0.0.7";

/// A proxy with daemons behind it; dropping it kills the process.
pub(super) struct Proxy {
    child: Child,
    pub(super) address: SocketAddr,
    directory: TempDir,
}

impl Proxy {
    /// Starts `HAProxy` with the documented configuration and the addresses of `daemons`. It
    /// inherits its listener as standard input, so that no other process can get the port first.
    pub(super) fn before(daemons: &[Daemon]) -> Self {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("haproxy.cfg");
        fs::write(&file, configuration(daemons)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(&file)
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .stderr(File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let proxy = Self { child, address, directory };
        // Until HAProxy accepts, the connection waits in the accept queue.
        Peer::connect(address).echo(b"through the proxy\n");
        proxy
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn configuration(daemons: &[Daemon]) -> String {
    let mut text = CONFIGURATION.replace("bind :9877", "bind fd@0");
    for (number, daemon) in (11..).zip(daemons) {
        let documented = format!("10.0.0.{number}:9877");
        assert!(text.contains(&documented), "{documented}");
        text = text.replace(&documented, &daemon.address().to_string());
    }
    assert!(text.contains("fd@0"));
    text
}

/// Starts the load generator through the proxy; it runs until SIGINT.
fn load(address: SocketAddr, report: &Path) -> Child {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let connections = CLIENTS.to_string();
    let mut command = Command::new(LOAD);
    command.args([&ip, &port, "-c", &connections, "--source", SOURCES, "--warmup", "0s", "-q"]);
    command.args(["-d", "10m", "-s", "16-2000", "-P", "4", "--format", "json", "-o"]);
    command.arg(report).stdin(Stdio::null()).spawn().unwrap()
}

/// The number of connections closed with `cause`, without the proxy's own health checks.
fn ended(daemon: &Daemon, cause: &str) -> usize {
    let log = daemon.log();
    let of_clients = log.lines().filter(|line| line.contains("closed peer=127.0.0."));
    let of_clients = of_clients.filter(|line| !line.contains(" bytes_in=0 "));
    of_clients.filter(|line| line.contains(&format!(" cause={cause} "))).count()
}

fn total(report: &Value, what: &str) -> u64 {
    let counts = report[what].as_object().unwrap().values();
    counts.map(|count| count.as_u64().unwrap()).sum()
}

/// The client addresses in the daemon's log, without ports.
fn clients(daemon: &Daemon) -> BTreeSet<String> {
    let log = daemon.log();
    let proxied = log.lines().filter_map(|line| line.split_once("] PROXY header: peer="));
    proxied.map(|(_, rest)| rest.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn h12_behind_haproxy_a_drain_loses_nothing_and_a_kill_only_its_connections() {
    if !have(&["haproxy"]) {
        return;
    }
    let daemon = || Daemon::start(&["--proxy-protocol", "require"]);
    let mut daemons = [daemon(), daemon(), daemon()];
    let proxy = Proxy::before(&daemons);
    let file = proxy.directory.path().join("report.json");
    let mut load = load(proxy.address, &file);
    let [of_drained, _, of_kept] = eventually("all clients are connected and busy", || {
        let all = daemons.each_ref().map(Daemon::status);
        let busy = |status: &Status| status.count("open") > 9 && status.count("lines") > 1000;
        let open = all.each_ref().map(|status| status.count("open"));
        (all.iter().all(busy) && open.iter().sum::<u64>() == CLIENTS).then_some(open)
    });

    let [drained, killed, kept] = &mut daemons;
    drained.terminate();
    assert_eq!(drained.wait_for_exit().code(), Some(0), "{}", drained.log());
    let of_killed = eventually("its clients are at the others", || {
        let [open, other] = [&*kept, killed].map(|daemon| daemon.status().count("open"));
        (open + other == CLIENTS).then_some(other)
    });
    killed.signal(Signal::KILL);
    killed.wait_for_exit();
    kept.wait_for_status("all are at the third daemon", |status| status.count("open") == CLIENTS);

    kill_process(Pid::from_child(&load), Signal::INT).unwrap();
    assert_eq!(load.wait().unwrap().code(), Some(130), "interrupted, with a report");
    assert!(!proxy.log().contains("ALERT"), "{}", proxy.log());
    let report = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    drop(proxy);
    kept.terminate();
    assert_eq!(kept.wait_for_exit().code(), Some(0));
    let finished = u64::try_from(ended(kept, "finished")).unwrap();
    assert!(finished >= of_kept, "{finished} of {of_kept} ended in order:\n{}", kept.log());
    nothing_was_lost(&daemons, of_drained + of_killed, &report);
}

/// Asserts that the report has at most one error for each connection of an ended daemon, and that
/// the drained and the kept daemon log no unexpected cause.
fn nothing_was_lost(daemons: &[Daemon; 3], errors_max: u64, report: &Value) {
    assert_eq!(report["mismatches"], 0, "{report:#}");
    assert!(report["lines_total"].as_u64().unwrap() > 3000, "{report:#}");
    assert!(total(report, "errors") <= errors_max, "errors of ended daemons only: {report:#}");
    let [drained, _, kept] = daemons;
    // The daemon echoed all that it had read: no cut, and no reset with replies in flight.
    for wrong in ["cut", "reset", "protocol", "refused", "error"] {
        assert_eq!(ended(drained, wrong), 0, "{wrong}:\n{}", drained.log());
    }
    assert!(ended(drained, "drained") > 0 || ended(drained, "finished") > 0);
    for wrong in ["cut", "protocol", "refused", "error", "line-timeout"] {
        assert_eq!(ended(kept, wrong), 0, "{wrong}:\n{}", kept.log());
    }
    let all: BTreeSet<_> = daemons.iter().flat_map(clients).collect();
    for last in 2..=7 {
        assert!(all.contains(&format!("127.0.0.{last}")), "{all:?}");
    }
}

#[test]
fn haproxy_accepts_the_documented_configuration_without_a_warning() {
    if !have(&["haproxy"]) {
        return;
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deploy/haproxy.cfg");
    let output = Command::new("haproxy").args(["-c", "-dW", "-f", file]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
