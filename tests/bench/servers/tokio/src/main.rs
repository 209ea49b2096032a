//! Echo with tokio, in the style of its documentation: one task per connection, each with its own
//! buffer.
//!
//! `tokio-echo PORT_FILE [BUFFER_BYTES]`. The default buffer has 1 KiB, as in the documentation.

use std::{env, fs, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const BUFFER_BYTES: usize = 1024;

/// The daemon's backlog.
const BACKLOG: u32 = 4096;

/// One thread, because each compared server has one core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let usage = || io::Error::other("usage: tokio-echo PORT_FILE [BUFFER_BYTES]");
    let mut arguments = env::args().skip(1);
    let port_file = arguments.next().ok_or_else(usage)?;
    let buffer_bytes = arguments.next().map_or(Ok(BUFFER_BYTES), |word| word.parse());
    let buffer_bytes = buffer_bytes.map_err(io::Error::other)?;
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    let listener = listen()?;
    announce(&listener, &port_file)?;
    loop {
        // An error here concerns the peer's connection, not the server.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream, buffer_bytes));
        }
    }
}

/// Connections inherit the option from their listener.
fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(BACKLOG)
}

/// The file appears complete or not at all.
fn announce(listener: &TcpListener, port_file: &str) -> io::Result<()> {
    let unfinished = format!("{port_file}.new");
    fs::write(&unfinished, format!("{}\n", listener.local_addr()?))?;
    fs::rename(unfinished, port_file)
}

/// Echoes until the peer's FIN or an error in either direction; dropping the stream then closes it.
async fn echo(mut stream: TcpStream, buffer_bytes: usize) {
    let mut buffer = vec![0; buffer_bytes];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
