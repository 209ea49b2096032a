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
const LAST_READS: usize = (64 << 10) / READ_BYTES_MAX;

/// The standard errors of all children.
#[derive(Debug, Default)]
pub(super) struct Voices {
    all: Slab<Voice>,
    by_child: HashMap<Pid, usize>,
    reads: usize,
}

#[derive(Debug)]
struct Voice {
    pipe: Descriptor,
    peer: Peer,
    child: Pid,
    /// The beginning of a line.
    begun: Vec<u8>,
}

/// What a read has found.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Something,
    Nothing,
    /// Nobody has the other end any more.
    End,
}

impl Voices {
    /// Listens to the child of that peer from now on; its key is behind `first`.
    pub(super) fn listen(
        &mut self,
        registry: &Registry,
        first: usize,
        (child, peer): (Pid, Peer),
        pipe: OwnedFd,
    ) -> io::Result<()> {
        ioctl_fionbio(&pipe, true)?;
        let mut pipe = Descriptor::from(pipe);
        pipe.register(registry, Token(first + self.all.vacant_key()), Interest::READABLE)?;
        let key = self.all.insert(Voice { pipe, peer, child, begun: Vec::new() });
        self.by_child.insert(child, key);
        Ok(())
    }

    /// Another poll begins.
    pub(super) const fn begin_poll(&mut self) {
        self.reads = 0;
    }

    /// An event: a child has said something, or will say nothing more.
    pub(super) fn hear(&mut self, registry: &Registry, first: usize, key: usize) {
        let Some(voice) = self.all.get_mut(key) else { return };
        self.reads += 1;
        let mut heard = if self.reads > READS_PER_POLL { Heard::Something } else { voice.read() };
        if heard == Heard::Something {
            // Told of again at once, if there is more. Where that fails, it is read until an event
            // tells of what comes next.
            let renewed = voice.pipe.renew(registry, Token(first + key), Interest::READABLE);
            if let Err(error) = renewed {
                debug!("child {} is heard to the end at once: {error}", voice.child);
                heard = voice.read_on();
            }
        }
        match heard {
            Heard::Something => {}
            Heard::Nothing => voice.pipe.spent(),
            Heard::End => {
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
        voice.say();
    }
}

impl Voice {
    /// Reads what there is, and no more than a pipe holds: then this is the end.
    fn read_on(&mut self) -> Heard {
        let mut all = (0..LAST_READS).map(|_| self.read());
        all.find(|heard| *heard != Heard::Something).unwrap_or(Heard::End)
    }

    fn read(&mut self) -> Heard {
        let mut room = [0; READ_BYTES_MAX];
        let bytes = match read(&self.pipe, &mut room) {
            Ok(count) => room.split_at(count).0,
            Err(Errno::AGAIN) => return Heard::Nothing,
            Err(Errno::INTR) => return Heard::Something,
            Err(error) => {
                debug!("the standard error of child {} is lost: {error}", self.child);
                return Heard::End;
            }
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.begun.len() >= LINE_BYTES_MAX {
                self.say();
            }
        }
        if bytes.is_empty() { Heard::End } else { Heard::Something }
    }

    /// Logs what has come of a line, and begins the next.
    fn say(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let line = line.trim_ascii_end();
        if !line.is_empty() {
            let (peer, child) = (self.peer, self.child.as_raw_nonzero().get());
            info!(peer:%, child; "{}", String::from_utf8_lossy(line));
        }
    }
}
