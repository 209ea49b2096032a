//! The standard error of children: logs each line with the peer of its child. So a child breaks no
//! line of the log, and neither the daemon nor a child waits for the reader of the log.
//!
//! A poll reads a pipe once per event, and re-arms it if there may be more. The number of reads in
//! one poll is limited, however much the children write.

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

/// Bytes read from one child in one poll, and the number of children read in one poll.
const READ_BYTES_MAX: usize = 1024;
const READS_PER_POLL: usize = 8;

/// The longest line, in bytes; a longer one is logged in pieces. With its key-value pairs it fits
/// into one write to standard error.
const LINE_BYTES_MAX: usize = 2048;

/// Reads that empty a full pipe of 64 KiB (pipe(7)).
const FINAL_READS_MAX: usize = (64 << 10) / READ_BYTES_MAX;

/// The standard error pipes of all children.
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
    /// The unfinished line.
    begun: Vec<u8>,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
enum PipeRead {
    Some,
    Nothing,
    /// No process holds the write end any more.
    End,
}

impl ChildStderr {
    /// Registers the pipe of that peer's child, under the token `first` plus its key.
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

    /// Begins a new poll: resets the count of reads.
    pub(super) const fn begin_poll(&mut self) {
        self.reads = 0;
    }

    /// Handles an event: the pipe holds output, or has ended.
    pub(super) fn read_ready(&mut self, registry: &Registry, first: usize, key: usize) {
        let Some(pipe) = self.all.get_mut(key) else { return };
        self.reads += 1;
        let mut heard = if self.reads > READS_PER_POLL { PipeRead::Some } else { pipe.read() };
        if heard == PipeRead::Some {
            // Re-arming reports the pipe again at once if it holds more. If that fails, the loop
            // reads until would-block, after which new output raises an event.
            let renewed = pipe.pipe.rearm(registry, Token(first + key), Interest::READABLE);
            if let Err(error) = renewed {
                debug!("child {} is read to its end at once: {error}", pipe.child);
                heard = pipe.read_on();
            }
        }
        match heard {
            PipeRead::Some => {}
            PipeRead::Nothing => pipe.pipe.would_block(),
            PipeRead::End => {
                let child = pipe.child;
                self.forget(child);
            }
        }
    }

    /// Logs the rest of a child's output, and drops its pipe.
    pub(super) fn forget(&mut self, child: Pid) {
        let Some(key) = self.by_child.remove(&child) else { return };
        let mut pipe = self.all.remove(key);
        pipe.read_on();
        pipe.log_line();
    }
}

impl ChildPipe {
    /// Reads until would-block or the end. If a child writes more than a pipe holds meanwhile, that
    /// counts as the end.
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

    /// Logs the unfinished line, and begins the next.
    fn log_line(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let line = line.trim_ascii_end();
        if !line.is_empty() {
            let (peer, child) = (self.peer, self.child.as_raw_nonzero().get());
            info!(peer:%, child; "{}", String::from_utf8_lossy(line));
        }
    }
}
