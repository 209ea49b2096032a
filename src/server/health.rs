//! `tcpechod --health`: asks a running daemon whether it is ready, without a shell or curl.
//!
//! One request suits both kinds of listener: a metrics listener answers it, and an echo service
//! returns it. The two cannot be confused, because every HTTP response begins with `HTTP/`.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use socket2::Socket;

use crate::http::{StatusLine, parse_status};
use crate::net::address::Address;
use crate::net::endpoint::Endpoint;
use crate::net::happy_eyeballs::{self, Connection};
use crate::os::errno;

/// The time limit of the whole check, name resolution aside.
const LIMIT: Duration = Duration::from_secs(3);

/// Ends with a newline, so that an echo by lines returns all of it.
const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The longest answer that is read: `/readyz` needs far less.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// The longest part of an answer in an error, in bytes.
const SHOWN_BYTES_MAX: usize = 60;

/// Asks the daemon whose metrics listener, or echo listener, has this address.
///
/// # Errors
///
/// The reason why it is not ready.
pub fn health(address: &Address) -> anyhow::Result<()> {
    let deadline = Instant::now() + LIMIT;
    ask(address, deadline).with_context(|| format!("not ready: {address}"))
}

fn ask(address: &Address, deadline: Instant) -> anyhow::Result<()> {
    let connected =
        happy_eyeballs::connect(endpoints(address)?, left(deadline)?, Endpoint::socket, |_, _| {});
    let Connection { socket, .. } = connected.map_err(|last| match last {
        Some((_, error)) => failure(error),
        None => anyhow!("it has no address"),
    })?;
    socket.set_write_timeout(Some(left(deadline)?))?;
    (&socket).write_all(REQUEST).map_err(failure)?;
    let mut answer = Vec::new();
    while answer.len() < ANSWER_BYTES_MAX && read(&socket, deadline, &mut answer)? {
        if let Some(verdict) = judge(&answer) {
            return verdict;
        }
    }
    Err(unready(&answer))
}

/// Returns the addresses to try. Without a host these are the loopback addresses,
/// which need no file of hosts.
fn endpoints(address: &Address) -> anyhow::Result<Vec<Endpoint>> {
    let (host, port) = match address {
        Address::Unix(path) => return Ok(vec![Endpoint::Unix(path.clone())]),
        Address::Internet { host, port } => (host, port.unwrap_or_default()),
    };
    let Some(host) = host else {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        return Ok(vec![v4.into(), v6.into()]);
    };
    Ok((host.as_str(), port).to_socket_addrs()?.map(Endpoint::from).collect())
}

/// Reads more of the answer; returns false at its end.
fn read(socket: &Socket, deadline: Instant, answer: &mut Vec<u8>) -> anyhow::Result<bool> {
    let mut room = [0; 1024];
    loop {
        socket.set_read_timeout(Some(left(deadline)?))?;
        let mut source = socket;
        match source.read(&mut room) {
            Ok(read) => {
                answer.extend_from_slice(room.get(..read).unwrap_or_default());
                return Ok(read > 0);
            }
            Err(error) if errno::is_interrupted(&error) => {}
            Err(error) => return Err(failure(error)),
        }
    }
}

/// The time until the deadline.
fn left(deadline: Instant) -> anyhow::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(failure(io::ErrorKind::TimedOut.into())) } else { Ok(left) }
}

fn failure(error: io::Error) -> anyhow::Error {
    if errno::would_block(&error) || errno::is_timeout(&error) {
        return anyhow!("no answer within {}", humantime::format_duration(LIMIT));
    }
    if errno::is_refused(&error) {
        return anyhow!("refused: no process listens there");
    }
    error.into()
}

/// Judges an answer as soon as it is clear; returns none while more of it has to come.
fn judge(answer: &[u8]) -> Option<anyhow::Result<()>> {
    match parse_status(answer) {
        Some(StatusLine::Complete { status: 200, .. }) => Some(Ok(())),
        Some(_) => None,
        None if answer == REQUEST => Some(Ok(())),
        None if REQUEST.starts_with(answer) => None,
        None => Some(Err(unready(answer))),
    }
}

/// The reason in an answer that has ended, or can only be wrong.
fn unready(answer: &[u8]) -> anyhow::Error {
    match parse_status(answer) {
        Some(StatusLine::Complete { status, body }) => {
            anyhow!("{status} {}", shown(answer.get(body..).unwrap_or_default()))
        }
        _ if answer.is_empty() => anyhow!("closed without an answer"),
        _ => anyhow!("not HTTP, and no echo: the answer begins with \"{}\"", shown(answer)),
    }
}

/// The first line, shortened.
fn shown(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.get(..SHOWN_BYTES_MAX).unwrap_or(line);
    String::from_utf8_lossy(line).trim_end().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_as_soon_as_it_is_clear() {
        let response = b"HTTP/1.1 200 OK\r\n\r\n";
        for whole in [&response[..], REQUEST] {
            for length in 1..whole.len() {
                assert!(judge(&whole[..length]).is_none(), "{length}");
            }
            assert!(judge(whole).is_some_and(|verdict| verdict.is_ok()));
        }
        let greeted = [b"hello\n", REQUEST].concat();
        for wrong in [&greeted, &b"220 smtp.example.org\r\n"[..]] {
            assert!(judge(wrong).is_some_and(|verdict| verdict.is_err()));
        }
    }

    #[test]
    fn an_answer_that_has_ended_has_its_reason() {
        let draining = b"HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\ndraining\n";
        for (answer, expected) in [
            (&draining[..], "503 draining"),
            (b"HTTP/1.1 404 Not Found\r\n\r\n\x1b[31m", "404 \\u{1b}[31m"),
            (b"", "closed without an answer"),
            (b"HTTP/1.1 20", "not HTTP, and no echo: the answer begins with \"HTTP/1.1 20\""),
            (b"GET /rea", "not HTTP, and no echo: the answer begins with \"GET /rea\""),
            (b"hello\nworld", "not HTTP, and no echo: the answer begins with \"hello\""),
        ] {
            assert_eq!(unready(answer).to_string(), expected);
        }
    }
}
