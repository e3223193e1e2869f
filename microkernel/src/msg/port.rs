//! A port: owned by one thread, which alone receives; at home on that thread's CPU, which alone changes it.

use core::cell::Cell;
use core::fmt;

use anax_abi::{Error, Flags};
use microkernel_core::twoclass::TwoClassQueue;

use super::message::{Message, State};
use crate::cap::Space;
use crate::lwkt::Thread;
use crate::object::{Header, Kind, Object, Pool};
use crate::percpu::{self, CpuId};

/// A port.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Port {
    header: Header,
    /// Its owner is blocked in a receive here.
    pub(super) waiting: Cell<bool>,
    pub(super) owner: Cell<Option<&'static Thread>>,
    queue: TwoClassQueue<Message>,
    /// Messages received and not answered.
    pub(super) held: Cell<u32>,
    /// The messages that it can have under way as a reply port, and those of them that are not in use.
    all: Cell<Option<&'static Message>>,
    free: Cell<Option<&'static Message>>,
    capacity: Cell<u32>,
    /// Who pays for it, and whose table its handles go to.
    pub(super) space: Cell<Option<&'static Space>>,
    next_owned: Cell<Option<&'static Port>>,
    /// Which port this memory is. Handles may be revoked, and the port lives on with what is bound to it.
    pub(super) life: Cell<u32>,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, held) = (self.queue.length(), self.held.get());
        write!(f, "port {:p} (CPU {}, {queued} wait, {held} held)", self, self.home().index())
    }
}

// SAFETY: cells are used by the home CPU alone; before it is known to others, by its maker.
unsafe impl Sync for Port {}

// SAFETY: `repr(C)`, header first, made by a pool.
unsafe impl Object for Port {
    const KIND: Kind = Kind::Port;
}

static POOL: Pool<Port> = Pool::new();

/// Most messages that may wait in a port at a time, as a multiple of nothing: senders are bounded by their own quotas; droppable
/// messages are dropped beyond this.
pub(super) const CROWDED: u32 = 64;

impl Port {
    /// A port of `owner`, which can have `capacity` messages under way as a reply port. (Table II: initport.) On the owner's CPU.
    ///
    /// # Errors
    /// `Quota` if the space may not have so many messages, `NoMemory`.
    pub(crate) fn create(
        owner: &'static Thread,
        space: Option<&'static Space>,
        capacity: u32,
    ) -> Result<&'static Self, Error> {
        invariant!(owner.cpu() == percpu::this().id());
        let reservation = space.map(|space| space.quota().messages.reserve(capacity)).transpose()?;
        let page = space.map(|space| space.quota().pages.reserve(1)).transpose()?;
        let port = POOL.take_object().ok_or(Error::NoMemory)?;
        for _ in 0..capacity {
            let Some(message) = Message::take() else {
                port.drop_messages();
                POOL.give(port);
                return Err(Error::NoMemory);
            };
            message.sibling.set(port.all.replace(Some(message)));
            message.links.next.set(port.free.replace(Some(message)));
        }
        reservation.into_iter().chain(page).for_each(|reserved| reserved.commit());
        port.header.set_home(owner.cpu());
        port.owner.set(Some(owner));
        port.space.set(space);
        port.capacity.set(capacity);
        port.next_owned.set(owner.ports.replace(Some(port)));
        Ok(port)
    }

    /// Its present generation.
    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.header.generation()
    }

    /// Whether `thread` owns it.
    #[inline]
    pub(super) fn is_owned_by(&self, thread: &Thread) -> bool {
        self.owner.get().is_some_and(|owner| core::ptr::eq(owner, thread))
    }

    /// Whether its owner is on that CPU.
    #[inline]
    pub(super) fn is_at(&self, cpu: CpuId) -> bool {
        self.header.is_at(cpu)
    }

    /// Its owner's CPU.
    #[inline]
    pub(crate) fn home(&self) -> CpuId {
        self.header.home()
    }

    /// A message object for an asynchronous message that is answered here.
    pub(super) fn take_message(&self) -> Option<&'static Message> {
        let message = self.free.get()?;
        self.free.set(message.links.next.take());
        message.out.set(true);
        Some(message)
    }

    /// Takes it back when the reply has been received.
    pub(super) fn give_message(&self, message: &'static Message) {
        message.expire();
        message.out.set(false);
        message.state.set(State::Idle);
        message.links.next.set(self.free.replace(Some(message)));
    }

    /// Gives its messages up. Those under way come back by themselves, find the port gone, and go to the common stock.
    fn drop_messages(&self) {
        self.free.set(None);
        while let Some(message) = self.all.get() {
            self.all.set(message.sibling.take());
            if message.out.replace(false) {
                super::withdraw(message);
            } else {
                message.give();
            }
        }
    }

    /// Messages that wait.
    pub(crate) fn queued(&self) -> u32 {
        self.queue.length()
    }

    /// Puts a message in the queue: priority messages behind each other before all others.
    pub(super) fn enqueue(&self, message: &'static Message) {
        self.queue.enqueue(message, message.flags.get().contains(Flags::PRIORITY));
    }

    /// Takes a message out that is in this queue.
    pub(super) fn unlink(&self, message: &'static Message) {
        self.queue.unlink(message);
    }

    /// The message that is received next.
    #[inline]
    pub(super) fn first(&self) -> Option<&'static Message> {
        self.queue.first()
    }

    /// Whether its owner has no other.
    #[inline(always)]
    pub(super) fn is_only_one_of(&self, owner: &Thread) -> bool {
        self.next_owned.get().is_none() && owner.ports.get().is_some_and(|first| core::ptr::eq(first, self))
    }

    /// The most urgent priority among the messages that wait for `owner`, who inherits it. Home.
    pub(crate) fn demand(owner: &Thread) -> u8 {
        let ports = core::iter::successors(owner.ports.get(), |port| port.next_owned.get());
        // Bounded: what a long queue wants is known from its beginning for most purposes.
        let waiting = ports.flat_map(|port| port.queue.iter().take(CROWDED as usize));
        waiting.map(|message| message.priority.get()).max().unwrap_or(0)
    }

    /// Its blocked owner goes on with an error. Home.
    pub(crate) fn stop_waiting(&'static self, error: Error) {
        if self.waiting.take()
            && let Some(owner) = self.owner.get()
        {
            super::transfer::fail_receive(owner, error);
        }
    }

    /// Ends the port: whatever waits or is being answered here gets `PeerDied`, whatever is under way from here is withdrawn, a
    /// blocked owner gets `BadHandle`. Home.
    pub(crate) fn end(&'static self) {
        let Some(owner) = self.owner.take() else { return };
        disown(owner, self);
        self.header.life().renew(0);
        self.life.set(self.life.get().wrapping_add(1));
        while let Some(message) = self.queue.first() {
            self.unlink(message);
            if message.state.get() == State::Replied || message.answers_to(self) {
                message.aborting.set(false);
                message.drop_parcel(self.space.get());
                self.give_message(message);
            } else {
                super::transfer::conclude(message, Error::PeerDied);
            }
        }
        if self.held.get() > 0 {
            let here = |message: &&'static Message| {
                message.state.get() == State::Held
                    && message.port.get().is_some_and(|port| core::ptr::eq(port, self))
            };
            // A message that moves meanwhile is none of this port's: only this CPU changes those.
            Message::all().filter(here).for_each(|message| match message.answers_to(self) {
                true => self.give_message(message),
                false => super::transfer::conclude(message, Error::PeerDied),
            });
            self.held.set(0);
        }
        if self.waiting.take() {
            super::transfer::fail_receive(owner, Error::BadHandle);
        }
        self.drop_messages();
        if let Some(space) = self.space.take() {
            space.quota().messages.release(self.capacity.get());
            space.quota().pages.release(1);
        }
        self.capacity.set(0);
        POOL.give(self);
    }
}

/// Takes `port` out of the list of ports that `owner` has.
fn disown(owner: &Thread, port: &'static Port) {
    let mut link = &owner.ports;
    while let Some(next) = link.get() {
        if core::ptr::eq(next, port) {
            return link.set(port.next_owned.take());
        }
        link = &next.next_owned;
    }
}
