//! Faults between the peer's SYN and the first turn of its connection.

use std::process::Stdio;

use super::support::{Builder, Daemon, TcpState, eventually, have, lacks};

#[test]
fn a01_a_peer_that_resets_before_accept_is_only_a_reset() {
    let daemon = Daemon::start(&[]);
    let mut bystander = daemon.connect();
    bystander.echo(b"before\n");
    let gone = daemon.stopped(|| {
        let peer = daemon.connect();
        let address = peer.address();
        daemon.wait_for_state(address, Some(TcpState::Established));
        peer.reset();
        daemon.wait_for_state(address, None);
        address
    });
    let closing = daemon.closing(gone);
    assert_eq!((closing.cause.as_str(), closing.bytes_in), ("reset", 0));
    bystander.echo(b"after\n");
    drop(bystander);
    daemon.epilogue();
}

#[test]
fn a01_data_and_a_reset_before_accept_are_data_and_a_reset() {
    let daemon = Daemon::start(&[]);
    let gone = daemon.stopped(|| {
        let mut peer = daemon.connect();
        let address = peer.address();
        peer.send(b"hello\n");
        eventually("the data has arrived", || {
            daemon
                .sockets()
                .iter()
                .any(|socket| socket.remote_port == address.port() && socket.unread == 6)
                .then_some(())
        });
        peer.reset();
        daemon.wait_for_state(address, None);
        address
    });
    let closing = daemon.closing(gone);
    assert_eq!((closing.cause.as_str(), closing.bytes_in), ("reset", 6));
    daemon.epilogue();
}

#[test]
fn a03_a_peer_that_half_closes_before_accept_gets_its_echo() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.stopped(|| {
        let mut peer = daemon.connect();
        peer.send(b"a line\nand a half");
        peer.half_close();
        daemon.wait_for_state(peer.address(), Some(TcpState::CloseWait));
        peer
    });
    assert_eq!(peer.read_to_end(), b"a line\nand a half");
    let closing = daemon.closing(peer.address());
    assert_eq!((closing.cause.as_str(), closing.lines), ("finished", 2));
    drop(peer);
    daemon.epilogue();
}

#[test]
fn a03_a_peer_that_leaves_before_accept_has_finished() {
    let daemon = Daemon::start(&[]);
    let gone = daemon.stopped(|| {
        let address = daemon.connect().address();
        daemon.wait_for_state(address, Some(TcpState::CloseWait));
        address
    });
    let closing = daemon.closing(gone);
    assert_eq!((closing.cause.as_str(), closing.bytes_in), ("finished", 0));
    daemon.epilogue();
}

/// Asserts that every peer is served although some `accept` calls fail; returns the daemon.
fn served_though_accept_fails(error: &str, when: &str) -> Daemon {
    let daemon = Builder::new(&[]).injected("accept4", error, when).start();
    let mut peers = daemon.connect_many(4);
    for peer in &mut peers {
        peer.echo(b"let in\n");
    }
    drop(peers);
    let status = daemon.wait_for_status("no connection is left", |status| status.alive() == 0);
    assert_eq!(status.count("finished"), 4, "{error} at {when}: {status:?}");
    daemon
}

#[test]
fn a04_an_aborted_connection_does_not_end_the_accept_loop() {
    if !have(&["strace"]) {
        return;
    }
    for when in ["1", "1..3", "2", "1+2"] {
        let daemon = served_though_accept_fails("ECONNABORTED", when);
        let status = daemon.status();
        let aborted = status.count("aborted");
        assert!(aborted > 0, "{status:?}");
        assert_eq!(status.count("ECONNABORTED"), aborted, "{status:?}");
        assert_eq!(status.count("accepted"), 4 + aborted, "{status:?}");
        daemon.epilogue();
    }
}

#[test]
fn a06_a_network_error_from_accept_costs_one_connection_not_the_listener() {
    if !have(&["strace"]) {
        return;
    }
    let errors = [
        ("ENETDOWN", "ENETDOWN"),
        ("EPROTO", "EPROTO"),
        ("ENOPROTOOPT", "ENOPROTOOPT"),
        ("EHOSTDOWN", "EHOSTDOWN"),
        ("ENONET", "errno-64"),
        ("EHOSTUNREACH", "EHOSTUNREACH"),
        ("EOPNOTSUPP", "EOPNOTSUPP"),
        ("ENETUNREACH", "ENETUNREACH"),
        ("EPERM", "EPERM"),
        ("ETIMEDOUT", "ETIMEDOUT"),
        ("ENOSR", "errno-63"),
    ];
    for (error, counted_as) in errors {
        let daemon = served_though_accept_fails(error, "1..2");
        let status = daemon.status();
        assert_eq!(status.count(counted_as), 2, "{error}: {status:?}");
        daemon.epilogue();
    }
}

#[test]
fn a07_an_interrupted_accept_is_tried_again() {
    if !have(&["strace"]) {
        return;
    }
    let daemon = served_though_accept_fails("EINTR", "1+2");
    assert!(daemon.status().count("EINTR") > 0);
    daemon.epilogue();
}

#[test]
fn a10_a_listener_that_dies_ends_the_daemon_with_an_error() {
    if !have(&["unshare", "ip", "ss", "nsenter"]) {
        return;
    }
    let mut daemon = Builder::new(&[]).in_namespace().start();
    let listener = format!("sport = :{}", daemon.address().port());
    if !daemon.beside(&["ss", "-K", "-H", "-t", "-l", &listener]).status().unwrap().success() {
        lacks("a kernel with INET_DIAG_DESTROY");
        return;
    }
    assert_eq!(daemon.wait_for_exit().code(), Some(1));
    let log = daemon.log();
    assert_eq!(log.matches(" ERROR").count(), 1, "logged once: {log}");
    let last = log.lines().last().unwrap();
    assert!(last.starts_with("tcpechod: a listener is broken"), "{last}");
    daemon.epilogue_ended(1);
}

#[test]
fn a11_two_hundred_connections_in_one_edge_are_all_accepted() {
    let daemon = Daemon::start(&[]);
    let mut peers = daemon.stopped(|| {
        let mut peers = daemon.connect_many(200);
        for peer in &mut peers {
            peer.send(b"one of many\n");
        }
        peers
    });
    for peer in &mut peers {
        assert_eq!(peer.recv_exact(12), b"one of many\n");
    }
    assert_eq!(daemon.status().count("accepted"), 200);
    drop(peers);
    daemon.epilogue();
}

#[test]
#[cfg_attr(mio_unsupported_force_poll_poll, ignore = "poll(2) keeps nothing that could run out")]
fn a13_a_connection_that_epoll_refuses_is_closed_alone() {
    if !have(&["strace"]) {
        return;
    }
    for error in ["ENOSPC", "ENOMEM"] {
        // The first two calls register the signals and the listener.
        let daemon = Builder::new(&[]).injected("epoll_ctl", error, "4").start();
        let mut first = daemon.connect();
        first.echo(b"first\n");
        let mut second = daemon.connect();
        second.wait_for_end();
        assert_eq!(daemon.closing(second.address()).cause, "error");
        let mut third = daemon.connect();
        third.echo(b"third\n");
        first.echo(b"first again\n");
        assert_eq!(daemon.status().count("error"), 1, "{error}");
        drop((first, second, third));
        daemon.epilogue();
    }
}

#[test]
fn a20_connections_are_accepted_if_the_poll_of_the_accept_queue_fails() {
    if !have(&["strace"]) {
        return;
    }
    // The log uses the same call before it writes to stderr, so stderr is /dev/null.
    let daemon = Builder::new(&[]).stderr(Stdio::null()).injected("ppoll", "ENOMEM", "1+").start();
    let mut peers = daemon.stopped(|| daemon.connect_many(20));
    for peer in &mut peers {
        peer.echo(b"a line\n");
    }
    drop(peers);
    daemon.epilogue();
}
