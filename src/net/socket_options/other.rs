//! In place of the socket options that only Linux has: an error.

use std::io;

use socket2::{Protocol, Socket};

pub(super) const BUFFER_FACTOR: usize = 1;

pub(super) fn set_interface(_socket: &Socket, _name: &str) -> io::Result<()> {
    Err(missing())
}

pub(super) fn set_mark(_socket: &Socket, _mark: u32) -> io::Result<()> {
    Err(missing())
}

pub(super) fn set_congestion(_socket: &Socket, _name: &str) -> io::Result<()> {
    Err(missing())
}

pub(super) fn congestion_advice(_name: &str, error: &io::Error) -> String {
    error.to_string()
}

pub(super) fn set_fast_open(_socket: &Socket) -> io::Result<()> {
    Err(missing())
}

pub(super) fn mptcp() -> io::Result<Protocol> {
    Err(missing())
}

fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "only Linux has this option")
}
