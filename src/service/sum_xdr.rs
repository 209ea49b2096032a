//! sum-xdr: two numbers in a record of fixed size and byte order, their sum in another (UNIX
//! Network Programming, section 5.18, "passing binary structures", with the cure it recommends).
//!
//! A number is an XDR hyper: 64 bits, two's complement, most significant byte first (RFC 4506,
//! section 4.5), so that no host's byte order or size of `long` matters.

use std::num::NonZeroUsize;

use super::{ProtocolError, Reply, Service};

/// Adds the two numbers of each record.
pub const SERVICE: Service = Service {
    name: "sum-xdr",
    about: "Answer two XDR hypers (64 bits, big-endian) with their sum, a third",
    reply: Reply::Record(REQUEST_BYTES, sum),
};

/// Two hypers.
const REQUEST_BYTES: NonZeroUsize = NonZeroUsize::new(2 * size_of::<i64>()).unwrap();

fn sum(record: &[u8], reply: &mut Vec<u8>) -> Result<(), ProtocolError> {
    let Some((first, second)) = hyper(record) else {
        return Err(ProtocolError("the input ended in the middle of a record"));
    };
    let sum =
        first.checked_add(second).ok_or(ProtocolError("the sum does not fit into 64 bits"))?;
    reply.extend_from_slice(&sum.to_be_bytes());
    Ok(())
}

fn hyper(record: &[u8]) -> Option<(i64, i64)> {
    let (first, second) = record.split_first_chunk()?;
    Some((i64::from_be_bytes(*first), i64::from_be_bytes(second.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(first: i64, second: i64) -> Vec<u8> {
        [first.to_be_bytes(), second.to_be_bytes()].concat()
    }

    fn reply(record: &[u8]) -> Result<Vec<u8>, ProtocolError> {
        let mut reply = Vec::new();
        sum(record, &mut reply).map(|()| reply)
    }

    #[test]
    fn two_hypers_give_their_sum() {
        assert_eq!(reply(&record(11, 22)), Ok(33_i64.to_be_bytes().to_vec()));
        assert_eq!(reply(&record(-1, 1)), Ok(vec![0; 8]));
        assert_eq!(reply(&record(i64::MIN, 0)), Ok(vec![0x80, 0, 0, 0, 0, 0, 0, 0]));
    }

    #[test]
    fn the_bytes_are_big_endian() {
        let little_endian = [11_i64.to_le_bytes(), 22_i64.to_le_bytes()].concat();
        assert_eq!(reply(&little_endian), Ok(vec![33, 0, 0, 0, 0, 0, 0, 0]), "read as 33 << 56");
    }

    #[test]
    fn overflow_and_truncation_are_violations() {
        let overflow = ProtocolError("the sum does not fit into 64 bits");
        assert_eq!(reply(&record(i64::MAX, 1)), Err(overflow));
        assert_eq!(reply(&record(i64::MIN, -1)), Err(overflow));
        let truncated = ProtocolError("the input ended in the middle of a record");
        for bytes in 1..16 {
            assert_eq!(reply(&vec![0; bytes]), Err(truncated), "{bytes} bytes");
        }
    }
}
