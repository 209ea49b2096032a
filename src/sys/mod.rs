//! The operating system, on mio, as the reactor ([`Os`](crate::reactor::Os)) and the load generator
//! ([`Dial`]) see it. The only home of mio.

mod child_stderr;
mod defer_accept;
mod dial;
mod dialer;
#[cfg_attr(mio_unsupported_force_poll_poll, path = "edge_poll.rs")]
mod edge;
mod exec_command;
mod hand_over;
mod launcher;
mod listener;
mod mio_os;
mod socket;
mod stop_handshakes;
mod timer;
mod token;

pub use self::dial::{Dial, DialEvent, DialedStream};
pub use self::dialer::{DialedSocket, Dialer};
pub use self::exec_command::ExecCommand;
pub use self::launcher::Launcher;
pub use self::listener::Listener;
pub use self::mio_os::{MioOs, SignalHandlers};
pub use self::socket::Socket;
