//! The next daemon's side of a hand-over: it takes the listeners over from the daemon that runs,
//! and their accept queues with them, so that no connection is lost ([`crate::net::hand_over`]).

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use log::{info, warn};
use socket2::SockRef;

use crate::net::endpoint::Endpoint;
use crate::net::hand_over::{self, Purpose};
use crate::os::errno;

/// The time that the old daemon has to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The daemon that runs, and its listeners; nothing if none runs.
#[derive(Debug, Default)]
pub(super) struct Predecessor {
    connection: Option<UnixStream>,
    listeners: Vec<(Endpoint, OwnedFd)>,
    /// The socket on which it was asked, and the next daemon will ask this one.
    pub asked: Option<OwnedFd>,
}

impl Predecessor {
    /// Asks the daemon on this socket for its listeners.
    ///
    /// # Errors
    ///
    /// A process answers there, but not as a daemon of this kind, or not in five seconds.
    pub(super) fn ask(path: &Path) -> anyhow::Result<Self> {
        let endpoint = Endpoint::Unix(path.to_owned());
        let failed = || format!("cannot take over the listeners from {endpoint}");
        let socket = endpoint.socket()?;
        // A connect would wait as long as the accept queue is full.
        socket.set_nonblocking(true)?;
        match socket.connect(&endpoint.address()?) {
            Err(error) if errno::is_refused(&error) || errno::is_not_found(&error) => {
                return Ok(Self::default());
            }
            connected => connected.with_context(failed)?,
        }
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        let mut all = Self::default();
        for (purpose, descriptor) in hand_over::receive(&socket).with_context(failed)? {
            match purpose {
                Purpose::HandOver => all.asked = Some(descriptor),
                Purpose::Peers | Purpose::Metrics => {
                    let address = SockRef::from(&descriptor).local_addr()?;
                    all.listeners.extend(Endpoint::of(&address).map(|one| (one, descriptor)));
                }
            }
        }
        info!("listeners taken over from the daemon on {endpoint}: {}", all.listeners.len());
        all.connection = Some(OwnedFd::from(socket).into());
        Ok(all)
    }

    /// Takes the listener with that address, if the daemon has one.
    pub(super) fn take(&mut self, endpoint: &Endpoint) -> Option<OwnedFd> {
        let place = self.listeners.iter().position(|(one, _)| one == endpoint)?;
        Some(self.listeners.swap_remove(place).1)
    }

    /// Tells the old daemon that this one serves, so that it drains. Listeners that were not taken
    /// are closed.
    pub(super) fn replace(self) {
        for (endpoint, _) in &self.listeners {
            warn!("the old daemon listened on {endpoint}; this one does not");
        }
        let Some(mut connection) = self.connection else { return };
        if let Err(error) = connection.write_all(hand_over::READY) {
            warn!("the old daemon ended before this one was ready: {error}");
        }
    }
}
