//! `TCP_DEFER_ACCEPT` (tcp(7)): the kernel queues a connection at its listener only when the first
//! bytes have arrived. So a flood of connects that send nothing costs the process nothing.

use std::os::fd::AsFd;

use super::Listener;

impl Listener {
    /// Defers connections until their first bytes. A system without the option queues them at once.
    pub fn defer_accept(&self) {
        platform::set(self.as_fd());
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::os::fd::BorrowedFd;

    use log::debug;
    use nix::sys::socket::SetSockOpt;
    use nix::sys::socket::sockopt::SetStruct;
    use nix::{libc, setsockopt_impl};

    /// How long the kernel holds back a connection that has sent nothing, in seconds; then it
    /// queues the connection all the same.
    const SILENT_SECONDS: i32 = 1;

    #[derive(Clone, Copy, Debug)]
    struct DeferAccept;

    setsockopt_impl!(
        DeferAccept,
        libc::IPPROTO_TCP,
        libc::TCP_DEFER_ACCEPT,
        i32,
        SetStruct<'_, i32>
    );

    pub(super) fn set(listener: BorrowedFd<'_>) {
        if let Err(errno) = DeferAccept.set(&listener, &SILENT_SECONDS) {
            debug!("TCP_DEFER_ACCEPT: {errno}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::os::fd::BorrowedFd;

    pub(super) const fn set(_listener: BorrowedFd<'_>) {}
}
