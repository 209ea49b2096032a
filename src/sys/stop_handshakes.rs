//! Stops new handshakes at a listener that is to be emptied and closed.
//!
//! The close of a listener resets each handshake that is under way: its last ACK finds no socket.
//! So for a moment the kernel drops each new SYN, and completes the handshakes that have begun. A
//! dropped SYN costs its peer a second: it comes again (RFC 6298, 2), and then meets another
//! process, or the next one, on this port.
//!
//! The means is a time to live that no packet from another network can have (`IP_MINTTL` in ip(7),
//! `IPV6_MINHOPCOUNT`; RFC 5082). The kernel compares it where a packet meets the listener, which
//! only a SYN does. A packet filter would need a capability (`CAP_NET_ADMIN`, from Linux 6.18 on).

use super::Listener;
use super::socket::Socket;

impl Listener {
    /// Drops each SYN from now on. Only for a listener that no other process shares. A Unix socket
    /// has no handshake.
    pub(super) fn stop_handshakes(&mut self) {
        self.handshakes_stopped = true;
        platform::set(self, platform::HIGHEST);
    }

    /// Lets the packets of a connection pass that has inherited the limit. Those that were dropped
    /// come again.
    pub(super) fn lift_limit(&self, connection: &Socket) {
        if self.handshakes_stopped {
            platform::set(connection, 0);
        }
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::os::fd::AsFd;

    use log::debug;
    use nix::sys::socket::SetSockOpt;
    use nix::sys::socket::sockopt::SetStruct;
    use nix::{libc, setsockopt_impl};

    /// The time to live with which hosts send is 64 or 128; only a neighbour's may be this one.
    pub(super) const HIGHEST: i32 = 255;

    #[derive(Clone, Copy, Debug)]
    struct MinTtl;

    #[derive(Clone, Copy, Debug)]
    struct MinHopCount;

    setsockopt_impl!(MinTtl, libc::IPPROTO_IP, libc::IP_MINTTL, i32, SetStruct<'_, i32>);
    setsockopt_impl!(
        MinHopCount,
        libc::IPPROTO_IPV6,
        libc::IPV6_MINHOPCOUNT,
        i32,
        SetStruct<'_, i32>
    );

    /// Sets the limit for IPv4, which an IPv6 socket may serve too, and for IPv6.
    pub(super) fn set(socket: &impl AsFd, limit: i32) {
        let v6 = MinHopCount.set(socket, &limit);
        if let Err(errno) = MinTtl.set(socket, &limit).or(v6) {
            debug!("IP_MINTTL: {errno}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    pub(super) const HIGHEST: i32 = 0;

    pub(super) const fn set<S>(_socket: &S, _limit: i32) {}
}
