//! A message on its way.
//!
//! Message objects lie in one array of the kernel's address space, backed as it grows, so that a
//! [`MessageNumber`] leads to its object by an addition. A user thread has one for its synchronous calls, a reply port as many
//! as it may have under way, and each source of notices (timer, interrupt, channel end) one: nothing is allocated on sending.

use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use anax_abi::{Envelope, Error, Flags, MessageNumber, WORDS};
use microkernel_core::handles::Parcel;
use microkernel_core::twoclass::{Linked, Links};
use spin::Mutex;
use x86_64::VirtAddr;

use super::Port;
use crate::arch::cpu::InterruptsOff;
use crate::cap::{self, Space};
use crate::lwkt::Thread;
use crate::mm::layout::{MESSAGES, PAGE_SIZE};
use crate::mm::window;
use crate::object::ObjectRef;
use crate::percpu::CpuId;

/// Messages that can exist.
const MAX: u32 = 1 << 16;

/// Where a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// With its sender, unsent: DONE in the paper's words.
    #[default]
    Idle,
    /// On its way to another CPU.
    Transit,
    /// In its port's queue.
    Queued,
    /// Received; the receiver owes a reply.
    Held,
    /// Answered; on its way back.
    Returning,
    /// In its reply port's queue.
    Replied,
}

/// Who gets the reply.
#[derive(Clone, Copy, Default)]
pub(crate) enum Sender {
    /// A thread that waits for it: a synchronous call.
    Thread(&'static Thread),
    /// A reply port: an asynchronous one.
    Port(&'static Port),
    /// The kernel, which wants to hear of it: an interrupt is enabled again.
    Acknowledge(fn(u64), u64),
    /// Nobody: a notice.
    #[default]
    Nobody,
    /// Nobody, and the message goes to the common stock when it has been received: a last word.
    Gone,
}

/// A message. Its cells belong to its home's CPU, before sending and after the reply to the sender's.
#[derive(Default)]
#[repr(C, align(256))]
pub(crate) struct Message {
    index: u32,
    /// Which use of it; whoever names an earlier one comes too late. 31 bits.
    pub(crate) generation: AtomicU32,
    pub(super) state: Cell<State>,
    pub(super) priority: Cell<u8>,
    /// Occurrences since a notice was last received.
    pub(super) count: Cell<u32>,
    pub(super) command: Cell<u32>,
    pub(super) flags: Cell<Flags>,
    /// The rest of [`Message::bare_envelope`].
    no_handles: u16,
    pub(super) words: Cell<[u64; WORDS]>,
    pub(super) result: Cell<i64>,
    pub(super) token: Cell<u64>,
    pub(super) badge: Cell<u64>,
    pub(super) sender: Cell<Sender>,
    /// The port it was sent to.
    pub(super) port: Cell<Option<&'static Port>>,
    pub(super) port_generation: Cell<u32>,
    /// Why it is to end as soon as it arrives where it is being forwarded to.
    pub(super) cancelled: Cell<Option<Error>>,
    /// The sender has asked for its end; the request is in the queue of the port that holds it.
    pub(super) aborting: Cell<bool>,
    /// Belongs to a reply port: the next of those that do, and whether it is under way.
    pub(super) sibling: Cell<Option<&'static Message>>,
    pub(super) out: Cell<bool>,
    pub(super) links: Links<Message>,
    /// Handles beside it, claimed in the receiving space's table.
    pub(super) parcel: Cell<Option<Parcel<ObjectRef>>>,
    /// The CPU of the port that it was sent to; read by whoever wants to end it.
    home: AtomicU32,
}

const _: () = assert!(size_of::<Message>() <= 512);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calls command {:#x}, {:?}", self.command.get(), self.state.get())?;
        match self.port.get() {
            Some(port) => write!(f, " at {port}"),
            None => Ok(()),
        }
    }
}

// SAFETY: see the type: one CPU at a time uses the cells, and hands the message on by the crossbar, which orders memory.
unsafe impl Sync for Message {}

/// The free list; also serialises the array's growth. A cold lock: making threads, ports and sources of notices.
static FREE: Mutex<Option<&'static Message>> = Mutex::new(None);
static MADE: AtomicU32 = AtomicU32::new(0);

impl Linked for Message {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Message {
    /// A message that nobody else has, or none without memory.
    pub(crate) fn take() -> Option<&'static Self> {
        let _off = InterruptsOff::new();
        let mut free = FREE.lock();
        if let Some(message) = *free {
            *free = message.links.next.take();
            return Some(message);
        }
        let index = MADE.load(Ordering::Relaxed);
        if index == MAX {
            return None;
        }
        let at = address(index);
        for page in (at.as_u64()..at.as_u64() + size_of::<Self>() as u64).step_by(PAGE_SIZE as usize) {
            if page % PAGE_SIZE == 0 {
                window::back(VirtAddr::new_truncate(page), 1).ok()?;
            }
        }
        let message = Self { index, generation: AtomicU32::new(1), ..Self::default() };
        // SAFETY: backed just now or with its neighbour, aligned, and used by nobody before `MADE` says so.
        let message = unsafe {
            at.as_mut_ptr::<Self>().write(message);
            &*at.as_ptr::<Self>()
        };
        MADE.store(index + 1, Ordering::Release);
        Some(message)
    }

    /// Gives back a message that is nowhere.
    pub(crate) fn give(&'static self) {
        invariant!(self.state.get() == State::Idle);
        self.out.set(false);
        self.expire();
        let _off = InterruptsOff::new();
        let mut free = FREE.lock();
        self.links.next.set(free.replace(self));
    }

    /// The message of that number, if that use of it is not over.
    #[inline]
    pub(super) fn of(number: MessageNumber) -> Option<&'static Self> {
        Self::any(number).filter(|message| message.is(number))
    }

    /// The message of that number in whatever use.
    #[inline]
    pub(super) fn any(number: MessageNumber) -> Option<&'static Self> {
        if number.index() >= MADE.load(Ordering::Acquire) {
            return None;
        }
        let mut at = address(number.index()).as_u64();
        // SAFETY: no instruction. It makes the compiler keep the sum, where it would add the base anew for each field.
        unsafe {
            core::arch::asm!("/* {} */", inout(reg) at, options(pure, nomem, nostack, preserves_flags))
        };
        // SAFETY: made, and never unmade; not null, which the compiler can't see any more.
        Some(unsafe { NonNull::new_unchecked(core::ptr::with_exposed_provenance_mut(at as usize)).as_ref() })
    }

    /// All messages there are, for the end of a port and for dumps.
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        // SAFETY: as in `of`.
        (0..MADE.load(Ordering::Acquire)).map(|index| unsafe { &*address(index).as_ptr::<Self>() })
    }

    /// Its number in its present use.
    #[inline(always)]
    pub(super) fn number(&self) -> MessageNumber {
        // SAFETY: the first two fields, of which the generation never has its highest bit set: `MessageNumber::new` in one read.
        MessageNumber::from_word(unsafe { core::ptr::from_ref(self).cast::<u64>().read() })
    }

    /// Fills in a message that is to be sent.
    pub(super) fn fill(
        &self,
        sender: Sender,
        (command, flags, token): (u32, Flags, u64),
        words: [u64; WORDS],
    ) {
        self.command.set(command);
        self.flags.set(flags);
        self.token.set(token);
        self.words.set(words);
        self.sender.set(sender);
        self.badge.set(0);
        self.priority.set(crate::percpu::this().thread().priority.get().level());
    }

    /// The message of that number, if it is under way from `port` and may be aborted.
    pub(super) fn abortable(port: &Port, number: MessageNumber) -> Result<&'static Self, Error> {
        Self::of(number)
            .filter(|message| message.answers_to(port))
            .filter(|message| message.flags.get().contains(Flags::ABORTABLE))
            .ok_or(Error::BadArgument)
    }

    /// Says where it goes: to that generation of a port, which is at home there.
    #[inline]
    pub(super) fn aim(&self, port: &'static Port, generation: u32, home: CpuId) {
        self.port.set(Some(port));
        self.port_generation.set(generation);
        self.set_home(home);
    }

    /// Whether there are handles beside it.
    #[inline(always)]
    pub(super) fn has_parcel(&self) -> bool {
        // SAFETY: nobody changes it meanwhile; unlike taking it, this does not move it.
        unsafe { (*self.parcel.as_ptr()).is_some() }
    }

    /// Gives the handles beside it up, which did not reach `receiver`.
    pub(super) fn drop_parcel(&self, receiver: Option<&Space>) {
        if let Some(parcel) = self.parcel.take() {
            cap::discard(receiver, parcel);
        }
    }

    /// A synchronous call that its receiver has at once. The fast path's sending.
    #[inline(always)]
    pub(super) fn begin_call(
        &self,
        thread: &'static Thread,
        port: &'static Port,
        generation: u32,
        priority: microkernel_core::runqueue::Priority,
    ) {
        self.state.set(State::Held);
        self.sender.set(Sender::Thread(thread));
        self.port.set(Some(port));
        self.port_generation.set(generation);
        self.set_home(thread.cpu());
        self.priority.set(priority.level());
        self.flags.set(Flags::NONE);
    }

    /// What its envelope and that of its reply say. The fast path's, for a handle beside it.
    #[inline(always)]
    pub(super) fn expect_envelope(&self, command: u32, flags: Flags, token: u64) {
        self.command.set(command);
        self.flags.set(flags);
        self.token.set(token);
    }

    /// Its end when the sender has the reply.
    #[inline(always)]
    pub(super) fn end_call(&self) {
        self.state.set(State::Idle);
        self.expire();
    }

    /// Ends the present use: its number means nothing any more.
    #[inline]
    pub(super) fn expire(&self) {
        let next = self.generation.load(Ordering::Relaxed).wrapping_add(1) & (u32::MAX >> 1);
        self.generation.store(next, Ordering::Relaxed);
    }

    /// Whether `number` names its present use.
    #[inline]
    pub(super) fn is(&self, number: MessageNumber) -> bool {
        self.generation.load(Ordering::Relaxed) == number.generation()
    }

    /// Whether its reply goes to that port.
    pub(super) fn answers_to(&self, port: &Port) -> bool {
        matches!(self.sender.get(), Sender::Port(to) if core::ptr::eq(to, port)) && self.out.get()
    }

    pub(super) fn home(&self) -> Option<CpuId> {
        CpuId::new(self.home.load(Ordering::Acquire) as usize)
    }

    /// Whether `cpu` is its home.
    #[inline(always)]
    pub(super) fn is_home(&self, cpu: CpuId) -> bool {
        self.home.load(Ordering::Acquire) as usize == cpu.index()
    }

    pub(super) fn set_home(&self, cpu: CpuId) {
        self.home.store(cpu.index() as u32, Ordering::Release);
    }

    pub(super) fn envelope(&self, flags: Flags, handles: u8) -> u64 {
        Envelope::new(self.command.get(), flags, handles).0
    }

    /// Its envelope without handles.
    #[inline(always)]
    pub(super) fn bare_envelope(&self) -> u64 {
        const {
            assert!(
                core::mem::offset_of!(Self, command) == 16 && core::mem::offset_of!(Self, no_handles) == 22
            )
        };
        // SAFETY: `Envelope::new` of command, flags and 0 in one read.
        unsafe { core::ptr::from_ref(self).cast::<u64>().add(2).read() }
    }

    /// Fills in what a reply of the kernel says.
    pub(super) fn answer(&self, error: Error) {
        self.result.set(error.code());
        self.words.set([0; WORDS]);
    }
}

/// Where message `index` lies.
#[inline]
fn address(index: u32) -> VirtAddr {
    // SAFETY: canonical, like all of the array.
    unsafe { VirtAddr::new_unsafe(MESSAGES + u64::from(index) * size_of::<Message>() as u64) }
}

/// A source of notices: what timers, interrupts and channel ends have to tell a port. One that has not been received yet is not
/// queued again; it counts.
#[derive(Default)]
pub(crate) struct Notice(Cell<Option<&'static Message>>);

impl Notice {
    /// Of a source that is not bound to a port.
    pub(crate) const fn new() -> Self {
        Self(Cell::new(None))
    }

    /// Its message.
    pub(crate) fn message(&self) -> Option<&'static Message> {
        self.0.get()
    }

    /// The thread that is told, if it is bound to a port that has one. At the port's home.
    pub(crate) fn owner(&self) -> Option<&'static Thread> {
        self.0.get()?.port.get()?.owner.get()
    }

    /// Binds it to a port from now on; whatever it had under way is withdrawn. At the port's home, which is the source's, too.
    pub(crate) fn bind(
        &self,
        port: &'static Port,
        badge: u64,
        command: u32,
        sender: Sender,
    ) -> Result<(), Error> {
        let message = match self.0.get() {
            Some(message) => {
                super::withdraw(message);
                message
            }
            // Nowhere, and where it was last is nobody's business any more.
            None => Message::take().ok_or(Error::NoMemory)?,
        };
        self.0.set(Some(message));
        message.aim(port, port.life.get(), port.home());
        message.badge.set(badge);
        message.command.set(command);
        message.sender.set(sender);
        Ok(())
    }

    /// Unbinds it and gives its message back.
    pub(crate) fn end(&self) {
        if let Some(message) = self.0.take() {
            super::withdraw(message);
            message.give();
        }
    }
}
