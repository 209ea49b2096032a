//! Restarts under churn: peers that connect, send a line, read its echo and close first, while one
//! daemon after another is drained. Nothing may be lost, however the next daemon gets the port.
//!
//! `make restarts` runs 100,000 connections for each of them, and `make test` a sample.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::haproxy::Proxy;
use super::support::{Builder, Daemon, have};

const LOAD: &str = env!("CARGO_BIN_EXE_tcpecho-load");

/// The least number of restarts, and of connections if the variable `RESTART_CONNECTIONS` does not
/// have another.
const RESTARTS: usize = 4;
const CONNECTIONS: u64 = 1_000;

/// A load of connections that a peer closes first, and the restarts under it.
pub(super) struct Churn {
    load: Child,
    report: TempDir,
    restarts: usize,
    connections: u64,
}

impl Churn {
    pub(super) fn start(address: SocketAddr) -> Self {
        let report = TempDir::new().unwrap();
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let mut command = Command::new(LOAD);
        command.args([&ip, &port, "--mode", "churn", "-c", "20", "-d", "1h", "--warmup", "0s"]);
        command.args(["--source", "127.0.0.2-127.0.0.9", "-q", "--format", "json", "-o"]);
        command.arg(report.path().join("report.json")).stdin(Stdio::null());
        Self { load: command.spawn().unwrap(), report, restarts: 0, connections: 0 }
    }

    /// Waits until connections come to the new daemon. Returns true if it is to be replaced too.
    pub(super) fn goes_on(&mut self, new: &Daemon) -> bool {
        new.wait_for_status("connections come", |status| status.count("accepted") > 100);
        let wanted = std::env::var("RESTART_CONNECTIONS");
        let wanted = wanted.map_or(CONNECTIONS, |number| number.parse().unwrap());
        self.restarts < RESTARTS || self.connections < wanted
    }

    /// Counts the connections of a daemon that is about to be replaced.
    pub(super) fn replaces(&mut self, daemon: &Daemon) {
        self.restarts += 1;
        self.connections += daemon.status().count("accepted");
    }

    /// Drains this daemon.
    fn restart(&mut self, daemon: &mut Daemon) {
        self.replaces(daemon);
        daemon.terminate();
        assert_eq!(daemon.wait_for_exit().code(), Some(0), "{}", daemon.log());
    }

    /// Asserts that each connection got its line back, and prints their number.
    pub(super) fn lost_nothing(mut self, way: &str) {
        kill_process(Pid::from_child(&self.load), Signal::INT).unwrap();
        assert_eq!(self.load.wait().unwrap().code(), Some(130), "interrupted, with a report");
        let report = fs::read_to_string(self.report.path().join("report.json")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        let (done, lost) = (&report["transactions_total"], &report["unanswered"]);
        println!("{way}: {} restarts, {done} connections, {lost} lost", self.restarts);
        assert_eq!(report["errors"], json!({}));
        assert_eq!(*lost, 0);
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        drop(self.load.kill());
        drop(self.load.wait());
    }
}

#[test]
fn l18_restarts_behind_a_socket_unit_lose_no_peer_that_closes_first() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = || {
        let inherited = vec![socket.try_clone().unwrap().into()];
        Builder::new(&[]).inheriting("echo", inherited).start()
    };
    let mut churn = Churn::start(socket.local_addr().unwrap());
    let mut current = daemon();
    while churn.goes_on(&current) {
        churn.restart(&mut current);
        current = daemon();
    }
    churn.lost_nothing("behind a socket unit");
}

#[test]
fn l18_restarts_beside_a_second_process_lose_no_peer_that_closes_first() {
    let daemon = |address: &str| Builder::new(&["--reuse-port"]).listen(address).start();
    let mut current = daemon("127.0.0.1:0");
    let address = current.address();
    let mut churn = Churn::start(address);
    while churn.goes_on(&current) {
        let next = daemon(&address.to_string());
        churn.restart(&mut current);
        current = next;
    }
    churn.lost_nothing("with --reuse-port");
}

#[test]
fn l18_restarts_behind_haproxy_lose_no_peer_that_closes_first() {
    if !have(&["haproxy"]) {
        return;
    }
    let daemon =
        |address: &str| Builder::new(&["--proxy-protocol", "require"]).listen(address).start();
    let mut daemons = [(); 3].map(|()| daemon("127.0.0.1:0"));
    let proxy = Proxy::before(&daemons);
    let mut churn = Churn::start(proxy.address);
    // As in a rolling restart, the next one comes once HAProxy uses the new daemon.
    for number in (0..daemons.len()).cycle() {
        let current = &mut daemons[number];
        if !churn.goes_on(current) {
            break;
        }
        churn.restart(current);
        *current = daemon(&current.address().to_string());
        churn.goes_on(current);
    }
    churn.lost_nothing("behind HAProxy");
}
