//! The fault injection options of `tcpechod`, for testing clients against a misbehaving server.

use clap::Args;

use crate::cli::units::{duration, within};
use crate::reactor::Banner;
use crate::reactor::{FaultKind, FaultSpec};

#[derive(Debug, Args)]
pub(super) struct FaultArgs {
    /// Send each peer a greeting line; {host}, {pid} and {peer} stand for the host's name, the
    /// process id and the peer's address, {env:NAME} for an environment variable of the daemon
    #[arg(long, value_name = "TEMPLATE", env = "TCPECHOD_BANNER", value_parser = Banner::parse,
          conflicts_with = "exec")]
    pub(super) banner: Option<Banner>,

    #[arg(long, help = FAULT_HELP, value_name = "KIND=RATE", env = "TCPECHOD_FAULT",
          value_delimiter = ',', value_parser = fault, conflicts_with = "exec")]
    pub(super) fault: Vec<FaultSpec>,

    /// Random seed for --fault: the same seed selects the same connections
    #[arg(long, value_name = "N", env = "TCPECHOD_FAULT_SEED", default_value_t = 1,
          value_parser = within(0..=u64::MAX))]
    pub(super) fault_seed: u64,
}

// Not a doc comment, which would turn the list into one paragraph.
const FAULT_HELP: &str = "\
Inject a fault into this share of connections, as in reset=1%. May be given several times:
delay:200ms=10%  process input this much later
reset=1%         send RST on the first input
close=1%         send FIN on the first input
stall=1%         accept, but never reply (the connection stays open without --idle-timeout)
slice=100%       send replies one byte at a time
refuse=5%        close right after accept";

fn fault(text: &str) -> Result<FaultSpec, String> {
    let expected = "expected delay:DURATION=RATE, or reset, close, stall, slice or refuse=RATE";
    let (what, rate) = text.split_once('=').ok_or_else(|| expected.to_owned())?;
    let (name, argument) = match what.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (what, None),
    };
    let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = match (kind, argument) {
        (Some(FaultKind::Delay(_)), Some(wait)) => FaultKind::Delay(duration(wait)?),
        (Some(FaultKind::Delay(_)), None) | (None, _) => return Err(expected.to_owned()),
        (Some(_), Some(_)) => return Err(format!("{name} takes no duration; {expected}")),
        (Some(kind), None) => kind,
    };
    Ok(FaultSpec { kind, probability: probability(rate)? })
}

/// Parses `5%`, `0.5%` or `100%`.
fn probability(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("{text}: expected a rate from 0% to 100%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_a_kind_and_a_rate() {
        for text in ["delay:200ms=10%", "reset=0.5%", "slice=100%", "refuse=0%"] {
            assert_eq!(fault(text).unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "reset",
            "reset=",
            "reset=1",
            "reset=101%",
            "reset=-1%",
            "delay=10%",
            "delay:=1%",
            "delay:10=1%",
            "reset:1s=1%",
            "explode=1%",
            "reset=NaN%",
        ] {
            assert!(fault(wrong).is_err(), "{wrong}");
        }
    }
}
