//! HTTP/1.1 for those who watch over the daemon: one question, one answer, and the connection is
//! closed (RFC 9112). What is asked is none of its business.
//!
//! A visitor is served between the peers, so it has limits of its own: to the size of what it
//! asks, to the time it takes, and to what is read at once. Whatever it sends, it gets an answer or
//! is closed.

mod connection;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use connection::{HttpConnection, HttpStep, Loss, REQUEST_TIMEOUT};
pub use request::{HEAD_BYTES_MAX, Request, preferred};
pub use response::Response;
