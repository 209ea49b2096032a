//! Writing: bytes that the socket does not take become pending output.

use std::io;

use crate::clock::MonotonicMs;
use crate::num;
use crate::os::errno;

use super::{Connection, Ready, Stream};

impl<S: Stream> Connection<S> {
    /// Returns true if the peer has not taken all output yet.
    pub(super) fn has_output(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.has_output())
    }

    /// Returns true if the peer is owed output, or the work of the service probe.
    pub(super) fn owes(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.owes())
    }

    /// Writes `bytes`; queues those that the socket does not take.
    #[inline]
    pub(super) fn send(&mut self, bytes: &[u8], now: MonotonicMs) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.stream.write(bytes) {
            Ok(sent) if sent == bytes.len() => {
                self.traffic.bytes_out += num::to_u64(sent);
                Ok(())
            }
            Ok(sent) => self.send_rest(bytes, sent, now),
            Err(error) => {
                self.write_failed(error)?;
                self.queue(bytes, now);
                Ok(())
            }
        }
    }

    /// Writes the rest, after a first write that took `sent` of the bytes.
    #[cold]
    fn send_rest(&mut self, bytes: &[u8], sent: usize, now: MonotonicMs) -> io::Result<()> {
        self.traffic.bytes_out += num::to_u64(sent);
        let (_, rest) = bytes.split_at(sent);
        let sent = self.push(rest)?;
        let (_, rest) = rest.split_at(sent);
        self.queue(rest, now);
        Ok(())
    }

    pub(super) fn queue(&mut self, bytes: &[u8], now: MonotonicMs) {
        if !bytes.is_empty() {
            self.pending.get_or_insert_default().queue(bytes, now);
        }
    }

    /// Writes pending output. Returns true if none is left.
    #[cold]
    pub(super) fn flush(&mut self, now: MonotonicMs) -> io::Result<bool> {
        let Some(mut pending) = self.pending.take_if(|pending| pending.has_output()) else {
            return Ok(true);
        };
        if self.ready.contains(Ready::WRITABLE) {
            let sent = self.push(pending.output())?;
            pending.advance(sent, now);
            if sent > 0 {
                self.active = now;
            }
        }
        let written = !pending.has_output();
        self.pending = Some(pending).filter(|pending| !pending.is_empty());
        Ok(written)
    }

    /// Writes until everything is written, the write would block, or a signal interrupts it. Only
    /// would-block guarantees an event once the socket takes bytes again.
    fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => (_, rest) = rest.split_at(taken),
                Err(error) => {
                    self.write_failed(error)?;
                    break;
                }
            }
        }
        let sent = bytes.len() - rest.len();
        self.traffic.bytes_out += num::to_u64(sent);
        Ok(sent)
    }

    /// Handles a write that took nothing. After EINTR the socket may still take bytes.
    #[cold]
    fn write_failed(&mut self, error: io::Error) -> io::Result<()> {
        if errno::would_block(&error) {
            self.ready.remove(Ready::WRITABLE);
        } else if errno::is_interrupted(&error) {
            self.ready.insert(Ready::WRITABLE);
        } else {
            return Err(error);
        }
        Ok(())
    }
}
