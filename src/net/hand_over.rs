//! The message with which a daemon passes its listeners to the next one: descriptors in order, as
//! `SCM_RIGHTS` (unix(7)), and a letter for the purpose of each.
//!
//! The next daemon connects, and gets the message at once. When it is ready to serve, it sends
//! [`READY`], and the old one drains. If it ends before, the old one goes on.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The next daemon serves.
pub const READY: &[u8] = b"ready";

/// Before the letters: other programs, and other forms of the message, begin differently.
const HEAD: &[u8] = b"tcpechod listeners 1:";

/// The most descriptors in a message: 128 listeners, and two more. The kernel's limit is 253
/// (`SCM_MAX_FD`).
const DESCRIPTORS_MAX: usize = 130;

/// The purpose of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It serves peers.
    Peers,
    /// It serves metrics.
    Metrics,
    /// The next daemon asks there for the listeners.
    HandOver,
}

const LETTERS: [(u8, Purpose); 3] =
    [(b'p', Purpose::Peers), (b'm', Purpose::Metrics), (b'h', Purpose::HandOver)];

/// Sends the listeners on a non-blocking socket; the buffer of a new connection has room for them.
///
/// # Errors
///
/// Those of sendmsg(2): the other side has gone.
pub fn send(to: impl AsFd, listeners: &[(Purpose, BorrowedFd<'_>)]) -> io::Result<()> {
    let letter =
        |purpose| LETTERS.iter().find(|(_, one)| *one == purpose).map(|(letter, _)| *letter);
    let letters: Vec<_> = listeners.iter().filter_map(|(purpose, _)| letter(*purpose)).collect();
    let descriptors: Vec<_> = listeners.iter().map(|(_, descriptor)| *descriptor).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::ErrorKind::ArgumentListTooLong.into());
    }
    let data = [IoSlice::new(HEAD), IoSlice::new(&letters)];
    sendmsg(to, &data, &mut control, SendFlags::empty())?;
    Ok(())
}

/// Receives the listeners; waits as long as the socket's timeout.
///
/// # Errors
///
/// Those of recvmsg(2); the message is not of this kind.
pub fn receive(from: impl AsFd) -> io::Result<Vec<(Purpose, OwnedFd)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut data = [0; HEAD.len() + DESCRIPTORS_MAX];
    let mut into = [IoSliceMut::new(&mut data)];
    let received = recvmsg(from, &mut into, &mut control, RecvFlags::empty())?;
    let descriptors: Vec<_> = control
        .drain()
        .filter_map(|message| {
            let RecvAncillaryMessage::ScmRights(descriptors) = message else { return None };
            Some(descriptors)
        })
        .flatten()
        .collect();
    for descriptor in &descriptors {
        // Not all systems have a flag of recvmsg(2) for this.
        fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    let letters = data.get(..received.bytes).and_then(|data| data.strip_prefix(HEAD));
    let purpose = |letter: &u8| LETTERS.iter().find(|(one, _)| one == letter).map(|(_, one)| *one);
    let purposes: Option<Vec<_>> =
        letters.and_then(|letters| letters.iter().map(purpose).collect());
    match purposes {
        Some(purposes) if purposes.len() == descriptors.len() => {
            Ok(purposes.into_iter().zip(descriptors).collect())
        }
        _ => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "no daemon of this kind answers there"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn listeners_arrive_with_their_purposes() {
        let (old, new) = UnixStream::pair().unwrap();
        let listeners = [(); DESCRIPTORS_MAX].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let purposes = [Purpose::HandOver, Purpose::Peers, Purpose::Metrics];
        let sent: Vec<_> = purposes.iter().cycle().copied().zip(&listeners).collect();
        let borrowed: Vec<_> = sent.iter().map(|(purpose, one)| (*purpose, one.as_fd())).collect();
        send(&old, &borrowed).unwrap();
        let received = receive(&new).unwrap();
        assert_eq!(received.len(), DESCRIPTORS_MAX);
        for ((purpose, listener), (other, descriptor)) in sent.into_iter().zip(received) {
            assert_eq!(purpose, other);
            let copy = TcpListener::from(descriptor);
            assert_eq!(copy.local_addr().unwrap(), listener.local_addr().unwrap());
        }
    }

    #[test]
    fn any_other_message_is_an_error() {
        for bytes in [&b""[..], b"hello", HEAD, b"tcpechod listeners 2:", b"tcpechod listeners 1:p"]
        {
            let (mut old, new) = UnixStream::pair().unwrap();
            old.write_all(bytes).unwrap();
            drop(old);
            match receive(&new) {
                Ok(none) => assert!(none.is_empty() && bytes == HEAD),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
            }
        }
    }
}
