//! Echo with tokio, in the shape of its documentation: a task for each connection, which reads
//! into a buffer of its own and writes from it.
//!
//! `tokio-echo PORT_FILE [BUFFER_BYTES]`. The buffer is 1 KiB, as there, unless told otherwise.

use std::{env, fs, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const BUFFER_BYTES: usize = 1024;

/// As many as the daemon lets wait in the kernel.
const BACKLOG: u32 = 4096;

/// One thread, because each server that is compared has one core.
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
        // What fails here is that peer's connection, not ours.
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

/// The address appears in the file as a whole or not at all.
fn announce(listener: &TcpListener, port_file: &str) -> io::Result<()> {
    let unfinished = format!("{port_file}.new");
    fs::write(&unfinished, format!("{}\n", listener.local_addr()?))?;
    fs::rename(unfinished, port_file)
}

/// Until the peer's FIN, or an error of either direction; then the stream is dropped, which
/// closes it.
async fn echo(mut stream: TcpStream, buffer_bytes: usize) {
    let mut buffer = vec![0; buffer_bytes];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
