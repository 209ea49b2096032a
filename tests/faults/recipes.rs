//! The files of `docs/recipes/`, run by the programs that they are for.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::support::{BINARY, Builder, Daemon, Peer, eventually, have};

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
    replaced(&(block.split_once('\n').unwrap().1.to_owned() + "\n"), replacements)
}

fn replaced(text: &str, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (documented, tested)| {
        assert!(text.contains(documented), "{documented} is not in:\n{text}");
        text.replace(documented, tested)
    })
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

/// The file in `docs/deploy` has another log and another daemon here.
#[test]
fn logrotate_renames_the_log_without_losing_a_line() {
    if !have(&["logrotate"]) {
        return;
    }
    let builder = Builder::new(&[]).logging_to_file();
    let [log, configuration, state] =
        ["log", "logrotate", "state"].map(|name| builder.directory().join(name));
    let daemon = builder.start();
    let reload = "systemctl try-reload-or-restart tcpechod.service 'tcpechod@*.service'";
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy/logrotate");
    let log_name = log.to_str().unwrap();
    let signal = format!("kill -HUP {}", daemon.process());
    let replacements = [("/var/log/tcpechod/*.log", log_name), (reload, &signal)];
    let text = replaced(&fs::read_to_string(deployed).unwrap(), &replacements);
    fs::write(&configuration, text).unwrap();
    let rotate = || {
        let mut logrotate = Command::new("logrotate");
        logrotate.args(["--force", "--state"]).arg(&state).arg(&configuration);
        let output = logrotate.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        eventually("a new log", || fs::exists(&log).unwrap().then_some(()));
        daemon.wait_for_log("SIGHUP: log file opened again");
    };
    let closed = || {
        let address = daemon.connect().address();
        daemon.closing(address);
        format!("] closed peer={address} ")
    };
    let before = closed();
    rotate();
    let after = closed();
    let renamed = log.with_extension("1");
    let text = fs::read_to_string(&renamed).unwrap();
    assert!(text.contains(&before) && !text.contains(&after), "{text}");
    assert!(daemon.log_has_no(&before), "{}", daemon.log());
    rotate();
    assert!(fs::read_to_string(renamed).unwrap().contains(&after));
    assert!(fs::exists(log.with_extension("2.gz")).unwrap());
    daemon.epilogue();
}

/// The network of that page, in a namespace of its own: `near` leads nowhere. Prints the
/// milliseconds that the client takes.
const RESOLVER: &str = "
set -eu
cd \"$1\"
ip link set lo up
ip addr add 192.0.2.10/32 dev lo
ip link add near type veth peer name far
ip link set far up
ip link set near up
ip -6 addr add 2001:db8::1/64 dev near nodad
ip -6 neigh add 2001:db8::10 lladdr 02:00:00:00:00:10 dev near
echo nameserver 127.0.0.1 >resolv.conf
mount --bind resolv.conf /etc/resolv.conf
dnsmasq --no-daemon --conf-file=dnsmasq.conf 2>dnsmasq.log &
\"$2\" --listen 192.0.2.10:9877 --port-file port 2>daemon.log &
timeout 30 sh -c 'until [ -s port ] && getent hosts echo.example; do sleep 0.02; done' >names
begin=$(date +%s%3N)
echo hello | \"$3\" -v echo.example >&2
echo $(($(date +%s%3N) - begin))
";

#[test]
fn the_client_connects_past_a_dead_address_of_a_name() {
    if !have(&["dnsmasq", "unshare", "ip"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("dnsmasq.conf"), file("resolver.md", &[])).unwrap();
    let mut unshare = Command::new("unshare");
    // The first process of its own namespace of processes takes the others with it.
    unshare.args(["-rnm", "--kill-child", "-pf", "sh", "-c", RESOLVER, "sh"]);
    unshare.arg(directory.path()).args([BINARY, CLIENT]).stdin(Stdio::null());
    let output = unshare.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains(" peer=192.0.2.10:9877\n") && stderr.contains("hello"), "{stderr}");
    let milliseconds: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!((250..10_000).contains(&milliseconds), "{milliseconds} ms: {stderr}");
}

/// Echoes a line and a half by way of `systemd-socket-activate` with these arguments.
fn under_systemd(arguments: &[&str]) {
    if !have(&["systemd-socket-activate"]) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut activate = Command::new("systemd-socket-activate");
    activate.arg("-l").arg(format!("127.0.0.1:{port}")).args(arguments);
    activate.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running(activate.spawn().unwrap());
    for _ in 0..2 {
        eventually("it listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        let mut client = Command::new(CLIENT);
        client.args(["127.0.0.1", &port.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = client.spawn().unwrap();
        client.stdin.take().unwrap().write_all(b"a line\nand a half").unwrap();
        let output = client.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"a line\nand a half"[..]));
    }
    drop(running);
}

#[test]
fn systemd_passes_its_socket_to_one_daemon() {
    under_systemd(&[BINARY]);
}

#[test]
fn systemd_accepts_and_starts_a_daemon_for_each_connection() {
    under_systemd(&["--accept", "--inetd", BINARY, "--inetd"]);
}

#[test]
fn the_units_of_the_recipe_for_systemd_are_valid() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let page = include_str!("../../docs/recipes/systemd.md");
    let mut verify = Command::new("systemd-analyze");
    verify
        .arg("verify")
        .arg("--man=no")
        .env("SYSTEMD_UNIT_PATH", format!("{}:", directory.path().display()));
    for unit in page.split("\n```ini\n# /etc/systemd/system/").skip(1) {
        let (name, rest) = unit.split_once('\n').unwrap();
        let text = rest.split("\n```").next().unwrap();
        fs::write(
            directory.path().join(name),
            text.replace("/usr/local/bin/tcpechod", BINARY) + "\n",
        )
        .unwrap();
        verify.arg(directory.path().join(name.replace("@.", "@1.")));
    }
    let output = verify.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
