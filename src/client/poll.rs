//! Waiting for standard input, standard output and the socket at once.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use crate::os::errno;

use super::flow::Wants;

/// Poll tells of these unasked.
const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);

/// What poll has told; nothing of a descriptor that it was not asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollResult {
    input: Option<PollFlags>,
    socket: Option<PollFlags>,
    output: Option<PollFlags>,
}

impl PollResult {
    /// Standard input may be read once; whatever there is to tell of it, the read tells.
    pub(super) fn input(self) -> bool {
        self.input.is_some_and(|told| !told.is_empty())
    }

    /// The socket has something to read: bytes, the server's end, or an error.
    pub(super) fn socket_gives(self) -> bool {
        self.socket.is_some_and(|told| told.intersects(PollFlags::IN | GONE))
    }

    /// The socket takes bytes, or tells why not.
    pub(super) fn socket_takes(self) -> bool {
        self.socket.is_some_and(|told| told.intersects(PollFlags::OUT | GONE))
    }

    /// Standard output takes `PIPE_BUF` bytes.
    pub(super) fn output(self) -> bool {
        self.output.is_some_and(|told| told.contains(PollFlags::OUT))
    }

    /// Nobody reads standard output any more.
    pub(super) fn output_gone(self) -> bool {
        self.output.is_some_and(|told| told.intersects(GONE))
    }
}

/// Waits until something of what is wanted can be done, or the time has passed. A signal ends the
/// wait too: then nothing is ready.
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
    // A wait too long for the kernel is one for ever.
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(&mut fds, time.as_ref()).map_err(io::Error::from) {
        Ok(_count) => {}
        Err(error) if errno::is_interrupted(&error) => {
            fds.iter_mut().for_each(PollFd::clear_revents);
        }
        Err(error) => return Err(error),
    }
    let mut told = fds.iter().map(PollFd::revents);
    let output = told.next();
    let mut next = |asked: PollFlags| if asked.is_empty() { None } else { told.next() };
    Ok(PollResult { input: next(wants.input), socket: next(wants.socket), output })
}

/// Waits until the socket has something to read, or the time has passed; a signal ends the wait
/// too.
pub(super) fn wait_for_socket(socket: &Socket, time: Duration) {
    let time = Timespec::try_from(time).ok();
    // Of whatever it tells, the next call on the socket tells more.
    poll(&mut [PollFd::new(socket, PollFlags::IN)], time.as_ref()).unwrap_or_default();
}
