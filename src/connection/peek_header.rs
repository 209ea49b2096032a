//! The PROXY header of a connection that a child is going to serve: only the header is read. The
//! bytes behind it stay in the socket for the child.

use std::io;

use crate::net::proxy::{self, HeaderPolicy, Parsed};

use super::{Connection, NextStep, Ready, Shared, Stream};

impl<S: Stream> Connection<S> {
    /// Peeks at the input, and reads the part of it that belongs to the header.
    #[cold]
    pub(super) fn peek_header(
        &mut self,
        policy: HeaderPolicy,
        shared: &mut Shared,
    ) -> io::Result<NextStep> {
        let before = self.pending.as_ref().map_or(&[][..], |pending| pending.line.partial());
        let kept = before.len();
        let (front, room) = shared.read.spare().split_at_mut(kept);
        front.copy_from_slice(before);
        let fresh = match self.stream.peek(room) {
            Ok(0) => return self.eof_in_header(policy),
            Ok(fresh) => fresh,
            Err(error) => return self.read_failed(error).map(|()| self.next_step()),
        };
        let of_header = match (proxy::parse(shared.read.filled(0..kept + fresh)), policy) {
            _ if let Some(rest) = self.header_rest() => rest.bytes.min(fresh),
            (Parsed::Header { bytes, .. }, _) => bytes.saturating_sub(kept).min(fresh),
            (Parsed::Incomplete, HeaderPolicy::Required) => fresh,
            (Parsed::Incomplete, HeaderPolicy::Optional) => {
                return Ok(self.wait_for_more(fresh, shared));
            }
            (Parsed::NoHeader, _) => return self.classify(kept + fresh, policy, shared),
        };
        let (_, room) = shared.read.spare().split_at_mut(kept);
        let (part, _) = room.split_at_mut(of_header);
        match self.stream.read(part) {
            Ok(read) => {
                self.active = shared.now;
                self.classify(kept + read, policy, shared)
            }
            Err(error) => self.read_failed(error).map(|()| NextStep::Yield),
        }
    }

    /// Leaves bytes that may begin a header in the socket, until more bytes or the end come.
    fn wait_for_more(&mut self, fresh: usize, shared: &Shared) -> NextStep {
        if self.ready.is_end_near() || self.ready.contains(Ready::ERROR) {
            return self.identified();
        }
        self.ready.remove(Ready::READABLE);
        let pending = self.pending.get_or_insert_default();
        pending.line_since.get_or_insert(shared.now);
        // Every peek sees the same bytes again; only additional ones count as activity.
        if pending.peeked < fresh {
            pending.peeked = fresh;
            self.active = shared.now;
        }
        NextStep::Idle
    }
}
