//! Responses, and their bytes.

use std::rc::Rc;

/// The longest body, in bytes, that is copied behind its head, so that one system call sends both.
/// A longer one is shared by the responses that have it.
const COPIED_BYTES_MAX: usize = 1024;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    /// One more header field, such as those that a status requires.
    field: Option<(&'static str, &'static str)>,
    body: Rc<str>,
}

impl Response {
    /// Creates a response with that body, which other responses may share.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Rc<str>>) -> Self {
        Self { status, content_type, field: None, body: body.into() }
    }

    /// Creates a response of one line of plain text.
    pub fn text(status: u16, line: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", format!("{line}\n"))
    }

    /// Creates an error response.
    pub(super) fn error(status: u16, wrong: &str) -> Self {
        Self::text(status, &format!("{status} {}: {wrong}", reason(status)))
    }

    /// Adds a header field, in place of an earlier one.
    #[must_use]
    pub const fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.field = Some((name, value));
        self
    }

    /// Returns the bytes of the head, and those of the body if they are to follow.
    pub(super) fn into_parts(self, head_only: HeadOnly) -> (Vec<u8>, Rc<str>) {
        let Self { status, content_type, field, body } = self;
        let field = field.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
        let mut head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             {field}Connection: close\r\n\r\n",
            reason(status),
            body.len()
        );
        if head_only == HeadOnly::No && body.len() > COPIED_BYTES_MAX {
            return (head.into_bytes(), body);
        }
        if head_only == HeadOnly::No {
            head.push_str(&body);
        }
        (head.into_bytes(), Rc::from(""))
    }
}

/// Whether the body is left out (RFC 9110, section 9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadOnly {
    Yes,
    No,
}

/// Returns the reason phrase (RFC 9110, section 15; for 431, RFC 6585).
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}
