//! The socket options that only Linux has.

use std::fs;
use std::io;

use nix::sys::socket::{setsockopt, sockopt::TcpFastOpenConnect};
use socket2::{Protocol, Socket};

use crate::os::errno;

/// The kernel doubles the size of a buffer, for its own bookkeeping (socket(7)).
pub(super) const BUFFER_FACTOR: usize = 2;

pub(super) fn set_interface(socket: &Socket, name: &str) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

pub(super) fn set_mark(socket: &Socket, mark: u32) -> io::Result<()> {
    socket.set_mark(mark)
}

pub(super) fn set_congestion(socket: &Socket, name: &str) -> io::Result<()> {
    socket.set_tcp_congestion(name.as_bytes())
}

pub(super) fn congestion_advice(name: &str, error: &io::Error) -> String {
    let list = |kind| {
        let path = format!("/proc/sys/net/ipv4/tcp_{kind}_congestion_control");
        let names = fs::read_to_string(path).unwrap_or_default();
        names.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    if errno::is_not_found(error) {
        return format!("no algorithm {name}; the kernel has {}", list("available"));
    }
    let description = errno::description(error);
    if errno::is_not_permitted(error) {
        let free = list("allowed");
        return format!("{description}: {name} needs CAP_NET_ADMIN; these do not: {free}");
    }
    description
}

pub(super) fn set_fast_open(socket: &Socket) -> io::Result<()> {
    Ok(setsockopt(socket, TcpFastOpenConnect, &true)?)
}

#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
pub(super) const fn mptcp() -> io::Result<Protocol> {
    Ok(Protocol::MPTCP)
}
