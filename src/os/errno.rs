//! What an [`Error`] means: the only place in the project that looks at an errno.
//!
//! There are three kinds of trouble, and they are never mixed. *Would block* is a value: nothing
//! is wrong. A *peer's fault* is a transition of its connection, with a [`Cause`]. *Our own
//! failure* is an [`Error`] that travels to `main`.

use std::io::{Error, ErrorKind};

use rustix::io::Errno;

use crate::cause::Cause;

/// What to do after `accept` has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// The queue is empty: wait for the listener's next event.
    WouldBlock,
    /// This one connection is lost, or nothing is: go on at once.
    Retry,
    /// Descriptors or memory are used up: pause, and come back without an event.
    Exhausted,
    /// The listener itself can't be used any more.
    ListenerBroken,
}

/// What a connection ends with that we tear down ourselves: as if the kernel had been asked to.
pub fn local_abort() -> Error {
    Errno::CONNABORTED.into()
}

/// True if the call has nothing to give or take now, and should be tried at the next event.
pub fn would_block(error: &Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

/// True if a signal interrupted the call, and it should be tried again at once.
pub fn is_interrupted(error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}

/// Judges a failed `accept`.
///
/// Linux passes on errors that are already pending on the new connection, and accept(2) asks for
/// them to be treated like EAGAIN by retrying. An errno that is not known belongs to that
/// connection too: a listener that has gone bad says EBADF, EINVAL or ENOTSOCK.
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

/// True if a failed `accept` took a connection out of the queue, which died there.
///
/// POSIX says ECONNABORTED, some systems EPROTO. EINTR and EPERM lose nobody.
pub fn died_before_accept(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::CONNABORTED | Errno::PROTO))
}

/// Judges a failed read, write or pending socket error: why the connection has ended.
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

/// True if nobody listens where the client wanted to connect.
pub fn is_refused(error: &Error) -> bool {
    error.kind() == ErrorKind::ConnectionRefused
}

/// True if a connect that does not wait has begun (connect(2), EINPROGRESS).
pub fn is_connecting(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INPROGRESS)
}

/// True if it is this machine that could not give a connect what it needs, a port, a descriptor or
/// memory: no fault of the server's.
pub fn is_local_exhaustion(error: &Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

/// True if our own deadline for a call has passed, which is no errno, or the kernel's has.
pub fn is_timeout(error: &Error) -> bool {
    error.kind() == ErrorKind::TimedOut
}

/// True if it is our own deadline for a call that has passed, and not one of the kernel's.
pub fn is_local_timeout(error: &Error) -> bool {
    is_timeout(error) && error.raw_os_error().is_none()
}

/// True if nobody reads any more what was to be written.
pub fn is_broken_pipe(error: &Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// True if the address is taken, be it by a socket's file that nobody listens on.
pub fn is_address_in_use(error: &Error) -> bool {
    error.kind() == ErrorKind::AddrInUse
}

/// True if a file is not there, or not any more.
pub fn is_not_found(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// True if a FIFO could not be opened without waiting because it has no reader (fifo(7)).
pub fn is_without_reader(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NXIO)
}

/// True if a descriptor, or the system, does not know what the call asks of it.
pub fn is_unsupported(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::OPNOTSUPP | Errno::NOSYS))
}

/// True if a file may be executed and is no program (execve(2)): a script, perhaps.
pub fn is_no_executable(error: &Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOEXEC)
}

/// What somebody who sees `error` when binding a listener can do about it, if that is known.
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

/// True if the machine lacks the address family altogether, as one without IPv6 does.
pub fn is_unsupported_family(error: &Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

/// The errno's symbolic name where it is one that accept(2) or connect(2) documents, else its
/// number.
pub fn errno_name(error: &Error) -> String {
    let Some(number) = error.raw_os_error() else { return error.kind().to_string() };
    ERRNOS
        .iter()
        .find(|(known, _)| known.raw_os_error() == number)
        .map_or_else(|| format!("errno-{number}"), |(_, name)| (*name).to_owned())
}

/// What accept(2) and connect(2) document, by name: for counters and log lines.
const ERRNOS: [(Errno, &str); 20] = [
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
    fn what_the_client_asks_is_told_apart() {
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
