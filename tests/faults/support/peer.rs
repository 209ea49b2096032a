//! A peer of the daemon: a blocking socket with a timeout.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::wait::LIMIT;

/// The peer's end of a connection to the daemon.
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

    /// Connects from this local address.
    pub(crate) fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect_timeout(&address.into(), LIMIT).expect("connect");
        Self::from_stream(socket.into())
    }

    /// Connects with a small receive buffer, so that the daemon's writes soon block.
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

    /// Sends `bytes`; returns false if the daemon has ended the connection.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends one urgent byte.
    pub(crate) fn send_urgent(&mut self, byte: u8) {
        SockRef::from(&self.stream).send_out_of_band(&[byte]).expect("send an urgent byte");
    }

    /// Sends all of `bytes` from a separate thread, because the daemon may stop reading until this
    /// side reads.
    pub(crate) fn send_beside(&self, bytes: Vec<u8>) -> JoinHandle<io::Result<()>> {
        let mut stream = self.stream.try_clone().unwrap();
        thread::spawn(move || stream.write_all(&bytes))
    }

    /// Sends `bytes` repeatedly until a write blocks for 300 ms, because the daemon does not read
    /// or gets no CPU time, or until about `most` bytes are sent. Returns the number of bytes sent.
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

    /// Receives exactly `count` bytes.
    pub(crate) fn recv_exact(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("receive");
        bytes
    }

    /// Receives the available bytes, at most `count`; none at the end.
    pub(crate) fn recv_some(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let received = self.stream.read(&mut bytes).expect("receive");
        bytes.truncate(received);
        bytes
    }

    /// Receives the bytes in flight from a stopped daemon, until none has come for 500 ms.
    pub(crate) fn recv_until_stuck(&mut self) -> Vec<u8> {
        self.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut bytes = Vec::new();
        let error = self.stream.read_to_end(&mut bytes).expect_err("a stopped daemon sends no FIN");
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        self.stream.set_read_timeout(Some(LIMIT)).unwrap();
        bytes
    }

    /// Receives everything up to the daemon's FIN.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        self.try_read_to_end().expect("everything, then FIN")
    }

    /// Like [`Self::read_to_end`], but a reset is an error and not a failed test.
    pub(crate) fn try_read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).map(|_| bytes)
    }

    /// Waits until the daemon has ended the connection, by FIN or RST.
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

    /// Like [`Self::echo`], but an ended connection is an error and not a failed test.
    pub(crate) fn try_echo(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        let mut received = vec![0; bytes.len()];
        self.stream.read_exact(&mut received)?;
        assert_eq!(received, bytes, "a connection may end, but never echo wrong bytes");
        Ok(())
    }

    /// Sends FIN; the peer can still receive.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("half-close");
    }

    /// Sends RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// `count` bytes in numbered lines of different lengths, so that a comparison finds every lost,
/// doubled or reordered byte.
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
