//! What is injected: every system call the daemon makes, and the errors that its manual page gives
//! it. Data; a call that is in neither table has the sweep fail.

/// A system call, and the errors that it is made to fail with.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// By their symbolic names, as strace wants them.
    pub(crate) errnos: &'static [&'static str],
    /// Only where the call, as strace shows it, contains this; and then only once.
    pub(crate) only: Option<&'static str>,
    /// Once it listens, the daemon may end for the errors in this list, and then says this.
    pub(crate) ends: Option<(&'static [&'static str], &'static str)>,
}

const fn call(name: &'static str, errnos: &'static [&'static str]) -> Call {
    Call { name, errnos, only: None, ends: None }
}

/// All that is injected. Where the manual page lists what only a mistake of ours can bring about
/// (EBADF, EFAULT, EINVAL, ENOTSOCK), that is left out, but where the daemon promises an end for
/// it.
pub(crate) const SWEPT: &[Call] = &[
    // accept(2), with the errors of the new connection that Linux passes on; EINVAL is what `ss -K`
    // makes of a listener (A10).
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
    // epoll_wait(2): but for EINTR the loop can't be; it drains and says so.
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
    // shutdown(2): after the peer's reset.
    call("shutdown", &["ENOTCONN", "ENOBUFS"]),
    call("socket", &["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EAFNOSUPPORT", "EACCES"]),
    call("socketpair", &["EMFILE", "ENFILE", "ENOMEM"]),
    call("bind", &["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOMEM", "EROFS", "ENOENT"]),
    call("listen", &["EADDRINUSE", "EOPNOTSUPP"]),
    call("connect", &["ECONNREFUSED", "EACCES", "EAGAIN", "ENOENT", "EPROTOTYPE"]),
    // The log, the port file, and whether anybody else waits: write(2), poll(2).
    call("write", &["EINTR", "EIO", "ENOSPC", "EPIPE", "EDQUOT", "EFBIG"]),
    call("ppoll", &["EINTR", "ENOMEM"]),
    // open(2), read(2), stat(2) and the like: the port file, the socket's, what /proc tells.
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
    // setrlimit(2); what only asks for a limit can't fail, and its result is not looked at.
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
    // Memory: mmap(2). The allocator uses brk(2) first, and this where that gives nothing.
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
    // A child that can't be told to end is killed at the drain deadline (K05).
    Call {
        ends: Some((&["EPERM", "ESRCH"], "connections cut")),
        ..call("kill", &["EPERM", "ESRCH"])
    },
];

/// The calls by which the daemon finds out whether a Unix socket's file is a left one.
const ASKS_WHO_LISTENS: &[&str] = &["connect", "statx", "unlink"];

/// Every error of a call, but only where it goes on.
const FROM_THEN_ON: &str = "all from then on";

/// No error, but that SIGTERM comes with the call.
const SIGTERM: &str = "SIGTERM";

/// What is not injected, and why. `*` is every error of the call.
pub(crate) const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("accept4", "EAGAIN", "no edge follows an injected one, as one would follow a real one"),
    ("recvfrom", "EAGAIN", "no edge follows an injected one, as one would follow a real one"),
    ("sendto", "EAGAIN", "no edge follows an injected one, as one would follow a real one"),
    (
        "sendto",
        "a signal's byte to the loop that is not waiting",
        "injected, but asked for again: the signal is heeded with the next one",
    ),
    ("close", "*", "an injected error leaves the descriptor open, and a real one does not"),
    ("wait4", "ECHILD", "who has a child to wait for is never told that"),
    ("flock", "EAGAIN", "waited for, up to five seconds: U03 shows it with a real lock"),
    ("kill", FROM_THEN_ON, "a child that nobody may kill, SIGKILL included, outlives the daemon"),
    ("clock_gettime", "*", "fails only for clocks that there are not"),
    ("brk", "*", "tells of no error: an injected one is taken for an address"),
    ("rt_sigaction", "*", "fails only for signals that there are not"),
    (
        "rt_sigaction",
        SIGTERM,
        "between its two steps, the crate that installs the handlers forgets a signal",
    ),
    ("rt_sigprocmask", "*", "fails only for operations that there are not"),
    ("rt_sigreturn", "*", "does not return"),
    ("sigaltstack", "*", "frees the stack of the language's runtime, behind the end of main"),
    ("exit_group", "*", "does not return"),
    ("getpid", "*", "can't fail"),
    ("geteuid", "*", "can't fail"),
];

/// The row of a call.
pub(crate) fn swept(name: &str) -> Option<&'static Call> {
    SWEPT.iter().find(|call| call.name == name)
}

/// Whether a call's errors are left out where they go on.
pub(crate) fn only_once(name: &str) -> bool {
    LEFT_OUT.iter().any(|(call, errno, _)| *call == name && *errno == FROM_THEN_ON)
}

/// Whether the daemon's last words may be "Address already in use", whatever the error: it asks
/// whether anybody answers on the Unix socket that is in its way. What it can't find out is a yes,
/// and where it is told that the file is gone, it binds once more and finds it there.
pub(crate) fn leaves_address_in_use(name: &str) -> bool {
    ASKS_WHO_LISTENS.contains(&name)
}

/// Whether SIGTERM comes with a call.
pub(crate) fn is_terminated(name: &str) -> bool {
    !LEFT_OUT.iter().any(|(call, errno, _)| *call == name && *errno == SIGTERM)
}

/// Whether all of a call's errors are left out.
pub(crate) fn left_out(name: &str) -> bool {
    LEFT_OUT.iter().any(|(call, errno, _)| *call == name && *errno == "*")
}
