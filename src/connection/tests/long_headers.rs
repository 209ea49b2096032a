//! PROXY headers that are longer than their addresses.

use super::proxy_header::{CLIENT, FINISHED, header, introduced_by};
use super::*;
use crate::net::proxy::Version;

/// Returns a header of version 2 with fields behind the addresses, which the daemon skips.
fn long_header() -> Vec<u8> {
    let mut long = header(Version::V2);
    long[14..16].copy_from_slice(&3012_u16.to_be_bytes());
    long.extend([b'\n'; 3000]);
    long
}

#[test]
fn a_long_header_is_skipped_in_pieces_of_any_size() {
    let all = [&long_header()[..], b"line\ntail"].concat();
    for policy in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        for size in [1, 28, 29, 1000, all.len()] {
            let pieces: Vec<_> = all.chunks(size).collect();
            let mut bench = introduced_by(ECHO, policy, &pieces);
            bench.end();
            assert_eq!(bench.admitted(FIN), NextStep::Closed);
            assert_eq!((bench.sent().as_slice(), bench.phase()), (&b"line\ntail"[..], FINISHED));
            assert_eq!(bench.peer(), CLIENT);
        }
    }
}

#[test]
fn a_long_header_that_is_cut_short_is_no_input() {
    let cut = &long_header()[..1500];
    for policy in [HeaderPolicy::Optional, HeaderPolicy::Required] {
        let mut ended = introduced_by(ECHO, policy, &[cut]);
        ended.end();
        assert_eq!(ended.event(FIN), NextStep::Closed);
        assert_eq!(ended.phase(), Phase::Closed(Cause::Protocol));
        let mut late = introduced_by(ECHO, policy, &[cut]);
        late.event(READABLE);
        assert_eq!(late.expire(5000), NextStep::Closed);
        assert_eq!(late.phase(), Phase::Closed(Cause::LineTimeout));
        let mut drained = introduced_by(ECHO, policy, &[cut]);
        drained.shared.draining = true;
        drained.event(READABLE);
        assert_eq!(drained.phase(), Phase::Lingering(Cause::Drained));
        for bench in [ended, late, drained] {
            assert_eq!(bench.sent(), b"");
        }
    }
}
