//! Exact counts: the cost of the daemon's release binary in system calls, instructions and bytes.
//!
//! None of them is a time, so none depends on the load of the machine. Each test prints its count
//! and asserts the goal of `docs/performance.md`. Run with `make counts`; a debug build ignores
//! these tests, since its counts mean nothing.
//!
//! A test whose tool is missing says so and passes; with the variable `CI` set, it fails.

// The counts and the tools are those of Linux.
#![cfg(target_os = "linux")]
#![cfg(test)]

mod generator;
mod heap;
mod measured;
mod traffic;

mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::generator;
    use super::heap;
    use super::measured::{Callgrind, Daemon, calls_under_strace, lacks};
    use super::traffic::{LINE_BYTES, Traffic};

    /// Some tests hold nearly all descriptors of a process, so the tests take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn my_turn() -> MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every timeout, too long to ever expire.
    const ARMED: [&str; 6] =
        ["--idle-timeout", "1h", "--line-timeout", "1h", "--stall-timeout", "1h"];

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn system_calls_per_line() {
        if lacks("strace") {
            return;
        }
        let _turn = my_turn();
        let rounds = 1_000;
        let calls = |rounds| {
            let calls = calls_under_strace(|address| {
                let mut traffic = Traffic::open(address, 50);
                (0..rounds).for_each(|_| traffic.echo_everywhere());
            });
            calls.values().sum::<u64>()
        };
        let lines = 50 * rounds;
        let a_line = ratio(calls(rounds) - calls(0), lines);
        println!("system calls per echoed line, 50 busy connections: {a_line:.3} (goal 2.05)");
        assert!(a_line <= 2.05, "{a_line}");
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn system_calls_per_connection() {
        if lacks("strace") {
            return;
        }
        let _turn = my_turn();
        let ends: [(fn(Traffic), _); 2] = [(Traffic::close, "FIN"), (Traffic::reset, "RST")];
        for (end, word) in ends {
            let calls = |connections| {
                let mut calls = calls_under_strace(|address| {
                    for _ in 0..connections {
                        let mut one = Traffic::open(address, 1);
                        one.echo_everywhere();
                        end(one);
                    }
                });
                calls.remove("epoll_wait");
                calls
            };
            let (few, many) = (calls(100), calls(1_100));
            let all = |calls: &BTreeMap<String, u64>| calls.values().sum::<u64>();
            let a_life = ratio(all(&many) - all(&few), 1_000);
            println!("system calls per connection, one line echoed, {word}: {a_life:.3} (goal 7)");
            // One connection wakes a listener twice; now and then the wakeups come in two turns,
            // and the second finds an empty queue.
            assert!(a_life <= 7.01, "{a_life}: {many:?}");
        }
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn instructions_per_line() {
        if lacks("valgrind") {
            return;
        }
        let _turn = my_turn();
        let total = |lines| {
            let callgrind = Callgrind::start(&ARMED);
            take_turns(&mut Traffic::open(callgrind.address(), 20), lines);
            callgrind.end()
        };
        let a_line = ratio(total(12_000) - total(2_000), 10_000);
        println!("instructions per echoed line, all timeouts armed: {a_line:.1} (goal 300)");
        assert!(a_line <= 300.0, "{a_line}");
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn instructions_per_line_beside_15_000_idle_connections() {
        if lacks("valgrind") {
            return;
        }
        let _turn = my_turn();
        // The count starts when all are connected, because connecting takes a varying number of
        // turns.
        let a_line = |idle| {
            let callgrind = Callgrind::start(&ARMED);
            let mut bystanders = Traffic::open(callgrind.address(), idle);
            bystanders.echo_everywhere();
            let mut traffic = Traffic::open(callgrind.address(), 20);
            take_turns(&mut traffic, 2_000);
            ratio(callgrind.during(|| take_turns(&mut traffic, 10_000)), 10_000)
        };
        let (alone, beside) = (a_line(0), a_line(15_000));
        println!(
            "instructions per echoed line: {alone:.1} alone, {beside:.1} beside 15,000 idle \
             connections, {:+.2} % (goal within 2 %)",
            (beside / alone - 1.0) * 100.0
        );
        assert!((beside / alone - 1.0).abs() <= 0.02, "{alone} alone, {beside} beside idle ones");
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn instructions_per_verified_line() {
        if lacks("valgrind") || lacks("taskset") {
            return;
        }
        let _turn = my_turn();
        let daemon = Daemon::start_in(&generator::BESIDE, &[]);
        let total = |lines| generator::instructions(daemon.address(), lines);
        // The number of lines per turn depends on the machine, and fewer lines only cost more, so
        // the least of three runs is the cost of a line.
        let a_line = (0..3)
            .map(|_| ratio(total(110_000) - total(10_000), 100_000))
            .fold(f64::INFINITY, f64::min);
        println!("instructions per verified line, of the load generator: {a_line:.1} (goal 700)");
        assert!(a_line <= 700.0, "{a_line}");
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn system_calls_per_verified_line() {
        if lacks("strace") {
            return;
        }
        let _turn = my_turn();
        let daemon = Daemon::start(&[]);
        let calls = |lines| generator::calls(daemon.address(), lines);
        let a_line = ratio(calls(50_000) - calls(0), 50_000);
        println!("system calls per verified line, of the load generator: {a_line:.3} (goal 2.1)");
        assert!(a_line <= 2.1, "{a_line}");
    }

    /// Echoes this many lines, one in flight in all.
    fn take_turns(traffic: &mut Traffic, lines: usize) {
        (0..lines).for_each(|line| traffic.echo(line % traffic.len()));
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn bytes_per_idle_connection() {
        let each = bytes_each(&[]);
        println!("bytes per idle connection after an echo, of 15,000: {each:.1} (goal 88)");
        assert!(each <= 88.0, "{each}");
    }

    /// The options of the systemd units, and a limit per peer.
    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn bytes_per_idle_connection_with_every_timeout() {
        let each = bytes_each(&[&ARMED[..], &["--max-per-peer", "20000"]].concat());
        println!("the same, with all timeouts and --max-per-peer: {each:.1} (goal 92)");
        assert!(each <= 92.0, "{each}");
    }

    fn bytes_each(options: &[&str]) -> f64 {
        let _turn = my_turn();
        let daemon = Daemon::start(options);
        // The first connection faults in the pages that all of them share.
        Traffic::open(daemon.address(), 1).echo_everywhere();
        let before = daemon.anonymous_bytes();
        let mut traffic = Traffic::open(daemon.address(), 15_000);
        traffic.echo_everywhere();
        ratio(daemon.anonymous_bytes() - before, 15_000)
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn heap_bytes_left_by_connections() {
        if lacks("valgrind") {
            return;
        }
        let _turn = my_turn();
        let (first, last) = heap::in_use_after_waves(6);
        println!(
            "bytes on the heap after 120 connections, and after 360 more: {first}, {last} \
             (goal: no growth)"
        );
        assert!(last <= first, "{first}, then {last}");
    }

    #[test]
    #[cfg_attr(debug_assertions, ignore = "counts are of the release build: make counts")]
    fn connections_in_one_process() {
        let _turn = my_turn();
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        if limit.is_some_and(|limit| limit < 20_000) {
            println!(
                "SKIPPED connections_in_one_process: needs a hard limit of 20,000 descriptors"
            );
            assert!(std::env::var_os("CI").is_none(), "CI skips nothing");
            return;
        }
        let daemon = Daemon::start(&[]);
        let mut traffic = Traffic::open(daemon.address(), 19_900);
        traffic.echo_everywhere();
        println!("connections held and echoed by one process: {} (goal 19,900)", traffic.len());
        assert_eq!(daemon.connections(), 19_900);
        assert_eq!(traffic.len(), 19_900);
    }

    fn ratio(count: u64, of: u64) -> f64 {
        let (count, of) = (u32::try_from(count).unwrap(), u32::try_from(of).unwrap());
        f64::from(count) / f64::from(of)
    }

    #[test]
    fn a_line_is_64_bytes() {
        assert_eq!(LINE_BYTES, 64);
    }
}
