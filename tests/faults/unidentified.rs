//! Connections that send no PROXY header, and those that do beside them.

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
    daemon.wait_for_status("they evict each other", |status| status.count("evicted") == 32);
    for peer in &mut clients {
        peer.echo(b"still here\n");
    }
    let mut known = daemon.connect();
    known.exchange(&[V1, b"in\n"].concat(), b"in\n");
    drop((clients, silent, known));
    daemon.epilogue_with(&[V1, b"bye\n"].concat(), b"bye\n");
}
