//! PROXY headers: whole, in pieces, slow, missing, and invalid.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::support::{Builder, Daemon, LIMIT, Peer, Status, eventually, pattern};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 9877\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\x7f\0\0\x01\x12\x67\x26\x95";
const CLIENT: &str = "192.0.2.7:4711";

fn required() -> Daemon {
    Daemon::start(&["--proxy-protocol", "require"])
}

/// A version 2 header: version and command, family, and the rest.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap();
    [&V2[..12], &[command, family], &length.to_be_bytes(), rest].concat()
}

/// Runs the epilogue of a daemon that requires a header.
fn epilogue(daemon: Daemon) {
    daemon.epilogue_with(&[V1, b"still there?\n"].concat(), b"still there?\n");
}

fn client(daemon: &Daemon, client: &str) -> String {
    daemon.wait_for_log(&format!("closed peer={client} "))
}

#[test]
fn h01_the_client_that_a_header_names_is_the_peer() {
    let daemon = required();
    let v6 = [&[0x20, 1, 0xd, 0xb8], &[0; 11][..], &[7], &[0; 15], &[1, 0x12, 0x67, 0x26, 0x95]];
    for (header, name) in [
        (V1.to_vec(), CLIENT),
        (V2.to_vec(), CLIENT),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 9877\r\n".to_vec(), "[2001:db8::7]:4711"),
        (v2(0x21, 0x21, &v6.concat()), "[2001:db8::7]:4711"),
    ] {
        let mut peer = daemon.connect();
        let proxied = format!("PROXY header: peer={name} via={}", peer.address());
        let before = daemon.log().matches(&format!("closed peer={name} ")).count();
        peer.exchange(&[&header[..], b"behind it\n"].concat(), b"behind it\n");
        peer.half_close();
        assert_eq!(peer.read_to_end(), b"");
        daemon.wait_for_log(&proxied);
        let line = client(&daemon, name);
        assert!(line.contains("cause=finished bytes_in=10 bytes_out=10 lines=1"), "{line}");
        eventually("another closing line", || {
            let log = daemon.log();
            (log.matches(&format!("closed peer={name} ")).count() > before).then_some(())
        });
    }
    epilogue(daemon);
}

#[test]
fn h01_a_header_without_an_internet_address_keeps_the_proxys_address() {
    let daemon = required();
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(),
        v2(0x20, 0, b""),
        v2(0x20, 0x11, &[0; 12]),
        v2(0x21, 0, b"whatever"),
        v2(0x21, 0x31, &[b'/'; 216]),
    ] {
        let mut peer = daemon.connect();
        peer.exchange(&[&header[..], b"hello\n"].concat(), b"hello\n");
        peer.half_close();
        peer.wait_for_end();
        assert_eq!(daemon.closing(peer.address()).cause, "finished");
    }
    assert!(daemon.log_has_no("PROXY header:"));
    epilogue(daemon);
}

#[test]
fn h02_a_header_in_pieces_loses_nothing_of_a_large_input() {
    let sent = pattern(1_000_000);
    for demand in ["optional", "require"] {
        let daemon = Daemon::start(&["--proxy-protocol", demand]);
        for header in [V1, V2] {
            let mut peer = daemon.connect();
            for byte in header {
                peer.send(&[*byte]);
            }
            let sender = peer.send_beside(sent.clone());
            assert!(peer.recv_exact(sent.len()) == sent);
            sender.join().unwrap().unwrap();
            peer.half_close();
            assert_eq!(peer.read_to_end(), b"");
        }
        let closing = client(&daemon, CLIENT);
        assert!(closing.contains("bytes_in=1000000 bytes_out=1000000"), "{closing}");
        epilogue(daemon);
    }
}

#[test]
fn h03_input_that_is_no_header_is_a_protocol_error_and_is_not_echoed() {
    let daemon = required();
    let long_line = [&b"PROXY UNKNOWN"[..], &[b' '; 200], b"\r\n"].concat();
    for wrong in [
        &b"no header at all\n"[..],
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 99999\r\nhello\n",
        b"PROXY TCP4 nonsense\r\nhello\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
        b"\r\n\r\n\0\r\nQUIT\n\x21\xff\0\0",
        &long_line,
    ] {
        let mut peer = daemon.connect();
        peer.send(wrong);
        assert_eq!(peer.read_to_end(), b"", "FIN without a byte");
        let address = peer.address();
        drop(peer);
        assert_eq!(daemon.closing(address).cause, "protocol", "{wrong:?}");
    }
    epilogue(daemon);
}

#[test]
fn h03_a_truncated_header_is_a_protocol_error() {
    let daemon = required();
    for header in [V1, V2] {
        for length in [1, header.len() / 2, header.len() - 1] {
            let mut peer = daemon.connect();
            peer.send(&header[..length]);
            peer.half_close();
            assert_eq!(peer.read_to_end(), b"");
            assert_eq!(daemon.closing(peer.address()).cause, "protocol");
        }
    }
    let mut reset = daemon.connect();
    let address = reset.address();
    reset.send(&V1[..9]);
    daemon.wait_for_status("the header has begun", |status| status.count("proxy_header") == 1);
    reset.reset();
    assert_eq!(daemon.closing(address).cause, "reset");
    epilogue(daemon);
}

#[test]
fn h04_a_connection_without_a_header_is_closed_after_five_seconds() {
    let daemon = required();
    let mut silent = daemon.connect();
    let begun = Instant::now();
    let mut slow = daemon.connect();
    slow.send(b"PROXY ");
    for peer in [&mut silent, &mut slow] {
        peer.wait_for_end();
        let waited = begun.elapsed();
        assert!(waited > Duration::from_millis(4500) && waited < LIMIT / 2, "{waited:?}");
        assert_eq!(daemon.closing(peer.address()).cause, "line-timeout");
    }
    epilogue(daemon);
}

#[test]
fn h05_with_optional_headers_any_other_input_is_echoed() {
    let daemon = Daemon::start(&["--proxy-protocol", "optional"]);
    let mut plain = daemon.connect();
    plain.echo(b"at once\n");
    plain.echo(V1);
    plain.echo(b"a header is only the first thing on a connection\n");
    let mut ambiguous = daemon.connect();
    let begun = Instant::now();
    ambiguous.echo(b"\r\n");
    assert!(begun.elapsed() > Duration::from_millis(4500), "it could have been a header");
    ambiguous.echo(b"\r\n");
    for ending in [&b"P"[..], b"PROXY TCP4 192.0.2.7", &V2[..27]] {
        let mut peer = daemon.connect();
        peer.send(ending);
        peer.half_close();
        assert_eq!(peer.read_to_end(), ending, "at FIN it is input");
        assert_eq!(daemon.closing(peer.address()).cause, "finished");
    }
    drop((plain, ambiguous));
    daemon.epilogue();
}

#[test]
fn h06_a_health_check_is_no_protocol_error() {
    for demand in ["optional", "require"] {
        let daemon = Daemon::start(&["--proxy-protocol", demand]);
        let peer = daemon.connect();
        let address = peer.address();
        drop(peer);
        assert_eq!(daemon.closing(address).cause, "finished");
        let mut local = daemon.connect();
        local.send(&v2(0x20, 0, b""));
        local.half_close();
        local.wait_for_end();
        assert_eq!(daemon.closing(local.address()).cause, "finished");
        epilogue(daemon);
    }
}

#[test]
fn h07_max_per_peer_counts_client_addresses_and_allow_checks_the_proxys() {
    let arguments =
        ["--proxy-protocol", "require", "--max-per-peer", "1", "--allow", "127.0.0.1,127.0.0.2"];
    let daemon = Builder::new(&arguments).listen("0.0.0.0:0").start();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, daemon.address().port()));
    let mut first = Peer::connect(address);
    first.exchange(&[V1, b"in\n"].concat(), b"in\n");
    let mut second = Peer::connect_from([127, 0, 0, 2].into(), address);
    second.send(&[V2, b"in\n"].concat());
    assert_eq!(second.try_read_to_end().unwrap_or_default(), b"", "nothing was echoed");
    daemon.wait_for_log(&format!("closed peer={CLIENT} cause=refused"));
    let mut other = Peer::connect(address);
    let header = b"PROXY TCP4 192.0.2.8 127.0.0.1 4711 9877\r\n";
    other.exchange(&[&header[..], b"in\n"].concat(), b"in\n");
    let mut elsewhere = Peer::connect_from([127, 0, 0, 3].into(), address);
    assert_eq!(elsewhere.read_to_end(), b"", "this proxy is not allowed");
    assert_eq!(daemon.closing(elsewhere.address()).cause, "refused");
    drop(first);
    daemon.wait_for_status("the first has left", |status| status.count("open") == 1);
    let mut again = Peer::connect(address);
    again.exchange(&[V1, b"in again\n"].concat(), b"in again\n");
    drop((again, other, second, elsewhere));
    daemon.wait_until_alone();
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn h08_a_drain_serves_identified_connections_and_waits_for_no_header() {
    for demand in ["optional", "require"] {
        let daemon = Daemon::start(&["--proxy-protocol", demand]);
        let mut peers = daemon.connect_many(4);
        let [complete, half, silent, pending] = &mut peers[..] else { panic!("four peers") };
        pending.exchange(&[V2, b"in\n"].concat(), b"in\n");
        half.send(&V1[..20]);
        daemon.wait_for_status("three headers to come", |status| status.count("proxy_header") == 3);
        daemon.stopped(|| {
            complete.send(&[V1, b"a line\nand a tail"].concat());
            pending.send(b"more\n");
            daemon.terminate();
        });
        let begun = Instant::now();
        assert_eq!(complete.read_to_end(), b"a line\nand a tail");
        assert_eq!(pending.read_to_end(), b"more\n");
        let input = if demand == "optional" { &V1[..20] } else { b"" };
        assert_eq!(half.read_to_end(), input);
        assert_eq!(silent.read_to_end(), b"");
        assert!(begun.elapsed() < Duration::from_secs(4), "the drain waits for no header");
        drop(peers);
        daemon.epilogue_ended(0);
    }
}

#[test]
fn h09_a_proxy_may_come_through_a_unix_socket() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("echo");
    let listen = format!("unix:{}", path.display());
    let builder = Builder::new(&["--proxy-protocol", "require", "--max-per-peer", "1"]);
    let daemon = builder.listen("127.0.0.1:0").listen(&listen).start();
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.write_all(&[V2, b"through a file\n"].concat()).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    peer.read_to_end(&mut back).unwrap();
    assert_eq!(back, b"through a file\n");
    daemon.wait_for_log(&format!("PROXY header: peer={CLIENT} via=unix:{}", std::process::id()));
    epilogue(daemon);
}

#[test]
fn h10_many_connections_at_once_each_keep_their_own_header() {
    let daemon = required();
    let address = daemon.address();
    let peers = (1..=50_u8).map(|number| {
        thread::spawn(move || {
            let mut peer = Peer::connect(address);
            let line = format!("{number}\n").into_bytes();
            let header = format!("PROXY TCP4 198.51.100.{number} 127.0.0.1 1 2\r\n").into_bytes();
            peer.exchange(&[header, line.clone()].concat(), &line);
            peer.echo(&pattern(10_000));
        })
    });
    peers.collect::<Vec<_>>().into_iter().for_each(|peer| peer.join().unwrap());
    for number in 1..=50 {
        client(&daemon, &format!("198.51.100.{number}:1"));
    }
    let status: Status = daemon.status();
    assert_eq!((status.count("accepted"), status.count("finished")), (50, 50), "{status:?}");
    epilogue(daemon);
}

#[test]
fn a_header_is_echoed_as_input_by_default() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    peer.echo(V1);
    drop(peer);
    daemon.epilogue();
}
