//! What the modes have in common: each is a row of the same few choices.

use super::config::{Close, Config, Mode};

/// When a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// When the run is over.
    WithTheRun,
    /// When all of its lines are back.
    AfterEcho,
    /// When all of its lines are sent; they still have to come back.
    AfterSend,
    /// When all of its lines are sent, and none needs to come back.
    InTheMiddle,
}

/// How many lines may be on their way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// So many.
    Lines(u64),
    /// As many as the socket takes.
    Socket,
}

/// What each connection does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How many lines it sends; none for as many as there is time for.
    pub lines: Option<u64>,
    pub window: Window,
    pub end: End,
    pub close: Close,
    /// Latency counts from the beginning of the connect.
    pub connect_counts: bool,
}

impl Plan {
    pub(super) fn of(config: &Config) -> Self {
        let depth = u64::try_from(config.pipeline).unwrap_or(u64::MAX);
        let (lines, window, end) = match config.mode {
            Mode::Echo => (None, Window::Lines(depth), End::WithTheRun),
            Mode::Stream => (None, Window::Socket, End::WithTheRun),
            Mode::Idle => (Some(1), Window::Lines(1), End::WithTheRun),
            Mode::Churn => (Some(depth), Window::Lines(depth), End::AfterEcho),
            Mode::HalfClose => (Some(depth), Window::Lines(depth), End::AfterSend),
            Mode::Abort => (Some(depth), Window::Lines(depth), End::InTheMiddle),
        };
        let close = if end == End::InTheMiddle { Close::Rst } else { config.close };
        Self { lines, window, end, close, connect_counts: config.mode == Mode::Churn }
    }

    /// True if a connection that has ended as planned is followed by another.
    pub(super) fn repeats(&self) -> bool {
        self.end != End::WithTheRun
    }
}
