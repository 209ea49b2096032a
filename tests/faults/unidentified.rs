//! Connections without a PROXY header, beside connections with one.

use std::net::{Ipv4Addr, SocketAddr};

use super::support::{Builder, Daemon, Peer};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 9877\r\n";

/// More connections than the limit, all from one address, that send nothing.
#[test]
fn h13_silent_connections_of_one_address_leave_room_for_the_others() {
    for demand in ["optional", "require"] {
        let arguments =
            ["--proxy-protocol", demand, "--max-connections", "50", "--max-per-peer", "2"];
        let daemon = Builder::new(&arguments).listen("0.0.0.0:0").start();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, daemon.address().port()));
        let silent: Vec<_> = (0..100).map(|_| Peer::connect(address)).collect();
        daemon.wait_for_status("the rest is refused", |status| status.count("refused") == 98);
        let mut other = Peer::connect_from([127, 0, 0, 2].into(), address);
        other.exchange(&[V1, b"in\n"].concat(), b"in\n");
        drop((silent, other));
        daemon.wait_until_alone();
        daemon.terminate();
        daemon.epilogue_ended(0);
    }
}

#[test]
fn h14_silent_newcomers_evict_no_client_that_is_identified() {
    let arguments =
        ["--proxy-protocol", "require", "--max-connections", "20", "--over-limit", "evict"];
    let daemon = Daemon::start(&arguments);
    daemon.wait_for_log("--over-limit evict without --max-per-peer");
    let mut clients = daemon.connect_many(20);
    for peer in &mut clients {
        peer.exchange(&[V1, b"in\n"].concat(), b"in\n");
    }
    let silent = daemon.connect_many(40);
    daemon.wait_for_status("silent ones evict each other", |status| status.count("evicted") == 32);
    for peer in &mut clients {
        peer.echo(b"still here\n");
    }
    let mut known = daemon.connect();
    known.exchange(&[V1, b"in\n"].concat(), b"in\n");
    drop((clients, silent, known));
    daemon.epilogue_with(&[V1, b"bye\n"].concat(), b"bye\n");
}

/// A version 2 header: version and command, family, and the rest.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length.to_be_bytes(), rest].concat()
}

#[test]
fn h15_headers_of_version_2_are_accepted_or_rejected_by_their_length() {
    let v4 = [192, 0, 2, 7, 127, 0, 0, 1, 0x12, 0x67, 0x26, 0x95];
    let certificate = [&v4[..], &[0x20; 3000]].concat();
    let longest = [&v4[..], &vec![0x20; 65_523]].concat();
    for (arguments, pieces) in
        [(&["--service", "sum"][..], 1), (&["--service", "sum"], 977), (&[], 1), (&[], 977)]
    {
        let arguments = [&["--proxy-protocol", "require"], arguments].concat();
        let daemon = Daemon::start(&arguments);
        let (line, reply) = if arguments.contains(&"sum") {
            (&b"11 22\n"[..], &b"33\n"[..])
        } else {
            (&b"a line\n"[..], &b"a line\n"[..])
        };
        for taken in [
            v2(0x21, 0x11, &v4),
            v2(0x21, 0x11, &certificate),
            v2(0x21, 0x11, &longest),
            v2(0x20, 0x11, &[7; 5]),
            v2(0x20, 0x41, &[7; 300]),
        ] {
            let mut peer = daemon.connect();
            let input = [&taken[..], line].concat();
            input.chunks(input.len() / pieces + 1).for_each(|piece| peer.send(piece));
            assert_eq!(peer.recv_exact(reply.len()), reply);
        }
        let mut short = daemon.connect();
        short.send(&v2(0x21, 0x11, &[1; 4]));
        short.wait_for_end();
        assert_eq!(daemon.closing(short.address()).cause, "protocol", "at once");
        daemon.wait_until_alone();
        daemon.epilogue_with(&[V1, line].concat(), reply);
    }
}

#[test]
fn h16_a_port_with_a_sign_or_a_leading_zero_is_no_header() {
    let daemon = Daemon::start(&["--proxy-protocol", "require"]);
    for ports in ["+4711 9877", "04711 9877", "4711 +9877", "4711 09877"] {
        let mut peer = daemon.connect();
        peer.send(format!("PROXY TCP4 192.0.2.7 127.0.0.1 {ports}\r\n").as_bytes());
        peer.wait_for_end();
        assert_eq!(daemon.closing(peer.address()).cause, "protocol", "{ports}");
    }
    daemon.epilogue_with(&[V1, b"bye\n"].concat(), b"bye\n");
}
