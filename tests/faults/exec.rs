//! `--exec`: the start of a child for each connection, its end, and the daemon's end.

use std::fs;

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use super::support::{
    Builder, Daemon, Peer, TcpState, blocks, descriptors, eventually, has_ended, ignores, pattern,
    run_state,
};

#[test]
fn k01_a_child_echoes_to_the_end_and_its_end_is_fin() {
    let daemon = Daemon::start(&["--exec", "cat"]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    let bytes = pattern(1 << 20);
    let sending = peer.send_beside(bytes.clone());
    assert!(peer.recv_exact(bytes.len()) == bytes, "the echo equals the input");
    sending.join().unwrap().unwrap();
    peer.send(b"and a last one without its newline");
    peer.half_close();
    assert_eq!(peer.read_to_end(), b"and a last one without its newline");
    let closing = daemon.closing(peer.address());
    assert_eq!((closing.cause.as_str(), closing.status.as_str()), ("exec", "0"));
    assert_eq!((closing.bytes_in, closing.bytes_out, closing.lines), (0, 0, 0), "none are read");
    daemon.epilogue();
}

#[test]
fn k01_a_child_that_ends_first_ends_the_connection_with_its_status() {
    for (command, reply, status) in [("head -n 1", "a line\n", "0"), ("false", "", "1")] {
        let daemon = Builder::new(&[]).env("TCPECHOD_EXEC", command).start();
        let mut peer = daemon.connect();
        if !reply.is_empty() {
            peer.send(reply.as_bytes());
        }
        assert_eq!(peer.read_to_end(), reply.as_bytes(), "{command}");
        let closing = daemon.closing(peer.address());
        assert_eq!((closing.cause.as_str(), closing.status.as_str()), ("exec", status));
        daemon.terminate();
        daemon.epilogue_ended(0);
    }
}

#[test]
fn k01_a_child_ended_by_a_signal_is_logged_with_the_signal_number() {
    let daemon = Daemon::start(&["--exec", "cat"]);
    let mut peer = daemon.connect();
    peer.echo(b"a line\n");
    rustix::process::kill_process(only_child(&daemon), Signal::KILL).unwrap();
    assert_eq!(peer.read_to_end(), b"");
    assert_eq!(daemon.closing(peer.address()).status, "signal-9");
    drop(peer);
    daemon.epilogue();
}

/// Peers with one running child each: every child has answered a line.
fn answered(daemon: &Daemon, count: usize) -> Vec<Peer> {
    let mut peers = daemon.connect_many(count);
    for peer in &mut peers {
        peer.echo(b"a line\n");
    }
    peers
}

fn only_child(daemon: &Daemon) -> Pid {
    let children = daemon.children();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0]
}

#[test]
fn k02_children_that_end_together_are_all_reaped_at_one_signal() {
    let daemon = Daemon::start(&["--exec", "cat"]);
    let peers = answered(&daemon, 5);
    let children = daemon.children();
    assert_eq!(children.len(), 5);
    daemon.stopped(|| {
        drop(peers);
        eventually("five zombies", || {
            children.iter().all(|child| run_state(*child) == 'Z').then_some(())
        });
        assert_eq!(daemon.children(), children, "the stopped daemon reaps none");
    });
    eventually("no zombie", || daemon.children().is_empty().then_some(()));
    daemon.wait_for_log("reaped 5 children");
    assert_eq!(daemon.log().matches("reaped ").count(), 1, "in one loop");
    assert_eq!(daemon.status().count("exec"), 5);
    daemon.epilogue();
}

#[test]
fn k02_a_storm_of_children_leaves_no_zombie() {
    let daemon = Daemon::start(&["--exec", "cat"]);
    for _ in 0..10 {
        drop(answered(&daemon, 10));
    }
    let ended = |status: &super::support::Status| status.count("exec") == 100;
    daemon.wait_for_status("all are reaped", ended).assert_balanced();
    assert_eq!(daemon.children(), []);
    daemon.epilogue();
}

#[test]
fn k03_a_command_that_fails_to_start_closes_connections_and_warns_once() {
    let daemon = Daemon::start(&["--exec", "no-such-command-anywhere -x"]);
    for _ in 0..5 {
        let mut peer = daemon.connect();
        assert_eq!(peer.read_to_end(), b"");
        let closing = daemon.closing(peer.address());
        assert_eq!((closing.cause.as_str(), closing.status.as_str()), ("exec", "not-started"));
    }
    let warning = daemon.wait_for_log("could not be started");
    assert!(warning.contains("no-such-command-anywhere: No such file"), "{warning}");
    assert!(daemon.log().matches("could not be started").count() < 5, "fewer warnings than peers");
    daemon.wait_until_alone();
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn k04_a_drain_sends_sigterm_to_the_children() {
    let daemon = Daemon::start(&["--exec", "cat", "--drain-timeout", "1h"]);
    let mut peers = answered(&daemon, 3);
    daemon.terminate();
    for peer in &mut peers {
        assert_eq!(peer.read_to_end(), b"");
        let closing = daemon.closing(peer.address());
        assert_eq!((closing.cause.as_str(), closing.status.as_str()), ("exec", "signal-15"));
    }
    daemon.epilogue_ended(0);
}

#[test]
fn k04_a_drain_starts_children_for_the_connections_in_the_accept_queue() {
    let daemon = Daemon::start(&["--exec", "cat", "--drain-timeout", "1m"]);
    let mut peers = daemon.stopped(|| {
        let mut peers = daemon.connect_many(10);
        for peer in &mut peers {
            peer.send(b"just in time\n");
            peer.half_close();
        }
        daemon.terminate();
        peers
    });
    for peer in &mut peers {
        assert_eq!(peer.read_to_end(), b"just in time\n");
        assert_eq!(daemon.closing(peer.address()).status, "0");
    }
    daemon.epilogue_ended(0);
}

#[test]
fn k04_a_drain_ends_the_processes_that_a_script_has_started() {
    let (_directory, command) = script("cat\n:\n");
    let daemon = Daemon::start(&["--exec", &command, "--drain-timeout", "1h"]);
    let mut peers = answered(&daemon, 1);
    daemon.terminate();
    assert_eq!(peers[0].read_to_end(), b"", "no descendant holds the connection");
    daemon.epilogue_ended(0);
}

/// A command that runs this shell script; the file lives as long as the returned directory.
fn script(text: &str) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("script");
    fs::write(&file, text).unwrap();
    let command = format!("sh {}", file.display());
    (directory, command)
}

#[test]
fn k05_a_child_that_ignores_sigterm_is_killed_at_the_drain_deadline() {
    let (_directory, command) = script("trap '' TERM\nexec cat\n");
    let daemon = Daemon::start(&["--exec", &command, "--drain-timeout", "400ms"]);
    let mut peers = answered(&daemon, 1);
    let child = only_child(&daemon);
    daemon.terminate();
    let closing = daemon.closing(peers[0].address());
    assert_eq!((closing.cause.as_str(), closing.status.as_str()), ("cut", "killed"));
    peers[0].wait_for_end();
    eventually("the child is dead", || has_ended(child).then_some(()));
    daemon.epilogue_ended(1);
}

#[test]
fn k05_a_second_signal_kills_children_now() {
    let (_directory, command) = script("trap '' TERM\nexec cat\n");
    let daemon = Daemon::start(&["--exec", &command, "--drain-timeout", "1h"]);
    let mut peers = answered(&daemon, 1);
    let child = only_child(&daemon);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    peers[0].echo(b"still there\n");
    daemon.terminate();
    peers[0].wait_for_end();
    eventually("the child is dead", || has_ended(child).then_some(()));
    daemon.epilogue_ended(1);
}

#[test]
fn k06_children_count_for_the_limit_on_connections() {
    let daemon = Daemon::start(&["--exec", "cat", "--max-connections", "2"]);
    let mut peers = answered(&daemon, 2);
    let mut third = daemon.connect();
    third.send(b"waiting\n");
    let status = daemon.status();
    assert_eq!(
        (status.count("children"), status.word("listener_state")),
        (2, "full"),
        "{status:?}"
    );
    status.assert_balanced();
    let queue = daemon.sockets().into_iter().find(|socket| socket.state == TcpState::Listen);
    assert_eq!(queue.unwrap().unread, 1, "it waits in the accept queue");
    drop(peers.pop());
    assert_eq!(third.recv_exact(8), b"waiting\n", "the reaped child has made room");
    drop((peers, third));
    daemon.epilogue();
}

#[test]
fn k07_a_child_inherits_the_connection_and_no_other_socket_of_the_daemon() {
    let daemon = Daemon::start(&["--exec", "cat"]);
    let peers = answered(&daemon, 3);
    for child in daemon.children() {
        let mut all = descriptors(child);
        let [input, output] = [all.remove(&0).unwrap(), all.remove(&1).unwrap()];
        assert!(input.starts_with("socket:") && input == output, "{input} {output}");
        assert!(blocks(child, 0) && blocks(child, 1), "as programs expect it");
        all.remove(&2);
        // The daemon may have inherited files from its parent, but it opens none itself.
        let own = |target: &&String| target.contains(":[") || target.starts_with("anon_inode:");
        let own: Vec<_> = all.values().filter(own).collect();
        assert!(own.iter().all(|target| target.starts_with("pipe:")), "{own:?}");
        assert!(!ignores(child, Signal::PIPE), "the default action, as programs expect it");
    }
    drop(peers);
    daemon.epilogue();
}

#[test]
fn k08_services_start_no_child() {
    let daemon = Daemon::start(&[]);
    let peers = answered(&daemon, 3);
    assert_eq!(daemon.children(), []);
    assert!(!daemon.catches(Signal::CHILD), "the daemon awaits none");
    drop(peers);
    assert_eq!(daemon.children(), []);
    daemon.epilogue();
}

#[test]
fn k09_options_that_conflict_with_exec_are_usage_errors() {
    for arguments in [
        &["--exec", "cat", "--service", "echo"][..],
        &["--exec", "cat", "--max-line", "1k"],
        &["--exec", "cat", "--idle-timeout", "1s"],
        &["--exec", "cat", "--over-limit", "evict"],
        &["--exec", " "],
    ] {
        let ended = Builder::new(arguments).run_to_end();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("--exec"), "{arguments:?}: {ended:?}");
    }
    let ended = Builder::new(&["--exec", "cat -u", "--check"]).run_to_end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("a child for each connection: cat -u"), "{ended:?}");
}
