//! The errand of a connection of a fleet, and its outcome.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::FailureKind;

use super::trip::TripError;

/// The errand of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Errand {
    /// The address and port to connect from; none for the system's choice.
    pub source: Option<SocketAddr>,
    /// Wait for the server's first line.
    pub greeting: bool,
    /// The silence before each echo.
    pub silence: Duration,
    /// The number of echoes.
    pub echoes: u32,
    /// End with RST, which leaves the port free at once.
    pub reset: bool,
}

/// The outcome of an errand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// The number of the errand.
    pub number: usize,
    /// Our own address and port.
    pub local: Option<SocketAddr>,
    /// How long the connect took; none if it failed.
    pub connect: Option<Duration>,
    /// The longest time of an echo; none if there was none.
    pub echo: Option<Duration>,
    /// The shortest.
    pub echo_min: Option<Duration>,
    /// The silence before the last echo: longer than planned if this process was stopped.
    pub silent: Duration,
    /// The server's first line.
    pub banner: Option<String>,
    /// Another connection of this host has the source port.
    pub port_in_use: bool,
    /// The failure, and how long after the last sign of life it came.
    pub failure: Option<(TripError, Duration)>,
}

impl Outcome {
    /// The word of the failure.
    pub(super) fn word(&self) -> Option<FailureKind> {
        self.failure.as_ref().map(|(error, _)| error.kind)
    }
}
