//! Receives echoes: one read per turn, compared byte by byte, timed line by line.

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::os::errno;
use crate::sys::DialedStream;

use super::{LoadConnection, RunShared};
use crate::load::engine::error::RunError;
use crate::load::engine::interval::Mismatch;
use crate::load::engine::payload::Payload;
use crate::load::engine::results::Results;

/// The result of a read.
pub(super) enum Received {
    /// This many bytes, in the shared buffer.
    Bytes(usize),
    /// The server's FIN.
    Fin,
    /// No bytes for now.
    Nothing,
}

impl<S: DialedStream> LoadConnection<S> {
    /// Reads once. A short read means that the socket is empty, unless the end of the stream is
    /// near.
    #[inline]
    pub(super) fn read(&mut self, shared: &mut RunShared) -> Result<Received, RunError> {
        if !self.ready.contains(Ready::READABLE) {
            return Ok(Received::Nothing);
        }
        match self.stream.read(&mut shared.read_buffer) {
            Ok(0) => Ok(Received::Fin),
            Ok(count) => {
                if count < shared.read_buffer.len() && !self.ready.contains(Ready::READ_TO_EAGAIN) {
                    self.ready.remove(Ready::READABLE);
                }
                Ok(Received::Bytes(count))
            }
            Err(error) if errno::would_block(&error) => {
                self.ready.remove(Ready::READABLE.union(Ready::READ_TO_EAGAIN));
                Ok(Received::Nothing)
            }
            Err(error) if errno::is_interrupted(&error) => Ok(Received::Nothing),
            Err(error) => Err(RunError::of(self.error_phase(), &error)),
        }
    }

    /// Compares received bytes with the expected ones, and times the lines that they complete.
    pub(super) fn compare(
        &mut self,
        count: usize,
        shared: &mut RunShared,
        now: MonotonicNs,
    ) -> Result<(), RunError> {
        let RunShared { payload, results, read_buffer, plan, .. } = shared;
        let mut got = read_buffer.split_at(count).0;
        while !got.is_empty() {
            let (line, size) = (self.expected.line, self.expected.size());
            let compared = match self.in_flight() {
                0 => Err(0),
                _ => payload.compare(self.bytes, &mut self.expected, got),
            };
            let matching = match compared {
                Ok(count) => count,
                Err(count) => {
                    self.record_mismatch(payload, results, got, count);
                    return Err(RunError::MISMATCH);
                }
            };
            self.received += u64::try_from(matching).unwrap_or_default();
            got = got.split_at(matching).1;
            if self.expected.line != line {
                if plan.paced
                    && self.in_flight() + 1 >= plan.window
                    && self.free != MonotonicNs::NEVER
                {
                    self.free = now;
                }
                let since = self.since(line);
                let since = if plan.connect_counts { Some(self.dialled) } else { since };
                results.line(size, since.map(|since| now.ns_since(since)));
            }
        }
        self.active = now;
        Ok(())
    }

    /// Takes the time from which a line's latency counts, if the line is timed.
    #[inline]
    fn since(&mut self, line: u64) -> Option<MonotonicNs> {
        let (timed, since) = *self.times.front()?;
        if timed != line {
            return None;
        }
        self.times.pop_front();
        Some(since)
    }

    /// Records a mismatch after the first `matching` bytes of `got`, which are correct.
    #[cold]
    #[inline(never)]
    fn record_mismatch(
        &self,
        payload: &Payload,
        results: &mut Results,
        got: &[u8],
        matching: usize,
    ) {
        let mismatch = self.mismatch(payload, got, matching);
        results.mismatch(mismatch, self.greeting(payload, got));
    }

    /// Returns the input in place of the first echo, if it does not resemble the echo: the server
    /// has sent a greeting, or is no echo server.
    fn greeting<'a>(&self, payload: &Payload, got: &'a [u8]) -> Option<&'a [u8]> {
        if self.expected.line > 0 {
            return None;
        }
        let unlike = self.begun == 0 || {
            let line = got.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
            let fits =
                |(ahead, byte): &(usize, &u8)| payload.byte(&self.expected, *ahead) == **byte;
            2 * line.iter().enumerate().filter(fits).count() <= line.len()
        };
        unlike.then_some(got)
    }

    /// Describes a mismatch for the report.
    fn mismatch(&self, payload: &Payload, got: &[u8], matching: usize) -> Mismatch {
        Mismatch {
            connection: self.number,
            local: self.stream.local().map(|local| local.to_string()).unwrap_or_default(),
            offset: self.received + u64::try_from(matching).unwrap_or_default(),
            expected: (self.in_flight() > 0).then(|| payload.byte(&self.expected, matching)),
            got: got.get(matching).copied().unwrap_or_default(),
        }
    }
}
