//! probe: the echo service, and requests that show the path between two hosts.
//!
//! Every line comes back as in `echo`, except a line that begins with `probe `: it is a request to
//! the daemon, and `docs/probe.md` is its protocol. This file only reads requests; the connection
//! carries them out.

use std::fmt;
use std::str;
use std::time::Duration;

use memchr::memmem;

use super::{Reply, Service};

/// Echoes, and answers requests.
pub const SERVICE: Service = Service {
    name: "probe",
    about: "Send every line back unchanged, and answer the requests of tcpecho-probe path",
    reply: Reply::Probe,
};

/// The beginning of a request.
const PREFIX: &[u8] = b"probe ";

/// The same behind the end of another line.
const NEXT_PREFIX: &[u8] = b"\nprobe ";

/// The longest wait that a peer may ask for, in milliseconds. Longer ones test the idle timeouts
/// between the hosts, which takes no help from here.
const WAIT_MAX_MS: u64 = 60_000;

/// The longest name of a connection, in bytes.
const NAME_BYTES_MAX: usize = 32;

/// A request of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Show the addresses, and the result of the handshake.
    Hello,
    /// A request about names, which concerns other connections.
    Ask(Question),
    /// Send FIN, and read on.
    Close,
    /// Send RST.
    Reset,
    /// Send this text as a line, after that time.
    Later(Duration, &'a [u8]),
    /// Read nothing for that time.
    Pause(Duration),
}

/// A request about names of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Know this connection by that name.
    Name(Name),
    /// Show the fate of the connection with that name.
    Fate(Name),
}

/// A name that a peer has given to its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Box<str>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lines to echo, a request and the input behind it.
type Split<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

impl<'a> Request<'a> {
    /// Splits input, which begins a line, into lines to echo, the first request, with its newline
    /// if that has come, and the rest.
    pub fn split(input: &'a [u8]) -> Split<'a> {
        if input.starts_with(PREFIX) { split_at(input, 0) } else { Self::split_in_line(input) }
    }

    /// The same for input that goes on with a line.
    pub fn split_in_line(input: &'a [u8]) -> Split<'a> {
        let newline = memmem::find(input, NEXT_PREFIX);
        newline.map_or((input, None, &[]), |newline| split_at(input, newline + 1))
    }

    /// Reads a request, with its newline.
    ///
    /// # Errors
    ///
    /// The mistake in it, for the peer.
    pub fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (word, rest) = split_word(line.strip_prefix(PREFIX).unwrap_or(line));
        match (word, rest) {
            (b"hello", None) => Ok(Self::Hello),
            (b"close", None) => Ok(Self::Close),
            (b"reset", None) => Ok(Self::Reset),
            (b"hello" | b"close" | b"reset", Some(_)) => Err("nothing may follow this request"),
            (b"name", name) => Ok(Self::Ask(Question::Name(read_name(name)?))),
            (b"fate", name) => Ok(Self::Ask(Question::Fate(read_name(name)?))),
            (b"pause", wait) => Ok(Self::Pause(read_wait(wait)?)),
            (b"later", rest) => {
                let (wait, text) = rest.map_or((None, None), |rest| {
                    let (wait, text) = split_word(rest);
                    (Some(wait), text)
                });
                let text = text.ok_or("expected later MS TEXT")?;
                Ok(Self::Later(read_wait(wait)?, text))
            }
            _ => Err("the requests are hello, name, fate, close, reset, later, pause"),
        }
    }
}

fn split_at(input: &[u8], request: usize) -> Split<'_> {
    let (echo, rest) = input.split_at(request);
    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
    let (request, rest) = rest.split_at(end);
    (echo, Some(request), rest)
}

/// Splits at the first blank.
fn split_word(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b' ', text) {
        Some(blank) => {
            let (word, rest) = text.split_at(blank);
            (word, rest.get(1..))
        }
        None => (text, None),
    }
}

fn read_name(text: Option<&[u8]>) -> Result<Name, &'static str> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    text.filter(|name| (1..=NAME_BYTES_MAX).contains(&name.len()) && name.iter().all(is_letter))
        .and_then(|name| str::from_utf8(name).ok())
        .map(|name| Name(name.into()))
        .ok_or("a NAME has 1 to 32 letters, digits and -")
}

fn read_wait(text: Option<&[u8]>) -> Result<Duration, &'static str> {
    text.filter(|ms| ms.iter().all(u8::is_ascii_digit))
        .and_then(|ms| str::from_utf8(ms).ok()?.parse().ok())
        .filter(|ms| *ms <= WAIT_MAX_MS)
        .map(Duration::from_millis)
        .ok_or("MS is a number of milliseconds from 0 to 60000")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Name {
        Name(name.into())
    }

    #[test]
    fn each_request_is_read() {
        let ms = Duration::from_millis;
        for (line, request) in [
            ("hello", Request::Hello),
            ("hello\r", Request::Hello),
            ("name a-Z9", Request::Ask(Question::Name(name("a-Z9")))),
            ("fate x", Request::Ask(Question::Fate(name("x")))),
            ("close", Request::Close),
            ("reset", Request::Reset),
            ("later 0 ", Request::Later(ms(0), b"")),
            ("later 60000 two  words", Request::Later(ms(60_000), b"two  words")),
            ("pause 10", Request::Pause(ms(10))),
        ] {
            assert_eq!(Request::parse(format!("probe {line}\n").as_bytes()), Ok(request), "{line}");
        }
    }

    #[test]
    fn each_mistake_is_named() {
        let long = format!("name {}", "x".repeat(33));
        for (line, part) in [
            ("", "the requests are"),
            ("hallo", "the requests are"),
            (" hello", "the requests are"),
            ("hello there", "nothing may follow this"),
            ("close ", "nothing may follow this"),
            ("name", "a NAME has"),
            ("name ", "a NAME has"),
            ("name a b", "a NAME has"),
            ("fate a_b", "a NAME has"),
            ("fate \u{e9}", "a NAME has"),
            (&long, "a NAME has"),
            ("later", "later MS TEXT"),
            ("later 5", "later MS TEXT"),
            ("later x y", "MS is a number"),
            ("later 60001 x", "MS is a number"),
            ("pause", "MS is a number"),
            ("pause ", "MS is a number"),
            ("pause +1", "MS is a number"),
            ("pause 99999999999999999999", "MS is a number"),
        ] {
            let error = Request::parse(format!("probe {line}\n").as_bytes()).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn the_first_line_that_begins_with_the_word_is_the_request() {
        for (input, in_line, echo, request, rest) in [
            ("a\nb\n", false, "a\nb\n", None, ""),
            ("", false, "", None, ""),
            ("probe x\n", false, "", Some("probe x\n"), ""),
            ("probe x\n", true, "probe x\n", None, ""),
            ("probe\nprobes\n probe x\n", false, "probe\nprobes\n probe x\n", None, ""),
            ("a\nprobe x\nprobe y\n", false, "a\n", Some("probe x\n"), "probe y\n"),
            ("a\nprobe x\nprobe y\n", true, "a\n", Some("probe x\n"), "probe y\n"),
            ("probe x", false, "", Some("probe x"), ""),
        ] {
            let expected = (echo.as_bytes(), request.map(str::as_bytes), rest.as_bytes());
            let split = if in_line { Request::split_in_line } else { Request::split };
            assert_eq!(split(input.as_bytes()), expected, "{input:?}");
        }
    }
}
