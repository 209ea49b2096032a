//! Mischief: what a daemon does to some of its peers on request, for those who test clients and
//! load balancers.

use std::fmt;
use std::time::Duration;

/// A kind of mischief, and how large a share of connections has it, each by a draw of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultSpec {
    /// What is done.
    pub kind: FaultKind,
    /// The share of connections, from 0 to 1.
    pub probability: f64,
}

/// What is done to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// What it sends is looked at only so much later.
    Delay(Duration),
    /// It is reset when it first sends something.
    Reset,
    /// It is closed, with FIN, when it first sends something.
    Close,
    /// It is accepted, and then never read from.
    Stall,
    /// Its replies come a byte at a time.
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

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Delay(_) => 0,
            Self::Reset => 1,
            Self::Close => 2,
            Self::Stall => 3,
            Self::Slice => 4,
            Self::Refuse => 5,
        }
    }

    /// The word for it, on the command line and in counters.
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
    fn the_list_is_in_the_order_of_the_places() {
        for (place, kind) in FaultKind::ALL.iter().enumerate() {
            assert_eq!(kind.index(), place, "{}", kind.name());
        }
    }

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
