//! Admission at the limits: descriptors, memory, the backlog, the connection limit.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Builder, Daemon, Peer, Status, TcpState, eventually, have};

#[test]
fn a08_descriptors_run_out_and_come_back() {
    let daemon = Daemon::start(&["--max-connections", "100"]);
    daemon.limit_descriptors(10);
    let start = Instant::now();
    let mut peers = daemon.connect_many(30);
    for peer in &mut peers {
        peer.send(b"one\n");
    }
    let exhausted = |status: &Status| status.count("open") == 10 && status.count("EMFILE") > 2;
    let status = daemon.wait_for_status("ten are open, and accept fails", exhausted);
    assert_eq!(status.count("accept_pauses"), status.count("EMFILE"), "{status:?}");
    for peer in &mut peers[..10] {
        assert_eq!(peer.recv_exact(4), b"one\n", "open connections are served");
        peer.echo(b"two\n");
    }
    // No peer connects from here on, so no event reports that the daemon may accept again.
    drop(peers.drain(..5));
    for peer in &mut peers[5..10] {
        assert_eq!(peer.recv_exact(4), b"one\n", "each freed descriptor admits one connection");
    }
    daemon.limit_descriptors(200);
    for peer in &mut peers[10..] {
        assert_eq!(peer.recv_exact(4), b"one\n", "with the limit raised, all are admitted");
    }
    let status = daemon.status();
    let (elapsed, freed) = (start.elapsed(), 5);
    let pauses_max = elapsed.as_millis() / 250 + freed + 2;
    assert!(u128::from(status.count("accept_pauses")) <= pauses_max, "a busy loop: {status:?}");
    let warnings = u64::try_from(daemon.log().matches(" WARN ").count()).unwrap();
    assert!(warnings <= 1 + elapsed.as_secs() / 5, "{warnings} warnings in {elapsed:?}");
    drop(peers);
    daemon.epilogue();
}

#[test]
fn a09_exhausted_memory_or_files_pause_accept_not_the_daemon() {
    if !have(&["strace"]) {
        return;
    }
    for error in ["ENFILE", "ENOBUFS", "ENOMEM"] {
        let daemon = Builder::new(&[]).injected("accept4", error, "1..3").start();
        let start = Instant::now();
        let mut peer = daemon.connect();
        peer.echo(b"late, but let in\n");
        assert!(start.elapsed() > Duration::from_millis(500), "{error}: three pauses of 250 ms");
        let status = daemon.status();
        assert_eq!((status.count(error), status.count("accept_pauses")), (3, 3), "{status:?}");
        assert_eq!(daemon.log().matches(" WARN ").count(), 1, "{error}: warned once");
        drop(peer);
        daemon.epilogue();
    }
}

/// The backlog of the listener: `Send-Q` in the output of ss(8).
fn backlog(daemon: &Daemon) -> u32 {
    let filter = format!("sport = :{}", daemon.address().port());
    let output = Command::new("ss").args(["-Hltn", &filter]).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    line.split_whitespace().nth(2).unwrap().parse().unwrap()
}

#[test]
fn a14_the_backlog_is_four_thousand_not_the_librarys_hundred() {
    if !have(&["ss"]) {
        return;
    }
    let somaxconn = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let somaxconn: u32 = somaxconn.trim().parse().unwrap();
    let daemon = Daemon::start(&[]);
    assert_eq!(backlog(&daemon), somaxconn.min(4096));
    daemon.epilogue();
    let daemon = Daemon::start(&["--backlog", "77"]);
    assert_eq!(backlog(&daemon), somaxconn.min(77));
    daemon.epilogue();
}

#[test]
fn a14_a_connect_to_a_full_accept_queue_succeeds_later() {
    let daemon = Daemon::start(&["--backlog", "4"]);
    let connecting = daemon.stopped(|| {
        let address = daemon.address();
        let connect = move || {
            let mut peer = Peer::connect(address);
            peer.echo(b"patience\n");
        };
        let connecting: Vec<_> = (0..12).map(|_| thread::spawn(connect)).collect();
        eventually("the queue is full", || {
            let sockets = daemon.sockets();
            let queue = sockets.iter().find(|socket| socket.state == TcpState::Listen).unwrap();
            (queue.unread > 4).then_some(())
        });
        connecting
    });
    for peer in connecting {
        peer.join().expect("the peer connects and gets its echo");
    }
    assert_eq!(daemon.status().count("accepted"), 12);
    daemon.epilogue();
}

#[test]
fn a17_a_connection_over_the_limit_waits_in_the_backlog() {
    let daemon = Daemon::start(&["--max-connections", "3"]);
    let mut peers = daemon.connect_many(3);
    for peer in &mut peers {
        peer.echo(b"in\n");
    }
    let mut fourth = daemon.connect();
    fourth.send(b"waiting\n");
    let status = daemon.status();
    assert_eq!(
        (status.count("accepted"), status.word("listener_state")),
        (3, "full"),
        "{status:?}"
    );
    let queue = daemon.sockets().into_iter().find(|socket| socket.state == TcpState::Listen);
    assert_eq!(queue.unwrap().unread, 1, "it waits in the accept queue");
    daemon.wait_for_log("--max-connections is reached, 3 connections: more wait in the backlog");
    drop(peers.pop());
    assert_eq!(fourth.recv_exact(8), b"waiting\n");
    drop((peers, fourth));
    daemon.epilogue();
}

#[test]
fn a17_a_connection_over_the_limit_is_refused() {
    let daemon = Daemon::start(&["--max-connections", "3", "--over-limit", "refuse"]);
    let mut peers = daemon.connect_many(3);
    for peer in &mut peers {
        peer.echo(b"in\n");
    }
    let mut fourth = daemon.connect();
    assert_eq!(fourth.read_to_end(), b"", "closed in order, without output");
    assert_eq!(daemon.closing(fourth.address()).cause, "refused");
    drop(peers.pop());
    daemon.wait_for_status("there is room again", |status| status.count("open") == 2);
    let mut fifth = daemon.connect();
    fifth.echo(b"in\n");
    peers[0].echo(b"still in\n");
    assert_eq!(daemon.status().count("refused"), 1);
    drop((peers, fourth, fifth));
    daemon.epilogue();
}

#[test]
fn a18_a_denied_address_is_closed_at_once() {
    let daemon = Builder::new(&["--deny", "127.0.0.2,127.0.3.0/24"]).listen("0.0.0.0:0").start();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, daemon.address().port()));
    for (source, permitted) in
        [([127, 0, 0, 1], true), ([127, 0, 0, 2], false), ([127, 0, 3, 9], false)]
    {
        let mut peer = Peer::connect_from(source.into(), address);
        if permitted {
            peer.echo(b"in\n");
        } else {
            assert_eq!(peer.read_to_end(), b"", "closed in order, without output");
            assert_eq!(daemon.closing(peer.address()).cause, "refused");
        }
    }
    daemon.epilogue_at(address);
}

#[test]
fn a18_with_allow_the_others_are_denied_on_both_families() {
    let daemon = Builder::new(&["--allow", "::1", "--deny", "192.0.2.0/24"])
        .listen("127.0.0.1:0")
        .listen("[::1]:0")
        .start();
    let [v4, v6] = *daemon.addresses() else { panic!("two addresses") };
    assert_eq!(Peer::connect(v4).read_to_end(), b"");
    let mut peer = Peer::connect(v6);
    peer.echo(b"in\n");
    drop(peer);
    daemon.epilogue_at(v6);
}

#[test]
fn a18_an_invalid_network_is_a_usage_error() {
    for option in ["--allow", "--deny"] {
        let ended = Builder::new(&[option, "10.0.0.0/64"]).run_to_end();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(option) && ended.stderr.contains("10.0.0.0/8"), "{ended:?}");
    }
}

#[test]
fn a19_a_connection_over_max_per_peer_is_refused() {
    let daemon = Builder::new(&["--max-per-peer", "2"]).listen("0.0.0.0:0").start();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, daemon.address().port()));
    let mut peers = [Peer::connect(address), Peer::connect(address)];
    for peer in &mut peers {
        peer.echo(b"in\n");
    }
    let mut third = Peer::connect(address);
    assert_eq!(third.read_to_end(), b"");
    assert_eq!(daemon.closing(third.address()).cause, "refused");
    daemon.wait_for_log(
        "WARN ] connections ended in the last 1 s: refused=1; most from 127.0.0.1 (1)",
    );
    let mut other = Peer::connect_from(Ipv4Addr::new(127, 0, 0, 9), address);
    other.echo(b"from elsewhere\n");
    drop(peers);
    daemon.wait_for_status("there is room again", |status| status.count("open") == 1);
    let mut again = Peer::connect(address);
    again.echo(b"in again\n");
    drop((again, other, third));
    daemon.epilogue_at(address);
}

#[test]
fn a17_a_connection_over_the_limit_evicts_the_longest_idle() {
    let daemon = Daemon::start(&["--max-connections", "3", "--over-limit", "evict"]);
    let mut peers = daemon.connect_many(3);
    for peer in &mut peers {
        peer.echo(b"in\n");
    }
    // The daemon's clock has a resolution of a few milliseconds.
    let quiet_since = Instant::now();
    while quiet_since.elapsed() < Duration::from_millis(50) {
        peers[0].echo(b"busy\n");
        peers[2].echo(b"busy\n");
    }
    let mut fourth = daemon.connect();
    fourth.echo(b"in\n");
    peers[1].wait_for_end();
    assert_eq!(daemon.closing(peers[1].address()).cause, "evicted");
    peers[0].echo(b"still in\n");
    peers[2].echo(b"still in\n");
    let status = daemon.status();
    assert_eq!((status.count("evicted"), status.count("open")), (1, 3), "{status:?}");
    drop((peers, fourth));
    daemon.epilogue();
}
