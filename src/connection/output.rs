//! Writing: what the socket does not take is owed.

use std::io;

use crate::clock::Millis;
use crate::fault;

use super::{Connection, Ready, Stream, length};

impl<S: Stream> Connection<S> {
    /// True if the peer has not taken all its output yet.
    pub(super) fn owes(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.owes())
    }

    /// Writes `bytes`; what the socket does not take is kept, and owed.
    #[inline]
    pub(super) fn send(&mut self, bytes: &[u8], now: Millis) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match self.stream.write(bytes) {
            Ok(sent) if sent == bytes.len() => {
                self.tally.bytes_out += length(sent);
                Ok(())
            }
            Ok(sent) => self.send_rest(bytes, sent, now),
            Err(error) => {
                self.nothing_written(error)?;
                self.owe(bytes, now);
                Ok(())
            }
        }
    }

    /// After a first write that took `sent` of the bytes.
    #[cold]
    fn send_rest(&mut self, bytes: &[u8], sent: usize, now: Millis) -> io::Result<()> {
        self.tally.bytes_out += length(sent);
        let (_, rest) = bytes.split_at(sent);
        let sent = self.push(rest)?;
        let (_, rest) = rest.split_at(sent);
        self.owe(rest, now);
        Ok(())
    }

    pub(super) fn owe(&mut self, bytes: &[u8], now: Millis) {
        if !bytes.is_empty() {
            self.held.get_or_insert_default().owe(bytes, now);
        }
    }

    /// Writes what is owed. Returns true if nothing is owed any more.
    #[cold]
    pub(super) fn flush(&mut self, now: Millis) -> io::Result<bool> {
        let Some(mut held) = self.held.take_if(|held| held.owes()) else { return Ok(true) };
        if self.ready.contains(Ready::WRITABLE) {
            let sent = self.push(held.owed())?;
            held.paid(sent, now);
            if sent > 0 {
                self.active = now;
            }
        }
        let paid = !held.owes();
        self.held = Some(held).filter(|held| !held.is_empty());
        Ok(paid)
    }

    /// Writes until everything is written or the socket takes no more; only would-block proves
    /// that, and brings an event when it takes some again.
    fn push(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => (_, rest) = rest.split_at(taken),
                Err(error) => {
                    self.nothing_written(error)?;
                    break;
                }
            }
        }
        let sent = bytes.len() - rest.len();
        self.tally.bytes_out += length(sent);
        Ok(sent)
    }

    /// What a write that took nothing has proved. After a signal, the socket may still take some.
    #[cold]
    fn nothing_written(&mut self, error: io::Error) -> io::Result<()> {
        if fault::would_block(&error) {
            self.ready.remove(Ready::WRITABLE);
        } else if fault::interrupted(&error) {
            self.ready.insert(Ready::WRITABLE);
        } else {
            return Err(error);
        }
        Ok(())
    }
}
