//! Lines to a pipe, a FIFO and a socket, while another writer fills them.

use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;

use rustix::fs::{Mode, OFlags, fcntl_getfl, mkfifoat};
use rustix::io::Errno;
use socket2::SockRef;

use super::*;

fn path_of(descriptor: impl AsFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd())
}

/// Returns the result of `act`, and panics if it blocks.
fn without_waiting<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(act())));
    receiver.recv_timeout(Duration::from_secs(30)).expect("it waits")
}

/// Writes like another process on the same pipe, until there is no room for a byte.
fn fill(pipe: impl AsFd) {
    let other = open(&path_of(pipe)).unwrap();
    for piece in [4096, 1] {
        while rustix::io::write(&other, &vec![b'-'; piece]).is_ok() {}
    }
}

fn drain(reader: &mut PipeReader, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    reader.read_exact(&mut read).unwrap();
    read
}

/// poll(2) reports room, and another writer fills it before the line is written.
fn filled_in_between(way: impl FnOnce(BorrowedFd<'_>) -> Outlet) {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut outlet = way(writer.as_fd());
    assert!(outlet.try_write(writer.as_fd(), b"first\n"));
    assert!(descriptors::poll_now(&writer, PollFlags::OUT) == Some(PollFlags::OUT));
    fill(&writer);
    let (dropped, mut outlet, writer) = without_waiting(move || {
        let dropped = !outlet.try_write(writer.as_fd(), &[b'x'; 3000]);
        (dropped, outlet, writer)
    });
    assert!(dropped, "there is no room");
    assert!(!fcntl_getfl(&writer).unwrap().contains(OFlags::NONBLOCK), "it is shared");
    assert_eq!(drain(&mut reader, 6), b"first\n");
    drain(&mut reader, 8192 - 6);
    assert!(outlet.try_write(writer.as_fd(), b"last\n"), "there is room again");
    drop((outlet, writer));
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"-last\n"), "nothing of the line that was dropped is there");
    assert!(!rest.contains(&b'x'));
}

#[test]
fn a_pipe_that_another_writer_fills_in_between_is_not_waited_for() {
    filled_in_between(|writer| {
        let outlet = Outlet::new(writer, &path_of(writer));
        assert!(matches!(outlet.way, Way::Own(_)), "{outlet:?}");
        outlet
    });
}

#[test]
fn neither_is_one_that_can_not_be_opened() {
    let (_reader, writer) = io::pipe().unwrap();
    let nothing = [io::IoSlice::new(&[])];
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    if rustix::io::pwritev2(&writer, &nothing, u64::MAX, flags) == Err(Errno::OPNOTSUPP) {
        writeln!(io::stderr(), "SKIPPED: needs pipes with RWF_NOWAIT").unwrap();
        return;
    }
    filled_in_between(|writer| {
        let outlet = Outlet::new(writer, "/proc/self/no/such/descriptor");
        assert!(matches!(outlet.way, Way::Shared), "{outlet:?}");
        outlet
    });
}

#[test]
fn a_fifo_is_a_pipe_and_one_without_a_reader_fails() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let both = File::options().read(true).write(true).open(&path).unwrap();
    let mut outlet = Outlet::new(both.as_fd(), &path_of(&both));
    assert!(matches!(outlet.way, Way::Own(_)), "{outlet:?}");
    assert!(outlet.try_write(both.as_fd(), b"a line\n"));
    fill(&both);
    assert!(!outlet.try_write(both.as_fd(), b"a line\n"));
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut outlet = Outlet::new(writer.as_fd(), &path_of(&writer));
    assert!(!outlet.try_write(writer.as_fd(), b"a line\n"));
}

#[test]
fn a_socket_is_not_waited_for_and_a_line_that_it_takes_in_part_is_finished_first() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    SockRef::from(&writer).set_send_buffer_size(1).unwrap();
    reader.set_nonblocking(true).unwrap();
    let mut outlet = Outlet::new(writer.as_fd(), &path_of(&writer));
    assert!(matches!(outlet.way, Way::Socket), "{outlet:?}");
    let (mut taken, mut received, mut halves) = (Vec::new(), Vec::new(), 0);
    for number in 0..200_u32 {
        let line = format!("{number:>4000}\n");
        let (offered, kept, same_writer) = {
            let outlet = &mut outlet;
            let offered = outlet.try_write(writer.as_fd(), line.as_bytes());
            (offered, outlet.rest.len(), &writer)
        };
        assert!(!fcntl_getfl(same_writer).unwrap().contains(OFlags::NONBLOCK), "it is shared");
        if offered {
            taken.extend_from_slice(line.as_bytes());
        }
        halves += usize::from(kept > 0);
        // The reader is slower than the writer.
        let mut room = [0; 1500];
        let read = reader.read(&mut room).unwrap_or_default();
        received.extend_from_slice(&room[..read]);
    }
    assert!(halves > 0, "no line was taken in part");
    for _ in 0..100 {
        outlet.try_write(writer.as_fd(), b"");
        let mut room = [0; 8192];
        let read = reader.read(&mut room).unwrap_or_default();
        received.extend_from_slice(&room[..read]);
    }
    assert!(received == taken, "{} bytes of {}", received.len(), taken.len());
    assert!(taken.len() < 200 * 4001, "some were dropped");
}

#[test]
fn files_and_devices_are_written_to_as_they_are() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let shared = file.reopen().unwrap();
    let mut outlet = Outlet::new(shared.as_fd(), &path_of(&shared));
    assert!(matches!(outlet.way, Way::Plain), "its position is shared: {outlet:?}");
    assert!(outlet.try_write(shared.as_fd(), b"one\n"));
    (&shared).write_all(b"two\n").unwrap();
    assert!(outlet.try_write(shared.as_fd(), b"three\n"));
    assert_eq!(std::fs::read(file.path()).unwrap(), b"one\ntwo\nthree\n");
    let full = File::options().write(true).open("/dev/full").unwrap();
    assert!(!Outlet::new(full.as_fd(), &path_of(&full)).try_write(full.as_fd(), b"a line\n"));
}
