//! One failing call among three busy connections.

use super::builder::Builder;

/// Three peers exchange lines while one `call` fails with `error`. Asserts that exactly one
/// connection ends, with `cause`, and that the others go on.
pub(crate) fn only_one_ends(call: &str, error: &str, when: &str, cause: &str) {
    let daemon = Builder::new(&[]).injected(call, error, when).start();
    let mut peers = daemon.connect_many(3);
    let mut ended = vec![false; 3];
    for round in 0..4 {
        for (peer, ended) in peers.iter_mut().zip(&mut ended).filter(|(_, ended)| !**ended) {
            *ended = peer.try_echo(format!("round {round}\n").as_bytes()).is_err();
        }
    }
    assert_eq!(ended.iter().filter(|ended| **ended).count(), 1, "{error} at {call} {when}");
    let status = daemon.status();
    assert_eq!((status.count(cause), status.count("closed")), (1, 1), "{status:?}");
    drop(peers);
    daemon.epilogue();
}
