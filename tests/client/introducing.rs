//! The PROXY header that `--send-proxy` sends first.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::servers::{Daemon, Server};
use crate::support::{Client, TCPECHO, run};

#[test]
fn the_first_version_is_a_line_with_both_addresses() {
    for options in [&["--send-proxy", "v1"][..], &["--send-proxy", "v1", "--stop-and-wait"]] {
        let server = Server::start(|mut peer| {
            let (to, from) = (peer.stream().local_addr(), peer.stream().peer_addr());
            let (to, from) = (to.unwrap(), from.unwrap());
            let header =
                format!("PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n", from.port(), to.port());
            assert_eq!(peer.line(), header);
            peer.echo(1);
        });
        run(options, server.port, b"a line\n").echoed("a line\n");
        server.join();
    }
}

#[test]
fn the_second_version_is_binary_and_goes_before_any_input() {
    let server = Server::start(|mut peer| {
        let (to, from) = (peer.stream().local_addr(), peer.stream().peer_addr());
        let ports = [from.unwrap().port().to_be_bytes(), to.unwrap().port().to_be_bytes()];
        let start = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01";
        assert_eq!(peer.bytes(28), [&start[..], &ports.concat()].concat());
        peer.send("here is nothing owed\n");
        peer.rest()
    });
    let mut client = Client::start(&["--send-proxy", "v2"], server.port);
    client.shows("here is nothing owed\n");
    drop(client.stdin.take());
    client.finish();
    assert_eq!(server.join(), b"");
}

#[test]
fn the_daemon_accepts_the_header_and_echoes_the_rest() {
    let daemon = Daemon::with(&["--proxy-protocol", "require"]);
    for version in ["v1", "v2"] {
        run(&["--send-proxy", version], daemon.port, b"a line\nand a tail")
            .echoed("a line\nand a tail");
        run(&["--send-proxy", version], daemon.port, b"").echoed("");
    }
    run(&[], daemon.port, b"no header\n").failed(3, "terminated", "");
}

#[test]
fn on_a_unix_socket_the_header_is_unknown_or_local() {
    for (version, header) in
        [("v1", &b"PROXY UNKNOWN\r\n"[..]), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0")]
    {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("echo");
        let listener = UnixListener::bind(&path).unwrap();
        let mut client = Command::new(TCPECHO)
            .args(["--send-proxy", version, &format!("unix:{}", path.display())])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut sent = Vec::new();
        server.read_to_end(&mut sent).unwrap();
        assert_eq!(sent, header);
        server.flush().unwrap();
        drop(server);
        assert_eq!(client.wait().unwrap().code(), Some(0));
    }
}
