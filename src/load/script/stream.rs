//! Our end of a scripted connection.

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use rustix::io::Errno;

use crate::connection::Stream;
use crate::sys::DialedStream;

use super::{Network, ServerBehavior};

/// Our end of a connection.
pub(in crate::load) struct ScriptedStream {
    pub(super) world: Rc<RefCell<Network>>,
    pub(super) number: usize,
    pub(super) itself: bool,
}

impl Stream for ScriptedStream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut world = self.world.borrow_mut();
        let (now, most) = (world.now, world.chunk.min(room.len()));
        let wire = &mut world.wires[self.number];
        let here = wire.back.iter().take_while(|(at, _)| *at <= now).count().min(most);
        if here > 0 {
            for (slot, (_, byte)) in room.iter_mut().zip(wire.back.drain(..here)) {
                *slot = byte;
            }
            return Ok(here);
        }
        if wire.rst.is_some_and(|at| at <= now) {
            return Err(Errno::CONNRESET.into());
        }
        if wire.fin.is_some_and(|at| at <= now) {
            return Ok(0);
        }
        Err(Errno::AGAIN.into())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.world.borrow_mut();
        let (at, behavior) = (world.answer_at(), world.behavior(self.number));
        let count = bytes.len().min(world.chunk);
        let wire = &mut world.wires[self.number];
        assert!(!wire.saw_fin, "it writes after its FIN");
        wire.take(&bytes[..count], behavior, at);
        Ok(count)
    }

    fn half_close(&mut self) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        let (at, behavior) = (world.answer_at(), world.behavior(self.number));
        let wire = &mut world.wires[self.number];
        wire.saw_fin = true;
        let kept = std::mem::take(&mut wire.kept);
        wire.back.extend(kept.into_iter().map(|byte| (at, byte)));
        if behavior != ServerBehavior::Silence {
            wire.fin = wire.fin.or(Some(at));
        }
        Ok(())
    }

    fn take_error(&mut self) -> io::Result<Option<io::Error>> {
        let world = self.world.borrow();
        let wire = &world.wires[self.number];
        let refused = wire.refused && wire.connected <= world.now;
        Ok(refused.then(|| Errno::CONNREFUSED.into()))
    }

    fn close_with_reset(&self) -> io::Result<()> {
        self.world.borrow_mut().wires[self.number].saw_rst = true;
        Ok(())
    }
}

impl DialedStream for ScriptedStream {
    fn local(&self) -> Option<SocketAddr> {
        let port = 40_000 + u16::try_from(self.number).unwrap();
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn remote(&self) -> Option<SocketAddr> {
        let world = self.world.borrow();
        let connected = world.wires[self.number].connected <= world.now;
        let server = || SocketAddr::from((Ipv4Addr::LOCALHOST, 7));
        connected.then(|| if self.itself { self.local() } else { Some(server()) }).flatten()
    }
}

impl Drop for ScriptedStream {
    fn drop(&mut self) {
        self.world.borrow_mut().wires[self.number].closed = true;
    }
}
