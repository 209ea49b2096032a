//! The introduction of a peer that a child is going to answer: only the header is read. What is
//! behind it stays in the socket, because that is what the child is given.

use std::io;

use crate::net::proxy::{self, HeaderPolicy, Parsed};

use super::{Connection, NextStep, Ready, Shared, Stream};

impl<S: Stream> Connection<S> {
    /// Looks at what is there, and reads as much of it as is a header's.
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

    /// What has come may be the beginning of a header, or input: it stays where it is, until more
    /// comes, or nothing more will.
    fn wait_for_more(&mut self, fresh: usize, shared: &Shared) -> NextStep {
        let ended = Ready::READ_TO_EAGAIN.union(Ready::SHORT_READ_PROVES_NOTHING);
        let ends = self.ready.contains(Ready::READ_TO_EAGAIN) && !self.ready.contains(ended);
        if ends || self.ready.contains(Ready::ERROR) {
            return self.identified();
        }
        self.ready.remove(Ready::READABLE);
        let pending = self.pending.get_or_insert_default();
        pending.line_since.get_or_insert(shared.now);
        // The same bytes are seen again and again, and only more of them are a sign of life.
        if pending.peeked < fresh {
            pending.peeked = fresh;
            self.active = shared.now;
        }
        NextStep::Idle
    }
}
