//! The allowed system calls, as a list; seccomp(2) refuses all others with EPERM.
//!
//! A refusal is an error and not a signal: if the list lacks a call, perhaps of a future C library,
//! that call fails, and the daemon survives it like any other error.
//!
//! The kernel skips the filter for calls that are allowed regardless of their arguments. Of an
//! echoed line these are all calls but `sendto`.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::Named;

/// The condition under which a call is allowed.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// That argument, a number or an address, is zero.
    Zero(u8),
    /// That argument has none of these bits.
    Without(u8, i32),
    /// That argument is one of these.
    OneOf(u8, &'static [i32]),
    /// That argument is our own process.
    OwnProcess(u8),
}

/// The number -1, which a tracer sets to suppress a call. The kernel has no such call (ENOSYS).
const NO_CALL: libc::c_long = 0xffff_ffff;

use When::{Always, OneOf, OwnProcess, Without, Zero};

/// The calls that exist on every processor architecture.
const ALLOWED: &[(libc::c_long, When)] = &[
    // Connections: incoming ones, never outgoing ones. Without an address, `sendto` neither
    // connects (TCP Fast Open) nor sends a datagram anywhere.
    (libc::SYS_accept4, Always),
    (libc::SYS_recvfrom, Always),
    (libc::SYS_sendto, Zero(4)),
    (libc::SYS_shutdown, Always),
    (libc::SYS_getsockopt, Always),
    (libc::SYS_setsockopt, Always),
    (libc::SYS_getsockname, Always),
    (libc::SYS_getpeername, Always),
    // The loop.
    (libc::SYS_epoll_ctl, Always),
    (libc::SYS_epoll_pwait, Always),
    (libc::SYS_epoll_pwait2, Always),
    (libc::SYS_ppoll, Always),
    (libc::SYS_restart_syscall, Always),
    // Open files: the log, signals, the process's own figures in /proc.
    (libc::SYS_read, Always),
    (libc::SYS_readv, Always),
    (libc::SYS_pread64, Always),
    (libc::SYS_write, Always),
    (libc::SYS_writev, Always),
    (libc::SYS_pwritev2, Always),
    (libc::SYS_lseek, Always),
    (libc::SYS_fstat, Always),
    (libc::SYS_close, Always),
    (libc::SYS_fcntl, OneOf(1, &[libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL])),
    // A Unix socket's file, which is checked and removed at the end. Landlock limits it to one
    // place.
    (libc::SYS_statx, Always),
    (libc::SYS_newfstatat, Always),
    (libc::SYS_unlinkat, Always),
    // Memory, but none that is executable.
    (libc::SYS_brk, Always),
    (libc::SYS_mmap, Without(2, libc::PROT_EXEC)),
    (libc::SYS_mprotect, Without(2, libc::PROT_EXEC)),
    (libc::SYS_mremap, Always),
    (libc::SYS_munmap, Always),
    (libc::SYS_madvise, Always),
    // The clock, random numbers, and limits, which are only read.
    (libc::SYS_clock_gettime, Always),
    (libc::SYS_clock_getres, Always),
    (libc::SYS_clock_nanosleep, Always),
    (libc::SYS_nanosleep, Always),
    (libc::SYS_gettimeofday, Always),
    (libc::SYS_getrandom, Always),
    (libc::SYS_getrusage, Always),
    (libc::SYS_prlimit64, Zero(2)),
    // Locks of the Rust runtime, signals, and exit, also in a panic (abort(3)).
    (libc::SYS_futex, Always),
    (libc::SYS_sched_yield, Always),
    (libc::SYS_rt_sigaction, Always),
    (libc::SYS_rt_sigprocmask, Always),
    (libc::SYS_rt_sigreturn, Always),
    (libc::SYS_sigaltstack, Always),
    (libc::SYS_getpid, Always),
    (libc::SYS_gettid, Always),
    (libc::SYS_tgkill, OwnProcess(0)),
    (libc::SYS_exit, Always),
    (libc::SYS_exit_group, Always),
    (NO_CALL, Always),
];

/// Older calls for the same purposes, on architectures that have them.
#[cfg(target_arch = "x86_64")]
const OLDER: &[(libc::c_long, When)] = &[
    (libc::SYS_epoll_wait, Always),
    (libc::SYS_poll, Always),
    (libc::SYS_stat, Always),
    (libc::SYS_lstat, Always),
    (libc::SYS_unlink, Always),
    (libc::SYS_time, Always),
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[(libc::c_long, When)] = &[];

/// Opening a file. Landlock says where; none is truncated, listed, or opened for its path alone.
const APPENDING: (libc::c_long, When) =
    (libc::SYS_openat, Without(2, libc::O_TRUNC | libc::O_DIRECTORY | libc::O_PATH));
const READING: (libc::c_long, When) = (
    libc::SYS_openat,
    Without(2, libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_DIRECTORY | libc::O_PATH),
);

/// Sends the listeners to the next daemon. Its address argument is in memory, which a filter can't
/// read.
const HANDING_OVER: (libc::c_long, When) = (libc::SYS_sendmsg, Always);

/// Restricts the calling thread and the threads that it starts; on failure returns the reason.
pub(super) fn restrict(named: &Named<'_>) -> Result<(), String> {
    let program =
        program(named).map_err(|error| format!("no filter for this processor: {error}"))?;
    let unavailable = |error| format!("a filter can't be had here ({error})");
    seccompiler::apply_filter(&program).map_err(unavailable)
}

/// Compiles the list for the kernel.
pub(super) fn program(named: &Named<'_>) -> Result<BpfProgram, seccompiler::BackendError> {
    let processor = TargetArch::try_from(ARCH)?;
    let opening = match named {
        Named { appended, .. } if !appended.is_empty() => Some(&APPENDING),
        Named { read, .. } if !read.is_empty() => Some(&READING),
        Named { .. } => None,
    };
    let handing_over = named.hands_over.then_some(&HANDING_OVER);
    let rows = ALLOWED.iter().chain(OLDER).chain(opening).chain(handing_over);
    let options: Result<BTreeMap<_, _>, _> =
        rows.map(|(call, when)| Ok((*call, when.options()?))).collect();
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(options?, refused, SeccompAction::Allow, processor)?.try_into()
}

impl When {
    /// Returns the rules of which one has to hold; with none the call is always allowed.
    fn options(self) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
        let number = |value: i32| u64::from(value.unsigned_abs());
        let rule = |argument, length, comparison, value| {
            SeccompRule::new(vec![SeccompCondition::new(argument, length, comparison, value)?])
        };
        let (whole, half) = (SeccompCmpArgLen::Qword, SeccompCmpArgLen::Dword);
        match self {
            Always => Ok(Vec::new()),
            Zero(argument) => Ok(vec![rule(argument, whole, SeccompCmpOp::Eq, 0)?]),
            Without(argument, bits) => {
                Ok(vec![rule(argument, half, SeccompCmpOp::MaskedEq(number(bits)), 0)?])
            }
            OneOf(argument, values) => values
                .iter()
                .map(|value| rule(argument, half.clone(), SeccompCmpOp::Eq, number(*value)))
                .collect(),
            OwnProcess(argument) => {
                let own = number(rustix::process::getpid().as_raw_nonzero().get());
                Ok(vec![rule(argument, half, SeccompCmpOp::Eq, own)?])
            }
        }
    }
}
