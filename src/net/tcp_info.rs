//! The kernel's own figures about a TCP socket: `TCP_INFO` (tcp(7), `linux/tcp.h`), on Linux only.

use std::fmt;
use std::os::fd::AsFd;

/// How well the network treats a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The smoothed round-trip time in microseconds (`tcpi_rtt`); 0 if none was measured.
    pub rtt_us: u32,
    /// The segments that were sent again, since the connection began (`tcpi_total_retrans`).
    pub retransmits: u32,
}

impl TcpInfo {
    /// Asks the kernel about a connection: one system call. The figures stay after a reset. None if
    /// the socket is not TCP, or the system has no such figures.
    pub fn of(socket: &impl AsFd) -> Option<Self> {
        platform::connection(socket)
    }
}

/// As in the lines of the log.
impl fmt::Display for TcpInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtt_us={} retransmits={}", self.rtt_us, self.retransmits)
    }
}

/// The accept queue of a listener; ss(8) shows the same as Recv-Q and Send-Q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// The connections that wait for `accept`.
    pub length: u32,
    /// The backlog in force: the one asked for, up to `net.core.somaxconn`. The kernel queues one
    /// connection more.
    pub backlog: u32,
}

impl AcceptQueue {
    /// Asks the kernel about a listener: one system call. None as for [`TcpInfo::of`].
    pub fn of(listener: &impl AsFd) -> Option<Self> {
        platform::listener(listener)
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::os::fd::AsFd;

    use nix::sys::socket::GetSockOpt;
    use nix::sys::socket::sockopt::GetStruct;
    use nix::{getsockopt_impl, libc};

    use super::{AcceptQueue, TcpInfo};

    /// The beginning of `struct tcp_info`, 104 bytes, which every kernel fills. The C libraries
    /// declare more, but not all the same, and an older kernel returns less than that.
    type Words = [u32; 26];

    /// Places in it. Those of a listener have another meaning in a connection.
    const LISTENER_QUEUE: usize = 6;
    const LISTENER_BACKLOG: usize = 7;
    const RTT: usize = 17;
    const TOTAL_RETRANS: usize = 25;

    #[derive(Clone, Copy, Debug)]
    struct Info;

    getsockopt_impl!(Info, libc::IPPROTO_TCP, libc::TCP_INFO, Words, GetStruct<Words>);

    pub(super) fn connection(socket: &impl AsFd) -> Option<TcpInfo> {
        let words = Info.get(socket).ok()?;
        Some(TcpInfo { rtt_us: words[RTT], retransmits: words[TOTAL_RETRANS] })
    }

    pub(super) fn listener(listener: &impl AsFd) -> Option<AcceptQueue> {
        let words = Info.get(listener).ok()?;
        Some(AcceptQueue { length: words[LISTENER_QUEUE], backlog: words[LISTENER_BACKLOG] })
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::os::fd::AsFd;

    use super::{AcceptQueue, TcpInfo};

    pub(super) fn connection(_socket: &impl AsFd) -> Option<TcpInfo> {
        None
    }

    pub(super) fn listener(_listener: &impl AsFd) -> Option<AcceptQueue> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use socket2::SockRef;

    use super::*;

    #[test]
    fn a_connection_has_a_round_trip_time_also_after_a_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let before = TcpInfo::of(&stream).unwrap();
        assert!((1..1_000_000).contains(&before.rtt_us) && before.retransmits == 0, "{before}");
        SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        std::io::Read::read(&mut &stream, &mut [0]).unwrap_err();
        assert_eq!(TcpInfo::of(&stream), Some(before));
    }

    #[test]
    fn a_listener_has_its_queue_and_its_backlog() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(7).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let queued: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert_eq!(AcceptQueue::of(&listener), Some(AcceptQueue { length: 3, backlog: 7 }));
        drop(queued);
    }

    #[test]
    fn a_unix_socket_has_no_figures() {
        let (one, other) = UnixStream::pair().unwrap();
        assert_eq!((TcpInfo::of(&one), AcceptQueue::of(&other)), (None, None));
    }
}
