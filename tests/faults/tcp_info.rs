//! The kernel's figures: in closing lines, in the metrics and the status, and how often the daemon
//! asks for them.

use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::admin::{curl, daemon};
use super::support::{Builder, Daemon, Peer, eventually, have};

/// The value of a `name=value` pair of a log line.
fn pair<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

#[test]
fn o13_closing_lines_of_tcp_have_round_trip_time_and_retransmissions_also_after_a_reset() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("socket");
    let daemon = Builder::new(&["--fault", "slice=100%"])
        .listen("127.0.0.1:0")
        .listen(&format!("unix:{}", socket.display()))
        .start();
    let [mut finished, mut reset] = [daemon.connect(), daemon.connect()];
    let addresses = [finished.address(), reset.address()];
    finished.echo(b"a line\n");
    reset.echo(b"a line\n");
    drop(finished);
    reset.reset();
    for address in addresses {
        let line = daemon.wait_for_log(&format!("closed peer={address} "));
        let rtt = pair(&line, "rtt_us").unwrap().parse::<u64>().unwrap();
        assert!(rtt > 0 && line.ends_with(" retransmits=0"), "{line}");
    }
    drop(UnixStream::connect(&socket).unwrap());
    let line = daemon.wait_for_log("closed peer=unix:");
    assert_eq!((pair(&line, "rtt_us"), pair(&line, "retransmits")), (None, None), "{line}");
    daemon.epilogue();
}

/// The daemon is full, so that later connections stay in the accept queue.
#[test]
fn m13_the_accept_queue_and_the_backlog_are_those_that_ss_shows() {
    if !have(&["curl", "ss"]) {
        return;
    }
    let (daemon, address) = daemon(&["--max-connections", "1", "--backlog", "20"]);
    let mut first = daemon.connect();
    first.echo(b"a line\n");
    let queued: Vec<_> = (0..5).map(|_| Peer::connect(daemon.address())).collect();
    let status = eventually("five connections are in the queue", || {
        let status: Value = serde_json::from_str(&curl(address, "/status.json", &[]).1).unwrap();
        (status["listeners"][0]["queue"] == json!(5)).then_some(status)
    });
    assert_eq!(status["listeners"][0]["backlog"], json!(20), "{status}");
    let port = daemon.address().port();
    let ss = Command::new("ss").args(["-Hltn", &format!("sport = :{port}")]).output().unwrap();
    let ss = String::from_utf8(ss.stdout).unwrap();
    assert!(ss.split_whitespace().skip(1).take(2).eq(["5", "20"]), "{ss}");
    let listener = daemon.address();
    for (name, number) in [("queue", 5), ("backlog", 20)] {
        let sample = format!("tcpechod_listener_{name}{{listener=\"{listener}\"}} {number}\n");
        eventually("the metrics say the same", || {
            curl(address, "/metrics", &[]).1.contains(&sample).then_some(())
        });
    }
    drop((first, queued));
    daemon.epilogue();
}

#[test]
fn m13_a_unix_socket_and_a_closed_listener_have_no_queue_that_is_known() {
    if !have(&["curl"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let socket = format!("unix:{}", directory.path().join("socket").display());
    let (mut daemon, address) = daemon(&["--listen", &socket, "--drain-timeout", "1m"]);
    let queues = || {
        let status: Value = serde_json::from_str(&curl(address, "/status.json", &[]).1).unwrap();
        let listeners = status["listeners"].as_array().unwrap().clone();
        listeners.iter().map(|one| one["queue"].clone()).collect::<Vec<_>>()
    };
    let mut known = queues();
    known.sort_by_key(Value::is_null);
    assert_eq!(known, [json!(0), Value::Null]);
    let mut peer = daemon.connect();
    let sent = daemon.leave_pending(&mut peer);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    eventually("the listeners are closed", || queues().iter().all(Value::is_null).then_some(()));
    assert!(peer.read_to_end() == sent);
    drop(peer);
    assert_eq!(daemon.wait_for_exit().code(), Some(0));
    daemon.epilogue_ended(0);
}

#[test]
fn m13_samples_have_the_round_trip_time_of_each_listener() {
    if !have(&["curl"]) {
        return;
    }
    let (daemon, address) = daemon(&[]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let status = eventually("the connection is in a sample", || {
        let status: Value = serde_json::from_str(&curl(address, "/status.json", &[]).1).unwrap();
        status["listeners"][0]["rtt_us"].is_u64().then_some(status)
    });
    assert!(status["listeners"][0]["rtt_us"].as_u64().unwrap() > 0, "{status}");
    let (_, metrics) = curl(address, "/metrics", &[]);
    let value = |name: &str| {
        let start = format!("tcpechod_{name}{{listener=\"{}\"}} ", daemon.address());
        let value = metrics.lines().find_map(|line| line.strip_prefix(&start));
        value.unwrap_or_else(|| panic!("{start} in {metrics}")).parse::<f64>().unwrap()
    };
    assert!(value("sampled_connections_total") >= 1.0);
    assert!(value("rtt_seconds_sum") > 0.0);
    assert!((value("rtt_seconds_count") - value("sampled_connections_total")).abs() < 0.5);
    assert!(value("sampled_retransmits_total").abs() < 0.5);
    drop(peer);
    daemon.epilogue();
}

/// Of one connection once a second, of the listener with each text; and for a closing line only at
/// debug.
#[test]
fn m13_a_flood_of_requests_asks_the_kernel_no_more_often_and_an_end_not_at_all() {
    if !have(&["curl", "strace"]) {
        return;
    }
    let arguments = ["--metrics", "127.0.0.1:0", "--log-level", "info"];
    let daemon = Builder::new(&arguments).traced("getsockopt").start();
    let line = daemon.wait_for_log("metrics on ");
    let url = format!("http://{}/metrics", line.rsplit(' ').next().unwrap());
    let asked = |daemon: &Daemon| daemon.trace().matches("TCP_INFO").count();
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    daemon.connect().reset();
    daemon.wait_for_status("one is reset", |status| status.count("reset") == 1);
    assert_eq!(asked(&daemon), 0, "{}", daemon.trace());
    let began = Instant::now();
    let mut flood = Command::new("curl");
    let output = flood.args(["--silent", "--noproxy", "*"]).args(vec![url; 300]).output().unwrap();
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    let texts = String::from_utf8(output.stdout).unwrap().matches("# EOF").count();
    assert_eq!(texts, 300);
    assert!((2..=11 * seconds + 2).contains(&asked(&daemon)), "{seconds} s: {}", daemon.trace());
    peer.echo(b"meanwhile\n");
    drop(peer);
    daemon.epilogue();
}
