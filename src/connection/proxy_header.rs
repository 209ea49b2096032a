//! The PROXY protocol header: it names the client behind a proxied connection.
//!
//! Each read is appended to the earlier ones until they are a whole header, or can't become one.
//! Input behind the header is buffered. The reactor, on [`NextStep::Identified`], admits the
//! connection under the client's address, and only then [`Connection::answer_buffered`] answers. So
//! a rejected client gets no echo, and a banner comes before the first echo. Nothing here is on the
//! hot path.

use std::io;

use log::debug;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::net::proxy::{self, HeaderPolicy, Parsed};
use crate::num;

use super::pending::HeaderRest;
use super::{Connection, NextStep, Phase, Ready, Shared, Stream};

impl<S: Stream> Connection<S> {
    /// Reads once, and checks whether the header is complete.
    #[cold]
    pub(super) fn advance_header(
        &mut self,
        policy: HeaderPolicy,
        shared: &mut Shared,
    ) -> io::Result<NextStep> {
        if self.ready.contains(Ready::READABLE) {
            let step = if shared.execs {
                self.peek_header(policy, shared)?
            } else {
                self.read_header(policy, shared)?
            };
            if step != NextStep::Idle || self.phase != Phase::ProxyHeader(policy) {
                return Ok(step);
            }
        }
        if shared.draining { self.give_up_on_header(policy, shared) } else { Ok(NextStep::Idle) }
    }

    fn read_header(&mut self, policy: HeaderPolicy, shared: &mut Shared) -> io::Result<NextStep> {
        let before = self.pending.as_ref().map_or(&[][..], |pending| pending.line.partial());
        let kept = before.len();
        let (front, room) = shared.read.spare().split_at_mut(kept);
        front.copy_from_slice(before);
        match self.stream.read(room) {
            Ok(0) => self.eof_in_header(policy),
            Ok(fresh) => {
                if fresh < room.len() && !self.ready.contains(Ready::READ_TO_EAGAIN) {
                    self.ready.remove(Ready::READABLE);
                }
                self.active = shared.now;
                self.classify(kept + fresh, policy, shared)
            }
            Err(error) => self.read_failed(error).map(|()| self.next_step()),
        }
    }

    /// Classifies the input so far, the first `count` bytes of the buffer.
    pub(super) fn classify(
        &mut self,
        count: usize,
        policy: HeaderPolicy,
        shared: &mut Shared,
    ) -> io::Result<NextStep> {
        if let Some(rest) = self.header_rest() {
            return Ok(self.skip_header(rest, shared.read.filled(0..count), shared.now));
        }
        let all = shared.read.filled(0..count);
        match (proxy::parse(all), policy) {
            (Parsed::Header { bytes, source }, _) => {
                if let Some(pending) = &mut self.pending {
                    pending.line.take();
                }
                let rest = HeaderRest { bytes, client: source.map(Into::into) };
                Ok(self.skip_header(rest, all, shared.now))
            }
            (Parsed::Incomplete, _) => {
                self.keep(all, shared.now);
                Ok(self.next_step())
            }
            (Parsed::NoHeader, HeaderPolicy::Optional) => {
                self.keep(all, shared.now);
                Ok(self.identified())
            }
            (Parsed::NoHeader, HeaderPolicy::Required) => {
                debug!("protocol peer={} violation=\"no PROXY header\"", self.peer);
                self.pending = None;
                self.traffic.bytes_in += num::to_u64(count);
                self.enter(Phase::Draining(Cause::Protocol));
                self.try_finish(shared)
            }
        }
    }

    /// Skips the part of these bytes that belongs to a known header. At the end of the header its
    /// client becomes the peer, and the bytes behind it are input.
    fn skip_header(&mut self, rest: HeaderRest, bytes: &[u8], now: MonotonicMs) -> NextStep {
        let (skipped, input) = bytes.split_at(rest.bytes.min(bytes.len()));
        let left = rest.bytes - skipped.len();
        if left > 0 {
            let pending = self.pending.get_or_insert_default();
            pending.header = Some(HeaderRest { bytes: left, ..rest });
            pending.line_since.get_or_insert(now);
            return self.next_step();
        }
        if let Some(client) = rest.client {
            let via = std::mem::replace(&mut self.peer, client);
            debug!(peer:% = self.peer, via:%; "PROXY header:");
        }
        self.pending = None;
        self.keep(input, now);
        self.identified()
    }

    /// Returns the rest of a header with known addresses, which is still to be skipped.
    pub(super) fn header_rest(&self) -> Option<HeaderRest> {
        self.pending.as_ref().and_then(|pending| pending.header)
    }

    /// Handles FIN or an error before the header is complete. A connection that sent nothing was a
    /// health check.
    pub(super) fn eof_in_header(&mut self, policy: HeaderPolicy) -> io::Result<NextStep> {
        self.take_pending_error()?;
        match policy {
            _ if self.pending.is_none() => Ok(self.end(Cause::Finished)),
            // The bytes are input, and the next read returns the end again.
            HeaderPolicy::Optional if self.header_rest().is_none() => Ok(self.identified()),
            HeaderPolicy::Optional | HeaderPolicy::Required => {
                debug!("protocol peer={} violation=\"half a PROXY header\"", self.peer);
                // Part of a header is no input, so it gets no reply.
                self.pending = None;
                Ok(self.end(Cause::Protocol))
            }
        }
    }

    /// Stops waiting for the header: the daemon is draining, and the socket is empty.
    fn give_up_on_header(
        &mut self,
        policy: HeaderPolicy,
        shared: &mut Shared,
    ) -> io::Result<NextStep> {
        if policy == HeaderPolicy::Optional && self.header_rest().is_none() {
            return Ok(self.identified());
        }
        // Part of a header is no input, so it gets no reply.
        self.pending = None;
        self.enter(Phase::Draining(Cause::Drained));
        self.try_finish(shared)
    }

    /// Answers the buffered input, once the connection is admitted.
    pub fn answer_buffered(&mut self, shared: &mut Shared) -> NextStep {
        self.try_answer_buffered(shared).unwrap_or_else(|error| self.fail(&error))
    }

    fn try_answer_buffered(&mut self, shared: &mut Shared) -> io::Result<NextStep> {
        let kept = self.pending.as_mut().map(|pending| pending.line.take()).unwrap_or_default();
        if !kept.is_empty() {
            shared.read.spare().split_at_mut(kept.len()).0.copy_from_slice(&kept);
            self.traffic.bytes_in += num::to_u64(kept.len());
            self.answer(kept.len(), shared)?;
        }
        self.go_on(shared)
    }

    pub(super) fn identified(&mut self) -> NextStep {
        self.enter(Phase::Open);
        NextStep::Identified
    }

    /// Buffers `bytes`, and nothing else, until more come or the connection is admitted.
    fn keep(&mut self, bytes: &[u8], now: MonotonicMs) {
        if !bytes.is_empty() {
            let pending = self.pending.get_or_insert_default();
            pending.line.replace(bytes);
            pending.line_since.get_or_insert(now);
        }
    }
}
