//! Unix sockets: their files, lock files, and peers.

use std::fs::{self, File};
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tempfile::TempDir;

use super::support::{Builder, Daemon, Ended, LIMIT, eventually, have, lacks, pattern};

const LINE: &[u8] = b"through the file system\n";

/// A daemon on this path and on a free TCP port.
fn daemon_at(path: &Path) -> Daemon {
    Builder::new(&[]).listen("127.0.0.1:0").listen(&listen(path)).start()
}

fn listen(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("echo");
    (directory, path)
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn echo(mut stream: &UnixStream, line: &[u8]) {
    stream.write_all(line).unwrap();
    let mut back = vec![0; line.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, line);
}

fn refused_at(path: &Path) -> Ended {
    Builder::new(&["--listen", &listen(path)]).env("RUST_LOG", "error").run_to_end()
}

#[test]
fn u01_a_unix_peer_is_echoed_whole_and_logged_by_its_process() {
    let (_directory, path) = place();
    let mut daemon = daemon_at(&path);
    let mut peer = connect(&path);
    let sent = pattern(3_000_000);
    let mut writer = peer.try_clone().unwrap();
    let copy = sent.clone();
    let sender = std::thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    peer.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == sent, "{} bytes of {}", back.len(), sent.len());
    let closing = format!("closed peer=unix:{} cause=finished", std::process::id());
    daemon.wait_for_log(&closing);
    daemon.terminate();
    assert_eq!(daemon.wait_for_exit().code(), Some(0));
    assert!(!path.exists(), "the daemon removes its socket file");
    daemon.epilogue_ended(0);
}

#[test]
fn u02_a_socket_left_behind_is_replaced() {
    let (_directory, path) = place();
    // Closing the listener leaves the file, as a killed process does.
    drop(UnixListener::bind(&path).unwrap());
    let daemon = daemon_at(&path);
    echo(&connect(&path), LINE);
    assert!(daemon.log().contains("no process listens on it"), "{}", daemon.log());
    daemon.epilogue();
}

#[test]
fn u02_a_socket_with_a_live_listener_is_left_alone() {
    let (_directory, path) = place();
    let daemon = daemon_at(&path);
    let ended = refused_at(&path);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(&listen(&path)), "{ended:?}");
    assert!(ended.stderr.contains("another process listens there"), "{ended:?}");
    echo(&connect(&path), LINE);
    daemon.epilogue();
}

#[test]
fn u02_a_file_that_is_no_socket_is_left_alone() {
    let (_directory, path) = place();
    fs::write(&path, "precious").unwrap();
    let ended = refused_at(&path);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no socket"), "{ended:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn u02_a_path_that_is_too_long_or_in_no_directory_is_an_error() {
    let (directory, _) = place();
    for path in [directory.path().join("x".repeat(120)), directory.path().join("no/such/place")] {
        let ended = refused_at(&path);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.starts_with("tcpechod: cannot listen on unix:"), "{ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    }
}

#[test]
fn u03_a_path_taken_over_by_another_daemon_is_not_removed() {
    let (_directory, path) = place();
    let mut first = daemon_at(&path);
    fs::remove_file(&path).unwrap();
    let second = daemon_at(&path);
    first.terminate();
    assert_eq!(first.wait_for_exit().code(), Some(0));
    echo(&connect(&path), LINE);
    second.epilogue();
}

#[test]
fn u03_a_successor_that_starts_during_the_drain_keeps_its_socket() {
    let (_directory, path) = place();
    let mut first = daemon_at(&path);
    // Pending output for a peer that does not read keeps the first daemon from ending.
    let mut peer = first.connect();
    let sent = first.leave_pending(&mut peer);
    first.terminate();
    first.wait_for_log("draining, for at most");
    // The listener is closed; only the daemon's O_PATH descriptor keeps the inode number in use.
    let refused = || UnixStream::connect(&path).is_err().then_some(());
    eventually("no listener answers any more", refused);
    let second = daemon_at(&path);
    assert!(peer.read_to_end() == sent);
    drop(peer);
    assert_eq!(first.wait_for_exit().code(), Some(0));
    echo(&connect(&path), LINE);
    second.epilogue();
}

/// Another daemon's socket file makes our bind fail, and is removed before we examine it.
#[test]
fn u03_a_socket_file_that_disappears_during_the_start_is_no_error() {
    if !have(&["strace"]) {
        return;
    }
    let (_directory, path) = place();
    let builder = Builder::new(&[]).listen("127.0.0.1:0").listen(&listen(&path));
    let daemon = builder.injected("bind", "EADDRINUSE", "2").start();
    let peer = connect(&path);
    echo(&peer, LINE);
    drop(peer);
    daemon.epilogue();
}

#[test]
fn u03_of_daemons_that_start_at_once_one_gets_the_socket() {
    let (_directory, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    let started: Vec<_> = (0..3)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tcpechod"));
            command.args(["--listen", &listen(&path)]).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let mut running = started;
    eventually("two daemons have given up", || {
        running.retain_mut(|child| child.try_wait().unwrap().is_none());
        (running.len() == 1).then_some(())
    });
    echo(&connect(&path), LINE);
    for child in &mut running {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Every user who may read the directory can lock it.
#[test]
fn u07_a_lock_of_the_directory_keeps_no_daemon_from_starting() {
    let (directory, path) = place();
    let locked = File::open(directory.path()).unwrap();
    flock(&locked, FlockOperation::NonBlockingLockExclusive).unwrap();
    let daemon = daemon_at(&path);
    echo(&connect(&path), LINE);
    let there: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|one| one.unwrap()).collect();
    assert_eq!(there.len(), 1, "the socket, and no lock: {there:?}");
    daemon.epilogue();
}

#[test]
fn u07_a_lock_file_of_another_user_or_behind_a_link_is_not_used() {
    let (directory, path) = place();
    let lock = directory.path().join("echo.lock");
    let elsewhere = directory.path().join("elsewhere");
    symlink(&elsewhere, &lock).unwrap();
    daemon_at(&path).epilogue();
    assert!(!elsewhere.exists(), "no link is followed");
    fs::remove_file(&lock).unwrap();
    if !rustix::process::geteuid().is_root() {
        lacks("root, to give a file to another user");
        return;
    }
    let theirs = File::create(&lock).unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o666)).unwrap();
    chown(&lock, Some(65534), None).unwrap();
    flock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
    daemon_at(&path).epilogue();
}

#[test]
fn u07_a_lock_held_by_another_process_is_an_error_that_names_it() {
    let (directory, path) = place();
    let lock = directory.path().join("echo.lock");
    let ours = File::create(&lock).unwrap();
    flock(&ours, FlockOperation::NonBlockingLockExclusive).unwrap();
    let ended = refused_at(&path);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = format!("another process has locked {}", lock.display());
    assert!(ended.stderr.contains(&said), "{ended:?}");
}

#[test]
fn u04_descriptors_sent_along_with_a_line_stop_no_echo() {
    let (_directory, path) = place();
    let daemon = daemon_at(&path);
    let peer = connect(&path);
    echo(&peer, LINE);
    // All in one event: a read stops after the line that carries a descriptor.
    daemon.stopped(|| {
        send_with_descriptor(&peer, b"with one\n").unwrap();
        (&peer).write_all(b"without\n").unwrap();
    });
    // Checked before the peer reads, because that would cause an event.
    let sent = u64::try_from(LINE.len() + 17).unwrap();
    daemon.wait_for_status("all is read", |status| status.count("bytes_in") == sent);
    let mut back = [0; 17];
    (&peer).read_exact(&mut back).unwrap();
    assert_eq!(&back, b"with one\nwithout\n");
    drop(peer);
    daemon.epilogue();
}

fn send_with_descriptor(stream: &UnixStream, line: &[u8]) -> io::Result<()> {
    let descriptors = [io::stderr().as_fd().try_clone_to_owned()?];
    let borrowed = descriptors.each_ref().map(AsFd::as_fd);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&borrowed)));
    let sent = sendmsg(stream, &[IoSlice::new(line)], &mut ancillary, SendFlags::empty())?;
    assert_eq!(sent, line.len());
    Ok(())
}

#[test]
fn u05_the_umask_determines_the_permissions_of_the_socket() {
    let (_directory, path) = place();
    let daemon = Builder::new(&[])
        .wrapped(&["sh", "-c", "umask 077 && exec \"$0\" \"$@\""])
        .listen("127.0.0.1:0")
        .listen(&listen(&path))
        .start();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    daemon.epilogue();
}

#[test]
fn u06_client_and_load_generator_connect_to_a_unix_socket() {
    let (_directory, path) = place();
    let daemon = daemon_at(&path);
    let mut client = Command::new(env!("CARGO_BIN_EXE_tcpecho"))
        .arg(listen(&path))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(LINE).unwrap();
    let output = client.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), LINE));
    let load = Command::new(env!("CARGO_BIN_EXE_tcpecho-load"))
        .args([&listen(&path), "-n", "2k", "-c", "20", "-P", "3", "-s", "1-9000", "--quiet"])
        .output()
        .unwrap();
    assert_eq!(load.status.code(), Some(0), "{load:?}");
    let status = daemon.wait_for_status("all have ended", |status| status.alive() == 0);
    assert_eq!((status.count("accepted"), status.count("finished")), (21, 21), "{status:?}");
    assert_eq!(status.count("lines"), 2001, "{status:?}");
    daemon.epilogue();
}

#[test]
fn u06_a_unix_socket_without_a_listener_is_refused() {
    let (directory, path) = place();
    drop(UnixListener::bind(&path).unwrap());
    let run = |path: &Path| {
        let client =
            Command::new(env!("CARGO_BIN_EXE_tcpecho")).arg(listen(path)).output().unwrap();
        (client.status.code(), String::from_utf8(client.stderr).unwrap())
    };
    let (code, stderr) = run(&path);
    assert_eq!(code, Some(8), "{stderr}");
    assert!(stderr.starts_with("tcpecho: refused: unix:"), "{stderr}");
    let (code, stderr) = run(&directory.path().join("nowhere"));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.starts_with("tcpecho: failed: unix:"), "{stderr}");
}
