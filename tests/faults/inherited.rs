//! Socket activation: listeners that the daemon inherits, as from systemd's socket units.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};

use socket2::{Domain, Protocol, Socket, Type};

use super::support::{Builder, LIMIT, Peer, eventually, lacks, pattern};

/// A listener on a free port, and its address. It is in blocking mode, as a manager's may be.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn s03_inherited_sockets_of_both_families_are_served_and_no_others() {
    let (builder, directory) = (Builder::new(&[]), tempfile::tempdir().unwrap());
    let path = directory.path().join("echo");
    let unix = UnixListener::bind(&path).unwrap();
    let (tcp, address) = listener();
    let daemon = builder.inheriting("tcp:unix", vec![tcp.into(), unix.into()]).start();
    daemon.wait_for_log(&format!("listening on {address} (inherited)"));
    daemon.wait_for_log(&format!("listening on unix:{} (inherited)", path.display()));
    assert!(daemon.log_has_no("(backlog"), "the daemon has bound a socket:\n{}", daemon.log());
    Peer::connect(address).echo(b"over TCP\n");
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.write_all(b"over Unix\n").unwrap();
    let mut back = [0; 10];
    peer.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"over Unix\n");
    drop(peer);
    daemon.terminate();
    daemon.epilogue_ended(0);
    assert!(path.exists(), "the socket file belongs to the manager");
}

#[test]
fn s03_an_inherited_socket_and_a_listen_address_are_both_served() {
    let (tcp, address) = listener();
    let builder = Builder::new(&[]).listen("127.0.0.1:0");
    let daemon = builder.inheriting("", vec![tcp.into()]).start();
    let [first, second] = daemon.addresses() else { panic!("two addresses") };
    assert_eq!(*first, address);
    for address in [*first, *second] {
        Peer::connect(address).echo(b"a line\n");
    }
    daemon.epilogue();
}

#[test]
fn s03_an_inherited_listener_gets_the_options_that_connections_inherit() {
    let (tcp, address) = listener();
    let arguments = ["--user-timeout", "7s", "--keepalive", "600s/15s/8"];
    let kept = tcp.try_clone().unwrap();
    let daemon = Builder::new(&arguments).inheriting("", vec![tcp.into()]).start();
    Peer::connect(address).echo(b"a line\n");
    let socket = socket2::SockRef::from(&kept);
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(std::time::Duration::from_secs(7)));
    assert_eq!(socket.tcp_keepalive_time().unwrap(), std::time::Duration::from_secs(600));
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), 128 << 10);
    assert!(socket.nonblocking().unwrap());
    daemon.epilogue();
}

#[test]
fn s03_a_tuning_option_that_an_inherited_socket_lacks_is_named_in_a_warning() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let Ok(socket) = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)) else {
        lacks("a kernel with MPTCP");
        return;
    };
    socket.bind(&any.into()).unwrap();
    socket.listen(16).unwrap();
    let lacking = socket.set_tcp_user_timeout(Some(LIMIT)).is_err();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let builder = Builder::new(&["--user-timeout", "7s"]).inheriting("", vec![socket.into()]);
    let daemon = builder.start();
    daemon.wait_for_log(&format!("listening on {address} (inherited)"));
    let warning = format!("WARN ] {address} is without TCP_USER_TIMEOUT: ");
    assert_eq!(daemon.log().contains(&warning), lacking, "{}", daemon.log());
    Peer::connect(address).echo(b"a line\n");
    daemon.epilogue();
}

#[test]
fn s04_a_socket_of_the_wrong_kind_is_an_error_that_names_it() {
    let (tcp, address) = listener();
    let stream = TcpStream::connect(address).unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    for (wrong, said) in [
        (OwnedFd::from(stream), "it does not listen"),
        (datagrams.into(), "it is no stream socket, TCP or Unix"),
        (file.into(), "it is no stream socket, TCP or Unix"),
    ] {
        let sockets = vec![tcp.try_clone().unwrap().into(), wrong];
        let builder = Builder::new(&[]).env("RUST_LOG", "error");
        let ended = builder.inheriting("echo:odd", sockets).run_to_end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let start = "tcpechod: cannot listen on inherited socket 1 (\"odd\"): ";
        assert!(ended.stderr.starts_with(&format!("{start}{said}")), "{ended:?}");
    }
}

#[test]
fn s04_sockets_for_another_process_are_ignored() {
    let daemon = Builder::new(&[]).env("LISTEN_FDS", "1").env("LISTEN_PID", "1").start();
    daemon.wait_for_log("(backlog 4096)");
    daemon.epilogue();
}

#[test]
fn s04_an_invalid_listen_variable_is_an_error_that_names_it() {
    for (name, value, said) in [
        ("LISTEN_FDS", "-1", "LISTEN_FDS=-1: expected a number"),
        ("LISTEN_FDS", "two", "LISTEN_FDS=two: expected a number"),
        ("LISTEN_FDS", "99999999999", "LISTEN_FDS=99999999999: expected a number"),
        ("LISTEN_FDS", "4294967295", "LISTEN_FDS=4294967295: descriptor "),
        ("LISTEN_FDS", "40", "LISTEN_FDS=40: descriptor "),
        ("LISTEN_PID", "me", "LISTEN_PID=me: expected a number"),
        ("LISTEN_FDS_FIRST_FD", "1.5", "LISTEN_FDS_FIRST_FD=1.5: expected a number"),
    ] {
        let builder = Builder::new(&[]).listen("127.0.0.1:0").env("RUST_LOG", "error");
        let ended = builder.env("LISTEN_FDS", "1").env(name, value).run_to_end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.starts_with(&format!("tcpechod: {said}")), "{ended:?}");
    }
}

#[test]
fn s05_an_inherited_socket_named_metrics_serves_the_admin_endpoint() {
    for (more, taken) in [(&[][..], true), (&["--metrics", "127.0.0.1:0"], false)] {
        let (tcp, address) = listener();
        let (metrics, apart) = listener();
        let builder = Builder::new(more);
        let daemon = builder.inheriting("echo:metrics", vec![tcp.into(), metrics.into()]).start();
        assert_eq!(daemon.addresses(), [address]);
        if taken {
            daemon.wait_for_log(&format!("metrics on {apart}"));
            let mut watcher = Peer::connect(apart);
            watcher.send(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n");
            let answer = String::from_utf8(watcher.read_to_end()).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        } else {
            let line = daemon.wait_for_log(" WARN ");
            assert!(line.contains(&format!("inherited socket {apart} is ignored")), "{line}");
        }
        daemon.epilogue();
    }
}

/// Sets the flag when dropped, also if the test fails.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Peers keep connecting while daemons start and end behind the socket. Every connect succeeds, and
/// every peer gets its whole echo, however long its line is.
#[test]
fn s06_a_restart_behind_the_socket_loses_no_connection() {
    let (socket, address) = listener();
    let (over, served) = (AtomicBool::new(false), AtomicU64::new(0));
    let peer = |number: usize| {
        let line = pattern(1 + number * 4001);
        while !over.load(Ordering::Relaxed) {
            let mut peer = Peer::connect(address);
            peer.send(&line);
            peer.half_close();
            assert!(peer.read_to_end() == line, "the echo equals the input");
            served.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let (peer, until) = (&peer, Until(&over));
        let peers: Vec<_> = (0..4).map(|number| scope.spawn(move || peer(number))).collect();
        for _ in 0..8 {
            let inherited = vec![socket.try_clone().unwrap().into()];
            let daemon = Builder::new(&[]).inheriting("echo", inherited).start();
            let before = served.load(Ordering::Relaxed);
            eventually("peers are served", || {
                assert!(!peers.iter().any(ScopedJoinHandle::is_finished), "a peer has failed");
                (served.load(Ordering::Relaxed) > before + 20).then_some(())
            });
            daemon.terminate();
            daemon.wait_for_log("draining, for at most");
            daemon.epilogue_ended(0);
        }
        // One more daemon has to serve the connections that wait in the queue now.
        let inherited = vec![socket.try_clone().unwrap().into()];
        let last = Builder::new(&[]).inheriting("echo", inherited).start();
        drop(until);
        for peer in peers {
            peer.join().unwrap();
        }
        last.terminate();
        last.epilogue_ended(0);
    });
}
