//! The forms of addresses, and the options of each listener.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::support::{Builder, Daemon, Ended, LIMIT};

/// Runs a daemon that can't start with these addresses.
fn ended(addresses: &[&str]) -> Ended {
    let listen = addresses.iter().fold(Builder::new(&[]), |builder, one| builder.listen(one));
    listen.env("RUST_LOG", "error").run_to_end()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port()
}

/// Sends these bytes to the nth listener, half-closes, and returns the reply.
fn exchange(daemon: &Daemon, listener: usize, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(daemon.addresses()[listener]).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    reply
}

#[test]
fn d01_raw_answers_without_a_newline() {
    let daemon = Daemon::start(&["--service", "raw"]);
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut reply = [0; 4];
    for ping in [b"ping", b"pong"] {
        stream.write_all(ping).unwrap();
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, ping);
    }
    drop(stream);
    daemon.epilogue();
}

#[test]
fn d01_each_listener_has_its_own_service() {
    let daemon = Builder::new(&["--service", "sum"])
        .listen("127.0.0.1:0,service=echo")
        .listen("127.0.0.1:0,service=discard,127.0.0.1:0")
        .start();
    assert_eq!(exchange(&daemon, 0, b"1 2\n"), b"1 2\n");
    assert_eq!(exchange(&daemon, 1, b"1 2\n"), b"");
    assert_eq!(exchange(&daemon, 2, b"1 2\n"), b"3\n");
    let address = daemon.addresses()[0];
    daemon.wait_for_log(&format!(" listener={address}"));
    daemon.epilogue();
}

/// A peer that reads nothing gets what the socket holds, and no more.
#[test]
fn d02_chargen_sends_for_as_long_as_its_peer_reads() {
    let daemon = Daemon::start(&["--service", "chargen"]);
    let mut idle = TcpStream::connect(daemon.address()).unwrap();
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut lines = vec![0; 74 * 100_000];
    stream.write_all(b"ignored").unwrap();
    stream.read_exact(&mut lines).unwrap();
    for (number, line) in lines.chunks(74).enumerate() {
        let first = b' ' + u8::try_from(number % 95).unwrap();
        assert_eq!((line[0], &line[72..]), (first, &b"\r\n"[..]), "line {number}");
    }
    idle.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    idle.set_read_timeout(Some(LIMIT)).unwrap();
    idle.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b" !\"#") && rest.len() < 100_000_000, "{}", rest.len());
    drop(stream);
    daemon.wait_until_alone();
    daemon.terminate();
    daemon.epilogue_ended(0);
}

#[test]
fn d02_a_drain_ends_every_service() {
    for service in ["raw", "discard", "chargen"] {
        let daemon = Daemon::start(&["--service", service]);
        let mut stream = TcpStream::connect(daemon.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(b"some input").unwrap();
        daemon.wait_for_status("the peer is accepted", |status| status.count("open") == 1);
        daemon.terminate();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        drop(stream);
        daemon.epilogue_ended(0);
    }
}

#[test]
fn d03_a_header_is_read_only_where_a_proxy_connects() {
    let daemon =
        Builder::new(&[]).listen("127.0.0.1:0,proxy=require").listen("127.0.0.1:0").start();
    let header = "PROXY TCP4 192.0.2.7 192.0.2.8 5 6\r\n";
    assert_eq!(exchange(&daemon, 0, format!("{header}line\n").as_bytes()), b"line\n");
    daemon.wait_for_log("peer=192.0.2.7:5");
    let all = format!("{header}line\n");
    assert_eq!(exchange(&daemon, 1, all.as_bytes()), all.as_bytes());
}

#[test]
fn d04_a_unix_socket_has_the_mode_and_group_that_were_given() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("e.sock");
    let group = rustix::process::getegid().as_raw();
    let spec = format!("unix:{},mode=640,group={group}", path.display());
    let daemon = Builder::new(&[]).listen("127.0.0.1:0").listen(&spec).start();
    let data = fs::metadata(&path).unwrap();
    assert_eq!((data.permissions().mode() & 0o777, data.gid()), (0o640, group));
    drop(UnixStream::connect(&path).unwrap());
    daemon.epilogue();
    let path = directory.path().join("none.sock");
    let none = format!("unix:{},group=no-such-group", path.display());
    let ended = ended(&[&none]);
    assert!(ended.stderr.contains("there is no group \"no-such-group\""), "{ended:?}");
    assert!(!path.exists(), "nothing is left behind");
}

#[test]
#[cfg(target_os = "linux")]
fn d05_an_abstract_socket_has_no_file() {
    let name = format!("unix:@tcpechod-{}", std::process::id());
    let daemon = Builder::new(&[]).listen("127.0.0.1:0").listen(&name).start();
    daemon.wait_for_log(&format!("listening on {name}"));
    let client = std::process::Command::new(env!("CARGO_BIN_EXE_tcpecho"))
        .arg(&name)
        .stdin(fs::File::open("Cargo.toml").unwrap())
        .output()
        .unwrap();
    assert_eq!(client.stdout, fs::read("Cargo.toml").unwrap());
    let second = ended(&[&name]);
    assert!(second.stderr.contains("Address already in use"), "{second:?}");
    daemon.epilogue();
}

#[test]
fn d06_our_own_addresses_that_overlap_are_called_that() {
    let port = free_port();
    let [all, one] = [format!("0.0.0.0:{port}"), format!("127.0.0.1:{port}")];
    for (addresses, advice) in [
        ([all.as_str(), &one], "overlaps with 0.0.0.0:"),
        ([&one, &format!(":{port}")], "overlaps with 127.0.0.1:"),
        ([&one, &format!("{one},service=raw")], "is listened on twice, with different options"),
    ] {
        let ended = ended(&addresses);
        assert_eq!(ended.code, Some(1), "{addresses:?}: {ended:?}");
        assert!(ended.stderr.contains(advice), "{addresses:?}: {ended:?}");
    }
    let metrics = Builder::new(&["--metrics", &one]).listen(&all).run_to_end();
    assert!(metrics.stderr.contains("(--metrics)"), "{metrics:?}");
    let many: Vec<_> = (0..129).map(|_| "127.0.0.1:0").collect();
    assert!(ended(&many).stderr.contains("at most 128"), "more than a connection can name");
}

#[test]
fn d08_an_invalid_option_of_a_listener_is_a_usage_error() {
    for (address, advice) in [
        ("service=raw", "an address before its options"),
        ("7,servce=raw", "expected service, proxy, backlog, mode or group"),
        ("7,service=ech", "expected one of echo, raw"),
        ("7,service=raw,service=sum", "service is given twice"),
        ("7,mode=660", "*:7 has none"),
        ("unix:@name,group=root", "unix:@name has none"),
        ("unix:/run/e,mode=999", "in octal, as in 660"),
        ("7,backlog=0", "from 1 to"),
        ("7,proxy=maybe", "off, optional or require"),
    ] {
        let ended = ended(&[address]);
        assert_eq!(ended.code, Some(2), "{address}: {ended:?}");
        assert!(ended.stderr.contains(advice), "{address}: {ended:?}");
    }
    let service = Builder::new(&["--exec", "cat"]).listen("127.0.0.1:0,service=raw").run_to_end();
    assert!(service.stderr.contains("can't be used with --exec"), "{service:?}");
}

#[test]
fn d07_a_bare_port_is_every_address() {
    let port = free_port();
    let daemon = Builder::new(&[]).listen(&format!(":{port}")).start();
    daemon.epilogue_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let checked = Builder::new(&["--port", "echo", "--check"]).run_to_end();
    let would = "would listen on 0.0.0.0:7 (backlog 4096)\nwould listen on [::]:7 (backlog 4096)\n";
    assert!(checked.stdout.contains(would), "{checked:?}");
}

/// Without a host the metrics listener serves IPv4 and IPv6 peers.
#[test]
fn d07_metrics_without_a_host_answer_both_families() {
    let port = free_port();
    let daemon = Builder::new(&["--metrics", &format!(":{port}")]).listen("127.0.0.1:0").start();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let listener = daemon.addresses()[0];
    let labels = format!("{{listener=\"{listener}\",service=\"echo\"}}");
    let metric = format!("tcpechod_listener_connections_accepted_total{labels} 0");
    assert!(text.contains(&metric), "{text}");
    daemon.epilogue();
}
