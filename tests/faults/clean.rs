//! The environment of an `--exec` child: it starts as from a shell, without the daemon's own state,
//! and with its peer's address. The daemon logs its stderr and ends its descendants.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use tcpecho::net::proxy;

use super::support::{
    Builder, Daemon, Peer, eventually, has_ended, have, pattern, run_state, signals,
};

/// Writes an executable file; it lives as long as the returned directory.
fn executable(text: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("script");
    // Written by another process: a child of a concurrent test would inherit our descriptor for
    // writing, and a file open for writing can't be executed (ETXTBSY).
    let mut writer = Command::new("sh");
    writer.args(["-c", "printf %s \"$1\" >\"$0\" && chmod +x \"$0\""]).arg(&file).arg(text);
    assert!(writer.status().unwrap().success());
    (directory, file)
}

fn answered(daemon: &Daemon) -> Peer {
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    peer
}

#[test]
fn k10_a_child_begins_with_default_signals_and_the_limit_that_the_daemon_was_given() {
    if !have(&["env", "prlimit"]) {
        return;
    }
    let daemon = Builder::new(&["--exec", "cat"])
        .wrapped(&["env", "--ignore-signal", "--block-signal", "prlimit", "--nofile=300:4000"])
        .start();
    daemon.wait_for_log("descriptors: 4000 (soft limit was 300)");
    let peer = answered(&daemon);
    let child = daemon.children()[0];
    // The C library reserves two signals, which programs can't use (nptl(7)).
    let of_the_library = 0b11 << 31;
    for set in ["SigIgn", "SigBlk", "SigCgt"] {
        assert_eq!(signals(child, set) & !of_the_library, 0, "{set}");
    }
    let limits = |process| {
        let text = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = text.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let mut words = line.split_whitespace().skip(3).map(|word| word.parse::<u32>().unwrap());
        [words.next().unwrap(), words.next().unwrap()]
    };
    assert_eq!(limits(child.as_raw_nonzero().get().unsigned_abs()), [300, 4000]);
    eventually("the daemon has its own limit again", || {
        (limits(daemon.process()) == [4000, 4000]).then_some(())
    });
    drop(peer);
    daemon.epilogue();
}

#[test]
fn k11_a_child_knows_its_peer_and_nothing_of_the_daemons_manager() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("echo");
    let daemon = Builder::new(&["--exec", "env"])
        .listen("127.0.0.1:0")
        .listen(&format!("unix:{}", path.display()))
        .env("NOTIFY_SOCKET", "/no/such/socket")
        .env("WATCHDOG_USEC", "60000000")
        .env("LISTEN_FDNAMES", "echo")
        .env("TCPECHOD_BACKLOG", "77")
        .env("REMOTE_ADDR", "192.0.2.1")
        .env("KEPT", "as it is")
        .start();
    let of_a_manager = ["NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "TCPECHOD_"];
    let mut peer = daemon.connect();
    let output = String::from_utf8(peer.read_to_end()).unwrap();
    let port = peer.address().port();
    for name in ["REMOTE_ADDR", "TCPREMOTEIP"] {
        assert_eq!(output.matches(&format!("\n{name}=")).count(), 1, "{output}");
        assert!(output.contains(&format!("\n{name}=127.0.0.1\n")), "{output}");
    }
    for name in ["REMOTE_PORT", "TCPREMOTEPORT"] {
        assert!(output.contains(&format!("\n{name}={port}\n")), "{output}");
    }
    let mut by_path = String::new();
    UnixStream::connect(&path).unwrap().read_to_string(&mut by_path).unwrap();
    assert!(!by_path.contains("REMOTE"), "a Unix peer has no address: {by_path}");
    for output in [output, by_path] {
        assert!(output.contains("KEPT=as it is\n"), "{output}");
        let own = |line: &&str| of_a_manager.iter().any(|name| line.starts_with(name));
        assert_eq!(output.lines().find(own), None);
    }
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn k12_a_script_without_an_interpreter_is_run_by_the_shell() {
    let (directory, file) = executable("echo \"$0 $*\"\n");
    let search = format!("{}:/bin:/usr/bin", directory.path().display());
    for name in [file.to_str().unwrap(), "script"] {
        let command = format!("{name} one two");
        let builder = Builder::new(&["--exec", &command]).env("PATH", &search);
        let daemon = builder.start();
        let mut peer = daemon.connect();
        let output = String::from_utf8(peer.read_to_end()).unwrap();
        assert_eq!(output, format!("{} one two\n", file.display()), "{name}");
        daemon.terminate();
        daemon.epilogue_ended(0);
    }
}

#[test]
fn k13_processes_left_behind_by_a_child_end_with_the_daemon() {
    for (stubborn, code) in [("", 0), ("trap '' TERM;", 1)] {
        let (_directory, file) = executable(&format!("{stubborn} sleep 1000 & echo $!; exit 7"));
        let arguments = ["--exec", file.to_str().unwrap(), "--drain-timeout", "1s"];
        let daemon = Daemon::start(&arguments);
        let mut peer = daemon.connect();
        let left = String::from_utf8(peer.recv_some(16)).unwrap().trim().to_owned();
        let left = rustix::process::Pid::from_raw(left.parse().unwrap()).unwrap();
        eventually("only the descendant is left", || (daemon.children() == [left]).then_some(()));
        assert_eq!(daemon.status().count("children"), 1, "it holds the connection");
        daemon.terminate();
        let closing = daemon.closing(peer.address());
        let (cause, status) = if code == 0 { ("exec", "7") } else { ("cut", "killed") };
        assert_eq!((closing.cause.as_str(), closing.status.as_str()), (cause, status));
        peer.wait_for_end();
        eventually("the descendant has ended", || has_ended(left).then_some(()));
        daemon.epilogue_ended(code);
    }
}

#[test]
fn k13_a_connection_lasts_until_the_processes_left_behind_by_its_child_end() {
    let (_directory, file) = executable("exec 3<&0; cat <&3 & exit 7");
    let daemon = Daemon::start(&["--exec", &format!("sh {}", file.display())]);
    let mut peer = answered_by(&daemon, &file);
    peer.half_close();
    assert_eq!(peer.read_to_end(), b"");
    assert_eq!(daemon.closing(peer.address()).status, "7");
    daemon.terminate();
    daemon.epilogue_ended(0);
}

/// A peer of a child that has ended and left behind a process, which answers.
fn answered_by(daemon: &Daemon, file: &Path) -> Peer {
    let peer = answered(daemon);
    eventually("the child itself has ended", || {
        let all = daemon.children();
        let command = |pid: &rustix::process::Pid| {
            fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default()
        };
        let script = file.as_os_str().as_encoded_bytes();
        let is_script = |pid| command(pid).windows(script.len()).any(|part| part == script);
        (!all.iter().any(is_script)).then_some(())
    });
    peer
}

#[test]
fn k14_standard_error_of_children_is_logged_line_by_line() {
    let text = "printf 'one\\n\\n\"two\\033[2J\\n' >&2; head -c 3000 /dev/zero | tr '\\0' x >&2; \
                printf '\\nthe last' >&2";
    let (_directory, file) = executable(text);
    for format in ["text", "json"] {
        let (mut reader, writer) = io::pipe().unwrap();
        let arguments = ["--log-format", format, "--exec", file.to_str().unwrap()];
        let daemon = Builder::new(&arguments).env("RUST_LOG", "info").stderr(writer).start();
        let mut peer = daemon.connect();
        assert_eq!(peer.read_to_end(), b"");
        daemon.wait_until_alone();
        daemon.terminate();
        daemon.epilogue_ended(0);
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        let of_peer = |line: &&str| line.contains(&peer.address().to_string());
        let lines: Vec<_> = log.lines().filter(of_peer).collect();
        let piece = "x".repeat(2048);
        let shown = if format == "json" { "\"message\":\"one\"" } else { "INFO ] one peer=" };
        assert!(lines[0].contains(shown), "{log}");
        assert_eq!(lines.len(), 5, "{log}");
        for (number, word) in [(0, "one"), (1, "[2J"), (2, &piece), (3, "xx"), (4, "the last")] {
            assert!(lines[number].contains(word), "{word}: {log}");
            assert!(lines[number].contains("child"), "{log}");
        }
        assert!(!log.contains('\u{1b}'), "{log}");
    }
}

#[test]
fn k14_endless_standard_error_of_children_delays_no_connection() {
    let (_directory, file) = executable("read mode; [ \"$mode\" = quiet ] || exec yes >&2; cat");
    let nowhere = File::options().write(true).open("/dev/null").unwrap();
    let arguments = ["--exec", file.to_str().unwrap(), "--drain-timeout", "1m"];
    let daemon = Builder::new(&arguments).env("RUST_LOG", "info").stderr(nowhere).start();
    let mut loud = daemon.connect_many(5);
    for peer in &mut loud {
        peer.send(b"loud\n");
    }
    for _ in 0..10 {
        let mut peer = daemon.connect();
        peer.send(b"quiet\n");
        peer.echo(b"a line\n");
    }
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn k15_exec_limits_children_to_40_and_warns_without_max_per_peer() {
    for (more, warned) in [(&[][..], true), (&["--max-per-peer", "1000"], false)] {
        let daemon = Daemon::start(&[&["--exec", "cat"], more].concat());
        let mut peers = daemon.connect_many(41);
        for peer in &mut peers[..40] {
            peer.echo(b"a line\n");
        }
        let status = daemon.status();
        assert_eq!(
            (status.count("children"), status.word("listener_state")),
            (40, "full"),
            "{status:?}"
        );
        assert_eq!(daemon.log().contains("WARN ] --exec without --max-per-peer"), warned);
        drop(peers.remove(0));
        peers[39].echo(b"the last one\n");
        drop(peers);
        daemon.epilogue();
    }
}

#[test]
fn k16_a_stopped_child_is_killed_at_the_drain_deadline() {
    let daemon = Daemon::start(&["--exec", "cat", "--drain-timeout", "400ms"]);
    let mut peer = answered(&daemon);
    let child = daemon.children()[0];
    rustix::process::kill_process(child, Signal::STOP).unwrap();
    eventually("the child is stopped", || (run_state(child) == 'T').then_some(()));
    daemon.terminate();
    peer.wait_for_end();
    eventually("the child has ended", || has_ended(child).then_some(()));
    daemon.epilogue_ended(1);
}

/// Prints the peer's address and port, then echoes.
const PRINTING_ECHO: &str = "echo $REMOTE_ADDR $REMOTE_PORT; exec cat";

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 9877\r\n";

#[test]
fn h11_a_child_knows_the_client_of_a_proxy_and_is_given_all_behind_the_header() {
    let (_directory, file) = executable(PRINTING_ECHO);
    let addresses = ("192.0.2.7:4711".parse().unwrap(), "192.0.2.1:9877".parse().unwrap());
    let v2 = proxy::header(proxy::Version::V2, Some(addresses));
    for demand in ["require", "optional"] {
        let arguments = ["--exec", file.to_str().unwrap(), "--proxy-protocol", demand];
        let daemon = Daemon::start(&arguments);
        for header in [V1, &v2] {
            let all = [header, &pattern(100_000)].concat();
            // In one piece, in two pieces split around the end of the header, and byte by byte.
            for at in [all.len(), header.len(), header.len() - 1, header.len() + 1, 7] {
                let mut peer = daemon.connect();
                peer.send(&all[..at]);
                peer.send(&all[at..]);
                assert_eq!(peer.recv_exact(15), b"192.0.2.7 4711\n", "{demand} {at}");
                let rest = &all[header.len()..];
                assert!(peer.recv_exact(rest.len()) == rest, "{demand} {at}");
                peer.half_close();
                assert_eq!(peer.read_to_end(), b"");
            }
            let mut peer = daemon.connect();
            for byte in [header, b"x\n"].concat() {
                peer.send(&[byte]);
            }
            assert_eq!(peer.recv_exact(17), b"192.0.2.7 4711\nx\n");
        }
        let ended = |status: &super::support::Status| status.count("exec") == 12;
        daemon.wait_for_status("all have ended", ended).assert_balanced();
        assert_eq!(daemon.log().matches("closed peer=192.0.2.7:4711 cause=exec").count(), 12);
        daemon.terminate();
        daemon.epilogue_ended(0);
    }
}

#[test]
fn h11_without_a_header_a_child_is_started_only_if_headers_are_optional() {
    let (_directory, file) = executable(PRINTING_ECHO);
    let daemon =
        |demand| Daemon::start(&["--exec", file.to_str().unwrap(), "--proxy-protocol", demand]);
    let required = daemon("require");
    for input in ["no header\n", "PROXY nonsense\r\n", "PROX"] {
        let mut peer = required.connect();
        peer.send(input.as_bytes());
        peer.half_close();
        assert_eq!(peer.read_to_end(), b"");
        assert_eq!(required.closing(peer.address()).cause, "protocol", "{input}");
    }
    required.terminate();
    required.epilogue_ended(0);
    let optional = daemon("optional");
    for input in ["no header\n", "PROXY nonsense\r\n", "PROX", ""] {
        let mut peer = optional.connect();
        peer.send(input.as_bytes());
        peer.half_close();
        let expected = format!("127.0.0.1 {}\n{input}", peer.address().port());
        let expected = if input.is_empty() { String::new() } else { expected };
        assert_eq!(String::from_utf8(peer.read_to_end()).unwrap(), expected);
    }
    optional.terminate();
    optional.epilogue_ended(0);
}

#[test]
fn h11_the_limits_of_children_count_the_clients_addresses() {
    let arguments = ["--exec", "cat", "--proxy-protocol", "require", "--max-per-peer", "1"];
    let daemon = Daemon::start(&arguments);
    let mut first = daemon.connect();
    first.send(&[V1, b"x\n"].concat());
    assert_eq!(first.recv_exact(2), b"x\n");
    let mut second = daemon.connect();
    second.send(V1);
    second.wait_for_end();
    daemon.wait_for_log("closed peer=192.0.2.7:4711 cause=refused");
    let mut other = daemon.connect();
    other.send(b"PROXY TCP4 192.0.2.8 192.0.2.1 4711 9877\r\nx\n");
    assert_eq!(other.recv_exact(2), b"x\n");
    assert_eq!(daemon.status().count("children"), 2);
    // Traffic between a child and its peer causes no event in the daemon.
    let waits = || {
        let text = fs::read_to_string(format!("/proc/{}/status", daemon.process())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse::<u32>().unwrap()
    };
    daemon.wait_until_asleep();
    let before = waits();
    for _ in 0..100 {
        first.echo(b"a line\n");
    }
    assert!(waits() <= before + 2, "the child's traffic wakes the daemon");
    daemon.terminate();
    daemon.epilogue_ended(0);
}
