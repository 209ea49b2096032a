//! Hostile peers, in a process of their own: `tcpecho-load` cannot misbehave in these ways.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// The first argument that selects this process.
pub(crate) const WORD: &str = "hostile";

/// The line that slow readers send, and the size of their kernel's receive buffer.
const LINE: &[u8] = &[b'x'; 1023];
const RECEIVE_BUFFER_BYTES: usize = 4096;

/// The interval between steps.
const TICK: Duration = Duration::from_millis(50);

/// The timeout of a connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The habit of all peers of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Sends as fast as possible, and reads a byte a second.
    ReadSlowly,
    /// Sends as fast as possible, and never reads.
    NeverRead,
    /// Sends a byte every ten seconds, and never a newline.
    WriteSlowly,
}

impl Habit {
    const ALL: [Self; 3] = [Self::ReadSlowly, Self::NeverRead, Self::WriteSlowly];

    /// The habit's name on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ReadSlowly => "read-slowly",
            Self::NeverRead => "never-read",
            Self::WriteSlowly => "write-slowly",
        }
    }

    /// The interval between two steps of a peer.
    const fn period(self) -> Duration {
        match self {
            Self::ReadSlowly | Self::NeverRead => Duration::from_secs(1),
            Self::WriteSlowly => Duration::from_secs(10),
        }
    }
}

/// Runs this many peers with that habit until the process is killed. Prints `ready` when all are
/// connected.
pub(crate) fn keep(words: &[String]) -> ExitCode {
    let [habit, address, count] = words else { return ExitCode::from(2) };
    let habit = Habit::ALL.into_iter().find(|known| known.word() == habit);
    let (Some(habit), Ok(address), Ok(count)) = (habit, address.parse(), count.parse()) else {
        return ExitCode::from(2);
    };
    match peers(address, count) {
        Ok(mut peers) => {
            println!("ready");
            live(habit, &mut peers)
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn peers(address: SocketAddr, count: usize) -> std::io::Result<Vec<TcpStream>> {
    let connect = |_| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        socket.connect_timeout(&address.into(), CONNECT_TIMEOUT)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    (0..count).map(connect).collect()
}

/// Gives each peer one step per period, a few peers per tick, and drops those whose connection has
/// ended.
fn live(habit: Habit, peers: &mut Vec<TcpStream>) -> ! {
    let ticks = habit.period().as_millis() / TICK.as_millis();
    let ticks = usize::try_from(ticks).unwrap_or(1);
    for tick in (0..ticks).cycle() {
        let began = Instant::now();
        let mut gone = Vec::new();
        for number in (tick..peers.len()).step_by(ticks) {
            if !has_its_turn(habit, &mut peers[number]) {
                gone.push(number);
            }
        }
        for number in gone.into_iter().rev() {
            peers.swap_remove(number);
        }
        std::thread::sleep(TICK.saturating_sub(began.elapsed()));
    }
    unreachable!("a cycle does not end")
}

/// Takes one step; returns false if the connection has ended.
fn has_its_turn(habit: Habit, peer: &mut TcpStream) -> bool {
    let goes_on = |result: std::io::Result<usize>| match result {
        Ok(bytes) => bytes > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    };
    if habit == Habit::WriteSlowly {
        // Any input means the end, because the daemon echoes nothing before a newline.
        return goes_on(peer.write(b"x")) && goes_on(peer.read(&mut [0; 64]));
    }
    while let Ok(bytes) = peer.write(LINE)
        && bytes > 0
    {}
    match habit {
        Habit::ReadSlowly => goes_on(peer.read(&mut [0])),
        // A write also fails when the connection has ended.
        Habit::NeverRead | Habit::WriteSlowly => goes_on(peer.write(b"x")),
    }
}
