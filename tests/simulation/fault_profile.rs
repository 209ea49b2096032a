//! The chances of each fault of the kernel and the network, drawn from the seed.

use fastrand::Rng;

/// Chances in a thousand, per call or step.
#[derive(Clone, Copy, Debug)]
pub(super) struct FaultProfile {
    /// A call is interrupted by a signal (EINTR).
    pub(super) interrupted: u32,
    /// A write takes less than fits in the send queue.
    pub(super) short_write: u32,
    /// A read of a Unix socket returns less than is available.
    pub(super) short_read: u32,
    /// A read or a write fails with an error that no event has reported.
    pub(super) failing_call: u32,
    /// `accept` fails although the queue holds a connection.
    pub(super) failing_accept: u32,
    /// The registration of a stream fails.
    pub(super) failing_register: u32,
    /// The start of a child fails.
    pub(super) failing_spawn: u32,
    /// An event reports readiness that is not new.
    pub(super) spurious_event: u32,
    /// An event is reported a turn later, as when one poll cannot return all events.
    pub(super) late_event: u32,
    /// Time leaps, as for a process that was stopped.
    pub(super) leap: u32,
    /// The daemon is stopped for a while (SIGSTOP, a freezer, a debugger), and its peers go on.
    pub(super) stopped: u32,
    /// The network ends a connection.
    pub(super) severed: u32,
    /// A signal comes that stops nothing.
    pub(super) signal: u32,
    /// A peer sends an urgent byte.
    pub(super) urgent: u32,
    /// Descriptor limit.
    pub(super) descriptors_max: usize,
    /// A lasting condition is reported again with each event, as epoll does, not once.
    pub(super) levels_told: bool,
}

impl FaultProfile {
    /// No faults.
    pub(super) const CALM: Self = Self {
        interrupted: 0,
        short_write: 0,
        short_read: 0,
        failing_call: 0,
        failing_accept: 0,
        failing_register: 0,
        failing_spawn: 0,
        spurious_event: 0,
        late_event: 0,
        leap: 0,
        stopped: 0,
        severed: 0,
        signal: 0,
        urgent: 0,
        descriptors_max: usize::MAX,
        levels_told: false,
    };

    /// Draws each fault independently as absent, rare or frequent: with all of them at once, no
    /// connection gets far.
    pub(super) fn roll(rng: &mut Rng) -> Self {
        let mut chance = |frequent: u32| match rng.u32(0..3) {
            0 => 0,
            1 => frequent.div_ceil(10),
            _ => frequent,
        };
        let [interrupted, short_write, short_read] = [chance(150), chance(400), chance(500)];
        let [failing_call, failing_accept, failing_register] =
            [chance(10), chance(200), chance(60)];
        let [failing_spawn, spurious_event, late_event] = [chance(200), chance(200), chance(400)];
        let [leap, severed, signal, urgent] = [chance(20), chance(10), chance(50), chance(100)];
        let stopped = chance(20);
        let scarce = rng.u32(0..4) == 0;
        Self {
            interrupted,
            short_write,
            short_read,
            failing_call,
            failing_accept,
            failing_register,
            failing_spawn,
            spurious_event,
            late_event,
            leap,
            stopped,
            severed,
            signal,
            urgent,
            descriptors_max: if scarce { rng.usize(1..12) } else { usize::MAX },
            levels_told: rng.bool(),
        }
    }
}

/// Returns true with this chance in a thousand.
pub(super) fn hits(rng: &mut Rng, per_mille: u32) -> bool {
    per_mille > 0 && rng.u32(0..1000) < per_mille
}
