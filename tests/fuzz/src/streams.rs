//! A stream that gives its input, and takes its output, in pieces that a seed decides.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use fastrand::Rng;
use tcpecho::connection::Stream;

/// How what is read and written comes in pieces.
#[derive(Debug)]
pub(crate) enum Pieces {
    /// As large as there is room for.
    Whole,
    /// Of any size, with would-block between them.
    Cut(Rng),
}

/// One end of a stream; the other end is the input, and then FIN.
#[derive(Debug)]
pub(crate) struct Scripted<'a> {
    input: &'a [u8],
    pieces: Pieces,
    output: Rc<RefCell<Vec<u8>>>,
}

impl<'a> Scripted<'a> {
    /// The stream, and what will have been written to it.
    pub(crate) fn new(input: &'a [u8], pieces: Pieces) -> (Self, Rc<RefCell<Vec<u8>>>) {
        let output = Rc::new(RefCell::new(Vec::new()));
        (Self { input, pieces, output: Rc::clone(&output) }, output)
    }

    /// How much of `most` bytes moves now.
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
