//! Connects to the first of several addresses that answers (RFC 8305, "Happy Eyeballs").
//!
//! A silent address must not delay the others: after 250 ms the next attempt begins beside it, and
//! after a failure at once. The families take turns, so that a broken IPv6 costs one such delay.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use crate::os::errno;

use super::endpoint::Endpoint;

/// The time after which the next attempt begins beside the last one ("Connection Attempt Delay",
/// RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// The socket, which blocks.
    pub socket: Socket,
    /// The address that answered.
    pub endpoint: Endpoint,
    /// The duration of its attempt.
    pub took: Duration,
}

/// An attempt that has begun.
#[derive(Debug)]
struct Attempt {
    socket: Socket,
    endpoint: Endpoint,
    begun: Instant,
}

/// Connects to the first of `endpoints` that answers within `timeout`, on sockets from `open`.
/// Calls `failed` for each attempt that fails while others are left.
///
/// # Errors
///
/// The last failure and its endpoint; [`io::ErrorKind::TimedOut`] without an errno if no attempt
/// has ended in time. None if there is no endpoint.
pub fn connect(
    endpoints: Vec<Endpoint>,
    timeout: Duration,
    open: impl Fn(&Endpoint) -> io::Result<Socket>,
    mut failed: impl FnMut(&Endpoint, &io::Error),
) -> Result<Connection, Option<(Endpoint, io::Error)>> {
    let mut waiting = interleaved(endpoints).into_iter();
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut last = None;
    let mut deadline = Instant::now() + timeout;
    let mut next = Instant::now();
    loop {
        if attempts.is_empty() || Instant::now() >= next {
            let Some(endpoint) = waiting.next() else {
                if attempts.is_empty() {
                    return Err(last);
                }
                next = deadline;
                continue;
            };
            next = Instant::now() + ATTEMPT_DELAY;
            match Attempt::begin(&endpoint, &open) {
                Ok(attempt) => attempts.push(attempt),
                Err(error) => {
                    note(&mut last, &mut failed, endpoint, error);
                    next = Instant::now();
                    continue;
                }
            }
        }
        // The sockets are polled before the deadline is looked at: this process may have been
        // stopped meanwhile, and an answer may have come in time.
        deadline += wait(&attempts, next.min(deadline));
        while let Some(place) = attempts.iter().position(Attempt::has_ended) {
            let attempt = attempts.swap_remove(place);
            let endpoint = attempt.endpoint.clone();
            match attempt.end() {
                Ok(connection) => return Ok(connection),
                Err(error) => note(&mut last, &mut failed, endpoint, error),
            }
            next = Instant::now();
        }
        if Instant::now() >= deadline
            && let Some(attempt) = attempts.pop()
        {
            return Err(Some((attempt.endpoint, io::ErrorKind::TimedOut.into())));
        }
    }
}

fn note(
    last: &mut Option<(Endpoint, io::Error)>,
    failed: &mut impl FnMut(&Endpoint, &io::Error),
    endpoint: Endpoint,
    error: io::Error,
) {
    if let Some((endpoint, error)) = last.replace((endpoint, error)) {
        failed(&endpoint, &error);
    }
}

/// Sorts the endpoints so that the families take turns, each in the resolver's order (section 4).
fn interleaved(endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    let is_v6 = |one: &Endpoint| one.tcp().is_some_and(|address| address.is_ipv6());
    let first = endpoints.first().is_some_and(is_v6);
    let (mut same, mut other): (Vec<_>, Vec<_>) =
        endpoints.into_iter().rev().partition(|one| is_v6(one) == first);
    let mut all = Vec::new();
    while !same.is_empty() || !other.is_empty() {
        all.extend(same.pop());
        all.extend(other.pop());
    }
    all
}

/// Waits until an attempt ends, at most until `until`. Returns by how much it waited longer: this
/// process was stopped, which is not the fault of any address.
fn wait(attempts: &[Attempt], until: Instant) -> Duration {
    let time = until.saturating_duration_since(Instant::now());
    let mut polled: Vec<_> =
        attempts.iter().map(|one| PollFd::new(&one.socket, PollFlags::OUT)).collect();
    // An interrupted wait is continued by the caller.
    poll(&mut polled, Timespec::try_from(time).ok().as_ref()).ok();
    Instant::now().saturating_duration_since(until)
}

impl Attempt {
    fn begin(
        endpoint: &Endpoint,
        open: impl Fn(&Endpoint) -> io::Result<Socket>,
    ) -> io::Result<Self> {
        let socket = open(endpoint)?;
        socket.set_nonblocking(true)?;
        let begun = Instant::now();
        match socket.connect(&endpoint.address()?) {
            Err(error) if !errno::is_connecting(&error) => Err(error),
            _ => Ok(Self { socket, endpoint: endpoint.clone(), begun }),
        }
    }

    fn has_ended(&self) -> bool {
        let mut polled = [PollFd::new(&self.socket, PollFlags::OUT)];
        poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ended| ended > 0)
    }

    /// Returns the connection, or the reason why there is none.
    fn end(self) -> io::Result<Connection> {
        let Self { socket, endpoint, begun } = self;
        let took = begun.elapsed();
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        if socket.local_addr()?.as_socket().is_some_and(|own| Some(own) == endpoint.tcp()) {
            // Two SYNs met, both ours (RFC 9293, section 3.5, simultaneous open).
            let message = "no process listens there; the socket connected to itself";
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, message));
        }
        socket.set_nonblocking(false)?;
        Ok(Connection { socket, endpoint, took })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::*;

    fn tcp(address: &str) -> Endpoint {
        Endpoint::Tcp(address.parse().unwrap())
    }

    fn connect_to(endpoints: Vec<Endpoint>, timeout: Duration) -> Result<Connection, Vec<String>> {
        let mut failures = Vec::new();
        let failed = |endpoint: &Endpoint, _: &io::Error| failures.push(endpoint.to_string());
        let connected = connect(endpoints, timeout, Endpoint::socket, failed);
        connected.map_err(|last| {
            failures.extend(last.map(|(endpoint, _)| endpoint.to_string()));
            failures
        })
    }

    #[test]
    fn the_families_take_turns() {
        let all = ["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1", "127.0.0.2:1"].map(tcp);
        let sorted = ["[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1", "[::3]:1"].map(tcp);
        assert_eq!(interleaved(all.to_vec()), sorted);
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[test]
    fn a_failure_begins_the_next_attempt_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let connection = connect_to(vec![free.into(), server.into()], Duration::from_secs(30));
        assert_eq!(connection.unwrap().endpoint, Endpoint::from(server));
        let failures = connect_to(vec![free.into(), free.into()], Duration::from_secs(30));
        assert_eq!(failures.unwrap_err(), [free.to_string(), free.to_string()]);
        assert!(connect_to(Vec::new(), Duration::ZERO).unwrap_err().is_empty());
    }

    /// A stop longer than the timeout: the wait is over, and the connection is established.
    #[test]
    fn g09_a_connect_that_was_given_up_too_late_is_looked_at_once_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server: SocketAddr = listener.local_addr().unwrap();
        assert!(connect_to(vec![server.into()], Duration::ZERO).is_ok());
    }
}
