//! HTTP connections on scripted streams.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::io::Errno;

use super::*;
use crate::clock::MonotonicMs;
use crate::connection::Ready;
use crate::connection::script::{In, Out, ScriptedStream, StreamScript};

const NOW: MonotonicMs = MonotonicMs(1000);

struct Bench {
    http: HttpConnection<ScriptedStream>,
    wire: Rc<RefCell<StreamScript>>,
}

impl Bench {
    fn new(reads: impl IntoIterator<Item = In>) -> Self {
        let (stream, wire) = ScriptedStream::new(reads);
        let mut http = HttpConnection::new(stream, NOW);
        http.mark(Ready::READABLE.union(Ready::WRITABLE));
        Self { http, wire }
    }

    /// Serves until the connection is pending or done; answers each request.
    fn serve(&mut self) -> (Vec<Request>, HttpStep) {
        let mut requests = Vec::new();
        for _ in 0..10_000 {
            match self.http.serve(&mut [0; 4096], NOW) {
                HttpStep::Yield => {}
                HttpStep::Request(request) => {
                    requests.push(request);
                    self.http.respond(Response::text(200, "here you are"), NOW);
                }
                end @ (HttpStep::Pending | HttpStep::Done) => return (requests, end),
            }
        }
        panic!("it never comes to rest");
    }

    fn sent(&self) -> String {
        String::from_utf8(self.wire.borrow().sent.clone()).unwrap()
    }
}

fn bytes(text: &str) -> In {
    In::Bytes(text.as_bytes().to_vec())
}

/// Returns the status of the response to `text`.
fn status(text: &str) -> String {
    let mut bench = Bench::new([bytes(text)]);
    bench.serve();
    bench.sent().split(' ').nth(1).unwrap_or("none").to_owned()
}

const GET: &str = "GET /metrics?name=x HTTP/1.1\r\nHost: here\r\n\r\n";

#[test]
fn a_long_body_follows_its_head_whole_in_any_pieces() {
    let body = "0123456789".repeat(1000);
    for taken in [1, 50, 4096] {
        let mut bench = Bench::new([bytes(GET)]);
        bench.wire.borrow_mut().writes = vec![Out::Take(taken); 12_000].into();
        assert!(matches!(bench.http.serve(&mut [0; 4096], NOW), HttpStep::Request(_)));
        bench.http.respond(Response::new(200, "text/plain", body.as_str()), NOW);
        bench.serve();
        let sent = bench.sent();
        let (head, rest) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Content-Length: 10000"), "{head}");
        assert!(rest == body, "{} bytes", rest.len());
    }
    let mut bench = Bench::new([bytes(&GET.replace("GET", "HEAD"))]);
    assert!(matches!(bench.http.serve(&mut [0; 4096], NOW), HttpStep::Request(_)));
    bench.http.respond(Response::new(200, "text/plain", body.as_str()), NOW);
    bench.serve();
    assert!(bench.sent().ends_with("\r\n\r\n"), "{}", bench.sent());
}

#[test]
fn a_request_gets_a_response_and_then_fin() {
    let mut bench = Bench::new([bytes(GET)]);
    let (requests, end) = bench.serve();
    let path = "/metrics".to_owned();
    assert_eq!(requests, [Request { path, accept: String::new() }]);
    assert_eq!(end, HttpStep::Pending, "for its FIN");
    assert!(bench.wire.borrow().half_closed);
    let sent = bench.sent();
    assert!(sent.starts_with("HTTP/1.1 200 OK\r\n"), "{sent}");
    assert!(sent.contains("Content-Length: 13\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nhere you are\n"), "{sent}");
    bench.wire.borrow_mut().reads.push_back(In::End);
    bench.http.mark(Ready::READABLE);
    assert_eq!(bench.serve().1, HttpStep::Done);
}

#[test]
fn head_has_no_body_but_its_length() {
    let mut bench = Bench::new([bytes(&GET.replace("GET", "HEAD"))]);
    bench.serve();
    let sent = bench.sent();
    assert!(sent.contains("Content-Length: 13\r\n") && sent.ends_with("\r\n\r\n"), "{sent}");
}

#[test]
fn an_error_answer_to_head_has_no_body_either() {
    let long = format!("HEAD /{} HTTP/1.1\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
    for wrong in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "\r\nHEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nno colon\r\n\r\n",
        &long,
    ] {
        let mut bench = Bench::new([bytes(wrong)]);
        bench.serve();
        let sent = bench.sent();
        assert!(sent.starts_with("HTTP/1.1 4") && sent.ends_with("\r\n\r\n"), "{sent}");
        assert_eq!(sent.matches("\r\n\r\n").count(), 1, "{sent}");
    }
}

#[test]
fn a_target_may_be_a_whole_url() {
    for (target, path) in [
        ("http://here:9878/metrics?name=x", "/metrics"),
        ("HTTP://here/readyz", "/readyz"),
        ("http://here", "/"),
        ("/", "/"),
    ] {
        let text = format!("GET {target} HTTP/1.1\r\nHost: here\r\n\r\n");
        let (requests, _) = Bench::new([bytes(&text)]).serve();
        assert_eq!(requests.first().map(|request| request.path.as_str()), Some(path), "{target}");
    }
}

#[test]
fn the_media_type_that_is_wanted_most_is_preferred() {
    let offered = ["application/openmetrics-text", "text/plain"];
    for (accept, wanted) in [
        ("", 0),
        ("*/*", 0),
        ("text/plain", 1),
        ("text/*", 1),
        ("image/png", 0),
        ("text/plain;version=0.0.4;q=0.3, */*;q=0.1", 1),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 0),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", 1),
        ("application/openmetrics-text;q=0, */*", 1),
        ("text/plain;Q=0.1,application/openmetrics-text;q=0.5", 0),
        (
            "application/openmetrics-text;version=1.0.0;q=0.8,\
             application/openmetrics-text;version=0.0.1;q=0.2,text/plain;q=0.5",
            0,
        ),
    ] {
        assert_eq!(preferred(accept, &offered), Some(offered[wanted]), "{accept:?}");
    }
}

#[test]
fn a_request_and_its_response_may_move_byte_by_byte() {
    let reads = GET.bytes().flat_map(|byte| [In::Bytes(vec![byte]), In::Fail(Errno::INTR)]);
    let mut bench = Bench::new(reads);
    bench.wire.borrow_mut().writes = [Out::Take(1), Out::Fail(Errno::INTR)].repeat(200).into();
    let (requests, _) = bench.serve();
    assert_eq!(requests.len(), 1);
    assert!(bench.sent().ends_with("here you are\n"), "{}", bench.sent());
}

#[test]
fn each_request_gets_the_status_for_its_error() {
    let long = "x".repeat(HEAD_BYTES_MAX);
    let many = "h: x\r\n".repeat(65);
    for (text, expected) in [
        (GET.to_owned(), "200"),
        ("hello\r\n\r\n".to_owned(), "400"),
        ("GET /\0 HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400"),
        ("POST /metrics HTTP/1.1\r\n\r\n".to_owned(), "405"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "200"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a b/c@\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: a:xyz\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: [::1]:9878\r\n\r\n".to_owned(), "200"),
        ("GET / HTTP/1.1\r\nHost: a.example:9878\r\n\r\n".to_owned(), "200"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), "200"),
        ("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("GET ftp://a/metrics HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        ("GET http:///metrics HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "400"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "505"),
    ] {
        let shown = text.get(..text.len().min(40)).unwrap();
        assert_eq!(status(&text), expected, "{shown:?}");
    }
}

#[test]
fn input_behind_a_request_is_discarded_so_that_the_response_arrives() {
    let body = "x".repeat(1 << 20);
    let mut bench = Bench::new([bytes(&format!("POST / HTTP/1.1\r\n\r\n{body}")), In::End]);
    assert_eq!(bench.serve().1, HttpStep::Done);
    assert!(bench.sent().starts_with("HTTP/1.1 405 "));
    assert!(bench.sent().contains("\r\nAllow: GET, HEAD\r\n"));
}

#[test]
fn a_partial_request_gets_408_and_a_silent_connection_is_closed() {
    let mut bench = Bench::new([bytes("GET /met")]);
    assert_eq!(bench.serve().1, HttpStep::Pending);
    assert_eq!(bench.http.deadline(), NOW.after(REQUEST_TIMEOUT));
    assert_eq!(bench.http.expire(NOW.after(REQUEST_TIMEOUT)), HttpStep::Yield);
    bench.serve();
    assert!(bench.sent().starts_with("HTTP/1.1 408 "), "{}", bench.sent());
    assert_eq!(bench.http.expire(NOW), HttpStep::Done, "a peer that does not close is closed");
    let mut silent = Bench::new([]);
    assert_eq!(silent.serve().1, HttpStep::Pending);
    assert_eq!(silent.http.expire(NOW.after(REQUEST_TIMEOUT)), HttpStep::Done);
    assert_eq!(silent.sent(), "");
}

#[test]
fn a_reader_that_stops_is_closed_in_time() {
    let mut bench = Bench::new([bytes(GET)]);
    bench.wire.borrow_mut().writes = [Out::Take(5), Out::Block].into();
    assert_eq!(bench.serve().1, HttpStep::Pending);
    assert_eq!(bench.http.expire(NOW.after(REQUEST_TIMEOUT)), HttpStep::Done);
}

#[test]
fn an_io_error_ends_an_http_connection() {
    for errno in [Errno::CONNRESET, Errno::TIMEDOUT] {
        assert_eq!(Bench::new([In::Fail(errno)]).serve().1, HttpStep::Done);
    }
    let mut bench = Bench::new([bytes(GET)]);
    bench.wire.borrow_mut().writes = [Out::Fail(Errno::PIPE)].into();
    assert_eq!(bench.serve().1, HttpStep::Done);
}

proptest! {
    #[test]
    fn any_input_ends_an_http_connection(
        pieces in vec(vec(any::<u8>(), 1..300), 0..60),
        beginning in prop_oneof![Just(""), Just("GET "), Just("GET / HTTP/1.1\r\n")],
    ) {
        let reads = pieces.into_iter().map(In::Bytes);
        let mut bench = Bench::new([bytes(beginning)].into_iter().filter(|_| !beginning.is_empty())
            .chain(reads).chain([In::End]));
        let (requests, end) = bench.serve();
        prop_assert_eq!(end, HttpStep::Done);
        prop_assert!(requests.len() <= 1);
        let sent = String::from_utf8_lossy(&bench.wire.borrow().sent).into_owned();
        prop_assert!(sent.is_empty() || sent.starts_with("HTTP/1.1 "), "{}", sent);
    }
}
