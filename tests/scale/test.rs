//! `make million` with 60,000 connections, more than one daemon can hold, on one port: each
//! connection echoes, some twice; nothing is lost, and all processes end in order.

// So many connections need all of 127.0.0.0/8, which only Linux assigns to the loopback interface.
#![cfg(target_os = "linux")]
#![cfg(test)]

mod children;
mod crowd;
mod limits;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
mod memory;
#[expect(dead_code, reason = "only the million writes a page")]
mod page;
mod process;
mod report;
mod sample;
mod scale;
mod verified;
mod verify;

use std::time::Duration;

use self::crowd::Deadlines;

const CONNECTIONS: u64 = 60_000;

/// It takes some seconds; a busy machine may take longer.
const DEADLINES: Deadlines = Deadlines {
    start: Duration::from_secs(30),
    open: Duration::from_secs(120),
    close: Duration::from_secs(120),
    drain: Duration::from_secs(30),
};

#[test]
fn sixty_thousand_connections_are_held_and_nothing_is_lost() {
    let scale = limits::scale(CONNECTIONS).unwrap();
    let limits = limits::all(&scale);
    let lacking: Vec<_> = limits.iter().filter(|limit| !limit.suffices()).collect();
    if !lacking.is_empty() {
        for limit in lacking {
            println!("SKIPPED 60,000 connections: {limit}");
        }
        assert!(std::env::var_os("CI").is_none(), "this machine is too small");
        return;
    }
    let say = |text: &str| println!("{text}");
    let story = crowd::run(&scale, &DEADLINES, Duration::ZERO, say).unwrap();
    println!("{}", page::table(&story, &scale));
    assert_eq!(story.wrong, [""; 0]);
    assert_eq!(story.held.open, CONNECTIONS);
    assert!(story.samples.is_sorted_by_key(|sample| sample.lines), "a counter went back");
    assert_eq!(process::count(&story.counts, "lines"), scale.lines());
}
