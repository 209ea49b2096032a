//! The course's first `str_cli` (UNIX Network Programming, section 5.5), with its faults, for
//! those who want to see them.
//!
//! It blocks in one place at a time. While it waits for a line to be typed it does not look at
//! the socket, so it notices a dead server only after the next line (section 5.12). At the end of
//! the input it returns, whatever is still owed (section 6.6). And a last line without a newline
//! is waited for as a whole line, which does not come.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use socket2::Socket;

use crate::os::errno;

use super::config::ClientConfig;
use super::connect::Connected;
use super::failure::{Failure, FailureKind};
use super::greeting::{Greeting, hold, speaks_first, unasked};
use super::ledger::Ledger;
use super::messages::Messages;
use super::poll::wait_for_socket;
use super::timeouts::GREETING_REST;

/// The course's MAXLINE: a longer line goes in pieces of that size, each of which is waited for.
/// (C's `fgets` and `readline` need one byte of it for the terminating null.)
const MAXLINE: u64 = 4096;

/// How much of what nothing asked for is waited for, in bytes: a server may never cease.
const UNASKED_BYTES_MAX: usize = 1 << 20;

pub(super) fn run(
    config: &ClientConfig,
    connected: &Connected,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let socket = &connected.socket;
    let voice = Messages { verbose: config.verbose };
    let mut input = io::stdin().lock();
    let mut server = BufReader::new(socket);
    let mut line = Vec::new();
    if config.skip_greeting {
        skip_greeting(&mut server, ledger, voice)?;
    }
    loop {
        read_line(&mut input, &mut line)
            .map_err(|error| Failure::local("standard input", &error))?;
        if line.is_empty() {
            return Ok(());
        }
        // What has come while the line was typed is not its echo.
        let first = ledger.is_new();
        let early =
            what_comes(&mut server, if first { hold(connected.took) } else { Duration::ZERO });
        if !early.is_empty() {
            voice.note(|| if first { speaks_first(&early) } else { unasked(&early) });
            ledger.received(&early);
            if !format_bytes(&early)? {
                return Ok(());
            }
        }
        send_line(socket, &line).map_err(|error| of_socket(&error, ledger))?;
        ledger.sent(&line);
        read_line(&mut server, &mut line).map_err(|error| of_socket(&error, ledger))?;
        if line.is_empty() {
            let details = "the server terminated prematurely".to_owned();
            return Err(Failure::new(FailureKind::Terminated, details));
        }
        ledger.received(&line);
        if !format_bytes(&line)? {
            return Ok(());
        }
    }
}

/// Reads the server's greeting, a line and all that is there behind it.
fn skip_greeting(
    server: &mut BufReader<&Socket>,
    ledger: &mut Ledger,
    voice: Messages,
) -> Result<(), Failure> {
    let mut greeting = Greeting::default();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        read_line(server, &mut line).map_err(|error| of_socket(&error, ledger))?;
        if line.is_empty() {
            let details = "the server ended the connection before its greeting".to_owned();
            return Err(Failure::new(FailureKind::Terminated, details));
        }
        greeting.add(&line);
        ledger.received(&line);
    }
    let rest = what_comes(server, GREETING_REST);
    greeting.add(&rest);
    ledger.received(&rest);
    ledger.greeted();
    voice.note(|| greeting.skipped());
    Ok(())
}

/// All that comes until nothing does for that long, up to a limit.
fn what_comes(server: &mut BufReader<&Socket>, pause: Duration) -> Vec<u8> {
    let mut bytes = what_is_there(server);
    while bytes.len() < UNASKED_BYTES_MAX && !pause.is_zero() {
        wait_for_socket(server.get_ref(), pause);
        match what_is_there(server) {
            more if more.is_empty() => break,
            more => bytes.extend(more),
        }
    }
    bytes
}

/// What has come and was not read. An end, or an error, is left for the
/// reads that wait.
fn what_is_there(server: &mut BufReader<&Socket>) -> Vec<u8> {
    let mut bytes = server.buffer().to_vec();
    server.consume(bytes.len());
    let there = rustix::io::ioctl_fionread(server.get_ref()).unwrap_or(0);
    let mut socket = server.get_ref().take(there);
    // It is there, so this does not wait; an error is one that the next read will meet.
    drop(socket.read_to_end(&mut bytes));
    bytes
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
            Err(error) if errno::is_interrupted(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Shows that, or returns false: nobody reads standard output any more.
fn format_bytes(bytes: &[u8]) -> Result<bool, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if errno::is_broken_pipe(&error) => Ok(false),
        Err(error) => Err(Failure::local("standard output", &error)),
    }
}

fn of_socket(error: &io::Error, ledger: &Ledger) -> Failure {
    Failure::new(FailureKind::of(error), format!("{error} ({ledger})"))
}
