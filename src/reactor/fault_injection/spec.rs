//! The faults that `--fault` injects into connections, for tests of clients and load balancers.

use std::fmt;
use std::mem::discriminant;
use std::time::Duration;

/// A kind of fault, and the probability with which each connection has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultSpec {
    /// The kind of fault.
    pub kind: FaultKind,
    /// From 0 to 1.
    pub probability: f64,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Its input is read that much later.
    Delay(Duration),
    /// It is reset at its first input.
    Reset,
    /// It is closed, with FIN, at its first input.
    Close,
    /// It is accepted and never read.
    Stall,
    /// Its replies are sent a byte at a time.
    Slice,
    /// It is closed as soon as it is accepted.
    Refuse,
}

impl FaultKind {
    /// One of each kind, for lists.
    pub const ALL: [Self; 6] = [
        Self::Delay(Duration::ZERO),
        Self::Reset,
        Self::Close,
        Self::Stall,
        Self::Slice,
        Self::Refuse,
    ];

    /// True for the same kind, whatever the delay.
    pub fn is_same_kind(self, other: Self) -> bool {
        discriminant(&self) == discriminant(&other)
    }

    /// Its name on the command line and in counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Stall => "stall",
            Self::Slice => "slice",
            Self::Refuse => "refuse",
        }
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let FaultKind::Delay(delay) = self.kind {
            write!(f, ":{}", humantime::format_duration(delay))?;
        }
        write!(f, "={}%", self.probability * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_as_it_is_written() {
        let delay = FaultKind::Delay(Duration::from_millis(200));
        assert_eq!(FaultSpec { kind: delay, probability: 0.1 }.to_string(), "delay:200ms=10%");
        assert_eq!(
            FaultSpec { kind: FaultKind::Reset, probability: 0.005 }.to_string(),
            "reset=0.5%"
        );
    }
}
