//! The system calls of the daemon's selector: epoll(7), or poll(2) under `make test-poll`.

/// True if the daemon was built on poll(2).
const POLL: bool = cfg!(mio_unsupported_force_poll_poll);

/// The call that waits for events.
pub(crate) const WAIT: &str = if POLL { "poll" } else { "epoll_wait" };

/// Calls that can fail at the start: the name, the error, and the ordinal number of the call.
pub(crate) const BEGIN: &[(&str, &str, &str)] = if POLL {
    // This selector creates only its waker.
    &[("eventfd2", "EMFILE", "1")]
} else {
    // The first two registrations are the signals and the listener.
    &[("epoll_create1", "EMFILE", "1"), ("epoll_ctl", "ENOMEM", "1"), ("epoll_ctl", "ENOSPC", "2")]
};
