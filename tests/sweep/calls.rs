//! The injected faults: every system call that the daemon makes, with the errors of its manual
//! page. Pure data; a call that is in neither table fails the sweep.

/// A system call, and the errors injected into it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Symbolic names, as strace expects them.
    pub(crate) errnos: &'static [&'static str],
    /// Only calls that contain this text in strace's output; and then only once.
    pub(crate) only: Option<&'static str>,
    /// The errors on which the listening daemon may end, and the log text of that end.
    pub(crate) ends: Option<(&'static [&'static str], &'static str)>,
}

const fn call(name: &'static str, errnos: &'static [&'static str]) -> Call {
    Call { name, errnos, only: None, ends: None }
}

/// All injected faults. Errors that only a bug of the daemon can cause (EBADF, EFAULT, EINVAL,
/// ENOTSOCK) are left out, except where the daemon promises to end on them.
pub(crate) const SWEPT: &[Call] = &[
    // accept(2), with the errors of the new connection that Linux passes on; `ss -K` causes EINVAL
    // on a listener (A10).
    Call {
        ends: Some((&["EINVAL"], "a listener is broken: accept: ")),
        ..call(
            "accept4",
            &[
                "EINTR",
                "ECONNABORTED",
                "EMFILE",
                "ENFILE",
                "ENOBUFS",
                "ENOMEM",
                "EPROTO",
                "EPERM",
                "ENETDOWN",
                "ENOPROTOOPT",
                "EHOSTDOWN",
                "ENONET",
                "EHOSTUNREACH",
                "EOPNOTSUPP",
                "ENETUNREACH",
                "ETIMEDOUT",
                "EINVAL",
            ],
        )
    },
    // recv(2), tcp(7), and the ICMP errors that TCP passes on (ip(7)).
    call(
        "recvfrom",
        &[
            "EINTR",
            "ECONNRESET",
            "ETIMEDOUT",
            "EHOSTUNREACH",
            "ENETUNREACH",
            "ECONNABORTED",
            "EPIPE",
            "ENOMEM",
            "ENOBUFS",
            "ENOTCONN",
            "EIO",
        ],
    ),
    // send(2), tcp(7), ip(7); to the service manager also unix(7).
    call(
        "sendto",
        &[
            "EINTR",
            "EPIPE",
            "ECONNRESET",
            "ETIMEDOUT",
            "EHOSTUNREACH",
            "ENETUNREACH",
            "ECONNABORTED",
            "ECONNREFUSED",
            "ENOMEM",
            "ENOBUFS",
            "ENOTCONN",
        ],
    ),
    // epoll_wait(2): on any error but EINTR the loop cannot go on; the daemon drains and logs the
    // error.
    Call {
        ends: Some((&["EBADF", "EINVAL"], "the poll is broken: ")),
        ..call("epoll_wait", &["EINTR", "EBADF", "EINVAL"])
    },
    // epoll_ctl(2)
    call("epoll_ctl", &["ENOMEM", "ENOSPC", "EPERM", "ENOENT"]),
    call("epoll_create1", &["EMFILE", "ENFILE", "ENOMEM"]),
    // socket(7), tcp(7)
    call("setsockopt", &["ENOMEM", "ENOBUFS", "ENOPROTOOPT", "EDOM"]),
    call("getsockopt", &["ENOMEM", "ENOBUFS", "ENOPROTOOPT"]),
    call("getsockname", &["ENOBUFS"]),
    call("getpeername", &["ENOBUFS"]),
    // shutdown(2): after the peer's reset.
    call("shutdown", &["ENOTCONN", "ENOBUFS"]),
    call("socket", &["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EAFNOSUPPORT", "EACCES"]),
    call("socketpair", &["EMFILE", "ENFILE", "ENOMEM"]),
    call("bind", &["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOMEM", "EROFS", "ENOENT"]),
    call("listen", &["EADDRINUSE", "EOPNOTSUPP"]),
    call("connect", &["ECONNREFUSED", "EACCES", "EAGAIN", "ENOENT", "EPROTOTYPE"]),
    // The log, the port file, and the check for queued connections: write(2), poll(2).
    call("write", &["EINTR", "EIO", "ENOSPC", "EPIPE", "EDQUOT", "EFBIG"]),
    call("ppoll", &["EINTR", "ENOMEM"]),
    // open(2), read(2), stat(2) and the like: the port file, the socket file, files in /proc.
    call("openat", &["EACCES", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "EINTR", "EIO"]),
    call("open", &["EACCES", "EMFILE", "ENFILE", "ENOENT", "ENOMEM", "EINTR"]),
    call("read", &["EINTR", "EIO"]),
    call("pread64", &["EINTR", "EIO"]),
    call("statx", &["EACCES", "ENOENT", "ENOMEM", "EIO"]),
    call("newfstatat", &["EACCES", "ENOENT", "ENOMEM", "EIO"]),
    call("getdents64", &["ENOENT", "EIO"]),
    call("renameat", &["EACCES", "EROFS", "ENOSPC", "ENOENT"]),
    call("unlink", &["EACCES", "EROFS", "EBUSY", "ENOENT"]),
    call("flock", &["EINTR", "ENOLCK"]),
    call("fcntl", &["EMFILE", "EPERM"]),
    call("ioctl", &["ENOTTY"]),
    // setrlimit(2); a query of a limit cannot fail, and the daemon ignores its result.
    Call { only: Some("RLIMIT_NOFILE, {"), ..call("prlimit64", &["EPERM"]) },
    // landlock(7), prctl(2): on older kernels, under filters, in nested sandboxes.
    call("landlock_create_ruleset", &["ENOSYS", "EOPNOTSUPP", "ENOMEM"]),
    call("landlock_add_rule", &["ENOMEM"]),
    call("landlock_restrict_self", &["EPERM", "E2BIG", "ENOMEM"]),
    call("prctl", &["EINVAL", "EPERM"]),
    // seccomp(2), capget(2)
    call("seccomp", &["EINVAL", "EACCES", "EPERM", "ENOSYS", "ENOMEM"]),
    call("capget", &["EPERM"]),
    call("capset", &["EPERM"]),
    call("getrandom", &["EINTR", "ENOSYS", "EPERM"]),
    // Memory: mmap(2), which the allocator calls where brk(2) gives no memory.
    call("mmap", &["ENOMEM"]),
    call("mremap", &["ENOMEM"]),
    call("munmap", &["ENOMEM"]),
    // Children: pipe(2), clone(2), execve(2), dup(2), setpgid(2), wait(2), kill(2).
    call("pipe2", &["EMFILE", "ENFILE"]),
    call("clone3", &["EAGAIN", "ENOMEM", "ENOSYS", "EPERM"]),
    call("execve", &["EACCES", "ENOENT", "ENOMEM", "E2BIG", "ENOEXEC", "ETXTBSY", "EIO"]),
    call("dup2", &["EINTR", "EMFILE", "EBUSY"]),
    call("setpgid", &["EACCES", "EPERM"]),
    call("wait4", &["EINTR"]),
    // A child that SIGTERM cannot reach is killed at the drain deadline (K05).
    Call {
        ends: Some((&["EPERM", "ESRCH"], "connections cut")),
        ..call("kill", &["EPERM", "ESRCH"])
    },
];

/// The calls that find out whether a Unix socket file is stale.
const STALE_SOCKET_CALLS: &[&str] = &["connect", "statx", "unlink"];

/// Every error of a call, but only if it persists.
const FROM_THEN_ON: &str = "all from then on";

/// No error: SIGTERM during the call.
const SIGTERM: &str = "SIGTERM";

/// Faults that are not injected, with the reason. `*` means every error of the call.
pub(crate) const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("accept4", "EAGAIN", "an injected one is not followed by an edge, a real one is"),
    ("recvfrom", "EAGAIN", "an injected one is not followed by an edge, a real one is"),
    ("sendto", "EAGAIN", "an injected one is not followed by an edge, a real one is"),
    (
        "sendto",
        "on the signal byte while the loop is not waiting",
        "injected, but the signal is repeated: the next byte announces both",
    ),
    ("close", "*", "an injected error leaves the descriptor open, a real one does not"),
    ("wait4", "ECHILD", "impossible while a child is not reaped"),
    ("flock", "EAGAIN", "the daemon waits up to five seconds; U03 shows it with a real lock"),
    ("kill", FROM_THEN_ON, "a child that not even SIGKILL can reach outlives the daemon"),
    ("clock_gettime", "*", "fails only for unknown clocks"),
    ("brk", "*", "returns no error: an injected one is taken for an address"),
    ("rt_sigaction", "*", "fails only for unknown signals"),
    (
        "rt_sigaction",
        SIGTERM,
        "the crate that installs the handlers loses a signal between its two steps",
    ),
    ("rt_sigprocmask", "*", "fails only for unknown operations"),
    ("rt_sigreturn", "*", "does not return"),
    ("sigaltstack", "*", "frees the signal stack of the language runtime, after main"),
    ("exit_group", "*", "does not return"),
    ("getpid", "*", "cannot fail"),
    ("geteuid", "*", "cannot fail"),
];

/// Returns the row of a call.
pub(crate) fn swept(name: &str) -> Option<&'static Call> {
    SWEPT.iter().find(|call| call.name == name)
}

/// True if persistent errors of a call are left out.
pub(crate) fn only_once(name: &str) -> bool {
    LEFT_OUT.iter().any(|(call, errno, _)| *call == name && *errno == FROM_THEN_ON)
}

/// True if the daemon's final message may be "Address already in use" for any error of this call:
/// the daemon checks whether a server answers on the Unix socket in its way. If the check fails, it
/// assumes one; and if the file seems to be gone, it binds again and finds the file in place.
pub(crate) fn leaves_address_in_use(name: &str) -> bool {
    STALE_SOCKET_CALLS.contains(&name)
}

/// True if SIGTERM is injected at this call.
pub(crate) fn is_terminated(name: &str) -> bool {
    !LEFT_OUT.iter().any(|(call, errno, _)| *call == name && *errno == SIGTERM)
}

/// True if all errors of a call are left out.
pub(crate) fn left_out(name: &str) -> bool {
    LEFT_OUT.iter().any(|(call, errno, _)| *call == name && *errno == "*")
}
