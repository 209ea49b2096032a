//! Connecting, and failures to connect.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::servers::{Server, connection};
use crate::support::{Client, Finished, TCPECHO, run, wait_until};

fn run_args(arguments: &[&str]) -> Finished {
    let mut command = Command::new(TCPECHO);
    Client::spawn(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped())).finish()
}

#[test]
fn a_port_without_a_listener_is_refused() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let end = run(&[], port, b"one\n");
    end.failed(8, "refused", &format!("127.0.0.1:{port}: Connection refused"));
    assert_eq!(end.stdout, b"");
}

#[test]
fn the_name_is_unknown() {
    run_args(&["name.invalid"]).failed(9, "unresolved", "name.invalid: ");
}

#[test]
fn the_name_has_no_address_of_that_family() {
    run_args(&["-6", "127.0.0.1"]).failed(9, "unresolved", "127.0.0.1: it has no IPv6 address");
    run_args(&["-4", "::1"]).failed(9, "unresolved", "::1: it has no IPv4 address");
}

#[test]
fn ipv6_addresses_work_with_and_without_brackets() {
    for host in ["::1", "[::1]"] {
        let Ok(server) = Server::on("[::1]:0", |mut peer| peer.rest()) else {
            println!("skipped: there is no IPv6 here");
            return;
        };
        run_args(&[host, &server.port.to_string()]).echoed("");
        assert_eq!(server.join(), b"");
    }
}

#[test]
fn every_address_of_a_name_is_tried() {
    // The other address of the name has no listener, whether it comes first or second.
    let server = Server::start(|mut peer| peer.rest());
    run_args(&["localhost", &server.port.to_string()]).echoed("");
    assert_eq!(server.join(), b"");
}

/// A listener with a full accept queue: it drops SYNs, as a host that is down does.
fn full(host: IpAddr, port: u16) -> (Socket, Vec<TcpStream>, u16) {
    let address = SocketAddr::from((host, port));
    let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    loop {
        match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            Ok(stream) => queued.push(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
            Err(error) => panic!("{error}"),
        }
        assert!(queued.len() < 100, "the queue does not fill");
    }
    (listener, queued, address.port())
}

#[test]
fn a_connect_without_an_answer_times_out() {
    let (_listener, _queued, port) = full(Ipv4Addr::LOCALHOST.into(), 0);
    let end = run(&["--connect-timeout", "200ms"], port, b"one\n");
    end.failed(6, "timed-out", &format!("127.0.0.1:{port}: no answer within 200ms"));
}

/// With a share of the timeout for each address this would take half an hour.
#[test]
fn c19_a_silent_address_of_a_name_does_not_delay_the_next() {
    let all = ("localhost", 0).to_socket_addrs().unwrap().collect::<Vec<_>>();
    if !(all.iter().any(SocketAddr::is_ipv6) && all.iter().any(SocketAddr::is_ipv4)) {
        println!("skipped: localhost has no addresses of both families here");
        return;
    }
    let server = Server::start(|mut peer| peer.rest());
    let (_listener, _queued, port) = full(Ipv6Addr::LOCALHOST.into(), server.port);
    run_args(&["--connect-timeout", "1h", "localhost", &port.to_string()]).echoed("");
    assert_eq!(server.join(), b"");
}

/// Runs the client in its own network namespace, with one interface, a loopback that is down.
/// Returns None if that is not permitted.
fn in_own_network(script: &str, arguments: &[&str]) -> Option<Finished> {
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.arg("-rn");
        unshare
    };
    if !unshare().args(["ip", "link"]).output().is_ok_and(|output| output.status.success()) {
        println!("skipped: there are no network namespaces here");
        return None;
    }
    let mut command = unshare();
    command.args(["sh", "-c", script, TCPECHO]).args(arguments);
    Some(Client::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped())).finish())
}

#[test]
fn a_host_without_a_route_is_unreachable() {
    let Some(end) = in_own_network("exec \"$0\" \"$@\"", &["127.0.0.1", "9877"]) else { return };
    end.failed(7, "unreachable", "127.0.0.1:9877: Network is unreachable");
}

/// If an ephemeral port without a listener is the destination, the kernel may choose the same port
/// as the source, and the two SYNs meet (RFC 9293, simultaneous open).
#[test]
fn a_connection_to_itself_is_refused() {
    let script = "ip link set lo up &&
        echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range &&
        exec \"$0\" \"$@\"";
    let Some(end) = in_own_network(script, &["127.0.0.1", "40000"]) else { return };
    end.failed(8, "refused", "the socket connected to itself");
}

/// The options take seconds and a dead host to act; this test checks that the kernel has them.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn keepalive_starts_the_kernels_timer() {
    const KEEPALIVE_TIMER: &str = "02:";
    for (options, expected) in [
        (&["--keepalive", "100s/5s/3", "--user-timeout", "200s"][..], true),
        (&["--keepalive", "off", "--user-timeout", "off"], false),
    ] {
        let server = Server::start(|mut peer| {
            let client = peer.stream().peer_addr().unwrap().port();
            let server = peer.stream().local_addr().unwrap().port();
            peer.echo(1);
            let mut timer = String::new();
            // The timer for the line's acknowledgement runs first, and stops.
            wait_until("only a keep-alive timer, or none", || {
                let line = connection(client, server).unwrap();
                timer = line.split_whitespace().nth(5).unwrap().to_owned();
                timer.starts_with(KEEPALIVE_TIMER) || timer.starts_with("00:")
            });
            timer
        });
        let mut client = Client::start(options, server.port);
        client.type_in("one\n");
        client.shows("one\n");
        drop(client.ends());
        let timer = server.join();
        assert_eq!(timer.starts_with(KEEPALIVE_TIMER), expected, "{options:?}: {timer}");
    }
}

#[test]
fn a_closed_standard_error_does_no_harm() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" -v 127.0.0.1 \"$1\" 2>&-; exit $?", TCPECHO, &port.to_string()]);
    let end = Client::spawn(shell.stdin(Stdio::null()).stdout(Stdio::piped())).finish();
    assert_eq!(end.status.code(), Some(8), "only the exit status reports it");
}
