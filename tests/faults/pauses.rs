//! A daemon stopped for longer than its timeouts: input that came in time still counts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Builder, Daemon, eventually};

/// The timeout of these tests, and a longer stop.
const TIMEOUT: &str = "2s";
const STOP: Duration = Duration::from_millis(2500);

impl Daemon {
    /// Stops the daemon for `time`; `meanwhile` runs first, well before any timeout.
    fn stopped_for<T>(&self, time: Duration, meanwhile: impl FnOnce() -> T) -> T {
        self.stopped(|| {
            let began = Instant::now();
            let result = meanwhile();
            eventually("the stop is over", || (began.elapsed() > time).then_some(()));
            result
        })
    }
}

/// Fewer than the 1,024 events of one poll, because a test may not have enough descriptors for
/// more; the reactor's scripted tests cover larger numbers.
const PEERS: usize = 300;

#[test]
fn t01_lines_that_came_before_the_idle_timeout_are_echoed_after_a_stop() {
    let daemon = Daemon::start(&["--idle-timeout", TIMEOUT]);
    let mut peers = daemon.connect_many(PEERS);
    let mut silent = daemon.connect();
    daemon.stopped_for(STOP, || peers.iter_mut().for_each(|peer| peer.send(b"in time\n")));
    for peer in &mut peers {
        assert_eq!(peer.recv_exact(8), b"in time\n");
    }
    assert_eq!(daemon.closing(silent.address()).cause, "idle");
    assert_eq!(silent.read_to_end(), b"");
    drop((peers, silent));
    daemon.epilogue();
}

#[test]
fn t02_lines_that_were_finished_before_their_timeout_are_echoed_after_a_stop() {
    let daemon = Daemon::start(&["--line-timeout", TIMEOUT]);
    let mut peers = daemon.connect_many(PEERS);
    let mut unfinished = daemon.connect();
    for peer in peers.iter_mut().chain([&mut unfinished]) {
        peer.send(b"begun, ");
    }
    daemon.wait_for_status("all have begun", |status| {
        status.count("bytes_in") == 7 * (u64::try_from(PEERS).unwrap() + 1)
    });
    daemon.stopped_for(STOP, || peers.iter_mut().for_each(|peer| peer.send(b"finished\n")));
    for peer in &mut peers {
        assert_eq!(peer.recv_exact(16), b"begun, finished\n");
    }
    assert_eq!(daemon.closing(unfinished.address()).cause, "line-timeout");
    drop((peers, unfinished));
    daemon.epilogue();
}

#[test]
fn t03_a_peer_that_reads_before_the_stall_timeout_gets_the_rest_after_a_stop() {
    // Long enough for a busy machine to get from the last read to the stop.
    let daemon = Daemon::start(&["--stall-timeout", "6s"]);
    let mut peer = daemon.connect_narrow();
    let sent = daemon.leave_pending(&mut peer);
    // A single read may free too little of the daemon's send buffer.
    let first = daemon.stopped_for(Duration::from_millis(6500), || peer.recv_until_stuck());
    peer.half_close();
    let rest = peer.read_to_end();
    assert!([first, rest].concat() == sent, "everything comes back as it was");
    assert_eq!(daemon.closing(peer.address()).cause, "finished");
    drop(peer);
    daemon.epilogue();
}

/// Both have a timeout of five seconds.
#[test]
fn t04_a_header_and_an_admin_request_that_came_in_time_are_answered_after_a_stop() {
    let daemon = Builder::new(&["--proxy-protocol", "require", "--metrics", "127.0.0.1:0"]).start();
    let metrics = daemon.wait_for_log("metrics on ");
    let mut admin = TcpStream::connect(metrics.rsplit(' ').next().unwrap()).unwrap();
    let mut proxied = daemon.connect();
    let header = b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 9877\r\n";
    proxied.send(&header[..20]);
    admin.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    daemon.wait_for_status("the header has begun", |status| status.count("proxy_header") == 1);
    daemon.stopped_for(Duration::from_millis(5300), || {
        proxied.send(&header[20..]);
        proxied.send(b"in time\n");
        admin.write_all(b"Host: here\r\n\r\n").unwrap();
    });
    assert_eq!(proxied.recv_exact(8), b"in time\n");
    let mut answer = String::new();
    admin.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop((admin, proxied));
    daemon.epilogue_with(&[header, &b"bye\n"[..]].concat(), b"bye\n");
}

#[test]
fn t05_a_drain_stopped_for_longer_than_its_timeout_echoes_input_that_came_in_time() {
    let daemon = Daemon::start(&["--drain-timeout", "4s"]);
    // The peer reads nothing for now, so that the drain waits for it.
    let mut slow = daemon.connect_narrow();
    let sent = daemon.leave_pending(&mut slow);
    daemon.terminate();
    daemon.wait_for_log("draining, for at most");
    let mut echoed = daemon.stopped_for(Duration::from_secs(5), || slow.recv_until_stuck());
    echoed.extend(slow.read_to_end());
    assert!(echoed == sent, "{} of {} bytes came back", echoed.len(), sent.len());
    drop(slow);
    daemon.epilogue_ended(0);
}

/// The daemon is always busy, so most stops hit the middle of a turn.
#[test]
fn t07_a_stop_in_the_middle_of_a_busy_turn_makes_no_peer_idle() {
    let daemon = Daemon::start(&["--idle-timeout", "1s"]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut peers = daemon.connect_many(150);
                    while !over.load(Ordering::Relaxed) {
                        for peer in &mut peers {
                            peer.send(b"line\n");
                        }
                        for peer in &mut peers {
                            assert_eq!(peer.recv_exact(5), b"line\n");
                        }
                    }
                })
            })
            .collect();
        for _ in 0..4 {
            daemon.stopped_for(Duration::from_millis(1200), || ());
        }
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    daemon.epilogue();
}
