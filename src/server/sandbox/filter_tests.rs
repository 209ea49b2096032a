//! The filter as the kernel runs it: a few instructions for a small machine, which is implemented
//! here again. So the tests can check calls that no safe code makes.

use std::env::consts::ARCH;
use std::path::Path;

use nix::libc;
use seccompiler::BpfProgram;

use super::{Named, calls};

/// The results, as in `linux/seccomp.h`.
const ALLOW: u32 = 0x7fff_0000;
const REFUSED: u32 = 0x0005_0000 | libc::EPERM.unsigned_abs();
const KILL_PROCESS: u32 = 0x8000_0000;

/// The architecture of a call, as in `linux/audit.h`.
const I386: u32 = 0x4000_0003;

fn native() -> u32 {
    match ARCH {
        "x86_64" => 0xc000_003e,
        "aarch64" => 0xc000_00b7,
        other => panic!("{other} has no filter"),
    }
}

/// A call, laid out as `struct seccomp_data`.
struct Call {
    arch: u32,
    number: u32,
    arguments: [u64; 6],
}

impl Call {
    fn new(number: libc::c_long, arguments: &[u64]) -> Self {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        Self { arch: native(), number: u32::try_from(number).unwrap(), arguments: all }
    }

    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.arch,
            _ => {
                let offset = usize::try_from(offset - 16).unwrap();
                let argument = self.arguments[offset / 8];
                let half = if offset % 8 == 0 { argument } else { argument >> 32 };
                u32::try_from(half & u64::from(u32::MAX)).unwrap()
            }
        }
    }
}

/// Returns the result, and whether the filter examined an argument.
fn judged(program: &BpfProgram, call: &Call) -> (u32, bool) {
    let (mut at, mut accumulator, mut examined) = (0, 0, false);
    loop {
        let step = &program[at];
        at += 1;
        let jump = |holds| usize::from(if holds { step.jt } else { step.jf });
        match step.code {
            0x20 => {
                accumulator = call.word(step.k);
                examined |= step.k >= 16;
            }
            0x54 => accumulator &= step.k,
            0x05 => at += usize::try_from(step.k).unwrap(),
            0x15 => at += jump(accumulator == step.k),
            0x25 => at += jump(accumulator > step.k),
            0x35 => at += jump(accumulator >= step.k),
            0x06 => return (step.k, examined),
            other => panic!("instruction {other:#x}"),
        }
    }
}

fn answer(call: &Call) -> u32 {
    judged(&calls::program(&Named::default()).unwrap(), call).0
}

/// A value that is not zero, in place of an address.
const SOME: u64 = 0x7fff_0000_0000;

#[test]
fn o08_calls_that_no_safe_code_makes_are_refused() {
    for (what, number) in [
        ("io_uring", libc::SYS_io_uring_setup),
        ("io_uring", libc::SYS_io_uring_enter),
        ("ptrace", libc::SYS_ptrace),
        ("another's memory", libc::SYS_process_vm_readv),
        ("another's memory", libc::SYS_process_vm_writev),
        ("another's descriptors", libc::SYS_pidfd_getfd),
        ("a signal", libc::SYS_rt_sigqueueinfo),
        ("a signal", libc::SYS_pidfd_send_signal),
        ("a signal", libc::SYS_tkill),
        ("messages", libc::SYS_sendmsg),
        ("messages", libc::SYS_sendmmsg),
        ("bpf", libc::SYS_bpf),
        ("perf", libc::SYS_perf_event_open),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("a process", libc::SYS_clone),
        ("a process", libc::SYS_clone3),
        ("a program", libc::SYS_execveat),
        ("a namespace", libc::SYS_unshare),
        ("a namespace", libc::SYS_setns),
        ("another user", libc::SYS_setresuid),
        ("capabilities", libc::SYS_capset),
        ("keys", libc::SYS_keyctl),
        ("modules", libc::SYS_finit_module),
        ("prctl", libc::SYS_prctl),
        ("a terminal's input", libc::SYS_ioctl),
        ("a call that there is not", 4000),
    ] {
        assert_eq!(answer(&Call::new(number, &[])), REFUSED, "{what}: {number}");
    }
}

#[test]
fn o08_arguments_are_looked_at_where_they_make_the_difference() {
    let own = u64::from(std::process::id());
    let executable = u64::from((libc::PROT_READ | libc::PROT_EXEC).unsigned_abs());
    let writable = u64::from((libc::PROT_READ | libc::PROT_WRITE).unsigned_abs());
    let command = |command: i32| u64::from(command.unsigned_abs());
    for (number, arguments, allowed) in [
        (libc::SYS_sendto, &[3, SOME, 1, 0, 0, 0][..], true),
        (libc::SYS_sendto, &[3, SOME, 1, 0, SOME, 16], false),
        (libc::SYS_sendto, &[3, SOME, 1, 0, 16, 16], false),
        (libc::SYS_mmap, &[0, 4096, writable, 0x22, u64::MAX, 0], true),
        (libc::SYS_mmap, &[0, 4096, executable, 0x22, u64::MAX, 0], false),
        (libc::SYS_mprotect, &[SOME, 4096, writable], true),
        (libc::SYS_mprotect, &[SOME, 4096, executable], false),
        (libc::SYS_prlimit64, &[0, 7, 0, SOME], true),
        (libc::SYS_prlimit64, &[0, 7, SOME, 0], false),
        (libc::SYS_tgkill, &[own, own, 6], true),
        (libc::SYS_tgkill, &[own + 1, own + 1, 6], false),
        (libc::SYS_fcntl, &[3, command(libc::F_SETFL), 0], true),
        (libc::SYS_fcntl, &[3, command(libc::F_SETOWN), 1], false),
        (libc::SYS_fcntl, &[3, command(libc::F_DUPFD_CLOEXEC), 0], false),
    ] {
        let expected = if allowed { ALLOW } else { REFUSED };
        assert_eq!(answer(&Call::new(number, arguments)), expected, "{number} {arguments:x?}");
    }
}

/// Only SIGHUP opens files, and only these; the path itself is Landlock's.
#[test]
fn o08_files_are_opened_only_in_the_ways_that_the_options_need() {
    let flags = |flags: i32| u64::from((flags | libc::O_CLOEXEC).unsigned_abs());
    let append = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT;
    let directory = [Path::new("/")];
    let reads = Named { read: directory.to_vec(), ..Named::default() };
    let appends = Named { appended: directory.to_vec(), ..Named::default() };
    for (how, allowed) in [
        (libc::O_RDONLY, [false, true, true]),
        (append, [false, false, true]),
        (append | libc::O_TRUNC, [false; 3]),
        (libc::O_RDONLY | libc::O_DIRECTORY, [false; 3]),
    ] {
        let call = Call::new(libc::SYS_openat, &[SOME, SOME, flags(how), 0o640]);
        let answers = [&Named::default(), &reads, &appends]
            .map(|named| judged(&calls::program(named).unwrap(), &call).0 == ALLOW);
        assert_eq!(answers, allowed, "{how:o}");
    }
}

#[test]
fn o08_messages_are_sent_only_where_listeners_are_handed_over() {
    let hands_over = Named { hands_over: true, ..Named::default() };
    let send = Call::new(libc::SYS_sendmsg, &[3, SOME, 0]);
    assert_eq!(judged(&calls::program(&hands_over).unwrap(), &send).0, ALLOW);
    assert_eq!(answer(&send), REFUSED);
}

/// The kernel skips the filter for the other calls: it determines at the start which calls pass
/// without a check of arguments.
#[test]
fn o09_an_echoed_line_costs_one_look_at_the_filter() {
    let program = calls::program(&Named::default()).unwrap();
    for (number, looked_at) in [
        (libc::SYS_recvfrom, false),
        (libc::SYS_epoll_pwait, false),
        (libc::SYS_accept4, false),
        (libc::SYS_epoll_ctl, false),
        (libc::SYS_close, false),
        (libc::SYS_shutdown, false),
        (libc::SYS_ppoll, false),
        (libc::SYS_write, false),
        (libc::SYS_sendto, true),
    ] {
        assert_eq!(judged(&program, &Call::new(number, &[])), (ALLOW, looked_at), "{number}");
    }
}

/// The same number means another call on another architecture.
#[test]
fn o08_calls_for_another_processor_end_the_process() {
    let read = Call::new(libc::SYS_read, &[]);
    assert_eq!(answer(&read), ALLOW);
    assert_eq!(answer(&Call { arch: I386, ..read }), KILL_PROCESS);
    // The number that a tracer sets to suppress a call passes: the kernel has no such call.
    assert_eq!(answer(&Call { number: u32::MAX, ..Call::new(libc::SYS_read, &[]) }), ALLOW);
    // The calls of x32 have a bit of their own.
    let read = Call::new(libc::SYS_read | 0x4000_0000, &[]);
    assert_eq!(answer(&read), REFUSED);
}
