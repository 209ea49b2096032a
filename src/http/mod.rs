//! A minimal HTTP/1.1 server: one request per connection (RFC 9112). Routing is the caller's job.
//! For the program that asks such a server, there is a parser of the status.
//!
//! HTTP connections are served between the peers, in the same loop. So they have limits of their
//! own: on the size of a request, on the time it takes, and on the bytes read at once. Any input
//! leads to a response or a close.

mod connection;
mod request;
mod response;
mod status;
#[cfg(test)]
mod tests;

pub use connection::{HttpConnection, HttpStep, Loss, REQUEST_TIMEOUT};
pub use request::{HEAD_BYTES_MAX, Request, preferred};
pub use response::Response;
pub use status::{StatusLine, parse_status};
