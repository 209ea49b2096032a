//! Tasks with clients that reset their connections.

use crate::exam::peer::Peer;
use crate::exam::task::{Judged, Task};

use super::{Server, task};

pub(super) const RESET: Task = Task {
    did: "had a line echoed on five connections, and reset all five; then connected once more",
    expected: "the next client is served",
    hint: "which value does read return after a reset, and is that the end of the server?",
    read: "docs/demonstrations/abort.md; UNP 5.11, 5.13",
    ..task("reset", 5, reset)
};

/// Five at once, before any other client ends in order. A child may end by the error: only the next
/// client counts.
fn reset(server: &mut Server) -> Judged {
    let mut peers = (0..5).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    for peer in &mut peers {
        peer.exchange("before the reset\n")?;
    }
    peers.into_iter().for_each(Peer::reset);
    server.serves("after the resets\n")?;
    Ok("the server went on".to_owned())
}

pub(super) const RESET_BEFORE_ACCEPT: Task = Task {
    did: "stopped the server (SIGSTOP), connected and reset five clients, and continued it",
    expected: "the next client is served",
    hint: "between the handshake and accept the client may leave: which calls can fail then?",
    read: "docs/demonstrations/abort.md; UNP 5.11",
    ..task("reset-before-accept", 5, reset_before_accept)
};

/// On Linux accept returns such a connection, and the first call on it fails; elsewhere accept
/// itself fails with ECONNABORTED.
fn reset_before_accept(server: &mut Server) -> Judged {
    server.serves("before\n")?;
    server.stopped(&server.processes(), || {
        for _ in 0..5 {
            Peer::connect(server.address(), server.deadline())?.reset();
        }
        Ok(())
    })?;
    server.serves("after the resets\n")?;
    Ok("the server went on".to_owned())
}

pub(super) const SIGPIPE: Task = Task {
    did: "had a line echoed; stopped the server (SIGSTOP), sent a line, FIN and RST, and continued \
          it: so it reads the line, and its write fails with EPIPE; five times",
    expected: "the next client is served",
    hint: "which signal does a write to a reset connection raise, and what does it do by default?",
    read: "docs/demonstrations/sigpipe.md; UNP 5.13",
    ..task("sigpipe", 10, sigpipe)
};

/// The stopped server finds the line, FIN and RST together. It reads the line first, and its write
/// fails with EPIPE at once, because RST came after FIN (`tcp_reset` in Linux); RST alone would
/// give ECONNRESET first.
fn sigpipe(server: &mut Server) -> Judged {
    for _ in 0..5 {
        let mut peer = server.connect()?;
        peer.exchange("before\n")?;
        server.stopped(&server.processes(), || {
            peer.send(b"without a reader\n")?;
            peer.half_close();
            peer.reset();
            Ok(())
        })?;
        server.serves("after the broken pipe\n")?;
    }
    Ok("the server went on".to_owned())
}
