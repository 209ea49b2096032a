//! An echo server that fits on a page: docs/tiny.md grows it in seven steps.
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{self, ErrorKind, Read, Write};

const LISTENER: Token = Token(usize::MAX);

struct Server {
    poll: Poll,
    listener: TcpListener,
    connections: Slab<Connection>,
}

struct Connection {
    stream: TcpStream,
    output: Vec<u8>,
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or("9877".to_owned());
    let mut listener = TcpListener::bind(format!("0.0.0.0:{port}").parse().expect("a port"))?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server { poll, listener, connections: Slab::new() };
    let mut events = Events::with_capacity(256);
    loop {
        match server.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            match event.token() {
                LISTENER => while server.accept()? {},
                Token(key) => while server.serve(key) {},
            }
        }
    }
}

impl Server {
    /// Accepts one connection; returns false if there is none.
    fn accept(&mut self) -> io::Result<bool> {
        let (mut stream, _) = match self.listener.accept() {
            Err(error) => return Ok(error.kind() != ErrorKind::WouldBlock),
            Ok(accepted) => accepted,
        };
        let place = self.connections.vacant_entry();
        let (token, interest) = (Token(place.key()), Interest::READABLE | Interest::WRITABLE);
        self.poll.registry().register(&mut stream, token, interest)?;
        place.insert(Connection { stream, output: Vec::new() });
        Ok(true)
    }

    /// Writes or reads once; returns false if that would block, or the connection has ended.
    fn serve(&mut self, key: usize) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return false };
        match connection.echo() {
            Err(error) if error.kind() == ErrorKind::Interrupted => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Ok(1..) => true,
            Ok(0) | Err(_) => self.connections.try_remove(key).is_none(),
        }
    }
}

impl Connection {
    /// Writes the rest of the output, or else reads; returns the number of bytes.
    fn echo(&mut self) -> io::Result<usize> {
        if !self.output.is_empty() {
            let count = self.stream.write(&self.output)?;
            return Ok(self.output.drain(..count).count());
        }
        let mut input = [0; 4096];
        let count = self.stream.read(&mut input)?;
        self.output.extend_from_slice(&input[..count]);
        Ok(count)
    }
}
