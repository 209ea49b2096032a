//! The system calls by which the daemon waits. They are its selector's, and that is not always
//! epoll: `make test-poll`.

/// True where the daemon was built on poll(2).
const POLL: bool = cfg!(mio_unsupported_force_poll_poll);

/// What waits for events.
pub(crate) const WAIT: &str = if POLL { "poll" } else { "epoll_wait" };

/// What can fail at the start: the call, the error, and which of the calls.
pub(crate) const BEGIN: &[(&str, &str, &str)] = if POLL {
    // There is nothing to be created but what wakes it.
    &[("eventfd2", "EMFILE", "1")]
} else {
    // The first two that are registered are the signals and the listener.
    &[("epoll_create1", "EMFILE", "1"), ("epoll_ctl", "ENOMEM", "1"), ("epoll_ctl", "ENOSPC", "2")]
};
