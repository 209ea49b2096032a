//! A stream that reads and writes in pieces decided by a seed.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use fastrand::Rng;
use tcpecho::connection::Stream;

/// The sizes of the pieces.
#[derive(Debug)]
pub(crate) enum Pieces {
    /// As large as the buffer.
    Whole,
    /// Any size, with would-block between them.
    Cut(Rng),
}

/// The tested end of a stream; its peer sends the input, and then FIN.
#[derive(Debug)]
pub(crate) struct Scripted<'a> {
    input: &'a [u8],
    pieces: Pieces,
    output: Rc<RefCell<Vec<u8>>>,
}

impl<'a> Scripted<'a> {
    /// Returns the stream, and the buffer for its output.
    pub(crate) fn new(input: &'a [u8], pieces: Pieces) -> (Self, Rc<RefCell<Vec<u8>>>) {
        let output = Rc::new(RefCell::new(Vec::new()));
        (Self { input, pieces, output: Rc::clone(&output) }, output)
    }

    /// How many of `most` bytes move now.
    fn some(&mut self, most: usize) -> io::Result<usize> {
        match &mut self.pieces {
            Pieces::Cut(rng) if most > 0 => match rng.u32(0..4) {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                1 => Ok(1),
                _ => Ok(rng.usize(1..=most)),
            },
            Pieces::Whole | Pieces::Cut(_) => Ok(most),
        }
    }
}

impl Stream for Scripted<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.some(room.len().min(self.input.len()))?;
        let (piece, rest) = self.input.split_at(count);
        room[..count].copy_from_slice(piece);
        self.input = rest;
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.some(bytes.len())?;
        self.output.borrow_mut().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn half_close(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn close_with_reset(&self) -> io::Result<()> {
        Ok(())
    }
}
