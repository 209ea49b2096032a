//! The bytes that the daemon has allocated, after waves of connections of every kind.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::measured::Massif;

/// Connections in a wave.
const WAVE: usize = 20;

/// Sends waves until the daemon has been in every state, and once more; returns the bytes in use
/// after the first waves and after the last ones.
pub(crate) fn in_use_after_waves(more: usize) -> (u64, u64) {
    let massif = Massif::start(&["--idle-timeout", "1h", "--stall-timeout", "1h"]);
    let waves = |count| {
        for _ in 0..count {
            for end in [never_read, leave_a_line_unfinished, half_close_and_leave] {
                let peers: Vec<_> = (0..WAVE).map(|_| end(massif.address())).collect();
                drop(peers);
                massif.wait_until_alone();
            }
        }
        massif.bytes_in_use()
    };
    // Tables and queues have grown to the size of a wave.
    let first = waves(2);
    (first, waves(more))
}

/// Sends until the daemon has output pending that it can't write, and resets.
fn never_read(server: SocketAddr) -> TcpStream {
    let mut peer = TcpStream::connect(server).unwrap();
    let socket = SockRef::from(&peer);
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    peer.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let lines = b"a line of a peer that reads nothing\n".repeat(1000);
    for _ in 0..1000 {
        match peer.write(&lines) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return peer,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the daemon took 36 MB from a peer that reads nothing");
}

fn leave_a_line_unfinished(server: SocketAddr) -> TcpStream {
    let mut peer = TcpStream::connect(server).unwrap();
    peer.write_all(&[b'x'; 3000]).unwrap();
    peer
}

fn half_close_and_leave(server: SocketAddr) -> TcpStream {
    let mut peer = TcpStream::connect(server).unwrap();
    peer.write_all(b"one\ntwo").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    peer
}
