//! Classifies an [`Error`]: the meanings of errno values that more than one module needs.
//!
//! A failed call is one of three kinds, which are never mixed. *Would block* is a value, not a
//! fault. A *peer's fault* is a transition of its connection, with a [`Cause`]. *Our own failure*
//! is an [`Error`] that is returned up to `main`.

use std::io::{Error, ErrorKind};

use rustix::io::Errno;

use crate::cause::Cause;

/// The reaction to a failed `accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// The queue is empty: wait for the listener's next event.
    WouldBlock,
    /// At most this one connection is lost: accept the next at once.
    Retry,
    /// Descriptors or memory are exhausted: pause, and retry without an event.
    Exhausted,
    /// The listener itself is unusable.
    ListenerBroken,
}

/// The error of a connection that this process aborts, as if the kernel had aborted it on request.
pub fn local_abort() -> Error {
    Errno::CONNABORTED.into()
}

/// True if the call would block; retry it at the next event.
pub fn would_block(error: &Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// True if a signal interrupted the call; retry it at once.
pub fn is_interrupted(error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}

/// Classifies a failed `accept`.
///
/// Linux passes on errors that are already pending on the new connection; accept(2) recommends
/// retrying, as after EAGAIN. An unknown errno belongs to that connection too: a broken listener
/// returns EBADF, EINVAL or ENOTSOCK.
pub fn accept_error(error: &Error) -> AcceptError {
    if would_block(error) {
        return AcceptError::WouldBlock;
    }
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => AcceptError::Exhausted,
        Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::FAULT) => {
            AcceptError::ListenerBroken
        }
        _ => AcceptError::Retry,
    }
}

/// True if a failed `accept` removed a connection from the queue that had died there.
///
/// POSIX specifies ECONNABORTED; some systems return EPROTO. EINTR and EPERM lose no connection.
pub fn died_before_accept(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::CONNABORTED | Errno::PROTO))
}

/// Maps a failed read, write or pending socket error to the cause of the connection's end.
pub fn stream_cause(error: &Error) -> Cause {
    match Errno::from_io_error(error) {
        Some(Errno::CONNRESET) => Cause::Reset,
        Some(Errno::PIPE) => Cause::BrokenPipe,
        Some(Errno::TIMEDOUT) => Cause::TimedOut,
        Some(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::NETDOWN) => {
            Cause::Unreachable
        }
        Some(Errno::CONNABORTED) => Cause::Aborted,
        _ => Cause::Error,
    }
}

/// True if no process listens on the server's port.
pub fn is_refused(error: &Error) -> bool {
    error.kind() == ErrorKind::ConnectionRefused
}

/// True if a non-blocking connect has started (connect(2), EINPROGRESS).
pub fn is_connecting(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INPROGRESS)
}

/// True if this machine lacks a resource for a connect (a port, a descriptor or memory): not the
/// server's fault.
pub fn is_local_exhaustion(error: &Error) -> bool {
    let lacking = matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    );
    lacking || is_address_in_use(error)
}

/// True if a deadline has passed: ours, which has no errno, or the kernel's.
pub fn is_timeout(error: &Error) -> bool {
    error.kind() == ErrorKind::TimedOut
}

/// True if our own deadline for a call has passed, not the kernel's.
pub fn is_local_timeout(error: &Error) -> bool {
    is_timeout(error) && error.raw_os_error().is_none()
}

/// True if the reader of the written data is gone.
pub fn is_broken_pipe(error: &Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// True if the address is in use, if only by the file of a Unix socket without a listener.
pub fn is_address_in_use(error: &Error) -> bool {
    error.kind() == ErrorKind::AddrInUse
}

/// True if no network interface has that name.
pub fn is_no_interface(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NODEV)
}

/// True if this process lacks the privilege.
pub fn is_not_permitted(error: &Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}

/// True if a file, or another thing with a name, does not exist.
pub fn is_not_found(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// True if a file exists that was to be created.
pub fn is_existing(error: &Error) -> bool {
    error.kind() == ErrorKind::AlreadyExists
}

/// True if a FIFO has no reader, so that it can't be opened without blocking (fifo(7)).
pub fn is_without_reader(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NXIO)
}

/// True if the descriptor or the system does not support the call.
pub fn is_unsupported(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::OPNOTSUPP | Errno::NOSYS))
}

/// True if a file is executable but not a program (execve(2)), such as a script without `#!`.
pub fn is_no_executable(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOEXEC)
}

/// Returns a hint for the operator when bind fails, if there is one.
pub fn bind_advice(error: &Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::ADDRINUSE => Some(
            "another process listens there; stop it (`ss -lxtnp` names it), choose another \
             address, or start all of them with --reuse-port",
        ),
        Errno::ACCESS => Some(
            "ports below 1024 need a privilege: take a higher port, or give the program \
             CAP_NET_BIND_SERVICE; a Unix socket needs a directory that is writable",
        ),
        Errno::ADDRNOTAVAIL => Some("no interface of this machine has that address"),
        Errno::NOENT | Errno::NOTDIR => Some("the directory of a Unix socket has to be there"),
        Errno::ROFS => Some("a Unix socket needs a directory that is writable"),
        Errno::AFNOSUPPORT => Some("this machine does not speak that address family"),
        _ => None,
    }
}

/// True if the machine lacks the address family, such as IPv6.
pub fn is_unsupported_family(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

/// Describes an error without its number.
pub fn description(error: &Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ").map_or(text.as_str(), |(text, _)| text).to_owned()
}

/// Returns the symbolic name of an errno that accept(2) or connect(2) documents, and otherwise its
/// number.
pub fn errno_name(error: &Error) -> String {
    let Some(number) = error.raw_os_error() else { return error.kind().to_string() };
    ERRNOS
        .iter()
        .find(|(known, _)| known.raw_os_error() == number)
        .map_or_else(|| format!("errno-{number}"), |(_, name)| (*name).to_owned())
}

/// The errors that accept(2) and connect(2) document, by name, for counters and log lines.
const ERRNOS: [(Errno, &str); 21] = [
    (Errno::INTR, "EINTR"),
    (Errno::CONNABORTED, "ECONNABORTED"),
    (Errno::PROTO, "EPROTO"),
    (Errno::PERM, "EPERM"),
    (Errno::NETDOWN, "ENETDOWN"),
    (Errno::NOPROTOOPT, "ENOPROTOOPT"),
    (Errno::HOSTDOWN, "EHOSTDOWN"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::MFILE, "EMFILE"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NOBUFS, "ENOBUFS"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::BADF, "EBADF"),
    (Errno::INVAL, "EINVAL"),
    (Errno::NOTSOCK, "ENOTSOCK"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::ADDRINUSE, "EADDRINUSE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn error(errno: Errno) -> Error {
        errno.into()
    }

    #[test]
    fn accept_faults_are_judged_by_errno() {
        let table = [
            (Errno::AGAIN, AcceptError::WouldBlock),
            (Errno::INTR, AcceptError::Retry),
            (Errno::CONNABORTED, AcceptError::Retry),
            (Errno::PROTO, AcceptError::Retry),
            (Errno::PERM, AcceptError::Retry),
            (Errno::NETDOWN, AcceptError::Retry),
            (Errno::NOPROTOOPT, AcceptError::Retry),
            (Errno::HOSTDOWN, AcceptError::Retry),
            (Errno::HOSTUNREACH, AcceptError::Retry),
            (Errno::OPNOTSUPP, AcceptError::Retry),
            (Errno::NETUNREACH, AcceptError::Retry),
            (Errno::TIMEDOUT, AcceptError::Retry),
            (Errno::MFILE, AcceptError::Exhausted),
            (Errno::NFILE, AcceptError::Exhausted),
            (Errno::NOBUFS, AcceptError::Exhausted),
            (Errno::NOMEM, AcceptError::Exhausted),
            (Errno::BADF, AcceptError::ListenerBroken),
            (Errno::INVAL, AcceptError::ListenerBroken),
            (Errno::NOTSOCK, AcceptError::ListenerBroken),
        ];
        for (errno, fault) in table {
            assert_eq!(accept_error(&error(errno)), fault, "{errno:?}");
        }
    }

    #[test]
    fn stream_faults_are_judged_by_errno() {
        let table = [
            (Errno::CONNRESET, Cause::Reset),
            (Errno::PIPE, Cause::BrokenPipe),
            (Errno::TIMEDOUT, Cause::TimedOut),
            (Errno::HOSTUNREACH, Cause::Unreachable),
            (Errno::NETUNREACH, Cause::Unreachable),
            (Errno::CONNABORTED, Cause::Aborted),
            (Errno::NOBUFS, Cause::Error),
            (Errno::IO, Cause::Error),
        ];
        for (errno, cause) in table {
            assert_eq!(stream_cause(&error(errno)), cause, "{errno:?}");
        }
    }

    #[test]
    fn errors_that_the_client_distinguishes() {
        assert!(is_refused(&error(Errno::CONNREFUSED)) && !is_refused(&error(Errno::CONNRESET)));
        assert!(is_timeout(&error(Errno::TIMEDOUT)) && is_timeout(&ErrorKind::TimedOut.into()));
        assert!(!is_timeout(&error(Errno::AGAIN)));
        assert!(is_local_timeout(&ErrorKind::TimedOut.into()));
        assert!(!is_local_timeout(&error(Errno::TIMEDOUT)), "that is the kernel's");
        assert!(is_broken_pipe(&error(Errno::PIPE)) && !is_broken_pipe(&error(Errno::NOSPC)));
    }

    #[test]
    fn an_error_without_errno_is_only_an_error() {
        let made_up = Error::other("made up");
        assert_eq!(accept_error(&made_up), AcceptError::Retry);
        assert_eq!(stream_cause(&made_up), Cause::Error);
        assert_eq!(bind_advice(&made_up), None);
    }

    #[test]
    fn names_are_symbolic_where_the_manual_has_them() {
        assert_eq!(errno_name(&error(Errno::MFILE)), "EMFILE");
        assert_eq!(errno_name(&Error::from_raw_os_error(9999)), "errno-9999");
    }
}
