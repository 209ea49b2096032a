//! Parsing of requests.

use httparse::{EMPTY_HEADER, Error, Status};

use super::Response;

/// The longest request head, in bytes: the limit of most servers (nginx, Apache: 8 KiB).
pub const HEAD_BYTES_MAX: usize = 8 << 10;

/// The largest number of header fields in a request.
const FIELDS_MAX: usize = 64;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The target without a query: `/metrics`.
    pub path: String,
    /// The media types that the client accepts, as sent; empty without an `Accept` field.
    pub accept: String,
}

/// Parses the head of a request; returns none until its end has come.
///
/// # Errors
///
/// The error response, if the bytes are no request or too long for one.
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
    if !matches!(request.method, Some("GET" | "HEAD")) {
        return Err(Response::error(405, "only GET and HEAD").with("Allow", "GET, HEAD"));
    }
    // RFC 9112, section 3.2: exactly one Host field. HTTP/1.0 had none, so there it may be missing.
    let hosts = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    let hosts: Vec<_> = hosts.map(|field| field.value).collect();
    match (hosts.as_slice(), request.version) {
        ([host], _) if is_host(host) => {}
        ([], Some(0)) => {}
        ([], _) => return Err(Response::error(400, "there is no Host field")),
        ([_], _) => return Err(Response::error(400, "the Host field names no host")),
        _ => return Err(Response::error(400, "there is more than one Host field")),
    }
    let Some(path) = path_of(request.path.unwrap_or_default()) else {
        return Err(Response::error(400, "the target is no path and no http URL"));
    };
    let accept = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("accept"));
    let accept = accept.map(|field| String::from_utf8_lossy(field.value)).collect::<Vec<_>>();
    Ok(Some(Request { path: path.to_owned(), accept: accept.join(",") }))
}

/// Returns true for a host with an optional port, or nothing (RFC 3986, section 3.2.2).
fn is_host(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let (host, port) = match value.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let (address, behind) = rest.split_at(end);
            let digits =
                address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte));
            if address.is_empty() || !digits {
                return false;
            }
            (&b""[..], behind.split_at(1).1)
        }
        None => value.split_at(value.iter().position(|byte| *byte == b':').unwrap_or(value.len())),
    };
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(byte);
    let port = port.strip_prefix(b":").unwrap_or(port);
    host.iter().all(in_name) && port.iter().all(u8::is_ascii_digit)
}

/// Returns the path of a target without its query. The target may be a whole URL (RFC 9112, section
/// 3.2.2).
fn path_of(target: &str) -> Option<&str> {
    let target = target.split('?').next().unwrap_or_default();
    if target.starts_with('/') {
        return Some(target);
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (!authority.is_empty()).then_some(if path.is_empty() { "/" } else { path })
}

/// Returns true if the request begins with HEAD: no response to it has a body, not even an error.
pub(super) fn is_head(bytes: &[u8]) -> bool {
    // Empty lines before the request line are skipped (RFC 9112, section 2.2).
    bytes.trim_ascii_start().starts_with(b"HEAD ")
}

/// Returns the offered media type that the `Accept` field prefers (RFC 9110, section 12.5.1); the
/// first one if the field is empty or accepts none of them.
pub fn preferred<'a>(accept: &str, offered: &[&'a str]) -> Option<&'a str> {
    let first = offered.first().copied();
    let best = offered.iter().rev().max_by_key(|offer| quality(accept, offer));
    best.copied().filter(|offer| quality(accept, offer) > 0).or(first)
}

/// Returns the quality of a media type in thousandths, from the most specific range that matches.
fn quality(accept: &str, offer: &str) -> u32 {
    let (kind, _) = offer.split_once('/').unwrap_or((offer, ""));
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let specific = match name.split_once('/')? {
            ("*", "*") => 0,
            (range, "*") if range.eq_ignore_ascii_case(kind) => 1,
            _ if name.eq_ignore_ascii_case(offer) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| {
            let (name, weight) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| weight.trim().parse::<f32>().ok())?
        });
        Some((specific, thousandths(weight.unwrap_or(1.0))))
    });
    // Of two equally specific ranges with different parameters, the higher quality counts.
    ranges.max().map_or(0, |(_, weight)| weight)
}

fn thousandths(weight: f32) -> u32 {
    (0..=1000)
        .take_while(|step: &u16| f32::from(*step) <= weight * 1000.0)
        .last()
        .map_or(0, u32::from)
}
