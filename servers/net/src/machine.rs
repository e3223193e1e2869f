//! What the threads need of the machine.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use anax::owned::Owned;
use anax::{Mapping, View};
use anax_abi::{Error, Message, Rights};
use anax_inet::control::Configuration;
use anax_proto::{Answered, Gift};
use anax_ring::{AtomicU64, Epoch, SharedBlock, SharedBytes};
use anax_service::deliver;
use anax_socket::Failure;
use anax_sys::object::{Channel, Region, Space};
use anax_sys::{Port, Target};
use net::session::{Arena, Foreign};
use net::shard::Host;
use net::zero::ZeroHost;

/// What is sent to a program's hold, which never answers but by its end.
const HOLD: u32 = 0x2f00;

/// A program's memory.
#[derive(Debug)]
pub(crate) struct Memory(Mapping);

impl Arena for Memory {
    fn bytes(&self) -> SharedBytes<'_> {
        self.0.bytes()
    }
}

/// Memory that a program has shown.
struct Seen(View);

impl Foreign for Seen {
    fn block(&self) -> SharedBlock<'_> {
        self.0.block()
    }
}

/// Wakes a thread at its port.
#[derive(Debug)]
pub(crate) struct Bell {
    ringing: Channel,
    _heard: Owned<Channel>,
}

impl Bell {
    pub(crate) fn new(port: Port, badge: u64) -> Result<Self, Error> {
        let (ringing, heard) = crate::program::bell(port, badge)?;
        Ok(Self { ringing, _heard: heard })
    }
}

impl net::crossbar::Bell for Bell {
    fn ring(&self) {
        // Both ends are this program's.
        let _ = self.ringing.ring();
    }
}

/// Where the kernel posts the epochs of a card's channel.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) channel: Channel,
    pub(crate) word: &'static AtomicU64,
    /// How the card comes by its addresses.
    pub(crate) configuration: Configuration,
}

impl Posted {
    pub(crate) fn epoch(&self) -> Result<Epoch, Error> {
        crate::program::epoch(self.word.load(Ordering::Acquire))
    }
}

/// The machine, as a thread sees it.
#[derive(Debug)]
pub(crate) struct Machine {
    ports: Vec<Port>,
}

impl Machine {
    pub(crate) const fn new(ports: Vec<Port>) -> Self {
        Self { ports }
    }
}

impl Host for Machine {
    type Arena = Memory;
    type Bell = Bell;

    fn answer(&mut self, answered: &Answered) -> bool {
        deliver(answered)
    }

    fn show(&mut self, memory: Gift, at: u64, bytes: u64) -> Result<Box<dyn Foreign>, Failure> {
        let region = Owned::new(Region::from_handle(memory.handle));
        // Where its maker takes it away there are zeros from then on, and no fault: docs/memory.md.
        match View::new(region, at, bytes, Rights::READ) {
            Ok(view) => Ok(Box::new(Seen(view))),
            Err(Error::NoMemory | Error::Full | Error::Quota) => Err(Failure::Full),
            Err(_) => Err(Failure::BadArgument),
        }
    }
}

impl ZeroHost for Machine {
    fn attach(&mut self, number: u64, arena: Gift, hold: Gift) -> Result<Memory, Failure> {
        let region = Owned::new(Region::from_handle(arena.handle));
        let port = *self.ports.first().ok_or(Error::BadHandle)?;
        let message = Message { token: number, ..Message::new(HOLD, [0; 5]) };
        let sent = Target::from_handle(hold.handle).beginmsg(&message, port);
        let _ = Space::SELF.close(hold.handle);
        sent?;
        Ok(Memory(Mapping::new(region)?))
    }

    fn handle(&mut self, thread: u32, number: u64) -> Result<Gift, Failure> {
        let port = *self.ports.get(thread as usize).ok_or(Failure::BadArgument)?;
        let rights = Rights::SEND.with(Rights::GRANT);
        Ok(Gift::given(Space::SELF.duplicate(port.handle(), rights, number)?))
    }
}
