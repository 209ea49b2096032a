//! Waiting for standard input, standard output and the socket at once.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use crate::os::errno;

use super::flow::Wants;

/// Events that poll reports unrequested.
const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);

/// The result of a poll; `None` for a descriptor that was not polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollResult {
    input: Option<PollFlags>,
    socket: Option<PollFlags>,
    output: Option<PollFlags>,
}

impl PollResult {
    /// True if standard input may be read once; the read returns an end or an error.
    pub(super) fn input(self) -> bool {
        self.input.is_some_and(|events| !events.is_empty())
    }

    /// True if the socket is readable: bytes, the server's FIN, or an error.
    pub(super) fn socket_gives(self) -> bool {
        self.socket.is_some_and(|events| events.intersects(PollFlags::IN | GONE))
    }

    /// True if the socket is writable or has an error.
    pub(super) fn socket_takes(self) -> bool {
        self.socket.is_some_and(|events| events.intersects(PollFlags::OUT | GONE))
    }

    /// True if standard output takes `PIPE_BUF` bytes.
    pub(super) fn output(self) -> bool {
        self.output.is_some_and(|events| events.contains(PollFlags::OUT))
    }

    /// True if standard output has lost its reader.
    pub(super) fn output_gone(self) -> bool {
        self.output.is_some_and(|events| events.intersects(GONE))
    }
}

/// Waits until one of the events occurs, or the time has passed. A signal ends the wait too; then
/// no descriptor is ready.
pub(super) fn wait(
    wants: Wants,
    socket: &Socket,
    time: Option<Duration>,
) -> io::Result<PollResult> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    let mut fds = vec![PollFd::new(&stdout, wants.output)];
    if !wants.input.is_empty() {
        fds.push(PollFd::new(&stdin, wants.input));
    }
    if !wants.socket.is_empty() {
        fds.push(PollFd::new(socket, wants.socket));
    }
    // A time too long for the kernel means no timeout.
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(&mut fds, time.as_ref()).map_err(io::Error::from) {
        Ok(_count) => {}
        Err(error) if errno::is_interrupted(&error) => {
            fds.iter_mut().for_each(PollFd::clear_revents);
        }
        Err(error) => return Err(error),
    }
    let mut events = fds.iter().map(PollFd::revents);
    let output = events.next();
    let mut next = |wanted: PollFlags| if wanted.is_empty() { None } else { events.next() };
    Ok(PollResult { input: next(wants.input), socket: next(wants.socket), output })
}

/// Waits until the socket is readable, or the time has passed; a signal ends the wait too.
pub(super) fn wait_for_socket(socket: &Socket, time: Duration) {
    let time = Timespec::try_from(time).ok();
    // The result is not needed: the next call on the socket returns the details.
    poll(&mut [PollFd::new(socket, PollFlags::IN)], time.as_ref()).unwrap_or_default();
}
