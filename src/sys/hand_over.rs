//! The old daemon's side of a hand-over: it gives its listeners to the next one, which asks for
//! them over a Unix socket ([`crate::net::hand_over`]).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use log::{info, warn};
use mio::{Registry, Token};

use crate::connection::Stream;
use crate::net::hand_over::{self, Purpose};
use crate::os::errno;

use super::Listener;
use super::socket::Socket;

/// The socket on which the next daemon asks, and the connection to it.
#[derive(Debug)]
pub(super) struct HandOver {
    listener: Listener,
    /// It has the listeners, and is not ready yet. A later one takes its place.
    next: Option<Socket>,
}

impl HandOver {
    pub(super) fn new(
        mut listener: Listener,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        listener.register(registry, token)?;
        Ok(Self { listener, next: None })
    }

    /// Gives the listeners to a daemon that has come, and returns true once it is ready to serve.
    pub(super) fn handle<'a>(
        &'a mut self,
        registry: &Registry,
        token: Token,
        mut listeners: Vec<(Purpose, BorrowedFd<'a>)>,
    ) -> bool {
        let Self { listener, next } = self;
        let listener: &'a Listener = listener;
        if is_ready(next) {
            return true;
        }
        listeners.push((Purpose::HandOver, listener.as_fd()));
        while let Ok((mut socket, peer)) = listener.accept() {
            let registered = socket.register(registry, token.0);
            match registered.and_then(|()| hand_over::send(&socket, &listeners)) {
                Ok(()) => {
                    info!("hand-over: {peer} has the listeners");
                    *next = Some(socket);
                }
                Err(error) => warn!("hand-over: {peer} did not get the listeners: {error}"),
            }
        }
        // It may have been ready before it was registered.
        is_ready(next)
    }
}

/// Reads the answer of the next daemon, if it has come.
fn is_ready(next: &mut Option<Socket>) -> bool {
    let mut answer = [0; hand_over::READY.len()];
    match next.as_mut().map(|next| next.read(&mut answer)) {
        Some(Ok(count)) if answer.get(..count) == Some(hand_over::READY) => return true,
        None => return false,
        Some(Err(error)) if errno::would_block(&error) => return false,
        Some(Ok(_) | Err(_)) => {}
    }
    warn!("hand-over: the next daemon ended before it was ready; this one goes on");
    *next = None;
    false
}
