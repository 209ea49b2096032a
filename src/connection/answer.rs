//! From requests to replies, by the service.

use std::io;

use log::debug;

use crate::cause::Cause;
use crate::clock::Millis;
use crate::service::{Answer, Violation};

use super::{Connection, Lent, Phase, Stream};

impl<S: Stream> Connection<S> {
    /// Answers the requests that the `fresh` bytes just read complete, and keeps the rest.
    #[inline(never)]
    pub(super) fn answer(&mut self, fresh: usize, lent: &mut Lent) -> io::Result<()> {
        let Lent { read, reply, service, line_bytes_max, now, .. } = lent;
        let from = if self.skipping { self.skip(read.fresh(0..fresh)) } else { 0 };
        let input = read.fresh(from..fresh);
        let framing = service.answer.framing();
        let held = self.held.get_or_insert_default();
        let complete = framing.complete(held.line.len(), input, *line_bytes_max);
        let finished = !self.skipping && framing.ends_with(input, complete);
        let requests = held.line.join(read, from..fresh, complete);
        let count = framing.count(requests);
        let one_ended = count > 0 || (from > 0 && !self.skipping);
        held.line_since = match held.line_since {
            _ if finished => None,
            Some(since) if !one_ended => Some(since),
            _ => Some(*now),
        };
        match service.answer {
            Answer::Same => {
                self.tally.lines += count;
                self.reply(requests, *now)?;
            }
            Answer::Line(answer) => {
                self.tally.lines += count;
                reply.clear();
                answer_lines(answer, requests, *line_bytes_max, reply);
                self.refuse_endless_line(*line_bytes_max, reply);
                self.reply(reply, *now)?;
            }
            Answer::Record(size, answer) => {
                reply.clear();
                let mut records = requests.chunks_exact(size.get());
                let answered = records.try_for_each(|record| {
                    answer(record, reply).inspect(|()| self.tally.lines += 1)
                });
                self.reply(reply, *now)?;
                answered.unwrap_or_else(|violation| self.violated(violation));
            }
        }
        self.release();
        Ok(())
    }

    /// Sends a reply, behind what is owed: a greeting can be, to who was introduced by a proxy.
    fn reply(&mut self, bytes: &[u8], now: Millis) -> io::Result<()> {
        if self.owes() {
            self.owe(bytes, now);
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
    fn refuse_endless_line(&mut self, line_bytes_max: usize, reply: &mut Vec<u8>) {
        let Some(held) = &mut self.held else { return };
        if held.line.len() >= line_bytes_max {
            held.line.take();
            self.skipping = true;
            self.tally.lines += 1;
            refuse(line_bytes_max, reply);
        }
    }

    /// The peer will send no more: what it left unfinished is its last request.
    pub(super) fn answer_last(&mut self, lent: &mut Lent) -> io::Result<()> {
        let Some(held) = &mut self.held else { return Ok(()) };
        let begun = held.line_since.take().is_some();
        let request = held.line.take();
        lent.reply.clear();
        match lent.service.answer {
            Answer::Same => {
                self.tally.lines += u64::from(begun);
                self.reply(&request, lent.now)?;
            }
            Answer::Line(answer) if !request.is_empty() => {
                self.tally.lines += 1;
                answer(&request, &mut lent.reply);
                self.reply(&lent.reply, lent.now)?;
            }
            Answer::Record(_, answer) if !request.is_empty() => {
                let answered = answer(&request, &mut lent.reply);
                self.reply(&lent.reply, lent.now)?;
                answered.unwrap_or_else(|violation| self.violated(violation));
            }
            Answer::Line(_) | Answer::Record(..) => {}
        }
        self.release();
        Ok(())
    }

    /// Nothing after a violation can be understood; what came before it is still answered.
    fn violated(&mut self, violation: Violation) {
        debug!("protocol peer={} violation=\"{}\"", self.peer, violation.0);
        if let Some(held) = &mut self.held {
            held.line.take();
            held.line_since = None;
        }
        self.enter(Phase::Draining(Cause::Protocol));
    }

    /// Gives the memory back that is not needed any more.
    fn release(&mut self) {
        self.held.take_if(|held| held.is_empty());
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
            refuse(line_bytes_max, reply);
        } else {
            answer(line.strip_suffix(b"\n").unwrap_or(line), reply);
        }
    }
}

fn refuse(line_bytes_max: usize, reply: &mut Vec<u8>) {
    let text = format!("error: this line is longer than {line_bytes_max} bytes\n");
    reply.extend_from_slice(text.as_bytes());
}
