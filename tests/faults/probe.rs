//! The service `probe`: each request, its limits, and its waits in a drain.

use std::time::{Duration, Instant};

use super::support::{Builder, Daemon, Peer, eventually};

fn daemon() -> Daemon {
    Daemon::start(&["--service", "probe"])
}

/// Sends a request, and returns the line of its answer.
fn ask(peer: &mut Peer, request: &str) -> String {
    peer.send(format!("{request}\n").as_bytes());
    line(peer)
}

fn line(peer: &mut Peer) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.extend(peer.recv_exact(1));
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

/// A connection of that name.
fn named(daemon: &Daemon, name: &str) -> Peer {
    let mut peer = daemon.connect();
    assert_eq!(ask(&mut peer, &format!("probe name {name}")), format!("probe named {name}"));
    peer
}

/// Asks until the connection of that name has ended.
fn fate(asking: &mut Peer, name: &str) -> String {
    eventually("the connection has ended", || {
        let fate = ask(asking, &format!("probe fate {name}"));
        let (ended, age) = fate.split_once(" age_ms=")?;
        assert!(age.parse::<u64>().unwrap() < 30_000, "{fate}");
        Some(ended.to_owned())
    })
}

#[test]
fn d13_every_line_comes_back_except_requests() {
    let daemon = daemon();
    let mut peer = daemon.connect();
    peer.echo(b"a line\n\0\xff\r\nprobe\nprobes\n Probe hello\n");
    let sending = peer.send_beside([vec![b'x'; 1 << 20], b"probe hello\n".to_vec()].concat());
    assert!(peer.recv_exact((1 << 20) + 12).ends_with(b"xprobe hello\n"), "the end of a line");
    sending.join().unwrap().unwrap();
    peer.send(b"probe hello\nafter\nprobe close");
    assert!(line(&mut peer).starts_with("probe tcpechod "));
    assert_eq!(line(&mut peer), "after");
    peer.half_close();
    assert_eq!(peer.read_to_end(), b"probe close", "an unfinished line is no request");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn d13_hello_shows_the_addresses_and_what_the_handshake_agreed_on() {
    let daemon = daemon();
    let mut peer = daemon.connect();
    let hello = ask(&mut peer, "probe hello");
    let version = env!("CARGO_PKG_VERSION");
    let (ours, theirs) = (daemon.address(), peer.address());
    let begin = format!("probe tcpechod {version} peer={theirs} local={ours} mss=");
    assert!(hello.starts_with(&begin), "{hello}");
    let pairs: Vec<_> = hello.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    let number = |name| pairs.iter().find(|(key, _)| *key == name).unwrap().1.parse::<u32>();
    assert!(number("mss").unwrap() >= 536 && number("rtt_us").unwrap() > 0, "{hello}");
    assert!(hello.contains(" options=") && !hello.contains("from="), "{hello}");
    drop(peer);

    let daemon = Builder::new(&["-s", "probe", "--proxy-protocol", "require"]).start();
    let mut proxied = daemon.connect();
    proxied.send(b"PROXY TCP4 192.0.2.7 192.0.2.8 5 6\r\n");
    let hello = ask(&mut proxied, "probe hello");
    let addresses =
        format!("peer=192.0.2.7:5 local={} from={} ", daemon.address(), proxied.address());
    assert!(hello.contains(&addresses), "{hello}");
}

#[test]
fn d14_another_connection_shows_how_one_has_ended() {
    let daemon = daemon();
    let mut asking = daemon.connect();
    assert_eq!(ask(&mut asking, "probe fate nobody"), "probe fate nobody unknown");

    let mut finished = named(&daemon, "finished");
    let open = ask(&mut asking, "probe fate finished");
    assert_eq!(open, "probe fate finished open bytes_in=20 input=open");
    finished.echo(b"more\n");
    drop(finished);
    assert_eq!(fate(&mut asking, "finished"), "probe fate finished finished bytes_in=25");

    named(&daemon, "reset").reset();
    assert_eq!(fate(&mut asking, "reset"), "probe fate reset reset bytes_in=17");

    let mut half = named(&daemon, "half");
    half.send(b"probe later 60000 text\n");
    half.half_close();
    let fin = "probe fate half open bytes_in=39 input=fin";
    eventually("the FIN is seen", || (ask(&mut asking, "probe fate half") == fin).then_some(()));
    half.reset();
    assert_eq!(fate(&mut asking, "half"), "probe fate half broken-pipe bytes_in=39");
    drop(asking);
    daemon.epilogue();
}

#[test]
fn d14_the_last_1024_names_are_kept() {
    let daemon = daemon();
    let mut peer = named(&daemon, "first");
    for number in 1..=1024 {
        if number == 1024 {
            assert!(ask(&mut peer, "probe fate first").starts_with("probe fate first open"));
        }
        let answer = ask(&mut peer, &format!("probe name n{number}"));
        assert_eq!(answer, format!("probe named n{number}"));
    }
    assert_eq!(ask(&mut peer, "probe fate first"), "probe fate first unknown");
    assert!(ask(&mut peer, "probe fate n1").starts_with("probe fate n1 open"));
    drop(peer);
    daemon.epilogue();
}

#[test]
fn d15_a_close_on_request_is_a_half_close_and_input_is_counted_until_fin() {
    let daemon = daemon();
    let (mut asking, mut peer) = (daemon.connect(), named(&daemon, "x"));
    peer.send(b"line\nprobe close\nbehind");
    assert_eq!(peer.read_to_end(), b"line\n", "then FIN");
    peer.send(b"after");
    eventually("it is counted", || {
        let fate = ask(&mut asking, "probe fate x");
        assert!(fate.starts_with("probe fate x open "), "{fate}");
        fate.contains(" bytes_in=41 ").then_some(())
    });
    peer.half_close();
    assert_eq!(fate(&mut asking, "x"), "probe fate x finished bytes_in=41");
    drop((asking, peer));
    daemon.epilogue();
}

#[test]
fn d15_a_reset_on_request_is_a_reset() {
    let daemon = daemon();
    let (mut asking, mut peer) = (daemon.connect(), named(&daemon, "x"));
    peer.send(b"probe reset\n");
    let error = peer.try_read_to_end().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(fate(&mut asking, "x"), "probe fate x aborted bytes_in=25");
    drop(asking);
    daemon.epilogue();
}

#[test]
fn d16_a_late_line_and_a_pause_end_in_time_and_delay_no_other_connection() {
    let daemon = daemon();
    // The daemon's clock is a few milliseconds coarse.
    let wait = Duration::from_millis(290);
    let [mut late, mut paused, mut other] = [(); 3].map(|()| daemon.connect());
    let start = Instant::now();
    late.send(b"probe later 300 text\n");
    late.half_close();
    assert_eq!(ask(&mut paused, "probe pause 300"), "probe pausing 300");
    paused.send(b"held\n");
    other.echo(b"served at once\n");
    daemon.wait_until_asleep();
    assert_eq!(late.read_to_end(), b"text\n");
    assert!(start.elapsed() >= wait, "{:?}", start.elapsed());
    assert_eq!(line(&mut paused), "held");
    assert!(start.elapsed() >= wait, "{:?}", start.elapsed());
    drop((late, paused, other));
    daemon.epilogue();
}

/// The sender's buffers and ours fill up, as behind any slow application.
#[test]
fn d16_nothing_is_read_in_a_pause() {
    let daemon = daemon();
    let mut peer = daemon.connect();
    assert_eq!(ask(&mut peer, "probe pause 60000"), "probe pausing 60000");
    let most = 64 << 20;
    assert!(peer.send_until_stuck(&[b'x'; 4096], most) < most, "back-pressure");
    peer.reset();
    daemon.wait_until_alone();
    daemon.epilogue();
}

#[test]
fn d17_a_drain_ends_pauses_and_sends_late_lines_at_once() {
    let daemon = daemon();
    let [mut late, mut half, mut paused] = [(); 3].map(|()| daemon.connect());
    late.echo(b"first\n");
    late.send(b"probe later 60000 text\n");
    half.send(b"probe later 60000 text\n");
    half.half_close();
    paused.send(b"probe pause 60000\nheld\n");
    assert_eq!(line(&mut paused), "probe pausing 60000");
    paused.send(b"unread\n");
    daemon.wait_for_status("all have asked", |status| {
        status.count("bytes_in") == 75 && status.count("flushing") == 1
    });
    daemon.terminate();
    assert_eq!(late.read_to_end(), b"text\n");
    assert_eq!(half.read_to_end(), b"text\n");
    assert_eq!(paused.read_to_end(), b"held\nunread\n");
    drop((late, half, paused));
    daemon.epilogue_ended(0);
}

#[test]
fn d18_a_wrong_request_is_one_line_of_error_and_the_next_line_is_read() {
    let daemon = daemon();
    let mut peer = daemon.connect();
    let long = "x".repeat(1 << 20);
    for (request, part) in [
        ("", "the requests are"),
        ("hallo", "the requests are"),
        ("hello you", "nothing may follow"),
        ("name two words", "a NAME has 1 to 32"),
        ("fate a_b", "a NAME has 1 to 32"),
        ("later 60001 text", "from 0 to 60000"),
        ("later 5", "later MS TEXT"),
        ("pause -1", "from 0 to 60000"),
        (&long, "too long"),
    ] {
        let error = ask(&mut peer, &format!("probe {request}"));
        assert!(error.starts_with("probe error: ") && error.contains(part), "{error}");
        peer.echo(b"on\n");
    }
    peer.send(b"probe later 60000 a\n");
    assert_eq!(ask(&mut peer, "probe later 1 b"), "probe error: another line is due later");
    peer.reset();
    daemon.wait_until_alone();
    daemon.epilogue();
}

/// A peer that sends requests and reads no answer.
#[test]
fn d18_a_flood_of_requests_takes_bounded_memory_and_starves_no_other_connection() {
    let daemon = daemon();
    let (mut flood, mut other) = (daemon.connect(), daemon.connect());
    other.echo(b"before\n");
    let before = daemon.resident_bytes();
    let requests = "probe hello\n".repeat(10_000);
    flood.send_until_stuck(requests.as_bytes(), 64 << 20);
    other.echo(b"meanwhile\n");
    let grown = daemon.resident_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes");
    flood.reset();
    drop(other);
    daemon.wait_until_alone();
    daemon.epilogue();
}
