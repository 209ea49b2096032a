//! The files of `docs/recipes/`, run by the programs that they are for.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::support::{Daemon, Peer, eventually, have};

const CLIENT: &str = env!("CARGO_BIN_EXE_tcpecho");

/// A running program; dropping it kills the process.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The file in that page, with each documented text replaced.
fn file(page: &str, replacements: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes").join(page);
    let page = fs::read_to_string(path).unwrap();
    let block = page.split("\n```").nth(1).unwrap();
    let mut text = block.split_once('\n').unwrap().1.to_owned() + "\n";
    for (documented, tested) in replacements {
        assert!(text.contains(documented), "{documented} is not in:\n{text}");
        text = text.replace(documented, tested);
    }
    text
}

#[test]
fn haproxy_checks_a_raw_listener_without_a_newline_and_names_its_clients() {
    if !have(&["haproxy"]) {
        return;
    }
    let daemon = Daemon::start(&["--service", "raw", "--proxy-protocol", "require"]);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("haproxy.cfg");
    let address = daemon.address().to_string();
    let replacements = [("bind :9877", "bind fd@0"), ("10.0.0.11:9877", &address)];
    fs::write(&path, file("haproxy.md", &replacements)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let mut haproxy = Command::new("haproxy");
    haproxy.args(["-db", "-f"]).arg(&path).stdin(OwnedFd::from(listener));
    let running = Running(haproxy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    daemon.wait_for_log(" bytes_in=4 bytes_out=4 ");
    let mut peer = Peer::connect(proxy);
    peer.exchange(b"no newline", b"no newline");
    daemon.wait_for_log(&format!("PROXY header: peer={} ", peer.address()));
    assert!(daemon.log_has_no("cause=protocol"), "{}", daemon.log());
    drop((peer, running));
}

/// Sends a line and a half through nginx, which listens on a Unix socket, because nginx takes no
/// port 0. The echo is late, so that the client's FIN comes first.
fn through_nginx(half_close: &str) -> Output {
    let daemon = Daemon::start(&["--fault", "delay:200ms=100%"]);
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("socket");
    let path = directory.path().join("nginx.conf");
    let listen = format!("listen unix:{};", socket.display());
    let address = daemon.address().to_string();
    let replacements = [
        ("listen 9877;", &*listen),
        ("10.0.0.11:9877", &address),
        ("proxy_half_close on;", half_close),
    ];
    fs::write(&path, file("nginx.md", &replacements)).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-p").arg(directory.path()).arg("-c").arg(&path);
    nginx.arg("-e").arg(directory.path().join("error.log"));
    let pid = directory.path().join("pid");
    nginx.arg("-g").arg(format!("daemon off; master_process off; pid {};", pid.display()));
    let mut running = Running(nginx.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    eventually("nginx listens", || {
        let log = directory.path().join("error.log");
        let ended = running.0.try_wait().unwrap();
        assert!(ended.is_none(), "{}", fs::read_to_string(log).unwrap_or_default());
        (socket.exists() && pid.exists()).then_some(())
    });
    let mut client = Command::new(CLIENT);
    client.arg(format!("unix:{}", socket.display())).stdin(Stdio::piped());
    let mut client = client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(b"hello\nworld").unwrap();
    let output = client.wait_with_output().unwrap();
    drop((running, daemon));
    output
}

#[test]
fn nginx_keeps_a_half_close_only_if_it_is_told_to() {
    if !have(&["nginx"]) {
        return;
    }
    let output = through_nginx("proxy_half_close on;");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"hello\nworld"[..]));
    let output = through_nginx("");
    assert_ne!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn promtool_accepts_the_scrape_configuration() {
    if !have(&["promtool"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("prometheus.yml");
    fs::write(&path, file("prometheus.md", &[])).unwrap();
    let output = Command::new("promtool").args(["check", "config"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
