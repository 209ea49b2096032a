//! A peer of the daemon: a plain blocking socket, which waits for an answer only so long.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::wait::LIMIT;

/// One connection to the daemon, from the other side.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    local: SocketAddr,
}

impl Peer {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::from_stream(TcpStream::connect_timeout(&address, LIMIT).expect("connect"))
    }

    /// Connects from that address of this machine.
    pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect_timeout(&address.into(), LIMIT).expect("connect");
        Self::from_stream(socket.into())
    }

    /// Connects with room for very little in the receive queue, so that a daemon which writes to
    /// it soon can't.
    pub(crate) fn connect_narrow(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect_timeout(&address.into(), LIMIT).expect("connect");
        Self::from_stream(socket.into())
    }

    fn from_stream(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        let local = stream.local_addr().unwrap();
        Self { stream, local }
    }

    /// Its own address, which the daemon logs.
    pub(crate) fn address(&self) -> SocketAddr {
        self.local
    }

    /// Sends all of `bytes`.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("send");
    }

    /// Sends `bytes`, where the daemon may have ended the connection: says whether it has not.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends one urgent byte.
    pub(crate) fn send_urgent(&mut self, byte: u8) {
        SockRef::from(&self.stream).send_out_of_band(&[byte]).expect("send an urgent byte");
    }

    /// Sends all of `bytes` from a thread of its own, for when the daemon may stop taking them
    /// until this side reads.
    pub(crate) fn send_beside(&self, bytes: Vec<u8>) -> JoinHandle<io::Result<()>> {
        let mut stream = self.stream.try_clone().unwrap();
        thread::spawn(move || stream.write_all(&bytes))
    }

    /// Sends `bytes`, over and over, until the daemon has taken none of them for a while: it is not
    /// reading, or gets no time to. Returns how many were sent, which is not many more than `most`.
    pub(crate) fn send_until_stuck(&mut self, bytes: &[u8], most: usize) -> usize {
        self.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut sent = 0;
        while sent < most {
            match self.stream.write(&bytes[sent % bytes.len()..]) {
                Ok(taken) => sent += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("send: {error}"),
            }
        }
        self.stream.set_write_timeout(Some(LIMIT)).unwrap();
        sent
    }

    /// Receives exactly that many bytes.
    pub(crate) fn recv_exact(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("receive");
        bytes
    }

    /// Receives what there is, at most that many bytes; none at the end.
    pub(crate) fn recv_some(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let received = self.stream.read(&mut bytes).expect("receive");
        bytes.truncate(received);
        bytes
    }

    /// Receives all that is on its way from a daemon that is stopped: until nothing has come for a
    /// while.
    pub(crate) fn recv_until_stuck(&mut self) -> Vec<u8> {
        self.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut bytes = Vec::new();
        let error = self.stream.read_to_end(&mut bytes).expect_err("its daemon sends no FIN");
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        self.stream.set_read_timeout(Some(LIMIT)).unwrap();
        bytes
    }

    /// Receives everything up to the daemon's FIN.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        self.try_read_to_end().expect("everything, then FIN")
    }

    /// The same where the end may be a reset.
    pub(crate) fn try_read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).map(|_| bytes)
    }

    /// Waits until the daemon has ended the connection, in whatever way.
    pub(crate) fn wait_for_end(&mut self) {
        match self.try_read_to_end() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("neither FIN nor RST: {error}"),
        }
    }

    /// Sends `bytes`, and checks that they come back.
    pub(crate) fn echo(&mut self, bytes: &[u8]) {
        self.exchange(bytes, bytes);
    }

    /// Sends `request`, and checks that `reply` comes back.
    pub(crate) fn exchange(&mut self, request: &[u8], reply: &[u8]) {
        self.send(request);
        let received = self.recv_exact(reply.len());
        assert!(received == reply, "wrong reply of {} bytes", received.len());
    }

    /// Like [`Self::echo`], where the daemon may have ended the connection: says if it has not.
    pub(crate) fn try_echo(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        let mut received = vec![0; bytes.len()];
        self.stream.read_exact(&mut received)?;
        assert_eq!(received, bytes, "a connection may end, but never give wrong bytes");
        Ok(())
    }

    /// Sends FIN, and goes on receiving.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("half-close");
    }

    /// Sends RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// That many bytes in lines of different lengths, so that a byte lost, doubled or out of order
/// can't go unnoticed.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count + 128);
    for number in 0_usize.. {
        if bytes.len() >= count {
            break;
        }
        let padding = number * 7 % 90;
        bytes.extend_from_slice(format!("{number:08} {:x<padding$}\n", "").as_bytes());
    }
    bytes.truncate(count - 1);
    bytes.push(b'\n');
    bytes
}
