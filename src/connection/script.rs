//! A stream that follows the script of a test.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use rustix::io::Errno;

use crate::net::tcp_info::TcpInfo;

use super::Stream;

/// The result of a read.
#[derive(Clone, Debug)]
pub(crate) enum In {
    Bytes(Vec<u8>),
    Block,
    End,
    Fail(Errno),
}

/// The result of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Out {
    /// Takes that many bytes at most.
    Take(usize),
    Block,
    Fail(Errno),
    /// Claims to have taken that many bytes, regardless of the number given.
    Claim(usize),
}

/// Both directions of a stream. At the end of its script, reads return would-block and writes take
/// everything.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "tests set each of them separately")]
pub(crate) struct StreamScript {
    pub reads: VecDeque<In>,
    pub writes: VecDeque<Out>,
    /// The most bytes that one read returns; 0 for no limit.
    pub read_bytes_max: usize,
    pub pending_error: Option<Errno>,
    /// The bytes that were written.
    pub sent: Vec<u8>,
    pub half_closed: bool,
    /// Closing sends RST.
    pub resets: bool,
    pub dropped: bool,
    pub tcp_info: Option<TcpInfo>,
    /// How often the figures were asked for.
    pub tcp_looks: usize,
}

/// The stream; the test keeps a handle to its script.
#[derive(Debug)]
pub(crate) struct ScriptedStream(pub Rc<RefCell<StreamScript>>);

impl ScriptedStream {
    pub(crate) fn new(reads: impl IntoIterator<Item = In>) -> (Self, Rc<RefCell<StreamScript>>) {
        let reads = reads.into_iter().collect();
        let wire = Rc::new(RefCell::new(StreamScript { reads, ..StreamScript::default() }));
        (Self(Rc::clone(&wire)), wire)
    }
}

impl Drop for ScriptedStream {
    fn drop(&mut self) {
        self.0.borrow_mut().dropped = true;
    }
}

impl Stream for ScriptedStream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        assert!(!room.is_empty(), "a read into an empty buffer looks like the end of the input");
        let mut wire = self.0.borrow_mut();
        let most = if wire.read_bytes_max == 0 { room.len() } else { wire.read_bytes_max };
        match wire.reads.pop_front() {
            None | Some(In::Block) => Err(Errno::AGAIN.into()),
            Some(In::Fail(errno)) => Err(errno.into()),
            Some(In::End) => {
                // Every later read returns the end again.
                wire.reads.push_front(In::End);
                Ok(0)
            }
            Some(In::Bytes(mut bytes)) => {
                let read = bytes.len().min(room.len()).min(most);
                room[..read].copy_from_slice(&bytes[..read]);
                if read < bytes.len() {
                    wire.reads.push_front(In::Bytes(bytes.split_off(read)));
                }
                Ok(read)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "a write of nothing is a system call for nothing");
        let mut wire = self.0.borrow_mut();
        assert!(!wire.half_closed, "nothing is written after FIN");
        let taken = match wire.writes.pop_front() {
            None => bytes.len(),
            Some(Out::Take(most)) => bytes.len().min(most),
            Some(Out::Block) => return Err(Errno::AGAIN.into()),
            Some(Out::Fail(errno)) => return Err(errno.into()),
            Some(Out::Claim(count)) => return Ok(count),
        };
        wire.sent.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.0.borrow_mut().half_closed = true;
        Ok(())
    }

    fn close_with_reset(&self) -> io::Result<()> {
        self.0.borrow_mut().resets = true;
        Ok(())
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Ok(self.0.borrow_mut().pending_error.take().map(Into::into))
    }

    fn tcp_info(&self) -> Option<TcpInfo> {
        let mut wire = self.0.borrow_mut();
        wire.tcp_looks += 1;
        wire.tcp_info
    }
}
