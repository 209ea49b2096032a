//! The course's first `str_cli` (UNIX Network Programming, section 5.5), with its faults, for
//! those who want to see them.
//!
//! It blocks in one place at a time. While it waits for a line to be typed it does not look at
//! the socket, so it notices a dead server only after the next line (section 5.12). At the end of
//! the input it returns, whatever is still owed (section 6.6). And a last line without a newline
//! is waited for as a whole line, which does not come.

use std::io::{self, BufRead, BufReader, Read, Write};

use socket2::Socket;

use crate::fault;

use super::failure::{Failure, Word};
use super::ledger::Ledger;

/// The course's MAXLINE: a longer line goes in pieces of that size, each of which is waited for.
/// (C's `fgets` and `readline` need one byte of it for the terminating null.)
const MAXLINE: u64 = 4096;

pub(super) fn run(socket: &Socket, ledger: &mut Ledger) -> Result<(), Failure> {
    let mut input = io::stdin().lock();
    let mut server = BufReader::new(socket);
    let mut line = Vec::new();
    loop {
        read_line(&mut input, &mut line)
            .map_err(|error| Failure::local("standard input", &error))?;
        if line.is_empty() {
            return Ok(());
        }
        send_line(socket, &line).map_err(|error| of_socket(&error, ledger))?;
        ledger.sent(&line);
        read_line(&mut server, &mut line).map_err(|error| of_socket(&error, ledger))?;
        if line.is_empty() {
            let details = "the server terminated prematurely".to_owned();
            return Err(Failure::new(Word::Terminated, details));
        }
        ledger.received(&line);
        match show(&line) {
            Ok(()) => {}
            Err(error) if fault::reader_gone(&error) => return Ok(()),
            Err(error) => return Err(Failure::local("standard output", &error)),
        }
    }
}

/// `fgets` and `readline`: the next line with its newline, or as much of it as MAXLINE allows;
/// nothing at the end.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    source.take(MAXLINE).read_until(b'\n', line).map(|_count| ())
}

/// The first byte, then the rest, as figure 5.14 does it: when the server's process is gone, the
/// first write draws the RST and the second one meets it, with SIGPIPE and EPIPE. The figure
/// sleeps in between; on the loopback interface the RST is there without that.
fn send_line(socket: &Socket, line: &[u8]) -> io::Result<()> {
    let (first, rest) = line.split_at(1.min(line.len()));
    write_all(socket, first)?;
    write_all(socket, rest)
}

/// write(2) and not send(2), which the standard library would keep from raising SIGPIPE.
fn write_all(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(socket, bytes).map_err(io::Error::from) {
            Ok(count) => bytes = bytes.split_at(count).1,
            Err(error) if fault::interrupted(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn show(line: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line)?;
    stdout.flush()
}

fn of_socket(error: &io::Error, ledger: &Ledger) -> Failure {
    Failure::new(Word::of(error), format!("{error} ({ledger})"))
}
