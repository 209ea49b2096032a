//! From requests to replies, by the service.

use std::io;

use log::debug;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::service::{ProtocolError, Reply};

use super::{Connection, Phase, Shared, Stream};

impl<S: Stream> Connection<S> {
    /// Answers the requests that the `fresh` bytes just read complete, and keeps the rest.
    #[inline(never)]
    pub(super) fn answer(&mut self, fresh: usize, shared: &mut Shared) -> io::Result<()> {
        let Shared { read, reply, service, line_bytes_max, now, .. } = shared;
        let from = if self.skipping { self.skip(read.filled(0..fresh)) } else { 0 };
        let input = read.filled(from..fresh);
        let framing = service.reply.framing();
        let pending = self.pending.get_or_insert_default();
        let complete = framing.complete(pending.line.len(), input, *line_bytes_max);
        let finished = !self.skipping && framing.ends_with(input, complete);
        let requests = pending.line.join(read, from..fresh, complete);
        let count = framing.count(requests);
        let one_ended = count > 0 || (from > 0 && !self.skipping);
        pending.line_since = match pending.line_since {
            _ if finished => None,
            Some(since) if !one_ended => Some(since),
            _ => Some(*now),
        };
        match service.reply {
            Reply::Echo => {
                self.traffic.lines += count;
                self.reply(requests, *now)?;
            }
            Reply::Line(answer) => {
                self.traffic.lines += count;
                reply.clear();
                answer_lines(answer, requests, *line_bytes_max, reply);
                self.reject_long_line(*line_bytes_max, reply);
                self.reply(reply, *now)?;
            }
            Reply::Record(size, answer) => {
                reply.clear();
                let mut records = requests.chunks_exact(size.get());
                let answered = records.try_for_each(|record| {
                    answer(record, reply).inspect(|()| self.traffic.lines += 1)
                });
                self.reply(reply, *now)?;
                answered.unwrap_or_else(|violation| self.protocol_error(violation));
            }
        }
        self.release();
        Ok(())
    }

    /// Sends a reply, behind what is owed: a greeting can be, to who was introduced by a proxy.
    fn reply(&mut self, bytes: &[u8], now: MonotonicMs) -> io::Result<()> {
        if self.has_output() {
            self.queue(bytes, now);
            return Ok(());
        }
        self.send(bytes, now)
    }

    /// Throws away the rest of a refused line; returns where the next one begins.
    fn skip(&mut self, input: &[u8]) -> usize {
        let newline = memchr::memchr(b'\n', input);
        self.skipping = newline.is_none();
        newline.map_or(input.len(), |newline| newline + 1)
    }

    /// A line that is too long for a request, though its end has not come: it is answered now,
    /// and what follows of it is skipped, or it could grow without bound.
    fn reject_long_line(&mut self, line_bytes_max: usize, reply: &mut Vec<u8>) {
        let Some(pending) = &mut self.pending else { return };
        if pending.line.len() >= line_bytes_max {
            pending.line.take();
            self.skipping = true;
            self.traffic.lines += 1;
            reject(line_bytes_max, reply);
        }
    }

    /// The peer will send no more: what it left unfinished is its last request.
    pub(super) fn answer_partial(&mut self, shared: &mut Shared) -> io::Result<()> {
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let begun = pending.line_since.take().is_some();
        let request = pending.line.take();
        shared.reply.clear();
        match shared.service.reply {
            Reply::Echo => {
                self.traffic.lines += u64::from(begun);
                self.reply(&request, shared.now)?;
            }
            Reply::Line(answer) if !request.is_empty() => {
                self.traffic.lines += 1;
                answer(&request, &mut shared.reply);
                self.reply(&shared.reply, shared.now)?;
            }
            Reply::Record(_, answer) if !request.is_empty() => {
                let answered = answer(&request, &mut shared.reply);
                self.reply(&shared.reply, shared.now)?;
                answered.unwrap_or_else(|violation| self.protocol_error(violation));
            }
            Reply::Line(_) | Reply::Record(..) => {}
        }
        self.release();
        Ok(())
    }

    /// Nothing after a violation can be understood; what came before it is still answered.
    fn protocol_error(&mut self, violation: ProtocolError) {
        debug!("protocol peer={} violation=\"{}\"", self.peer, violation.0);
        if let Some(pending) = &mut self.pending {
            pending.line.take();
            pending.line_since = None;
        }
        self.enter(Phase::Draining(Cause::Protocol));
    }

    /// Gives the memory back that is not needed any more.
    fn release(&mut self) {
        self.pending.take_if(|pending| pending.is_empty());
    }
}

/// Answers each of `lines`, the last of which ends too.
fn answer_lines(
    answer: fn(&[u8], &mut Vec<u8>),
    lines: &[u8],
    line_bytes_max: usize,
    reply: &mut Vec<u8>,
) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > line_bytes_max {
            reject(line_bytes_max, reply);
        } else {
            answer(line.strip_suffix(b"\n").unwrap_or(line), reply);
        }
    }
}

fn reject(line_bytes_max: usize, reply: &mut Vec<u8>) {
    let text = format!("error: this line is longer than {line_bytes_max} bytes\n");
    reply.extend_from_slice(text.as_bytes());
}
