//! Whole conversations: the same input gives the same output, however it is split.

use std::time::Duration;

use fastrand::Rng;
use tcpecho::cause::Cause;
use tcpecho::clock::MonotonicMs;
use tcpecho::connection::{Connection, NextStep, Peer, Phase, Ready, Shared, Timeouts};
use tcpecho::http::{HEAD_BYTES_MAX, HttpConnection, HttpStep, Response};
use tcpecho::service::{ECHO, PROBE, RAW, SUM, SUM_XDR, Service};

use crate::streams::{Pieces, Scripted};

/// Tests the services on lines. The first bytes seed the pieces and the line limit, the others are
/// the input: echo and raw return all of it, and sum answers each line once, however it is split.
pub fn lines(input: &[u8]) {
    let Some((seed, input)) = input.split_first_chunk::<2>() else { return };
    let longest = usize::from(seed[1]) + 1;
    let cut = || Pieces::Cut(Rng::with_seed(u64::from(seed[0])));
    let (cause, echoed) = converse(ECHO, longest, input, cut());
    assert_eq!((cause, &*echoed), (Cause::Finished, input), "echo returns its input");
    let (cause, echoed) = converse(RAW, longest, input, cut());
    assert_eq!((cause, &*echoed), (Cause::Finished, input), "raw returns its input");
    let whole = converse(SUM, longest, input, Pieces::Whole);
    assert_eq!(converse(SUM, longest, input, cut()), whole, "the pieces make no difference");
    let replies = whole.1.split_inclusive(|byte| *byte == b'\n').count();
    let lines = input.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(replies, lines, "each line gets one reply");
}

/// Tests the service on XDR records. The first byte seeds the pieces, the others are the input.
pub fn records(input: &[u8]) {
    let Some((seed, input)) = input.split_first() else { return };
    let cut = Pieces::Cut(Rng::with_seed(u64::from(*seed)));
    let whole = converse(SUM_XDR, 4096, input, Pieces::Whole);
    assert_eq!(converse(SUM_XDR, 4096, input, cut), whole, "the pieces make no difference");
    let sums = input.chunks(16).map_while(|record| {
        let (one, other) = record.split_first_chunk::<8>()?;
        let (one, other) = (i64::from_be_bytes(*one), i64::from_be_bytes(other.try_into().ok()?));
        one.checked_add(other)
    });
    let sums: Vec<_> = sums.map(i64::to_be_bytes).collect();
    let all = sums.len() * 16 == input.len();
    let cause = if all { Cause::Finished } else { Cause::Protocol };
    assert_eq!(whole, (cause, sums.concat()), "every sum up to the first error");
}

/// Tests the service probe. The first byte seeds the pieces, the others are the input: however it
/// is split, the connection ends with the same cause, and input without requests comes back.
pub fn probe(input: &[u8]) {
    let Some((seed, input)) = input.split_first() else { return };
    let cut = Pieces::Cut(Rng::with_seed(u64::from(*seed)));
    let [whole, pieces] = [Pieces::Whole, cut].map(|pieces| converse(PROBE, 4096, input, pieces));
    assert_eq!(whole.0, pieces.0, "the pieces make no difference");
    let mut lines = input.split_inclusive(|byte| *byte == b'\n');
    if !lines.any(|line| line.starts_with(b"probe ")) {
        assert!(whole.1 == input && pieces.1 == input, "lines come back");
    }
}

/// Runs a connection, as fast as its waits end; returns its cause and its whole output.
fn converse(service: Service, longest: usize, input: &[u8], pieces: Pieces) -> (Cause, Vec<u8>) {
    let (stream, output) = Scripted::new(input, pieces);
    let mut shared = Shared::new(service, longest);
    let listener = shared.listener(0);
    let mut connection = Connection::new(stream, Peer::unix(0), listener, None, MonotonicMs(0));
    // Each turn moves at least a byte, except for would-block, which is one in four.
    for _ in 0..100 + 200 * (input.len() + 100) {
        connection.mark(Ready::READABLE.union(Ready::WRITABLE));
        if connection.serve(&mut shared) == NextStep::Asks {
            connection.answer_question("an answer\n", &mut shared);
        }
        if !matches!(connection.phase(), Phase::Lingering(_)) {
            shared.now = shared.now.after(Duration::from_secs(1));
            connection.expire(&Timeouts::default(), &mut shared);
        }
        if let Phase::Closed(cause) = connection.phase() {
            return (cause, output.take());
        }
    }
    panic!("the conversation does not end")
}

/// Tests the HTTP server. The first byte seeds the pieces, the others are the request: it gets the
/// same response however it is split, or none if it is incomplete.
pub fn http(input: &[u8]) {
    let Some((seed, input)) = input.split_first() else { return };
    let cut = Pieces::Cut(Rng::with_seed(u64::from(*seed)));
    let whole = response_to(input, Pieces::Whole);
    assert_eq!(response_to(input, cut), whole, "the pieces make no difference");
    let text = String::from_utf8_lossy(&whole);
    assert!(whole.is_empty() || text.starts_with("HTTP/1.1 "), "{text}");
    assert!(!whole.is_empty() || input.len() < HEAD_BYTES_MAX, "a full head gets a response");
}

fn response_to(input: &[u8], pieces: Pieces) -> Vec<u8> {
    let (stream, output) = Scripted::new(input, pieces);
    let mut connection = HttpConnection::new(stream, MonotonicMs(0));
    let mut room = [0; 4096];
    for _ in 0..1000 + 200 * (input.len() + 100) {
        connection.mark(Ready::READABLE.union(Ready::WRITABLE));
        match connection.serve(&mut room, MonotonicMs(0)) {
            HttpStep::Pending | HttpStep::Yield => {}
            HttpStep::Request(request) => {
                connection.respond(Response::text(200, &request.path), MonotonicMs(0));
            }
            HttpStep::Done => return output.take(),
        }
    }
    panic!("the request does not end")
}
