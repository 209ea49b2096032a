//! What children say on their standard error: each line is one of our log, with the peer whose
//! child has said it. So it breaks no line of the log, and nobody waits for the log's reader.
//!
//! A pipe is read in the poll that tells of it, once, and then told of again if there is more. How
//! much of that one poll does is limited, however much the children have to say.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use log::{debug, info};
use mio::{Interest, Registry, Token};
use rustix::io::{Errno, ioctl_fionbio, read};
use rustix::process::Pid;
use slab::Slab;

use crate::connection::Peer;

use super::edge::Descriptor;

/// How much of one child is read in one poll, in bytes; and of how many children.
const READ_BYTES_MAX: usize = 1024;
const READS_PER_POLL: usize = 8;

/// The longest line, in bytes; a longer one is logged in pieces. With its pairs it fits into what
/// standard error takes at once.
const LINE_BYTES_MAX: usize = 2048;

/// How often that is, to empty a pipe: as much as it holds (pipe(7)).
const FINAL_READS_MAX: usize = (64 << 10) / READ_BYTES_MAX;

/// The standard errors of all children.
#[derive(Debug, Default)]
pub(super) struct ChildStderr {
    all: Slab<ChildPipe>,
    by_child: HashMap<Pid, usize>,
    reads: usize,
}

#[derive(Debug)]
struct ChildPipe {
    pipe: Descriptor,
    peer: Peer,
    child: Pid,
    /// The beginning of a line.
    begun: Vec<u8>,
}

/// What a read has found.
#[derive(Debug, PartialEq, Eq)]
enum PipeRead {
    Some,
    Nothing,
    /// Nobody has the other end any more.
    End,
}

impl ChildStderr {
    /// Listens to the child of that peer from now on; its key is behind `first`.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        first: usize,
        (child, peer): (Pid, Peer),
        pipe: OwnedFd,
    ) -> io::Result<()> {
        ioctl_fionbio(&pipe, true)?;
        let mut pipe = Descriptor::from(pipe);
        pipe.register(registry, Token(first + self.all.vacant_key()), Interest::READABLE)?;
        let key = self.all.insert(ChildPipe { pipe, peer, child, begun: Vec::new() });
        self.by_child.insert(child, key);
        Ok(())
    }

    /// Another poll begins.
    pub(super) const fn begin_poll(&mut self) {
        self.reads = 0;
    }

    /// An event: a child has said something, or will say nothing more.
    pub(super) fn read_ready(&mut self, registry: &Registry, first: usize, key: usize) {
        let Some(voice) = self.all.get_mut(key) else { return };
        self.reads += 1;
        let mut heard = if self.reads > READS_PER_POLL { PipeRead::Some } else { voice.read() };
        if heard == PipeRead::Some {
            // Told of again at once, if there is more. Where that fails, it is read until an event
            // tells of what comes next.
            let renewed = voice.pipe.rearm(registry, Token(first + key), Interest::READABLE);
            if let Err(error) = renewed {
                debug!("child {} is heard to the end at once: {error}", voice.child);
                heard = voice.read_on();
            }
        }
        match heard {
            PipeRead::Some => {}
            PipeRead::Nothing => voice.pipe.would_block(),
            PipeRead::End => {
                let child = voice.child;
                self.forget(child);
            }
        }
    }

    /// The child has ended: what it has said before that is logged, and then no more.
    pub(super) fn forget(&mut self, child: Pid) {
        let Some(key) = self.by_child.remove(&child) else { return };
        let mut voice = self.all.remove(key);
        voice.read_on();
        voice.log_line();
    }
}

impl ChildPipe {
    /// Reads what there is, and no more than a pipe holds: then this is the end.
    fn read_on(&mut self) -> PipeRead {
        let mut all = (0..FINAL_READS_MAX).map(|_| self.read());
        all.find(|heard| *heard != PipeRead::Some).unwrap_or(PipeRead::End)
    }

    fn read(&mut self) -> PipeRead {
        let mut room = [0; READ_BYTES_MAX];
        let bytes = match read(&self.pipe, &mut room) {
            Ok(count) => room.split_at(count).0,
            Err(Errno::AGAIN) => return PipeRead::Nothing,
            Err(Errno::INTR) => return PipeRead::Some,
            Err(error) => {
                debug!("the standard error of child {} is lost: {error}", self.child);
                return PipeRead::End;
            }
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.begun.len() >= LINE_BYTES_MAX {
                self.log_line();
            }
        }
        if bytes.is_empty() { PipeRead::End } else { PipeRead::Some }
    }

    /// Logs what has come of a line, and begins the next.
    fn log_line(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let line = line.trim_ascii_end();
        if !line.is_empty() {
            let (peer, child) = (self.peer, self.child.as_raw_nonzero().get());
            info!(peer:%, child; "{}", String::from_utf8_lossy(line));
        }
    }
}
