//! A stream with faults.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;

use crate::connection::Stream;
use crate::net::tcp_info::{Negotiated, TcpInfo};
use crate::os::errno;

use super::sampler::{Faults, Terminal};

/// Reads that discard input before a close; unread input would make the close send RST.
const READS_BEFORE_CLOSE: usize = 16;

/// A stream with faults.
#[derive(Debug)]
pub struct FaultyStream<S> {
    stream: S,
    faults: Faults,
}

impl<S: Stream> FaultyStream<S> {
    pub(super) const fn new(stream: S, faults: Faults) -> Self {
        Self { stream, faults }
    }

    /// A stream without faults.
    pub(super) fn without_faults(stream: S) -> Self {
        Self::new(stream, Faults::default())
    }

    pub(super) const fn terminal(&self) -> Option<Terminal> {
        self.faults.terminal
    }

    pub(super) const fn delay(&self) -> Option<Duration> {
        self.faults.delay
    }

    pub(super) const fn inner_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// Reads and discards input, so that a close sends FIN.
    fn discard(&mut self, room: &mut [u8]) {
        for _ in 0..READS_BEFORE_CLOSE {
            if !self.stream.read(room).is_ok_and(|read| read > 0) {
                break;
            }
        }
    }
}

impl<S: Stream> Stream for FaultyStream<S> {
    const SHORT_READ_EMPTIES: bool = S::SHORT_READ_EMPTIES;

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.faults.terminal == Some(Terminal::Stall) {
            // Only a reset is noticed. After FIN the connection stays until a timeout or a limit
            // ends it.
            let gone = self.stream.take_error()?;
            return Err(gone.unwrap_or_else(|| Errno::AGAIN.into()));
        }
        // The whole buffer is passed on: a short read means that the socket is empty.
        let read = self.stream.read(room)?;
        match self.faults.terminal {
            Some(Terminal::Reset) if read > 0 => {
                self.stream.close_with_reset()?;
                Err(errno::local_abort())
            }
            Some(Terminal::Close) if read > 0 => {
                self.discard(room);
                Err(errno::local_abort())
            }
            Some(Terminal::Reset | Terminal::Close | Terminal::Stall | Terminal::Refuse) | None => {
                Ok(read)
            }
        }
    }

    /// Sliced, it writes a byte at a time: as many system calls in a turn as bytes were read.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = if self.faults.sliced { 1 } else { bytes.len() };
        self.stream.write(bytes.get(..most).unwrap_or(bytes))
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.stream.half_close()
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        self.stream.take_error()
    }

    /// The fault `close` sends FIN, although the connection sees an error.
    fn close_with_reset(&self) -> io::Result<()> {
        if self.faults.terminal == Some(Terminal::Close) {
            Ok(())
        } else {
            self.stream.close_with_reset()
        }
    }

    fn tcp_info(&self) -> Option<TcpInfo> {
        self.stream.tcp_info()
    }

    fn negotiated(&self) -> Option<Negotiated> {
        self.stream.negotiated()
    }

    fn is_multipath(&self) -> bool {
        self.stream.is_multipath()
    }

    fn addresses(&self) -> [Option<SocketAddr>; 2] {
        self.stream.addresses()
    }
}
