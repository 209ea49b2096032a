//! Servers that send a greeting or unrequested lines: the client shows them, and counts no echo.

use std::io::Write;
use std::panic::catch_unwind;
use std::time::Duration;

use crate::servers::{Daemon, Server};
use crate::support::{Client, run};

/// Repeated often enough, a greeting that exceeds the buffers.
const LONG: &str = "a line\nand another\n";

/// Tries again if the machine is busy: the client holds its first line back for 20 ms, and a server
/// that did not run meanwhile has sent no greeting.
fn within_the_hold(test: fn()) {
    if !(1..5).any(|_| catch_unwind(test).is_ok()) {
        test();
    }
}

#[test]
fn c14_a_greeting_counts_for_no_echo() {
    let daemon = Daemon::with(&["--banner", "hi", "--fault", "close=100%"]);
    let mut client = Client::start(&[], daemon.port);
    client.shows("hi\n");
    client.type_in("line\n");
    let end = client.finish();
    end.failed(3, "terminated", "1 line owed");
    assert_eq!(end.stdout, b"hi\n", "the greeting is shown");
}

#[test]
fn c14_a_greeting_before_all_echoes_is_no_failure() {
    let daemon = Daemon::with(&["--banner", "hi"]);
    run(&[], daemon.port, b"one\ntwo").echoed("hi\none\ntwo");
    let sum = Daemon::with(&["--banner", "hi", "--service", "sum"]);
    run(&[], sum.port, b"11 22\n").echoed("hi\n33\n");
}

/// The server sends a greeting, and echoes nothing before the end of the input.
#[test]
fn c14_after_any_greeting_a_line_without_an_echo_is_a_failure() {
    within_the_hold(|| {
        for greeting in
            ["hi\n".to_owned(), "hi".to_owned(), LONG.repeat(20_000), "x".repeat(200_000)]
        {
            let sent = greeting.clone();
            let server = Server::start(move |mut peer| {
                peer.send(sent);
                peer.rest()
            });
            let mut client = Client::start(&[], server.port);
            // Typed at once: the client holds the line back until the greeting is over.
            client.type_in("line\n");
            client.shows(&greeting);
            let end = client.finish();
            assert_eq!(end.status.code(), Some(3), "{}", end.stderr);
            assert!(end.stderr.ends_with(": 1 line owed\n"), "{}", end.stderr);
            assert!(end.stdout == greeting.as_bytes(), "the greeting is shown");
            assert_eq!(server.join(), b"line\n");
        }
    });
}

#[test]
fn c14_lines_behind_an_echo_count_for_no_later_one() {
    let server = Server::start(|mut peer| {
        let line = peer.line();
        peer.send(line + "unasked\n");
        peer.rest()
    });
    let mut client = Client::start(&["-v"], server.port);
    client.type_in("one\n");
    client.shows("one\nunasked\n");
    client.type_in("two\n");
    let end = client.finish();
    end.failed(3, "terminated", "1 line owed");
    assert!(end.stderr.contains("no echo was due, and "), "{end:?}");
    assert!(end.stderr.contains(" bytes_unasked=8"), "{end:?}");
    assert_eq!(server.join(), b"two\n");
}

#[test]
fn c14_a_late_greeting_is_recognized_by_the_echo_behind_it() {
    let server = Server::start(|mut peer| {
        let all = peer.rest();
        assert_eq!(all, b"one\ntwo\n");
        peer.send("hi\none\n");
    });
    run(&[], server.port, b"one\ntwo\n").failed(3, "terminated", "1 line owed");
    server.join();
}

#[test]
fn c14_a_prompt_without_a_newline_is_no_line() {
    let server = Server::start(|mut peer| {
        peer.send("> ");
        for _ in 0..2 {
            let line = peer.line();
            peer.send(line + "> ");
        }
        peer.rest()
    });
    let mut client = Client::start(&[], server.port);
    for line in ["one\n", "two\n"] {
        client.shows("> ");
        client.type_in(line);
        client.shows(line);
    }
    client.finish().echoed("> one\n> two\n> ");
    server.join();
}

#[test]
fn c14_the_timeout_runs_behind_a_greeting() {
    let server = Server::start(|mut peer| {
        peer.send("hi\nho\n");
        peer.line();
        peer.rest()
    });
    let mut client = Client::start(&["--timeout", "200ms"], server.port);
    client.shows("hi\nho\n");
    client.type_in("line\n");
    client.ends().failed(6, "timed-out", "nothing came back for 200ms, 1 line owed");
    server.join();
}

#[test]
fn c14_stop_and_wait_does_not_take_a_greeting_for_an_echo() {
    within_the_hold(|| {
        let daemon = Daemon::with(&["--banner", "hi", "--fault", "close=100%"]);
        let end = run(&["--stop-and-wait"], daemon.port, b"line\n");
        end.failed(3, "terminated", "the server terminated prematurely");
        assert_eq!(end.stdout, b"hi\n");
        let polite = Daemon::with(&["--banner", "hi"]);
        run(&["--stop-and-wait"], polite.port, b"one\ntwo\n").echoed("hi\none\ntwo\n");
    });
}

#[test]
fn c15_verbose_reports_a_server_that_speaks_first_with_a_hint() {
    within_the_hold(|| {
        let daemon = Daemon::with(&["--banner", "hi"]);
        for mode in [&["-v"][..], &["-v", "--stop-and-wait"]] {
            let end = run(mode, daemon.port, b"line\n");
            let message =
                "tcpecho: the server speaks first: \"hi\\n\"; --skip-greeting skips a greeting\n";
            assert!(end.stderr.contains(message), "{end:?}");
            assert_eq!((end.status.code(), end.stdout.as_slice()), (Some(0), &b"hi\nline\n"[..]));
        }
    });
}

#[test]
fn c15_skip_greeting_skips_any_greeting() {
    let greetings = ["hi\n".to_owned(), "> ".to_owned(), LONG.repeat(20_000), "x".repeat(200_000)];
    for mode in [&["--skip-greeting"][..], &["--skip-greeting", "--stop-and-wait"]] {
        for greeting in &greetings {
            // Without a newline, stop-and-wait would wait for ever, as for any line.
            let newline = if mode.len() > 1 { "\n" } else { "" };
            let greeting = format!("{greeting}{newline}");
            let server = Server::start(move |mut peer| {
                peer.send(greeting);
                peer.echo(1);
                peer.rest()
            });
            run(mode, server.port, b"line\n").echoed("line\n");
            server.join();
        }
    }
}

#[test]
fn c15_skip_greeting_without_a_greeting_is_a_failure() {
    let silent = Server::start(|mut peer| peer.rest());
    let end = run(&["--skip-greeting", "--timeout", "200ms"], silent.port, b"line\n");
    end.failed(6, "timed-out", "nothing came back for 200ms, the server's greeting is missing");
    assert_eq!(silent.join(), b"", "the client sends nothing before it");
    for mode in [&["--skip-greeting"][..], &["--skip-greeting", "--stop-and-wait"]] {
        let gone = Server::start(drop);
        let end = run(mode, gone.port, b"line\n");
        end.failed(3, "terminated", "the server ended the connection before its greeting");
    }
}

#[test]
fn c15_an_endless_greeting_is_a_failure() {
    let server = Server::start(|peer| {
        let mut stream = peer.stream();
        let endless = vec![b'x'; 1 << 16];
        while stream.write_all(&endless).is_ok() {}
    });
    let end = run(&["--skip-greeting"], server.port, b"line\n");
    end.failed(1, "failed", "the server's greeting does not end");
    server.join();
}

#[test]
fn c16_a_server_that_sends_newlines_draws_no_heartbeats() {
    let server = Server::start(|mut peer| {
        peer.send([b'\n'; 100]);
        let first = peer.bytes(1);
        // A reply to each newline would arrive in this time.
        let more = peer.is_silent_for(Duration::from_millis(150));
        peer.send([b'\n'; 100]);
        (first, more)
    });
    let client = Client::start(&["--heartbeat", "400ms"], server.port);
    drop(client.ends());
    assert_eq!(server.join(), (b"\n".to_vec(), true));
}

#[test]
fn c17_a_binary_reply_to_nothing_is_a_failure() {
    within_the_hold(|| {
        let server = Server::start(|mut peer| {
            peer.send(7_i64.to_be_bytes());
            peer.rest()
        });
        let end = run(&["--format", "xdr"], server.port, b"11 22\n");
        end.failed(1, "failed", "the server sent a reply to nothing");
        server.join();

        let server = Server::start(|mut peer| {
            peer.bytes(16);
            peer.send([33_i64.to_be_bytes(), 44_i64.to_be_bytes()].concat());
            peer.rest()
        });
        let mut client = Client::start(&["--format", "xdr"], server.port);
        client.type_in("11 22\n");
        let end = client.ends();
        end.failed(1, "failed", "the server sent a reply to nothing");
        assert_eq!(end.stdout, b"33\n");
        server.join();
    });
}

#[test]
fn c17_a_greeting_before_binary_replies_can_be_skipped() {
    let daemon = Daemon::with(&["--banner", "hi", "--service", "sum-xdr"]);
    run(&["--format", "xdr", "--skip-greeting"], daemon.port, b"11 22\n").echoed("33\n");
}
