//! Connections that the server ends.

use std::sync::mpsc;

use crate::servers::{CLOSE_WAIT, Daemon, Server, state};
use crate::support::{Client, Finished, run, wait_until};

/// Types `one` and waits for its echo, then for the client's end, with the input still open.
fn at_the_prompt(mut client: Client) -> Finished {
    client.type_in("one\n");
    client.shows("one\n");
    client.ends()
}

#[test]
fn a_fin_at_the_prompt_is_noticed_at_once() {
    let server = Server::start(|mut peer| peer.echo(1));
    let end = at_the_prompt(Client::start(&[], server.port));
    end.failed(3, "terminated", "the server ended the connection before the end of the input");
    assert_eq!(end.stderr.lines().count(), 1, "{end:?}");
    assert_eq!(end.stdout, b"one\n");
}

#[test]
fn a_daemon_that_is_killed_is_noticed_at_once() {
    let mut daemon = Daemon::start("echo");
    let mut client = Client::start(&[], daemon.port);
    client.type_in("one\n");
    client.shows("one\n");
    daemon.kill();
    client.ends().failed(3, "terminated", "before the end of the input");
}

#[test]
fn missing_echoes_are_counted() {
    let server = Server::start(|mut peer| {
        let lines = peer.line() + &peer.line() + &peer.line();
        peer.send(lines.split_inclusive('\n').next().unwrap());
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("one\ntwo\nthree\n");
    let end = client.ends();
    end.failed(3, "terminated", "before the end of the input, 2 lines owed");
    assert_eq!(end.stdout, b"one\n", "the received bytes are shown");
}

#[test]
fn a_server_that_ends_before_every_echo_is_no_success() {
    let answers: [(&[u8], &str); 4] = [
        (b"", "ended the connection: 2 lines owed"),
        (b"one\n", "ended the connection: 1 line owed"),
        (b"one\ntw", "ended the connection: the last echo cut short"),
        (b"one\ntwo", "ended the connection: the last echo cut short"),
    ];
    for (answer, details) in answers {
        let server = Server::start(move |mut peer| {
            peer.rest();
            peer.send(answer);
        });
        let end = run(&[], server.port, b"one\ntwo\n");
        end.failed(3, "terminated", details);
        assert_eq!(end.stdout, answer, "the received bytes are shown");
    }
}

#[test]
fn a_reset_at_the_prompt_is_noticed_at_once() {
    let server = Server::start(|mut peer| {
        peer.echo(1);
        peer.reset();
    });
    let end = at_the_prompt(Client::start(&[], server.port));
    end.failed(4, "reset", "Connection reset by peer");
    assert_eq!(end.stdout, b"one\n");
}

#[test]
fn a_reset_in_the_middle_of_an_echo_reports_the_counts() {
    let server = Server::start(|mut peer| {
        peer.line();
        peer.send("on");
        peer.reset();
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("one\n");
    let end = client.ends();
    end.failed(4, "reset", "bytes_out=4 bytes_in=2 lines_out=1 lines_in=1");
    assert_eq!(end.stdout, b"on", "the received bytes are shown");
}

#[test]
fn a_reset_after_the_half_close_is_no_success() {
    let server = Server::start(|mut peer| {
        peer.rest();
        peer.send("one\n");
        peer.reset();
    });
    run(&[], server.port, b"one\n").failed(4, "reset", "Connection reset by peer");
}

#[test]
fn a_server_that_ends_while_much_is_being_sent_is_no_success() {
    let server = Server::start(|mut peer| {
        peer.line();
        peer.half_close();
        // The server reads on, so that the client's writes keep succeeding.
        peer.rest();
    });
    let end = run(&[], server.port, &b"line\n".repeat(1 << 20));
    end.failed(3, "terminated", "before the end of the input");
}

#[test]
fn verbose_prints_addresses_states_and_counts() {
    let server = Server::start(|mut peer| {
        let addresses = (peer.stream().peer_addr().unwrap(), peer.stream().local_addr().unwrap());
        peer.echo(2);
        peer.rest();
        addresses
    });
    let end = run(&["-v"], server.port, b"one\ntwo\n");
    let (local, peer) = server.join();
    assert_eq!(end.status.code(), Some(0));
    let told = format!(
        "tcpecho: connected local={local} peer={peer}\n\
         tcpecho: end of input, half-closed\n\
         tcpecho: the server ended the connection\n\
         tcpecho: closed bytes_out=8 bytes_in=8 lines_out=2 lines_in=2"
    );
    let rest = end.stderr.strip_prefix(&told).unwrap_or_else(|| panic!("{}", end.stderr));
    if cfg!(target_os = "linux") {
        let rtt =
            rest.strip_prefix(" rtt_us=").and_then(|rest| rest.strip_suffix(" retransmits=0\n"));
        assert!(rtt.is_some_and(|rtt| rtt.parse::<u32>().is_ok_and(|us| us > 0)), "{rest}");
    } else {
        assert_eq!(rest, "\n");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn an_end_of_input_before_the_servers_fin_is_a_success() {
    let (end_now, end_asked) = mpsc::channel();
    let (ended, seen) = mpsc::channel();
    let server = Server::start(move |mut peer| {
        peer.echo(1);
        end_asked.recv().unwrap();
        peer.half_close();
        let local = peer.stream().local_addr().unwrap().port();
        let remote = peer.stream().peer_addr().unwrap().port();
        wait_until("FIN has arrived", || state(remote, local) == Some(CLOSE_WAIT));
        ended.send(()).unwrap();
        peer.rest()
    });
    let mut client = Client::start(&[], server.port);
    client.type_in("one\n");
    client.shows("one\n");
    client.stop();
    drop(client.stdin.take());
    end_now.send(()).unwrap();
    seen.recv().unwrap();
    client.go_on();
    client.ends().echoed("one\n");
    assert_eq!(server.join(), b"");
}
