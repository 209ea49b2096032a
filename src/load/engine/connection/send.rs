//! Sends lines: their bytes are generated anew from the position in the payload, never stored.

use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::os::errno;
use crate::sys::DialedStream;

use super::{LoadConnection, LoadPhase, RunShared, TURN_BYTES_MAX};
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::line_source::LineSource;
use crate::load::engine::mode::Plan;
use crate::load::engine::results::Results;

impl<S: DialedStream> LoadConnection<S> {
    /// True if a line has been begun and is not completely sent.
    pub(super) const fn has_output(&self) -> bool {
        self.sent.line < self.begun
    }

    /// Sends lines already begun and begins new ones, in one write. Returns true if more can be
    /// sent at once: the socket took everything, and only the budget stopped the write.
    #[inline]
    pub(super) fn send(
        &mut self,
        shared: &mut RunShared,
        source: &mut LineSource<'_>,
        now: MonotonicNs,
    ) -> Result<bool, RunError> {
        if !self.ready.contains(Ready::WRITABLE) || self.phase != LoadPhase::Open {
            return Ok(false);
        }
        if self.free == MonotonicNs::NEVER {
            self.free = now;
        }
        let RunShared { plan, payload, results, write_buffer: out, .. } = shared;
        out.clear();
        let mut end = self.sent;
        while out.len() < TURN_BYTES_MAX
            && (end.line < self.begun || self.begin(plan, source, results, now))
        {
            payload.append(self.bytes, &mut end, out);
        }
        if out.is_empty() {
            return Ok(false);
        }
        match self.stream.write(out) {
            Ok(count) if count == out.len() => {
                self.sent = end;
                return Ok(count >= TURN_BYTES_MAX);
            }
            Ok(count) => {
                self.blocked();
                payload.skip(self.bytes, &mut self.sent, count);
            }
            Err(error) if errno::would_block(&error) => self.blocked(),
            Err(error) if errno::is_interrupted(&error) => {}
            Err(error) => return Err(RunError::of(ErrorPhase::Write, &error)),
        }
        Ok(false)
    }

    /// Begins one line beyond the plan. Returns false if the connection is not open, has not echoed
    /// a line yet, or has one in flight.
    #[cold]
    pub(in super::super) fn verify_held(&mut self, now: MonotonicNs) -> bool {
        if self.phase != LoadPhase::Open || !self.has_answered() || self.in_flight() > 0 {
            return false;
        }
        self.active = now;
        self.times.push_back((self.begun, now));
        self.begun += 1;
        true
    }

    /// Notes that the socket takes no more for now: lines that are late from here on are not late
    /// because of the generator.
    fn blocked(&mut self) {
        self.ready.remove(Ready::WRITABLE);
        self.free = MonotonicNs::NEVER;
    }

    /// Begins another line, if the plan, the window and the line source have one.
    #[inline]
    fn begin(
        &mut self,
        plan: &Plan,
        source: &mut LineSource<'_>,
        results: &mut Results,
        now: MonotonicNs,
    ) -> bool {
        if self.in_flight() >= plan.window || self.begun >= plan.lines {
            return false;
        }
        let Some(since) = source.next(now) else { return false };
        if since < now && self.free <= since {
            results.late(now.ns_since(since));
        }
        if self.in_flight() == 0 {
            self.active = now;
        }
        if plan.times_each || self.times.is_empty() {
            self.times.push_back((self.begun, since));
        }
        self.begun += 1;
        true
    }
}
