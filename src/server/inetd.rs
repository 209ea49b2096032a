//! A connection that inetd(8), xinetd(8) or systemd (`Accept=yes`) has accepted, on standard input.

use std::io;
use std::os::fd::AsFd;

use anyhow::{Context, bail};
use rustix::fs::fstat;
use rustix::net::{SocketType, sockopt};
use socket2::SockRef;

use crate::connection::Peer;
use crate::net::endpoint::Endpoint;
use crate::sys::Socket;

use super::config::ServerConfig;
use super::listen;

/// The connection, its peer, and its local address for the log.
#[derive(Debug)]
pub(super) struct Inetd {
    pub socket: Socket,
    pub peer: Peer,
    pub address: String,
}

/// Takes the connection on standard input.
///
/// # Errors
///
/// There is none.
pub(super) fn take(config: &ServerConfig) -> anyhow::Result<Inetd> {
    let own = io::stdin().as_fd().try_clone_to_owned().context("cannot use standard input")?;
    let stream = sockopt::socket_type(&own).is_ok_and(|kind| kind == SocketType::STREAM);
    let Some(peer) = SockRef::from(&own).peer_addr().ok().filter(|_| stream) else {
        bail!(
            "standard input is no connection: --inetd is for a daemon that inetd, xinetd or \
             systemd (Accept=yes, StandardInput=socket) starts for each one"
        );
    };
    let local = SockRef::from(&own).local_addr()?.as_socket().map(Endpoint::from);
    let address = local.as_ref().map_or_else(|| "unix:".to_owned(), ToString::to_string);
    if local.is_some() {
        listen::set_inherited(&SockRef::from(&own), config, &address)?;
    } else {
        SockRef::from(&own).set_nonblocking(true)?;
    }
    let socket = Socket::from(own);
    let peer = peer.as_socket().map_or_else(|| socket.process(), Peer::from);
    Ok(Inetd { socket, peer, address })
}

/// Refuses to be a daemon if another one has accepted a connection for this process: it would never
/// be served.
pub(super) fn refuse() -> anyhow::Result<()> {
    let peer = SockRef::from(&io::stdin()).peer_addr();
    if let Some(peer) = peer.ok().and_then(|peer| peer.as_socket()) {
        bail!("standard input is a connection, from {peer}: --inetd serves it");
    }
    Ok(())
}

/// Returns true if standard error is the connection, as inetd and xinetd start a program: the log
/// would be sent to the peer.
pub fn log_is_connection() -> bool {
    let (Ok(connection), Ok(log)) = (fstat(io::stdin()), fstat(io::stderr())) else { return false };
    (connection.st_dev, connection.st_ino) == (log.st_dev, log.st_ino)
}
