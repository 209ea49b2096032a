//! The reactor's turn on a scripted `Os`: no socket, no clock, every order of events.

mod accepting;
mod admin;
mod children;
mod draining;
mod faults;
mod pausing;
mod probe;
mod proxy_header;
mod scheduling;
mod survey;
mod tcp_samples;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use super::*;
use crate::cause::Cause;
use crate::connection::script::{In, Out, ScriptedStream, StreamScript};
use crate::connection::{Peer, Ready, Timeouts};
use crate::http::Response;
use crate::net::access::Access;
use crate::service::ECHO;

type Handle = Rc<RefCell<StreamScript>>;

/// The script of the `Os`.
#[derive(Default)]
struct OsScript {
    events: VecDeque<Vec<Event>>,
    queue: VecDeque<Result<ScriptedStream, Errno>>,
    accepts: usize,
    admin_queue: VecDeque<Result<(ScriptedStream, Peer), Errno>>,
    register: VecDeque<Errno>,
    now: MonotonicMs,
    /// The time of the second and later readings of the clock after a poll.
    slow: Option<MonotonicMs>,
    looks: Cell<usize>,
    /// The first listener without new handshakes.
    handshakes_stopped: Option<usize>,
    listeners_closed: bool,
    timeouts: Vec<Option<Duration>>,
    registered: Vec<usize>,
    polled: Option<Errno>,
    /// The error of each spawn; when this is empty they succeed, with process ids from 1 on.
    unstartable: VecDeque<Errno>,
    spawned: Vec<Pid>,
    ended: VecDeque<(Pid, ExitStatus)>,
    /// Children that have left processes behind.
    lingering: Vec<Pid>,
    signalled: Vec<(Pid, StopSignal)>,
}

#[derive(Clone, Default)]
struct ScriptedOs(Rc<RefCell<OsScript>>);

impl Os for ScriptedOs {
    type Stream = ScriptedStream;

    fn poll(&mut self, timeout: Option<Duration>, handle: impl FnMut(Event)) -> io::Result<()> {
        let mut plan = self.0.borrow_mut();
        plan.looks.set(0);
        plan.timeouts.push(timeout);
        let events = plan.events.pop_front().unwrap_or_default();
        let polled = plan.polled.take();
        drop(plan);
        events.into_iter().for_each(handle);
        polled.map_or(Ok(()), |errno| Err(errno.into()))
    }

    fn accept(&mut self, _: usize) -> io::Result<(ScriptedStream, Peer)> {
        let mut plan = self.0.borrow_mut();
        plan.accepts += 1;
        match plan.queue.pop_front() {
            None => Err(Errno::AGAIN.into()),
            Some(Err(errno)) => Err(errno.into()),
            Some(Ok(stream)) => Ok((stream, SocketAddr::from(([127, 0, 0, 1], 1)).into())),
        }
    }

    fn queue_is_empty(&self, _: usize) -> bool {
        self.0.borrow().queue.is_empty()
    }

    fn accept_admin(&mut self) -> io::Result<(ScriptedStream, Peer)> {
        match self.0.borrow_mut().admin_queue.pop_front() {
            None => Err(Errno::AGAIN.into()),
            Some(admin_connection) => admin_connection.map_err(Into::into),
        }
    }

    fn register(&mut self, _: &mut ScriptedStream, key: usize) -> io::Result<()> {
        let mut plan = self.0.borrow_mut();
        if let Some(errno) = plan.register.pop_front() {
            return Err(errno.into());
        }
        plan.registered.push(key);
        Ok(())
    }

    fn stop_handshakes(&mut self, first: usize) {
        self.0.borrow_mut().handshakes_stopped = Some(first);
    }

    fn close_listeners(&mut self) {
        self.0.borrow_mut().listeners_closed = true;
    }

    fn signals(&mut self) -> Vec<Signal> {
        vec![Signal::Status]
    }

    fn spawn(&mut self, _: ScriptedStream, _: &Peer) -> io::Result<Pid> {
        let mut plan = self.0.borrow_mut();
        if let Some(errno) = plan.unstartable.pop_front() {
            return Err(errno.into());
        }
        let id = child(plan.spawned.len());
        plan.spawned.push(id);
        Ok(id)
    }

    fn reap(&mut self) -> Option<(Pid, ExitStatus)> {
        self.0.borrow_mut().ended.pop_front()
    }

    fn is_over(&mut self, child: Pid) -> bool {
        !self.0.borrow().lingering.contains(&child)
    }

    fn signal_child(&mut self, child: Pid, signal: StopSignal) {
        self.0.borrow_mut().signalled.push((child, signal));
    }

    fn now(&self) -> MonotonicMs {
        let plan = self.0.borrow();
        plan.looks.set(plan.looks.get() + 1);
        plan.slow.filter(|_| plan.looks.get() > 1).unwrap_or(plan.now)
    }
}

struct Bench {
    reactor: Reactor<ScriptedOs>,
    os: ScriptedOs,
}

impl Bench {
    fn new(options: Options) -> Self {
        Self::with(CAPACITY, options)
    }

    fn with(capacity: Capacity, options: Options) -> Self {
        let os = ScriptedOs::default();
        let mut reactor = Reactor::new(os.clone(), capacity, options);
        reactor
            .set_admin_handler(AdminHandler::new(|_, request| Response::text(200, &request.path)));
        Self { reactor, os }
    }

    fn room_for(connections_max: usize, over_limit: OverLimit) -> Self {
        Self::with_room(connections_max, Options { over_limit, ..options() })
    }

    fn with_room(connections_max: usize, options: Options) -> Self {
        Self::with(Capacity { connections_max, ..CAPACITY }, options)
    }

    /// Queues a connection.
    fn enqueue(&mut self, reads: impl IntoIterator<Item = In>) -> Handle {
        let (stream, wire) = ScriptedStream::new(reads);
        self.os.0.borrow_mut().queue.push_back(Ok(stream));
        wire
    }

    fn turn(&mut self, events: impl IntoIterator<Item = Event>) {
        self.os.0.borrow_mut().events.push_back(events.into_iter().collect());
        self.reactor.turn().unwrap();
    }

    /// Moves the clock to `now`, in turns without events: a leap would be a stop.
    fn at(&mut self, now: MonotonicMs) -> &mut Self {
        loop {
            let then = self.os.0.borrow().now.after(Duration::from_millis(25));
            if then >= now {
                return self.leap(now);
            }
            self.leap(then).turn([]);
        }
    }

    /// Stops the process until `now`.
    fn leap(&mut self, now: MonotonicMs) -> &mut Self {
        self.os.0.borrow_mut().now = now;
        self
    }

    fn of(&self, cause: Cause) -> u64 {
        self.reactor.counters().of(cause)
    }

    /// Returns true if the next turn would wait, but no longer than `most`.
    fn waits_at_most(&mut self, most: Duration) -> bool {
        self.patience().is_some_and(|wait| Duration::ZERO < wait && wait <= most)
    }

    /// Returns how long the next turn would wait.
    fn patience(&mut self) -> Option<Duration> {
        self.turn([]);
        self.os.0.borrow().timeouts.last().copied().flatten()
    }
}

const CAPACITY: Capacity =
    Capacity { listeners: 1, listeners_inherited: 0, connections_max: 100, descriptors: 0 };

fn options() -> Options {
    Options {
        service: ECHO,
        listeners: Vec::new(),
        banner: None,
        exec: false,
        line_bytes_max: 4096,
        over_limit: OverLimit::Wait,
        access: Access::default(),
        metrics_access: Access::default(),
        proxy_header: None,
        per_peer_max: None,
        timeouts: Timeouts::default(),
        drain: Duration::from_secs(4),
        drain_grace: Duration::ZERO,
    }
}

/// Returns the process id of the n-th child, from 0 on.
fn child(number: usize) -> Pid {
    Pid::from_raw(i32::try_from(number + 1).unwrap()).unwrap()
}

fn readable(key: usize) -> Event {
    Event::Stream(key, Ready::READABLE.union(Ready::WRITABLE))
}

fn fin(key: usize) -> Event {
    Event::Stream(key, Ready::READABLE.union(Ready::WRITABLE).union(Ready::READ_TO_EAGAIN))
}

fn bytes(text: &str) -> In {
    In::Bytes(text.as_bytes().to_vec())
}

const LISTENER: Event = Event::Listener(0);
