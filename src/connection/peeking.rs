//! The introduction of a peer that a child is going to answer: only the header is read. What is
//! behind it stays in the socket, because that is what the child is given.

use std::io;

use crate::proxy::{self, Beginning, Demand};

use super::{Connection, Lent, Ready, Served, Stream};

impl<S: Stream> Connection<S> {
    /// Looks at what is there, and reads as much of it as is a header's.
    #[cold]
    pub(super) fn hear_header_only(
        &mut self,
        demand: Demand,
        lent: &mut Lent,
    ) -> io::Result<Served> {
        let before = self.held.as_ref().map_or(&[][..], |held| held.line.kept());
        let kept = before.len();
        let (front, room) = lent.read.room().split_at_mut(kept);
        front.copy_from_slice(before);
        let fresh = match self.stream.peek(room) {
            Ok(0) => return self.left(demand),
            Ok(fresh) => fresh,
            Err(error) => return self.nothing_read(error).map(|()| self.rest()),
        };
        let of_header = match (proxy::read(lent.read.fresh(0..kept + fresh)), demand) {
            _ if let Some(rest) = self.header_rest() => rest.bytes.min(fresh),
            (Beginning::Header { bytes, .. }, _) => bytes.saturating_sub(kept).min(fresh),
            (Beginning::Unfinished, Demand::Required) => fresh,
            (Beginning::Unfinished, Demand::Optional) => return Ok(self.wait_for_more(fresh, lent)),
            (Beginning::Other, _) => return self.judge(kept + fresh, demand, lent),
        };
        let (_, room) = lent.read.room().split_at_mut(kept);
        let (part, _) = room.split_at_mut(of_header);
        match self.stream.read(part) {
            Ok(read) => {
                self.active = lent.now;
                self.judge(kept + read, demand, lent)
            }
            Err(error) => self.nothing_read(error).map(|()| Served::Again),
        }
    }

    /// What has come may be the beginning of a header, or input: it stays where it is, until more
    /// comes, or nothing more will.
    fn wait_for_more(&mut self, fresh: usize, lent: &Lent) -> Served {
        let ended = Ready::TO_END.union(Ready::SHORT_READS);
        let ends = self.ready.contains(Ready::TO_END) && !self.ready.contains(ended);
        if ends || self.ready.contains(Ready::ERROR) {
            return self.introduced();
        }
        self.ready.remove(Ready::READABLE);
        let held = self.held.get_or_insert_default();
        held.line_since.get_or_insert(lent.now);
        // The same bytes are seen again and again, and only more of them are a sign of life.
        if held.peeked < fresh {
            held.peeked = fresh;
            self.active = lent.now;
        }
        Served::Idle
    }
}
