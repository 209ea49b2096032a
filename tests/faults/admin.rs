//! The admin endpoint: requests by curl, Prometheus' own parser, and abuse.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use socket2::{Domain, Socket, Type};

use super::support::{Builder, Daemon, LIMIT, eventually, have};

/// Parses standard input with the parser of Prometheus' own client library, and prints each sample
/// as `name{label="value"} number`; fails on input that is no OpenMetrics.
const PARSER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for name, labels, value, *_ in family.samples:
        labels = ','.join('%s=\"%s\"' % pair for pair in sorted(labels.items()))
        print('%s{%s} %d' % (name, labels, value))
";

pub(super) fn daemon(arguments: &[&str]) -> (Daemon, SocketAddr) {
    let arguments = [&["--metrics", "127.0.0.1:0"], arguments].concat();
    let daemon = Builder::new(&arguments).start();
    let line = daemon.wait_for_log("metrics on ");
    let address = line.rsplit(' ').next().unwrap().parse().unwrap();
    (daemon, address)
}

/// Requests `path` with curl; returns the status and the body.
pub(super) fn curl(address: SocketAddr, path: &str, options: &[&str]) -> (String, String) {
    let url = format!("http://{address}{path}");
    let limit = LIMIT.as_secs().to_string();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", &limit])
        .args(["--write-out", "\n%{http_code}", &url])
        .args(options)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{text}"));
    (status.to_owned(), body.to_owned())
}

fn samples(text: &str) -> String {
    let mut parser = Command::new("/usr/bin/python3")
        .args(["-c", PARSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    parser.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = parser.wait_with_output().unwrap();
    assert!(output.status.success(), "no OpenMetrics:\n{text}");
    String::from_utf8(output.stdout).unwrap()
}

/// Sends a request, and reads the answer to its end.
pub(super) fn answer_to(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // The daemon may answer and close before the whole request is sent.
    stream.write_all(sent).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    String::from_utf8(answer).unwrap()
}

#[test]
fn m01_metrics_are_open_metrics_and_count_connections_bytes_and_lines() {
    if !have(&["curl", "/usr/bin/python3"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"one\n");
    peer.echo(b"two\n");
    let gone = daemon.connect();
    gone.reset();
    daemon.wait_for_status("one is reset", |status| status.count("reset") == 1);
    let (status, text) = curl(address, "/metrics", &[]);
    assert_eq!(status, "200");
    let samples = samples(&text);
    for sample in [
        "tcpechod_connections{phase=\"open\"} 1",
        "tcpechod_connections_accepted_total{} 2",
        "tcpechod_connections_closed_total{cause=\"reset\"} 1",
        "tcpechod_connections_closed_total{cause=\"finished\"} 0",
        "tcpechod_bytes_total{direction=\"in\"} 8",
        "tcpechod_bytes_total{direction=\"out\"} 8",
        "tcpechod_lines_total{} 2",
        "tcpechod_listener_state{state=\"open\"} 1",
        "tcpechod_listener_state{state=\"paused\"} 0",
        "tcpechod_draining{} 0",
        "tcpechod_connection_lifetime_seconds_bucket{le=\"86400.0\"} 1",
        "tcpechod_connection_lifetime_seconds_count{} 1",
        "tcpechod_connection_lines_bucket{le=\"0.0\"} 1",
    ] {
        assert!(samples.lines().any(|line| line == sample), "{sample} is not in:\n{samples}");
    }
    let value = |name: &str| samples.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    assert_eq!(
        value("tcpechod_event_loop_duration_seconds_count{} "),
        value("tcpechod_event_loop_iterations_total{} "),
        "iterations that are not timed count too"
    );
    eventually("admin connections are closed", || {
        let (_, text) = curl(address, "/metrics", &[]);
        let count = text.lines().find_map(|line| line.strip_prefix("process_open_fds "))?;
        // The connection of this request is a descriptor too.
        (count.parse::<usize>().unwrap() == daemon.fds() + 1).then_some(())
    });
    drop(peer);
    daemon.epilogue();
}

/// The metrics of a scrape as rows of the table in `docs/operations.md`.
fn rows(text: &str) -> String {
    let mut rows = String::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, meaning) = line.split_once(' ').unwrap();
        let start = format!("# TYPE {name} ");
        let kind = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        let sample = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        let labelled = if kind == "histogram" { format!("{name}_count") } else { sample.clone() };
        let start = format!("{labelled}{{");
        let labels = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default();
        let labels = labels.split("\",").filter_map(|label| label.split_once('='));
        let label = labels.map(|(label, _)| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let meaning = meaning.trim_end_matches('.');
        writeln!(rows, "| `{sample}` | {kind} | {label} | {meaning} |").unwrap();
    }
    rows
}

/// Starts a daemon with every metric: an accept error and an injected fault have happened.
pub(super) fn with_every_metric() -> (Daemon, SocketAddr) {
    let arguments = ["--metrics", "127.0.0.1:0", "--fault", "slice=100%"];
    let daemon = Builder::new(&arguments).injected("accept4", "ECONNABORTED", "1").start();
    let line = daemon.wait_for_log("metrics on ");
    let address = line.rsplit(' ').next().unwrap().parse().unwrap();
    daemon.connect().echo(b"a line\n");
    (daemon, address)
}

#[test]
fn every_metric_is_in_the_operators_table_and_no_other() {
    if !have(&["curl", "strace"]) {
        return;
    }
    let (daemon, address) = with_every_metric();
    let rows = rows(&curl(address, "/metrics", &[]).1);
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let document = fs::read_to_string(document).unwrap();
    let head = "| metric | type | label | meaning |\n|---|---|---|---|\n";
    let (_, rest) = document.split_once(head).unwrap();
    let (table, _) = rest.split_once("\n\n").unwrap();
    let (mut found, mut expected): (Vec<_>, Vec<_>) =
        (table.lines().collect(), rows.lines().collect());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "the rows are:\n{rows}");
    daemon.epilogue();
}

#[test]
fn m02_healthz_stays_200_and_readyz_turns_503_with_the_drain() {
    if !have(&["curl"]) {
        return;
    }
    let (mut daemon, address) = daemon(&["--drain-timeout", "1m"]);
    assert_eq!(curl(address, "/healthz", &[]).0, "200");
    assert_eq!(curl(address, "/readyz", &[]), ("200".to_owned(), "ready\n".to_owned()));
    assert_eq!(curl(address, "/healthz", &["--head"]).0, "200");
    // Pending output for a peer that does not read keeps the drain from ending.
    let mut peer = daemon.connect();
    let sent = daemon.leave_pending(&mut peer);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    assert_eq!(curl(address, "/readyz", &[]), ("503".to_owned(), "draining\n".to_owned()));
    assert_eq!(curl(address, "/healthz", &[]).0, "200", "healthy while it drains");
    let back = peer.read_to_end();
    assert!(back == sent, "{} of {} bytes", back.len(), sent.len());
    drop(peer);
    assert_eq!(daemon.wait_for_exit().code(), Some(0));
    daemon.epilogue_ended(0);
}

#[test]
fn m03_an_invalid_request_gets_the_matching_error_status() {
    let (daemon, address) = daemon(&[]);
    let many: String = (0..100).fold(String::new(), |mut text, n| {
        write!(text, "h{n}: x\r\n").unwrap();
        text
    });
    for (sent, status) in [
        ("GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(), "404"),
        ("DELETE /metrics HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("echo this\r\n\r\n".to_owned(), "400"),
        ("\0\u{1}\u{2}\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)), "431"),
        (format!("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n{}", "x".repeat(500_000)), "405"),
    ] {
        let answer = answer_to(address, sent.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
    daemon.epilogue();
}

fn admin_connection(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

#[test]
fn m04_slow_and_silent_admin_connections_are_closed_after_five_seconds() {
    let (daemon, address) = daemon(&[]);
    let (mut slow, mut silent) = (admin_connection(address), admin_connection(address));
    slow.write_all(b"GET /metrics HTT").unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    assert_eq!(silent.read_to_end(&mut Vec::new()).unwrap(), 0, "no answer without a request");
    drop((slow, silent));
    daemon.epilogue();
}

/// Between a probe's connect and its request come as many connections as the admin table holds, in
/// every round.
#[test]
fn m07_a_flood_of_silent_admin_connections_keeps_no_probe_out() {
    let (daemon, address) = daemon(&[]);
    let mut peer = daemon.connect();
    let mut flood = VecDeque::new();
    let mut more = |count: usize, begun: bool| {
        for _ in 0..count {
            let mut one = admin_connection(address);
            if begun {
                // With input, the kernel does not defer its accept. It may be evicted already.
                drop(one.write_all(b"GET /me"));
            }
            flood.push_back(one);
        }
        flood.drain(..flood.len().saturating_sub(400));
    };
    for round in 0..20 {
        more(64, round % 2 == 0);
        let mut probe = admin_connection(address);
        more(64, round % 2 == 0);
        probe.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "round {round}: {answer:?}");
        peer.echo(b"meanwhile\n");
    }
    let (_, metrics) = curl(address, "/metrics", &[]);
    assert!(metrics.contains("tcpechod_metrics_rejected_total{reason=\"evicted\"} "), "{metrics}");
    drop((flood, peer));
    daemon.epilogue();
}

#[test]
fn m08_an_admin_connection_from_a_denied_address_is_closed_at_once() {
    let (daemon, address) = daemon(&["--metrics-allow", "127.0.0.1"]);
    let (status, _) = curl(address, "/healthz", &[]);
    assert_eq!(status, "200");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut refused = TcpStream::from(socket);
    refused.set_read_timeout(Some(LIMIT)).unwrap();
    refused.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    // Closed with its request unread, or before the request came.
    let answer = refused.read_to_end(&mut Vec::new());
    assert!(answer.as_ref().is_ok_and(|read| *read == 0) || answer.is_err(), "{answer:?}");
    let (_, metrics) = curl(address, "/metrics", &[]);
    assert!(metrics.contains("{reason=\"refused\"} 1\n"), "{metrics}");
    daemon.epilogue();
}

#[test]
fn m05_an_admin_connection_that_resets_or_sends_two_requests_harms_no_peer() {
    let (daemon, address) = daemon(&[]);
    let mut peer = daemon.connect();
    for _ in 0..50 {
        let mut admin = TcpStream::connect(address).unwrap();
        admin.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        socket2::SockRef::from(&admin).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }
    let twice =
        b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\nGET /healthz HTTP/1.1\r\nHost: here\r\n\r\n";
    let answer = answer_to(address, twice);
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "one answer, then a close: {answer}");
    peer.echo(b"still here\n");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn m06_a_metrics_address_in_use_is_an_error_that_names_it() {
    let daemon = Daemon::start(&[]);
    let taken = daemon.address().to_string();
    let ended = Builder::new(&["--metrics", &taken]).listen("127.0.0.1:0");
    let ended = ended.env("RUST_LOG", "error").run_to_end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&taken) && ended.stderr.contains("another process"), "{ended:?}");
    daemon.epilogue();
}
