//! The modes as rows of one table: each is a choice of the same few options.

use crate::net::proxy;
use crate::num;

use crate::load::config::{Close, LoadConfig, Mode};

/// When the generator closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseWhen {
    /// When the run is over.
    RunEnds,
    /// When all of its lines are back.
    Echoed,
    /// When all of its lines are sent; their echoes must still come back.
    Sent,
    /// When all of its lines are sent; no echo needs to come back.
    Midway,
}

/// No limit.
const UNLIMITED: u64 = u64::MAX;

/// Limits on the timed lines in flight of a paced stream: in total, and per connection. Each line
/// stores its time in 16 bytes. The upper limit per connection is as many short lines as the
/// buffers of a socket hold.
const TIMED_MAX: u64 = 16 << 20;
const TIMED_A_CONNECTION: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 16;

/// The options of each connection.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table, and by itself")]
pub(super) struct Plan {
    /// Largest number of lines to send.
    pub lines: u64,
    /// Largest number of lines in flight.
    pub window: u64,
    pub close_when: CloseWhen,
    pub close: Close,
    /// Latency counts from the start of the connect. Not in an open loop, where it counts from the
    /// line's due time, which is earlier.
    pub connect_counts: bool,
    /// Each line has a due time, and may be late.
    pub paced: bool,
    /// A slot is dialled only when a line is due on it.
    pub on_demand: bool,
    /// Every line is timed; otherwise one at a time per connection.
    pub times_each: bool,
    /// The PROXY header to send first.
    pub send_proxy: Option<proxy::Version>,
    /// The server sends a greeting first, which is no echo.
    pub skip_greeting: bool,
}

impl Plan {
    pub(super) fn of(config: &LoadConfig) -> Self {
        let depth = num::to_u64(config.pipeline);
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
            // An unlimited window fills every socket buffer, and timing each line would take a
            // queue as long as all of them.
            times_each: window != UNLIMITED,
            send_proxy: config.send_proxy,
            skip_greeting: config.skip_greeting,
        }
    }

    /// True if each connection sends line after line until the run ends, as fast as echoes come
    /// back.
    pub(super) fn is_continuous(&self) -> bool {
        self.close_when == CloseWhen::RunEnds && self.lines == UNLIMITED && !self.paced
    }

    /// True if each connection is one transaction of the closed loop with an echo to wait for. One
    /// that fails before it sends anything still loses a line.
    pub(super) fn is_one_transaction(&self) -> bool {
        matches!(self.close_when, CloseWhen::Echoed | CloseWhen::Sent) && !self.paced
    }

    /// True if another connection follows one that has closed as planned.
    pub(super) fn repeats(&self) -> bool {
        self.close_when != CloseWhen::RunEnds
    }
}

/// Returns the number of lines in flight per connection where each is timed and nothing else limits
/// them.
fn timed_window(connections: usize) -> u64 {
    let connections = num::to_u64(connections);
    let (min, max) = TIMED_A_CONNECTION.into_inner();
    (TIMED_MAX / connections.max(1)).clamp(min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g10_times_of_lines_in_flight_take_bounded_memory() {
        for (connections, window) in
            [(1, 1 << 16), (256, 1 << 16), (1024, 1 << 14), (1 << 20, 1024)]
        {
            assert_eq!(timed_window(connections), window);
        }
    }
}
