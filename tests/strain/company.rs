//! Bad company, in a process of its own: peers that `tcpecho-load` can't be, because it is polite.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// The first word of the command line of such a process.
pub(crate) const WORD: &str = "company";

/// What a line of a slow reader is, in bytes; and how much its kernel buffers for it at most.
const LINE: &[u8] = &[b'x'; 1023];
const RECEIVE_BUFFER_BYTES: usize = 4096;

/// How often everybody has its turn.
const TICK: Duration = Duration::from_millis(50);

/// How long a connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What they all do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// They send as much as they can, and read a byte a second.
    ReadSlowly,
    /// They send as much as they can, and never read.
    NeverRead,
    /// They send a byte every ten seconds, and never a newline.
    WriteSlowly,
}

impl Habit {
    const ALL: [Self; 3] = [Self::ReadSlowly, Self::NeverRead, Self::WriteSlowly];

    /// Its word on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ReadSlowly => "read-slowly",
            Self::NeverRead => "never-read",
            Self::WriteSlowly => "write-slowly",
        }
    }

    /// How often each of them does something.
    const fn period(self) -> Duration {
        match self {
            Self::ReadSlowly | Self::NeverRead => Duration::from_secs(1),
            Self::WriteSlowly => Duration::from_secs(10),
        }
    }
}

/// The process: so many peers with that habit, until it is killed. It prints `ready` when all are
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

/// Each peer has its turn once in a period, a few of them at every tick; who was closed is gone.
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

/// Returns false if the connection has ended.
fn has_its_turn(habit: Habit, peer: &mut TcpStream) -> bool {
    let goes_on = |result: std::io::Result<usize>| match result {
        Ok(bytes) => bytes > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    };
    if habit == Habit::WriteSlowly {
        // What comes would be an end, because nothing is echoed before a newline.
        return goes_on(peer.write(b"x")) && goes_on(peer.read(&mut [0; 64]));
    }
    while let Ok(bytes) = peer.write(LINE)
        && bytes > 0
    {}
    match habit {
        Habit::ReadSlowly => goes_on(peer.read(&mut [0])),
        // A write tells too when the connection is over.
        Habit::NeverRead | Habit::WriteSlowly => goes_on(peer.write(b"x")),
    }
}
