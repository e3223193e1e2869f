//! What of it is Anax's alone: stacks with guard pages, the bell that wakes a sleeping virtual CPU, and messages whose reply is waited for
//! here, not in the kernel.
//!
//! On the host the traps behind it answer `BadHandle`; everything else of this package works there.

use core::ptr::{self, NonNull};

use anax_lwkt::crossbar::Notify;
use anax_sys::object::{Channel, RegionKind, Space};
use anax_sys::{Error, Message, Port, Received, Rights, Target};

use crate::cpu::VirtualCpu;
use crate::inbox::Signals;
use crate::schedule::Idle;
use crate::stack::Stacks;
use crate::thread::{Reply, State, ThreadId};
use crate::wait::QueueIndex;

const PAGE: usize = 4096;
const READ_WRITE: Rights = Rights::READ.with(Rights::WRITE);

impl Stacks {
    /// `count` stacks of `bytes` each, rounded up to pages, out of one lazy region, with a page below each that faults when it is written. A
    /// thread that needs more than its stack ends the kernel thread by that fault.
    ///
    /// # Errors
    /// `BadArgument` if there is nothing to be made; `Quota`, `NoMemory`; `Full` if the space has no room for two mappings a stack.
    pub fn guarded(count: usize, bytes: usize) -> Result<Self, Error> {
        let bytes =
            bytes.checked_next_multiple_of(PAGE).filter(|&bytes| bytes > 0).ok_or(Error::BadArgument)?;
        let stride = bytes.checked_add(PAGE).ok_or(Error::BadArgument)?;
        let all = stride.checked_mul(count).filter(|&all| all > 0).ok_or(Error::BadArgument)?;
        let region = Space::SELF.create_region(all as u64, RegionKind::Lazy)?;
        let address = Space::SELF.map(region, 0, all as u64, READ_WRITE)?;
        for stack in 0..count {
            let guard = address + (stack * stride) as u64;
            // SAFETY: pages that were mapped just now, and that nobody knows of.
            unsafe { Space::SELF.protect(guard, PAGE as u64, Rights::READ)? };
        }
        let first = ptr::with_exposed_provenance_mut::<u8>(address as usize + PAGE);
        let first = NonNull::new(first).ok_or(Error::BadAddress)?;
        // SAFETY: the kernel mapped it where nothing is, it is never unmapped, and below each stack is a page that cannot be written; the
        // compiler touches every page of a frame in order.
        Ok(unsafe { Self::from_raw(first, bytes, stride, count) })
    }
}

/// Signals a virtual CPU's threads from another thread of the same space, and wakes the virtual CPU if it sleeps: then with a trap, else
/// without one.
#[derive(Clone, Copy, Debug)]
pub struct Waker {
    signals: Signals<'static>,
    bell: Channel,
}

impl Waker {
    /// For a virtual CPU whose idle hook waits at `port`: it will find notices `RING` there, with `badge`, that mean nothing but "look".
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub fn new(signals: Signals<'static>, port: Port, badge: u64) -> Result<Self, Error> {
        let memory = Space::SELF.create_region(PAGE as u64, RegionKind::Lazy)?;
        let (bell, heard) = Space::SELF.create_channel(memory, PAGE as u64)?;
        heard.bind(port, badge)?;
        Ok(Self { signals, bell })
    }

    /// One that rings by another one's end of a channel, as [`Waker::bell`] tells it.
    #[must_use]
    pub const fn over(signals: Signals<'static>, bell: Channel) -> Self {
        Self { signals, bell }
    }

    /// The end of a channel that it rings: what another thread of the space needs to make one for itself.
    #[must_use]
    pub const fn bell(self) -> Channel {
        self.bell
    }

    /// As [`Signals::lwkt_signal`]. (Table I: signal, from another CPU.)
    ///
    /// # Errors
    /// `BadArgument`: no such queue.
    pub fn lwkt_signal(self, queue: QueueIndex, count: usize) -> Result<(), Error> {
        match self.signals.lwkt_signal(queue, count) {
            Ok(Notify::Ipi) => self.bell.ring(),
            Ok(Notify::Coalesced | Notify::Deferred) => Ok(()),
            Err(_) => Err(Error::BadArgument),
        }
    }
}

impl VirtualCpu {
    /// Sends `message` and blocks the running thread until its reply is at `reply_port`; meanwhile others run. The message's token is
    /// replaced. Somebody has to fetch the reply: [`VirtualCpu::waitport`] as the idle hook does. Sending enters the kernel, waiting does not.
    /// (Table II: domsg.)
    ///
    /// # Errors
    /// Those of [`Target::beginmsg`]: the message was not sent. What the reply says is in what is returned.
    ///
    /// # Panics
    /// If no thread is running.
    pub fn domsg(&self, target: Target, message: &Message, reply_port: Port) -> Result<Received, Error> {
        let token = {
            let (core, running) = self.leaving();
            ThreadId { index: running.0, generation: core.threads[running].generation }.to_word()
        };
        target.beginmsg(&Message { token, ..*message }, reply_port)?;
        self.take_signals();
        let (mut core, running) = self.leaving();
        core.threads[running].reply = Reply::Due;
        core.threads[running].state = State::Blocked;
        self.switch_away(core, running);
        match core::mem::replace(&mut self.core.borrow_mut().threads[running].reply, Reply::None) {
            Reply::Come(reply) => Ok(reply),
            Reply::None | Reply::Due => unreachable!("{running} was woken without its reply"),
        }
    }

    /// Hands a reply to the thread that waits for it, and that thread goes on; gives back whatever is something else.
    #[must_use]
    pub fn deliver(&self, received: Received) -> Option<Received> {
        {
            let core = &mut *self.core.borrow_mut();
            let due =
                received.is_reply().then(|| core.find(ThreadId::from_word(received.badge)).ok()).flatten();
            let Some(index) = due.filter(|&index| matches!(core.threads[index].reply, Reply::Due)) else {
                return Some(received);
            };
            core.threads[index].reply = Reply::Come(received);
            core.make_runnable(index);
        }
        self.woken();
        None
    }

    /// An idle hook: waits at `port` for one message or notice. Replies go to their threads, everything else to `other`, which may signal
    /// wait queues; a [`Waker`]'s notices need nothing more. Stops if the port is gone.
    pub fn waitport(&self, port: Port, other: impl FnOnce(Received)) -> Idle {
        let Ok(received) = port.waitport() else { return Idle::Stop };
        if let Some(received) = self.deliver(received) {
            other(received);
        }
        Idle::Again
    }
}
