//! What `make million` does with a million connections, with 60,000: more than one daemon can
//! hold, on one port; each echoes, some of them twice, nothing is lost, and all ends in order.

// So many connections are only to be had where all of 127.0.0.0/8 is ours.
#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what the tests share is a test too"
)]

mod children;
mod crowd;
mod limits;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
mod memory;
#[expect(dead_code, reason = "a page is made of the million only")]
mod page;
mod process;
mod report;
mod sample;
mod scale;
#[cfg(test)]
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
            println!("SKIPPED a crowd: {limit}");
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
