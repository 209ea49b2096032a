//! Configuration: the errors for invalid values, and the effects of valid ones.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::{NamedTempFile, TempDir};

use super::support::{BINARY, Builder, Daemon, Ended, Peer, eventually, have, lacks, own_loopback};

/// Runs a daemon that can't start with these arguments.
fn ended(arguments: &[&str]) -> Ended {
    Builder::new(arguments).env("RUST_LOG", "error").run_to_end()
}

#[test]
fn f01_an_invalid_listen_address_is_a_usage_error() {
    for address in ["", "127.0.0.1:65536", "127.0.0.1:-1", "::1:9877", "a:b", "*", "udp://a:7"] {
        let ended = ended(&["--listen", address]);
        assert_eq!(ended.code, Some(2), "{address:?}: {ended:?}");
        assert!(ended.stderr.contains("--listen"), "{address:?}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{address:?}: {ended:?}");
    }
}

#[test]
fn f01_an_unresolvable_host_name_is_an_error_that_names_it() {
    let ended = ended(&["--listen", "no-such-host.invalid:0"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = ended.stderr.starts_with("tcpechod: cannot listen on no-such-host.invalid:0");
    assert!(said, "{ended:?}");
}

#[test]
fn f02_a_port_in_use_is_an_error_with_a_hint() {
    let daemon = Daemon::start(&[]);
    let address = daemon.address().to_string();
    let ended = ended(&["--listen", &address]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with(&format!("tcpechod: cannot listen on {address}")));
    assert!(ended.stderr.contains("another process listens there"), "{ended:?}");
    daemon.epilogue();
}

#[test]
fn f03_a_privileged_port_is_an_error_with_a_hint() {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    if first.trim().parse::<u16>().unwrap() <= 7 {
        lacks("a kernel that has privileged ports");
        return;
    }
    let mut command = Vec::new();
    if rustix::process::geteuid().is_root() {
        if !have(&["setpriv"]) {
            return;
        }
        command.extend(["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all"]);
    }
    // A directory in which every user may execute the copy.
    let builder = Builder::new(&["--listen", "127.0.0.1:7"]).env("RUST_LOG", "error");
    let directory = builder.directory();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let binary = directory.join("tcpechod");
    // Copied by another process: a child of a concurrent test would inherit our descriptor for
    // writing until its execve, and a file open for writing can't be executed (ETXTBSY).
    let copied = Command::new("cp").arg(BINARY).arg(&binary).status().unwrap();
    assert!(copied.success());
    let ended = builder.binary(&binary).wrapped(&command).run_to_end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("tcpechod: cannot listen on 127.0.0.1:7"), "{ended:?}");
    assert!(ended.stderr.contains("CAP_NET_BIND_SERVICE"), "{ended:?}");
}

#[test]
fn f04_an_address_of_another_machine_is_an_error_with_a_hint() {
    let ended = ended(&["--listen", "192.0.2.1:0"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("tcpechod: cannot listen on 192.0.2.1:0"), "{ended:?}");
    assert!(ended.stderr.contains("no interface of this machine"), "{ended:?}");
}

#[test]
fn f05_values_out_of_range_are_usage_errors() {
    for arguments in [
        &["--max-connections", "0"][..],
        &["--max-connections", "-1"],
        &["--max-connections", "4294967296"],
        &["--max-per-peer", "0"],
        &["--max-per-peer", "x/64"],
        &["--max-per-peer", "2/"],
        &["--max-per-peer", "2/129"],
        &["--backlog", "0"],
        &["--backlog", "2147483648"],
        &["--max-line", "0"],
        &["--max-line", "17m"],
        &["--max-line", "99999999999999999999"],
        &["--idle-timeout", "0s"],
        &["--idle-timeout", "-1s"],
        &["--idle-timeout", "10"],
        &["--idle-timeout", "18446744073709551615s"],
        &["--drain-timeout", "off"],
        &["--keepalive", "300s/15s/200"],
        &["--keepalive", "300s"],
        &["--over-limit", "panic"],
        &["--service", "daytime"],
        &["--no-such-flag"],
        &["--backlog", "5", "--backlog", "6"],
        &["surplus"],
    ] {
        let ended = ended(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn f05_an_invalid_variable_is_a_usage_error_and_a_flag_beats_a_valid_one() {
    let ended = Builder::new(&[]).env("TCPECHOD_BACKLOG", "none").run_to_end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--backlog"), "{ended:?}");
    let daemon = Builder::new(&["--backlog", "66"])
        .env("TCPECHOD_BACKLOG", "77")
        .env("TCPECHOD_MAX_LINE", "8k");
    let daemon = daemon.start();
    daemon.wait_for_log("(backlog 66)");
    daemon.wait_for_log("lines up to 8192 bytes");
    daemon.epilogue();
}

#[test]
fn f06_every_address_of_both_families_can_be_listened_on_at_one_port() {
    if TcpListener::bind("[::1]:0").is_err() {
        lacks("IPv6");
        return;
    }
    let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port();
    let daemon = Builder::new(&[])
        .listen(&format!("0.0.0.0:{free}"))
        .listen(&format!("[::]:{free}"))
        .start();
    for address in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(address.parse().unwrap(), free);
        Peer::connect(address).echo(b"a line\n");
    }
    daemon.epilogue_at(SocketAddr::from((Ipv4Addr::LOCALHOST, free)));
}

#[test]
fn f07_more_connections_than_descriptors_are_limited_with_a_warning() {
    if !have(&["prlimit"]) {
        return;
    }
    let builder = Builder::new(&["--max-connections", "1000"]);
    let daemon = builder.wrapped(&["prlimit", "--nofile=100:100"]).start();
    let line = daemon.wait_for_log(" WARN ");
    assert!(line.contains("needs 1064 descriptors; only 36 connections"), "{line}");
    let mut peers = daemon.connect_many(36);
    for peer in &mut peers {
        peer.echo(b"in\n");
    }
    assert_eq!(daemon.status().word("listener_state"), "full");
    drop(peers);
    daemon.epilogue();
}

#[test]
fn f08_a_port_in_the_ephemeral_range_is_a_warning() {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let inside: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
    let daemon = Builder::new(&[]).listen(&format!("{}:{}", own_loopback(), inside)).start();
    let line = daemon.wait_for_log(" WARN ");
    assert!(line.contains(&format!("port {inside} is in the range")), "{line}");
    daemon.epilogue();
    let daemon = Builder::new(&[]).listen(&format!("{}:{}", own_loopback(), inside - 1)).start();
    assert!(!daemon.log().contains(" WARN "), "{}", daemon.log());
    daemon.epilogue();
}

#[test]
fn several_addresses_are_in_the_port_file_in_the_order_of_the_flags() {
    if TcpListener::bind("[::1]:0").is_err() {
        lacks("IPv6");
        return;
    }
    let own = own_loopback();
    let daemon = Builder::new(&[])
        .listen(&format!("{own}:0"))
        .listen("[::1]:0")
        .listen("127.0.0.1:0")
        .listen("localhost:0")
        .start();
    let addresses = daemon.addresses();
    let ips: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    assert_eq!(ips[..3], [own.to_string().as_str(), "::1", "127.0.0.1"]);
    assert!(ips.len() > 3, "localhost has an address too: {ips:?}");
    assert!(addresses[3..].iter().all(|address| address.ip().is_loopback()), "{ips:?}");
    for address in addresses {
        assert_ne!(address.port(), 0);
        Peer::connect(*address).echo(b"a line\n");
    }
    daemon.epilogue();
}

#[test]
fn check_prints_the_actions_of_a_start_and_performs_none() {
    let daemon = Daemon::start(&[]);
    // The address is in use, so listening would fail.
    let address = daemon.address().to_string();
    let metrics = "127.0.0.1:1";
    let place = ["--listen", &address, "--metrics", metrics];
    let rest = ["--check", "--service", "sum", "--max-connections", "7", "--fault", "reset=1%"];
    let said = ended(&[&place[..], &rest].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    for part in [
        &format!("would listen on {address} (backlog 4096)"),
        &format!("would serve metrics on {metrics}"),
        "would write the addresses to ",
        "would inject faults: reset=1%",
        "service sum",
        "up to 7 connections",
    ] {
        assert!(said.stdout.contains(part), "{part}: {said:?}");
    }
    let nowhere = ended(&["--check", "--metrics", "no-such-host.invalid:80"]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    daemon.epilogue();
}

/// A daemon without the harness, which does not wait for its port file; dropping it kills it.
struct Plain(Child);

impl Plain {
    fn start(port_file: &Path, stdout: impl Into<Stdio>) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["--listen", "127.0.0.1:0", "--port-file"]).arg(port_file);
        Self(command.stdout(stdout).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Waits for an address line after `before` in the file, and gets an echo from that address.
fn assert_answers(file: &Path, before: &str) {
    let line = eventually("the address", || {
        let text = fs::read_to_string(file).ok()?;
        text.strip_prefix(before)?.strip_suffix('\n').map(ToOwned::to_owned)
    });
    Peer::connect(line.parse().unwrap()).echo(b"a line\n");
}

#[test]
fn f09_a_port_file_that_is_a_link_stays_one() {
    let directory = TempDir::new().unwrap();
    let [link, target] = ["port", "target"].map(|name| directory.path().join(name));
    symlink("target", &link).unwrap();
    // First the link has no target, then a target with longer contents than an address.
    for before in ["", "something that is longer than an address, and has no end"] {
        if !before.is_empty() {
            fs::write(&target, before).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let _daemon = Plain::start(&link, Stdio::null());
        assert_answers(&target, "");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("target"));
        let mode = fs::metadata(&target).unwrap().permissions().mode() & 0o777;
        assert!(before.is_empty() || mode == 0o600, "the file keeps its mode: {mode:o}");
    }
}

#[test]
fn f09_a_port_file_that_is_a_fifo_is_read_from_and_stays_one() {
    let builder = Builder::new(&[]);
    let fifo = builder.directory().join("port");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    // The harness reads the FIFO as its port file.
    let daemon = builder.start();
    assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
    daemon.epilogue();
}

#[test]
fn f09_an_unread_or_unwritable_port_file_is_an_error_that_names_it() {
    for (made, said) in [("fifo", "no process has read it"), ("directory", "it is a directory")] {
        let builder = Builder::new(&[]).listen("127.0.0.1:0").env("RUST_LOG", "error");
        let file = builder.directory().join("port");
        match made {
            "fifo" => mkfifoat(CWD, &file, Mode::RUSR | Mode::WUSR).unwrap(),
            _ => fs::create_dir(&file).unwrap(),
        }
        let ended = builder.run_to_end();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let start = format!("tcpechod: cannot write the port file {}: {said}", file.display());
        assert!(ended.stderr.starts_with(&start), "{ended:?}");
    }
}

/// Standard output is not replaced: it may be a pipe, a socket, or a file with a shared position.
#[test]
fn f09_the_port_file_may_be_standard_output() {
    let stdout = Path::new("/dev/stdout");
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let streams: [(Box<dyn Read>, Stdio); 2] =
        [(Box::new(ours), OwnedFd::from(theirs).into()), (Box::new(reader), writer.into())];
    for (stream, theirs) in streams {
        let _daemon = Plain::start(stdout, theirs);
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        Peer::connect(line.trim().parse().unwrap()).echo(b"a line\n");
    }
    let file = NamedTempFile::new().unwrap();
    let mut shared = file.reopen().unwrap();
    shared.write_all(b"before\n").unwrap();
    let _daemon = Plain::start(stdout, shared);
    assert_answers(file.path(), "before\n");
}

/// 255 bytes is the longest file name on Linux (`NAME_MAX`, limits.h).
#[test]
fn f09_a_port_file_may_have_the_longest_name_there_is() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("p".repeat(255));
    let _daemon = Plain::start(&file, Stdio::null());
    assert_answers(&file, "");
}

#[test]
fn f09_the_temporary_port_file_is_never_an_existing_link() {
    if !have(&["strace"]) {
        return;
    }
    let daemon = Builder::new(&[]).traced("openat").start();
    let trace = daemon.trace();
    let opened: Vec<_> = trace.lines().filter(|line| line.contains("/.tcpechod-")).collect();
    assert_eq!(opened.len(), 1, "{trace}");
    assert!(opened[0].contains("O_CREAT|O_EXCL"), "{opened:?}");
    daemon.epilogue();
}
