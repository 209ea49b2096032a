//! The reactor on simulated sockets, clock and readiness: ten thousand seeds, each with its own
//! faults. `make simulate` runs a million, or replays one.

#![cfg(test)]

mod bugs;
mod calls;
mod check;
mod children;
mod environment;
mod fault_profile;
mod ledger;
mod os;
mod peer;
mod queue;
mod run;
mod setup;
mod traffic;
mod wire;

use self::environment::Verbosity;
use self::run::Story;

/// Seeds per test; together, ten thousand.
const SEEDS: u64 = 5000;

#[test]
fn no_fault_causes_a_violation() {
    all(0);
}

#[test]
fn every_peer_is_served_when_faults_stop() {
    all(1);
}

/// `make simulate ARGS=--bugs` builds each bug, to show that the simulation finds it.
#[test]
fn every_bug_can_be_planted() {
    for bug in bugs::BUGS {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/").to_owned() + bug.file;
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.matches(bug.right).count(), 1, "{}", bug.what);
        assert_ne!(bug.right, bug.wrong);
    }
}

/// Runs every second seed, starting at `first`.
fn all(first: u64) {
    let mut all = Story::default();
    for seed in (first..2 * SEEDS).step_by(2) {
        match run::run(seed, Verbosity::Nothing) {
            Ok(story) => all.add(&story),
            Err(wrong) => panic!("seed {seed}: {wrong}\nagain: make simulate ARGS='--seed {seed}'"),
        }
    }
    println!("{all}");
    // A run in which little happens would prove little.
    assert!(all.connections > 4 * SEEDS && all.bytes > 4000 * SEEDS && all.faults > 50 * SEEDS);
}
