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

/// The result of a connection's handshake, for the service probe: a device between the ends may
/// have changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The largest segment that we send, in bytes (`tcpi_snd_mss`).
    pub mss: u32,
    /// The smoothed round-trip time in microseconds (`tcpi_rtt`).
    pub rtt_us: u32,
    /// The options, as bits (`tcpi_options`).
    pub options: u8,
    /// The shift counts of the peer's window and ours (`tcpi_snd_wscale`, `tcpi_rcv_wscale`).
    pub window_scale: [u8; 2],
}

/// The bits of `tcpi_options` that are shown as words; `TCPI_OPT_ECN` means negotiated.
const OPTIONS: [(u8, &str); 4] = [(1, "timestamps"), (2, "sack"), (WSCALE, "wscale"), (8, "ecn")];
const WSCALE: u8 = 4;

/// Data came with the SYN, and was accepted: TCP Fast Open (`TCPI_OPT_SYN_DATA`).
const SYN_DATA: u8 = 32;

impl Negotiated {
    /// True if data came with the SYN, and was accepted: TCP Fast Open (RFC 7413).
    pub const fn is_fast_open(&self) -> bool {
        self.options & SYN_DATA != 0
    }

    /// Asks the kernel about a connection. None as for [`TcpInfo::of`].
    pub fn of(socket: &impl AsFd) -> Option<Self> {
        platform::negotiated(socket)
    }
}

/// As in the answer to `probe hello`.
impl fmt::Display for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = OPTIONS.iter().filter(|(bit, _)| self.options & bit != 0);
        let words: Vec<_> = words.map(|(_, word)| *word).collect();
        let words = if words.is_empty() { "none".to_owned() } else { words.join(",") };
        write!(f, "mss={} rtt_us={} options={words}", self.mss, self.rtt_us)?;
        if self.options & WSCALE != 0 {
            let [send, receive] = self.window_scale;
            write!(f, " wscale={send}/{receive}")?;
        }
        if self.options & SYN_DATA != 0 {
            f.write_str(" fastopen=1")?;
        }
        Ok(())
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

    use super::{AcceptQueue, Negotiated, TcpInfo};

    /// The beginning of `struct tcp_info`, 104 bytes, which every kernel fills. The C libraries
    /// declare more, but not all the same, and an older kernel returns less than that.
    type Words = [u32; 26];

    /// Places in it. Those of a listener have another meaning in a connection.
    const OPTIONS: usize = 1;
    const SEND_MSS: usize = 4;
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

    pub(super) fn negotiated(socket: &impl AsFd) -> Option<Negotiated> {
        let words = Info.get(socket).ok()?;
        let [_, options, scale, _] = words[OPTIONS].to_ne_bytes();
        // Two bit fields in one byte: the first one is the lower half, or on big-endian processors
        // the upper half.
        let mut window_scale = [scale & 0xf, scale >> 4];
        if cfg!(target_endian = "big") {
            window_scale.reverse();
        }
        Some(Negotiated { mss: words[SEND_MSS], rtt_us: words[RTT], options, window_scale })
    }

    pub(super) fn listener(listener: &impl AsFd) -> Option<AcceptQueue> {
        let words = Info.get(listener).ok()?;
        Some(AcceptQueue { length: words[LISTENER_QUEUE], backlog: words[LISTENER_BACKLOG] })
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::os::fd::AsFd;

    use super::{AcceptQueue, Negotiated, TcpInfo};

    pub(super) fn negotiated(_socket: &impl AsFd) -> Option<Negotiated> {
        None
    }

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
    fn a_connection_shows_what_its_ends_have_agreed_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let [theirs, ours] = [&peer, &stream].map(|end| Negotiated::of(end).unwrap());
        assert_eq!(theirs.options, ours.options);
        assert_eq!(theirs.window_scale, [ours.window_scale[1], ours.window_scale[0]]);
        assert!(ours.mss >= 536 && ours.rtt_us > 0, "{ours}");
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(Negotiated::of(&one), None);
    }

    #[test]
    fn only_negotiated_options_are_shown() {
        let all = Negotiated { mss: 1460, rtt_us: 9, options: 47, window_scale: [7, 10] };
        let expected = "options=timestamps,sack,wscale,ecn wscale=7/10 fastopen=1";
        assert_eq!(all.to_string(), format!("mss=1460 rtt_us=9 {expected}"));
        let none = Negotiated { options: 0, ..all };
        assert_eq!(none.to_string(), "mss=1460 rtt_us=9 options=none");
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
