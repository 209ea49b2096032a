//! Parsing of responses, for the program that asks: only the status matters.

use httparse::{EMPTY_HEADER, Status};

/// The largest number of header fields in a response.
const FIELDS_MAX: usize = 64;

/// The beginning of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusLine {
    /// The head is not complete.
    Partial,
    /// The head is complete.
    Complete {
        /// The status, such as 200.
        status: u16,
        /// The position of the body.
        body: usize,
    },
}

/// Parses the head of a response; returns none if the bytes are no HTTP.
pub fn parse_status(bytes: &[u8]) -> Option<StatusLine> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(Status::Partial) => Some(StatusLine::Partial),
        Ok(Status::Complete(body)) => Some(StatusLine::Complete { status: response.code?, body }),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_partial_until_its_head_is_complete_and_garbage_is_none() {
        let response = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno";
        let body = response.len() - 2;
        for length in 0..body {
            let parsed = parse_status(response.get(..length).unwrap());
            assert_eq!(parsed, Some(StatusLine::Partial), "{length}");
        }
        assert_eq!(parse_status(response), Some(StatusLine::Complete { status: 503, body }));
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"error: no numbers\n", b"HTTP/1.1 abc"] {
            assert_eq!(parse_status(garbage), None);
        }
    }
}
