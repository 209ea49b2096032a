//! The system calls that are left, as a list; seccomp(2) refuses all others with EPERM.
//!
//! An error and not a signal: a call that we have forgotten, perhaps of a C library to come, is
//! then a fault of that call, which the daemon survives like any other.
//!
//! The kernel remembers which calls it need not ask the filter about: those that are allowed
//! whatever their arguments. All of an echoed line but `sendto` are.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// When a call is allowed.
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

/// The number, -1, of a call that a tracer has taken away: the kernel knows none such (ENOSYS).
const NO_CALL: libc::c_long = 0xffff_ffff;

use When::{Always, OneOf, OwnProcess, Without, Zero};

/// The calls that every processor has.
const ALLOWED: &[(libc::c_long, When)] = &[
    // Connections: those that come in, and never one that goes out. Without an address, `sendto`
    // neither connects (TCP Fast Open) nor sends a datagram anywhere.
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
    // What is open: the log, signals, the process's own figures in /proc.
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
    // A Unix socket's file, which is looked at and removed in the end. Landlock says where.
    (libc::SYS_statx, Always),
    (libc::SYS_newfstatat, Always),
    (libc::SYS_unlinkat, Always),
    // Memory, but none that could be executed.
    (libc::SYS_brk, Always),
    (libc::SYS_mmap, Without(2, libc::PROT_EXEC)),
    (libc::SYS_mprotect, Without(2, libc::PROT_EXEC)),
    (libc::SYS_mremap, Always),
    (libc::SYS_munmap, Always),
    (libc::SYS_madvise, Always),
    // The clock, chance, and limits, which are not changed any more.
    (libc::SYS_clock_gettime, Always),
    (libc::SYS_clock_getres, Always),
    (libc::SYS_clock_nanosleep, Always),
    (libc::SYS_nanosleep, Always),
    (libc::SYS_gettimeofday, Always),
    (libc::SYS_getrandom, Always),
    (libc::SYS_getrusage, Always),
    (libc::SYS_prlimit64, Zero(2)),
    // Locks of the language's runtime, signals, and the end, in a panic too (abort(3)).
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

/// What the same is called besides, where there were older calls.
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

/// Restricts the calling thread, and those it will start; or says why it did not.
pub(super) fn restrict() -> Result<(), String> {
    let program = program().map_err(|error| format!("no filter for this processor: {error}"))?;
    let unavailable = |error| format!("a filter can't be had here ({error})");
    seccompiler::apply_filter(&program).map_err(unavailable)
}

/// The list as the kernel wants it.
pub(super) fn program() -> Result<BpfProgram, seccompiler::BackendError> {
    let processor = TargetArch::try_from(ARCH)?;
    let rows = ALLOWED.iter().chain(OLDER);
    let options: Result<BTreeMap<_, _>, _> =
        rows.map(|(call, when)| Ok((*call, when.options()?))).collect();
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(options?, refused, SeccompAction::Allow, processor)?.try_into()
}

impl When {
    /// One of these has to hold; with none the call is always allowed.
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
