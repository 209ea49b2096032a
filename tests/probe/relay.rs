//! A relay between the probe and the daemon, with at most one defect.

#![expect(clippy::wildcard_enum_match_arm, reason = "most defects are in one place only")]

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::SendFlags;
use socket2::SockRef;

/// How long a direction stands still that takes nothing any more: longer than any question.
const LOST: Duration = Duration::from_secs(30);

/// The relay's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    /// Ends both directions at the client's FIN.
    FinEndsBoth,
    /// Ends both directions at the server's FIN.
    ServersFinEndsBoth,
    /// Ends both directions half a second after the client's FIN.
    LateDataIsCut,
    /// Passes the client's FIN on after two seconds.
    FinIsLate,
    /// Passes an RST of the client on as FIN.
    ResetBecomesFin,
    /// Passes an RST of the server on as FIN.
    ServersResetBecomesFin,
    /// Takes no more than 100,000 bytes of a connection.
    LargeIsLost,
    /// Changes a byte.
    ByteIsChanged,
    /// Loses all that comes in one piece with 500 lines.
    PipelineIsLost,
    /// Passes the urgent byte on as data.
    UrgentIsData,
    /// Takes everything, and keeps it in memory.
    BuffersAll,
    /// Connects to the server only when the client has sent something.
    ClientSpeaksFirst,
}

/// Starts a relay to `server`, and returns its address. It lives as long as the test.
pub(crate) fn relay(server: SocketAddr, defect: Defect) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            thread::spawn(move || serve(&client, server, defect));
        }
    });
    address
}

fn serve(client: &TcpStream, server: SocketAddr, defect: Defect) {
    SockRef::from(client).set_out_of_band_inline(defect == Defect::UrgentIsData).unwrap();
    if defect == Defect::ClientSpeaksFirst {
        // The end of the connection ends the wait too.
        drop(client.peek(&mut [0]));
    }
    let Ok(server) = TcpStream::connect(server) else { return };
    for stream in [client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let reset = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| pump(client, &server, defect, Side::Client, &reset));
        scope.spawn(|| pump(&server, client, defect, Side::Server, &reset));
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Passes bytes on in one direction, and then its end; nothing after an RST of either direction.
fn pump(mut from: &TcpStream, mut to: &TcpStream, defect: Defect, side: Side, reset: &AtomicBool) {
    let is_client = side == Side::Client;
    let mut room = vec![0; 1 << 16];
    let mut passed = 0;
    let mut kept = VecDeque::new();
    let end = loop {
        let count = match from.read(&mut room) {
            Ok(0) => break Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => break Err(error),
        };
        let piece = &mut room[..count];
        passed += count;
        match defect {
            Defect::LargeIsLost if is_client && passed > 100_000 => {
                thread::park_timeout(LOST);
                break Ok(());
            }
            Defect::PipelineIsLost if is_client && passed < 20_000 && lines(piece) >= 500 => {
                continue;
            }
            Defect::ByteIsChanged if is_client => {
                piece.iter_mut().filter(|byte| **byte == 0xff).for_each(|byte| *byte = b'?');
            }
            Defect::BuffersAll if is_client => {
                kept.extend(piece.iter());
                let sent = rustix::net::send(to, kept.as_slices().0, SendFlags::DONTWAIT);
                kept.drain(..sent.unwrap_or(0));
                continue;
            }
            _ => {}
        }
        if to.write_all(piece).is_err() {
            break Ok(());
        }
    };
    drop(to.write_all(kept.make_contiguous()));
    if end.is_err() {
        reset.store(true, Ordering::Relaxed);
        pass_reset(to, defect, side);
    } else if !reset.load(Ordering::Relaxed) {
        pass_fin(from, to, defect, side);
    }
}

fn lines(piece: &[u8]) -> usize {
    bytecount::count(piece, b'\n')
}

/// Passes RST on.
fn pass_reset(to: &TcpStream, defect: Defect, side: Side) {
    let becomes_fin = match side {
        Side::Client => defect == Defect::ResetBecomesFin,
        Side::Server => defect == Defect::ServersResetBecomesFin,
    };
    if becomes_fin {
        drop(to.shutdown(Shutdown::Write));
    } else {
        // Closing sends RST then, once the other direction has ended too.
        SockRef::from(to).set_linger(Some(Duration::ZERO)).unwrap();
    }
    drop(to.shutdown(Shutdown::Read));
}

/// Passes FIN on.
fn pass_fin(from: &TcpStream, to: &TcpStream, defect: Defect, side: Side) {
    let is_client = side == Side::Client;
    if is_client && defect == Defect::FinIsLate {
        thread::park_timeout(Duration::from_secs(2));
    }
    drop(to.shutdown(Shutdown::Write));
    if is_client && defect == Defect::LateDataIsCut {
        thread::park_timeout(Duration::from_millis(500));
    }
    let ends_both = match side {
        Side::Client => matches!(defect, Defect::FinEndsBoth | Defect::LateDataIsCut),
        Side::Server => defect == Defect::ServersFinEndsBoth,
    };
    if ends_both {
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    }
}
