//! What the modes have in common: each is a row of the same few choices.

use crate::net::proxy;

use crate::load::config::{Close, LoadConfig, Mode};

/// When a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseWhen {
    /// When the run is over.
    RunEnds,
    /// When all of its lines are back.
    Echoed,
    /// When all of its lines are sent; they still have to come back.
    Sent,
    /// When all of its lines are sent, and none needs to come back.
    Midway,
}

/// No limit.
const UNLIMITED: u64 = u64::MAX;

/// How many lines of a paced stream may be on their way in all, and on a connection at least and at
/// most: the moment of each is kept, in 16 bytes, and the most is what sockets hold of short lines.
const TIMED_MAX: u64 = 16 << 20;
const TIMED_A_CONNECTION: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 16;

/// What each connection does.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table, and by itself")]
pub(super) struct Plan {
    /// How many lines it sends at the most.
    pub lines: u64,
    /// How many lines may be on their way at a time.
    pub window: u64,
    pub close_when: CloseWhen,
    pub close: Close,
    /// Latency counts from the beginning of the connect: not in an open loop, where it counts from
    /// when the line was due, before that.
    pub connect_counts: bool,
    /// Lines are due at moments of their own, and may be late.
    pub paced: bool,
    /// A connection is made only when a line is due on it.
    pub on_demand: bool,
    /// Each line is timed; else one after another, on each connection.
    pub times_each: bool,
    /// A PROXY header goes before everything else.
    pub send_proxy: Option<proxy::Version>,
    /// The server speaks first, and that is no echo.
    pub skip_greeting: bool,
}

impl Plan {
    pub(super) fn of(config: &LoadConfig) -> Self {
        let depth = u64::try_from(config.pipeline).unwrap_or(u64::MAX);
        let paced = config.rate.is_some();
        let stream = if paced { timed_window(config.connections) } else { UNLIMITED };
        let (lines, window, end) = match config.mode {
            Mode::Echo => (UNLIMITED, depth, CloseWhen::RunEnds),
            Mode::Stream => (UNLIMITED, stream, CloseWhen::RunEnds),
            Mode::Idle => (1, 1, CloseWhen::RunEnds),
            Mode::Churn => (depth, depth, CloseWhen::Echoed),
            Mode::HalfClose => (depth, depth, CloseWhen::Sent),
            Mode::Abort => (depth, depth, CloseWhen::Midway),
        };
        let close = if end == CloseWhen::Midway { Close::Rst } else { config.close };
        Self {
            lines,
            window,
            close_when: end,
            close,
            connect_counts: config.mode == Mode::Churn && !paced,
            paced,
            on_demand: paced && end != CloseWhen::RunEnds,
            // A load that sends as much as the socket takes fills every buffer there is, and a
            // queue of times for all of that would be one too.
            times_each: window != UNLIMITED,
            send_proxy: config.send_proxy,
            skip_greeting: config.skip_greeting,
        }
    }

    /// True if each connection sends line after line until the run ends, as fast as they come back.
    pub(super) fn is_continuous(&self) -> bool {
        self.close_when == CloseWhen::RunEnds && self.lines == UNLIMITED && !self.paced
    }

    /// True if each connection is one exchange of the closed loop, that is to be answered: one that
    /// fails before it has sent anything has lost a line all the same.
    pub(super) fn is_one_transaction(&self) -> bool {
        matches!(self.close_when, CloseWhen::Echoed | CloseWhen::Sent) && !self.paced
    }

    /// True if a connection that has ended as planned is followed by another.
    pub(super) fn repeats(&self) -> bool {
        self.close_when != CloseWhen::RunEnds
    }
}

/// How many lines a connection may have on their way where each is timed and nothing else limits
/// them.
fn timed_window(connections: usize) -> u64 {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    let (least, most) = TIMED_A_CONNECTION.into_inner();
    (TIMED_MAX / connections.max(1)).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g10_moments_of_lines_on_their_way_take_so_much_memory_and_no_more() {
        for (connections, window) in
            [(1, 1 << 16), (256, 1 << 16), (1024, 1 << 14), (1 << 20, 1024)]
        {
            assert_eq!(timed_window(connections), window);
        }
    }
}
