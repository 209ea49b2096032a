//! Signals, drains, and restarts.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::support::{
    Builder, Daemon, Peer, TcpState, eventually, have, lacks, own_loopback, pattern, signals,
    time_wait_overflows,
};

#[test]
fn l01_an_idle_daemon_ends_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        let daemon = Daemon::start(&["--drain-timeout", "1m"]);
        daemon.signal(signal);
        let signalled = Instant::now();
        daemon.epilogue_ended(0);
        assert!(
            signalled.elapsed() < Duration::from_secs(5),
            "{signal:?}: {:?}",
            signalled.elapsed()
        );
    }
}

#[test]
fn l02_a_drain_echoes_all_input_that_was_read() {
    let daemon = Daemon::start(&["--drain-timeout", "1m"]);
    let mut peers = daemon.connect_many(100);
    for peer in &mut peers {
        peer.echo(b"a line\n");
        peer.send(b"a whole line and half of");
    }
    let read = 100 * (7 + 24);
    daemon.wait_for_status("all is read", |status| status.count("bytes_in") == read);
    daemon.terminate();
    for peer in &mut peers {
        assert_eq!(peer.read_to_end(), b"a whole line and half of");
        peer.half_close();
    }
    for peer in &peers {
        assert_eq!(daemon.closing(peer.address()).cause, "drained");
    }
    daemon.epilogue_ended(0);
}

#[test]
fn l02_a_drain_in_the_middle_of_a_transfer_loses_no_byte_of_the_echo() {
    let daemon = Daemon::start(&["--drain-timeout", "1m"]);
    let mut peer = daemon.connect();
    let bytes = pattern(4 << 20);
    let sending = peer.send_beside(bytes.clone());
    let mut received = peer.recv_exact(100_000);
    daemon.terminate();
    // The daemon discards input after its FIN, and loses no echo from before it.
    received.extend(peer.read_to_end());
    sending.join().unwrap().unwrap();
    peer.half_close();
    let closing = daemon.closing(peer.address());
    assert_eq!(closing.cause, "drained");
    assert_eq!(closing.bytes_out, u64::try_from(received.len()).unwrap(), "{closing:?}");
    assert!(bytes.starts_with(&received), "the echo is a prefix of the input");
    daemon.epilogue_ended(0);
}

#[test]
fn l03_a_drain_serves_the_connections_in_the_accept_queue() {
    let daemon = Daemon::start(&["--drain-timeout", "1m"]);
    let mut peers = daemon.stopped(|| {
        let mut peers = daemon.connect_many(50);
        for peer in &mut peers {
            peer.send(b"just in time\n");
        }
        daemon.terminate();
        peers
    });
    for peer in &mut peers {
        assert_eq!(peer.read_to_end(), b"just in time\n");
        peer.half_close();
    }
    daemon.epilogue_ended(0);
}

/// A draining daemon with pending output for a peer that does not read.
fn draining(arguments: &[&str]) -> (Daemon, Peer) {
    let daemon = Daemon::start(arguments);
    let mut peer = daemon.connect_narrow();
    daemon.leave_pending(&mut peer);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    (daemon, peer)
}

#[test]
fn l04_a_second_signal_ends_the_daemon_now() {
    for second in [Signal::TERM, Signal::INT] {
        let (daemon, peer) = draining(&["--drain-timeout", "1h"]);
        daemon.wait_for_status("no listener", |status| status.word("listener_state") == "closed");
        daemon.signal(second);
        assert_eq!(daemon.closing(peer.address()).cause, "cut");
        daemon.epilogue_ended(1);
    }
}

#[test]
fn l04_a_peer_that_never_reads_is_cut_at_the_drain_deadline() {
    let (daemon, peer) = draining(&["--drain-timeout", "400ms"]);
    assert_eq!(daemon.closing(peer.address()).cause, "cut");
    daemon.epilogue_ended(1);
}

/// Two accept queues hold more connections than one turn accepts; the drain has time for one turn.
#[test]
fn l17_a_queue_that_is_too_long_for_the_drain_is_reset_with_a_warning() {
    let daemon = Builder::new(&["--drain-timeout", "1ms"])
        .listen("127.0.0.1:0")
        .listen("127.0.0.1:0")
        .start();
    let addresses = daemon.addresses();
    let peers: Vec<_> = daemon.stopped(|| {
        daemon.terminate();
        addresses.iter().flat_map(|to| (0..2100).map(|_| Peer::connect(*to))).collect()
    });
    daemon.wait_for_log("the drain's time is over, and more connections wait: they are reset");
    drop(peers);
    daemon.epilogue_ended(0);
}

#[test]
fn l06_a_killed_daemon_leaves_nothing_that_hinders_the_next() {
    let address = format!("{}:0", own_loopback());
    let mut daemon = Builder::new(&[]).listen(&address).start();
    let address = daemon.address().to_string();
    let mut peers = daemon.connect_many(20);
    for peer in &mut peers {
        peer.echo(b"a line\n");
    }
    daemon.signal(Signal::KILL);
    daemon.wait_for_exit();
    for peer in &mut peers {
        peer.wait_for_end();
    }
    let next = Builder::new(&[]).listen(&address).start();
    next.connect().echo(b"a line\n");
    next.epilogue();
}

#[test]
fn l07_connections_of_the_last_daemon_do_not_keep_the_next_from_its_port() {
    let mut address = format!("{}:0", own_loopback());
    let mut lasting = Vec::new();
    let overflows = time_wait_overflows();
    for _ in 0..10 {
        let daemon = Builder::new(&["--drain-timeout", "100ms"]).listen(&address).start();
        address = daemon.address().to_string();
        let mut ending = daemon.connect();
        ending.echo(b"a line\n");
        let mut live = daemon.connect();
        live.echo(b"a line\n");
        lasting.push(live);
        daemon.terminate();
        // The daemon closes first, so that TIME_WAIT is on its side.
        assert_eq!(ending.read_to_end(), b"");
        drop(ending);
        daemon.epilogue_ended(0);
    }
    let daemon = Builder::new(&[]).listen(&address).start();
    let earlier = daemon.sockets().iter().filter(|socket| socket.state != TcpState::Listen).count();
    if earlier == 0 {
        // The port was free, which proves nothing.
        assert!(time_wait_overflows() > overflows, "sockets of earlier daemons are on the port");
        lacks("room for sockets in TIME_WAIT");
    }
    daemon.epilogue();
}

#[test]
fn l09_other_signals_do_not_end_the_daemon() {
    let daemon = Daemon::start(&[]);
    let mut peer = daemon.connect();
    for signal in [
        Signal::HUP,
        Signal::USR1,
        Signal::USR2,
        Signal::PIPE,
        Signal::CHILD,
        Signal::WINCH,
        Signal::URG,
    ] {
        daemon.signal(signal);
        peer.echo(b"still there\n");
    }
    daemon.wait_for_log("SIGHUP: there is no configuration file to reload");
    drop(peer);
    daemon.epilogue();
}

#[test]
fn l09_signals_that_arrive_together_are_all_handled() {
    let daemon = Daemon::start(&[]);
    daemon.stopped(|| {
        for signal in [Signal::HUP, Signal::USR1, Signal::HUP, Signal::TERM] {
            daemon.signal(signal);
        }
    });
    daemon.wait_for_log("SIGHUP");
    daemon.wait_for_log("] status ");
    daemon.epilogue_ended(0);
}

#[test]
fn two_daemons_with_reuse_port_share_a_port() {
    let address = format!("{}:0", own_loopback());
    let one = Builder::new(&["--reuse-port"]).listen(&address).start();
    let other = Builder::new(&["--reuse-port"]).listen(&one.address().to_string()).start();
    assert_eq!(one.address(), other.address());
    let mut peers = one.connect_many(60);
    for peer in &mut peers {
        peer.echo(b"a line\n");
    }
    let shares = [&one, &other].map(|daemon| daemon.status().count("accepted"));
    assert_eq!(shares.iter().sum::<u64>(), 60);
    assert!(shares.iter().all(|share| *share > 0), "each daemon got some: {shares:?}");
    drop(peers);
    eventually("no connection is left", || {
        [&one, &other].iter().all(|daemon| daemon.status().alive() == 0).then_some(())
    });
    // A connection may go to either daemon: end one, so that the epilogue reaches the other.
    one.terminate();
    one.epilogue_ended(0);
    other.epilogue();
}

#[test]
fn l13_a_signal_is_handled_even_if_its_wake_up_is_lost() {
    if !have(&["strace"]) {
        return;
    }
    let daemon = Builder::new(&[]).injected("sendto", "ENOBUFS", "1").start();
    daemon.wait_until_asleep();
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn l14_sigterm_between_listening_and_serving_is_a_drain() {
    if !have(&["strace"]) {
        return;
    }
    for call in ["listen", "getsockname", "renameat"] {
        let rule = format!("inject={call}:signal=TERM:when=1");
        // Without --seccomp-bpf, because with it strace injects no signals.
        let strace = ["strace", "-f", "-o", "/dev/null", "-e", &rule];
        let ended = Builder::new(&[]).listen("127.0.0.1:0").wrapped(&strace).run_to_end();
        assert_eq!(ended.code, Some(0), "{call}: {ended:?}");
        assert!(ended.stderr.contains("INFO ] drained"), "{call}: {ended:?}");
    }
}

#[test]
fn l15_signals_that_the_parent_blocked_or_ignored_are_handled() {
    if !have(&["env"]) {
        return;
    }
    for inherited in ["--block-signal", "--ignore-signal"] {
        let daemon = Builder::new(&[]).wrapped(&["env", inherited]).start();
        let blocked = daemon.signals("SigBlk");
        assert_eq!(blocked, 0, "{inherited}: {blocked:x}");
        daemon.status();
        daemon.signal(Signal::HUP);
        daemon.wait_for_log("SIGHUP");
        daemon.connect().echo(b"a line\n");
        daemon.terminate();
        daemon.epilogue_ended(0);
    }
}

#[test]
fn l15_client_and_load_generator_unblock_inherited_signals() {
    if !have(&["env"]) {
        return;
    }
    let daemon = Daemon::start(&[]);
    let port = daemon.address().port().to_string();
    for program in [env!("CARGO_BIN_EXE_tcpecho"), env!("CARGO_BIN_EXE_tcpecho-load")] {
        let mut command = Command::new("env");
        command.args(["--block-signal", program, "127.0.0.1", &port]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let process = Pid::from_raw(child.id().cast_signed()).unwrap();
        let link = format!("/proc/{}/exe", child.id());
        let file = fs::canonicalize(program).unwrap();
        eventually("the program has replaced env", || {
            fs::read_link(&link).is_ok_and(|running| running == file).then_some(())
        });
        eventually("no signal is blocked", || (signals(process, "SigBlk") == 0).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    daemon.wait_until_alone();
    daemon.epilogue();
}

/// The signal is pending before the program's first instruction, and arrives once unblocked.
#[test]
fn l16_sigterm_before_the_command_line_is_read_is_a_drain() {
    if !have(&["env"]) {
        return;
    }
    let script = "kill -TERM $$; exec \"$0\" \"$@\"";
    let early = ["env", "--block-signal=TERM", "sh", "-c", script];
    let ended = Builder::new(&[]).listen("127.0.0.1:0").wrapped(&early).run_to_end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("INFO ] drained"), "{ended:?}");
}
