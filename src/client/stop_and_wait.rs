//! The course's first `str_cli` (UNIX Network Programming, section 5.5), with its faults, for the
//! demonstrations.
//!
//! It blocks on one descriptor at a time. While it waits for a line to be typed it does not read
//! the socket, so it notices a dead server only after the next line (section 5.12). At the end of
//! the input it returns even with echoes outstanding (section 6.6). For a last line without a
//! newline it waits for a whole line, which never comes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use socket2::Socket;

use crate::os::errno;

use super::config::ClientConfig;
use super::connect::Connected;
use super::failure::{Failure, FailureKind};
use super::greeting::{Greeting, hold, speaks_first, unrequested};
use super::ledger::Ledger;
use super::messages::Messages;
use super::poll::wait_for_socket;
use super::timeouts::GREETING_REST;

/// The course's MAXLINE: a longer line is sent in pieces of this size, with a wait for the echo of
/// each. (C's `fgets` and `readline` need one byte of it for the terminating null.)
const MAXLINE: u64 = 4096;

/// The maximum amount of unrequested data to wait for, in bytes: a server may never stop sending.
const UNREQUESTED_BYTES_MAX: usize = 1 << 20;

pub(super) fn run(
    config: &ClientConfig,
    connected: &Connected,
    ledger: &mut Ledger,
) -> Result<(), Failure> {
    let socket = &connected.socket;
    let messages = Messages { verbose: config.verbose };
    let mut input = io::stdin().lock();
    let mut server = BufReader::new(socket);
    let mut line = Vec::new();
    if config.skip_greeting {
        skip_greeting(&mut server, ledger, messages)?;
    }
    loop {
        read_line(&mut input, &mut line)
            .map_err(|error| Failure::local("standard input", &error))?;
        if line.is_empty() {
            return Ok(());
        }
        // Data received while the line was typed is not its echo.
        let first = ledger.is_new();
        let early = read_until_silence(
            &mut server,
            if first { hold(connected.took) } else { Duration::ZERO },
        );
        if !early.is_empty() {
            messages.note(|| if first { speaks_first(&early) } else { unrequested(&early) });
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

/// Reads the server's greeting: a line and all data that follows at once.
fn skip_greeting(
    server: &mut BufReader<&Socket>,
    ledger: &mut Ledger,
    messages: Messages,
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
    let rest = read_until_silence(server, GREETING_REST);
    greeting.add(&rest);
    ledger.received(&rest);
    ledger.greeted();
    messages.note(|| greeting.skipped());
    Ok(())
}

/// Reads until nothing is received for the length of `pause`, up to a limit.
fn read_until_silence(server: &mut BufReader<&Socket>, pause: Duration) -> Vec<u8> {
    let mut bytes = read_available(server);
    while bytes.len() < UNREQUESTED_BYTES_MAX && !pause.is_zero() {
        wait_for_socket(server.get_ref(), pause);
        match read_available(server) {
            more if more.is_empty() => break,
            more => bytes.extend(more),
        }
    }
    bytes
}

/// Reads the available data. Leaves FIN or an error to the blocking reads.
fn read_available(server: &mut BufReader<&Socket>) -> Vec<u8> {
    let mut bytes = server.buffer().to_vec();
    server.consume(bytes.len());
    let there = rustix::io::ioctl_fionread(server.get_ref()).unwrap_or(0);
    let mut socket = server.get_ref().take(there);
    // The data is there, so this does not block; the next read returns any error.
    drop(socket.read_to_end(&mut bytes));
    bytes
}

/// Reads like `fgets` and `readline`: a line with its newline, or MAXLINE bytes of it; nothing at
/// the end.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    source.take(MAXLINE).read_until(b'\n', line).map(|_count| ())
}

/// Sends the first byte, then the rest, like figure 5.14: if the server's process is gone, the
/// first write draws the RST and the second fails, with SIGPIPE and EPIPE. The figure sleeps in
/// between; on the loopback interface the RST arrives without that.
fn send_line(socket: &Socket, line: &[u8]) -> io::Result<()> {
    let (first, rest) = line.split_at(1.min(line.len()));
    write_all(socket, first)?;
    write_all(socket, rest)
}

/// Uses write(2), because send(2) in the standard library suppresses SIGPIPE.
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

/// Writes to standard output. Returns false if it has lost its reader.
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
