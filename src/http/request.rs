//! From bytes to a question.

use httparse::{EMPTY_HEADER, Error, Status};

use super::Response;

/// The longest head of a request, in bytes: what most servers take (nginx, Apache: 8 KiB).
pub const HEAD_BYTES_MAX: usize = 8 << 10;

/// How many header fields a request may have.
const FIELDS_MAX: usize = 64;

/// What a visitor asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The target without a query: `/metrics`.
    pub path: String,
    /// Only the head of the answer is wanted (HEAD).
    pub head_only: bool,
}

/// Reads a request's head as far as it has come: none as long as its end is missing.
///
/// # Errors
///
/// The answer to what is no request, or is too long for one.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Request>, Response> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => {
            return Err(Response::error(431, "the request's head is too large"));
        }
        Err(Error::Version) => return Err(Response::error(505, "this is HTTP/1.1")),
        Err(error) => return Err(Response::error(400, &format!("this is no request: {error}"))),
    }
    let head_only = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Response::error(405, "only GET and HEAD").with("Allow", "GET, HEAD")),
    };
    let target = request.path.unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    Ok(Some(Request { path, head_only }))
}
