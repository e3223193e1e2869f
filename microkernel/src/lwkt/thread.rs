//! Threads: made, started, ended, and kept for the next who needs one.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use anax_abi::object::Policy;
use anax_abi::{Error, Handle, MessageNumber, Rights};
use microkernel_core::handles::{Offer, Outbox, Parcel, Slot, look_up};
use microkernel_core::list::{Link, Links, ThreadIndex};
use microkernel_core::runqueue::Priority;
use microkernel_core::usched::UserThread;
use x86_64::VirtAddr;

use super::schedule;
use crate::arch::cpu::{InterruptsOff, coarse_timestamp};
use crate::arch::paging::Root;
use crate::arch::switch;
use crate::cap::{self, Cap, Space};
use crate::crossbar;
use crate::mm::stack;
use crate::msg::{Message, Port, Registers, offered};
use crate::object::{self, Header, Kind, Object, ObjectRef};
use crate::percpu::{self, CpuId, PerCpu};
use crate::trace;
use crate::user::UserState;

/// Threads that can exist at a time, on all CPUs together.
pub(crate) const MAX_THREADS: usize = 16_384;

/// What a thread is doing. The numbers are those that `ThreadCommand::Inspect` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    /// Allocated, not started, on no queue.
    Fresh = 0,
    /// On its CPU's run queue.
    Ready = 1,
    /// On its CPU.
    Running = 2,
    /// Preempted: whoever preempted it returns to it.
    Preempted = 3,
    /// On a wait queue, or on its way there or back.
    Blocked = 4,
    /// Ended; waits to be reused.
    Dead = 5,
}

/// What a blocked thread waits for.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// Nothing, or a wait queue of the kernel.
    None,
    /// The reply to its own message.
    Call(&'static Message),
    /// A message at a port that it owns.
    Receive(&'static Port),
    /// A point in time.
    Sleep,
    /// Something that the kernel does for it elsewhere, and will tell it.
    Kernel,
}

/// What makes a thread's next message or wait need the long way.
pub(crate) mod unusual {
    /// Handles are offered.
    pub(crate) const OFFERS: u8 = 1;
    /// Handles have come and were not collected.
    pub(crate) const RECEIVED: u8 = 2;
    /// Its wait has a limit in time.
    pub(crate) const LIMITED: u8 = 4;
    /// It awaits one reply before others.
    pub(crate) const AWAITS: u8 = 8;
    /// The reply to its call also fills in `r12` to `r14`.
    pub(crate) const ENVELOPE: u8 = 16;
    /// It has no space.
    pub(crate) const KERNEL: u8 = 32;
    /// It runs, and the CPU's heir waits until it blocks.
    pub(crate) const HEIR: u8 = 64;
    /// What its CPU does is recorded.
    pub(crate) const TRACED: u8 = 128;
}

/// Why a thread is stopped on its way to user mode.
pub(crate) mod summons {
    /// It is to end.
    pub(crate) const KILLED: u8 = 1;
    /// It is given away to another CPU.
    pub(crate) const MOVES: u8 = 2;
}

/// Where the entry code of system calls finds the slots and how many there are.
pub(crate) const SLOTS: usize = core::mem::offset_of!(Thread, slots);
/// Where a switch finds its stack.
pub(super) const STACK_POINTER: usize = core::mem::offset_of!(Thread, stack_pointer);
/// See [`SLOTS`].
pub(crate) const SLOT_COUNT: usize = core::mem::offset_of!(Thread, slot_count);

/// A thread, of the kernel's or of a user's. Never freed: one that ends is kept for the next. Its cells belong to its CPU.
#[repr(C)]
pub(crate) struct Thread {
    header: Header,
    /// Where its stack stood when it was last switched away from.
    pub(super) stack_pointer: Cell<u64>,
    /// The top of its kernel stack.
    pub(crate) stack_top: VirtAddr,
    /// Where system calls and interrupts from its user code begin their stack.
    pub(super) entry_stack: Cell<u64>,
    /// Its number.
    pub(crate) index: ThreadIndex,
    name: Cell<&'static str>,
    /// The priority at which it runs now.
    pub(crate) priority: Cell<Priority>,
    /// What it is doing.
    pub(crate) state: Cell<ThreadState>,
    /// Nested critical sections.
    pub(super) critical: Cell<u32>,
    /// Whom it preempted.
    pub(super) preempted: Cell<Option<ThreadIndex>>,
    /// Its user address space, if it has one.
    pub(super) root: Cell<Option<Root>>,
    function: Cell<(fn(u64), u64)>,
    link: Cell<Link>,
    /// The next in the chain of kept threads; belongs to that chain's lock.
    pub(super) next_kept: Cell<Option<ThreadIndex>>,
    /// The priority that it has of itself, before it inherits any.
    pub(crate) base: Cell<Priority>,
    /// What it waits for while it is blocked.
    pub(crate) wait: Cell<Wait>,
    /// What it has to do as soon as it is about to return to user mode: bits of [`summons`].
    pub(crate) summons: Cell<u8>,
    /// The CPU that it is given away to then.
    pub(crate) destination: Cell<CpuId>,
    /// The slots of its space's capability table; none if it is no user thread.
    slots: Cell<*const Slot>,
    slot_count: Cell<u32>,
    /// Its space, if it is a user thread; else null.
    space: AtomicPtr<Space>,
    /// How long it has run, in ticks of the time-stamp counter; less the counter when it began, while it runs.
    ran: AtomicU64,
    /// The uses of its message before it was this thread's, less those of others that it has sent: less than all uses by what it has sent.
    pub(crate) unsent: AtomicU32,
    /// The message of its synchronous calls, if it has been made.
    pub(crate) message: Cell<Option<&'static Message>>,
    /// Where the outcome of what it waits for is to be written.
    pub(crate) registers: Cell<*mut Registers>,
    /// The one message whose reply it waits for at its port.
    pub(crate) awaited: Cell<Option<MessageNumber>>,
    /// Ports that it owns.
    pub(crate) ports: Cell<Option<&'static Port>>,
    /// Handles that its next message takes along.
    outbox: RefCell<Outbox>,
    /// Handles that came with what it received last.
    pub(crate) received: Cell<Option<Parcel<ObjectRef>>>,
    /// Where its thread-local storage lies.
    pub(crate) fs_base: Cell<u64>,
    /// Its user scheduler, and what that remembers of it.
    pub(crate) policy: Cell<Policy>,
    pub(super) usage: Cell<UserThread>,
    /// Bits of [`unusual`] that hold.
    pub(super) unusual: Cell<u8>,
    /// What only user threads need.
    pub(crate) user: UserState,
}

// SAFETY: all cells are used by the thread's own CPU only (its link also by the home of the wait queue it is on, while it is
// on no queue of its CPU); others reach only `index`, the header, what is atomic, and what never changes (its message: from
// before it has a space). It moves to another CPU only
// by its own CPU's hand, while it is on no queue.
unsafe impl Sync for Thread {}

impl Thread {
    /// The thread that runs on some CPU already, on the stack that ends at `stack_top`.
    pub(crate) const fn adopted(
        name: &'static str,
        index: u32,
        stack_top: VirtAddr,
        priority: Priority,
    ) -> Self {
        Self {
            stack_pointer: Cell::new(0),
            stack_top,
            entry_stack: Cell::new(0),
            index: ThreadIndex(index),
            name: Cell::new(name),
            priority: Cell::new(priority),
            state: Cell::new(ThreadState::Running),
            critical: Cell::new(0),
            preempted: Cell::new(None),
            root: Cell::new(None),
            function: Cell::new((|_| (), 0)),
            link: Cell::new(Link::FREE),
            next_kept: Cell::new(None),
            header: Header::new(Kind::Thread),
            base: Cell::new(priority),
            wait: Cell::new(Wait::None),
            summons: Cell::new(0),
            destination: Cell::new(CpuId::BOOT),
            slots: Cell::new(core::ptr::NonNull::dangling().as_ptr()),
            slot_count: Cell::new(0),
            space: AtomicPtr::new(core::ptr::null_mut()),
            ran: AtomicU64::new(0),
            unsent: AtomicU32::new(0),
            message: Cell::new(None),
            registers: Cell::new(core::ptr::null_mut()),
            awaited: Cell::new(None),
            ports: Cell::new(None),
            outbox: RefCell::new(Outbox::new()),
            received: Cell::new(None),
            fs_base: Cell::new(0),
            policy: Cell::new(Policy::Bsd4),
            usage: Cell::new(UserThread { estimate_ns: 0, updated_ns: 0, slice_used_ns: 0 }),
            unusual: Cell::new(unusual::KERNEL),
            user: UserState::new(),
        }
    }

    /// The CPU it belongs to. Its own alone changes that.
    #[inline]
    pub(crate) fn cpu(&self) -> CpuId {
        self.header.home()
    }

    /// Has it do something on its way to user mode; whether it was to do that already.
    pub(crate) fn summon(&self, bit: u8) -> bool {
        let before = self.summons.get();
        self.summons.set(before | bit);
        before & bit != 0
    }

    /// Whether it is to end.
    pub(crate) fn is_killed(&self) -> bool {
        self.summons.get() & summons::KILLED != 0
    }

    /// Its space, if it is a user thread.
    #[inline]
    pub(crate) fn space(&self) -> Option<&'static Space> {
        // SAFETY: spaces are never freed.
        unsafe { self.space.load(Ordering::Relaxed).as_ref() }
    }

    /// Whether it is a user thread of that space. Any CPU.
    pub(crate) fn is_of(&self, space: &Space) -> bool {
        core::ptr::eq(self.space.load(Ordering::Relaxed), space)
    }

    /// How long it has run, in ticks of the time-stamp counter. Any CPU.
    pub(crate) fn ran(&self) -> u64 {
        let ran = self.ran.load(Ordering::Relaxed);
        let ran = if ran.cast_signed() < 0 { ran.wrapping_add(coarse_timestamp()) } else { ran };
        // Another CPU's counter may be ahead of this one's.
        ran.cast_signed().max(0).cast_unsigned()
    }

    /// It had the CPU until the counter came to that, or has it from minus that on.
    #[inline(always)]
    pub(super) fn charge(&self, ticks: u64) {
        self.ran.store(self.ran.load(Ordering::Relaxed).wrapping_add(ticks), Ordering::Relaxed);
    }

    /// Messages to ports that it has sent, calls once they are answered. Any CPU: the message it has before it has a space, and for good.
    pub(crate) fn sent(&self) -> u64 {
        let uses = self.message.get().map_or(0, |message| message.generation.load(Ordering::Relaxed));
        u64::from(uses.wrapping_sub(self.unsent.load(Ordering::Relaxed)) & (u32::MAX >> 1))
    }

    /// What a handle of its space stands for.
    ///
    /// # Errors
    /// `BadHandle`, also for a thread without a space; `NoRights`.
    #[inline(always)]
    pub(crate) fn look_up(&self, handle: Handle, needed: Rights) -> Result<Cap, Error> {
        if handle.index() >= self.slot_count.get() {
            return Err(Error::BadHandle);
        }
        // SAFETY: one of the slots of a space that keeps them as long as it has threads.
        let slot = unsafe { &*self.slots.get().add(handle.index() as usize) };
        look_up(slot, handle, needed, cap::current)
    }

    /// Makes it a thread of that space, or of none any more. Before it runs, or by itself at its end.
    pub(crate) fn set_space(&self, space: Option<&'static Space>) {
        let slots: &[Slot] = space.map_or(&[], |space| space.table().slots());
        self.slots.set(slots.as_ptr());
        self.slot_count.set(slots.len() as u32);
        self.note(unusual::KERNEL, space.is_none());
        let at = space.map_or(core::ptr::null(), core::ptr::from_ref);
        self.space.store(at.cast_mut(), Ordering::Relaxed);
        self.root.set(space.map(|space| space.memory().root()));
    }

    /// The message of its synchronous calls, made when first asked for.
    #[inline]
    pub(crate) fn message(&self) -> Option<&'static Message> {
        if self.message.get().is_none() {
            self.message.set(Message::take());
        }
        self.message.get()
    }

    /// Whether something about it needs more than the short way of a call: handles that go along or have come, a limit in time, one
    /// reply awaited before others.
    #[inline]
    pub(crate) fn is_unusual(&self) -> bool {
        self.unusual.get() != 0
    }

    /// Whether any of these, bits of [`unusual`], holds.
    #[inline]
    pub(crate) fn has(&self, bits: u8) -> bool {
        self.unusual.get() & bits != 0
    }

    /// Whether that holds of it or of `other`.
    #[inline(always)]
    pub(crate) fn is_either_unusual(&self, other: &Self) -> bool {
        self.unusual.get() | other.unusual.get() != 0
    }

    /// Notes that something unusual, a bit of [`unusual`], holds now, or no longer does.
    pub(crate) fn note(&self, bit: u8, holds: bool) {
        let bits = self.unusual.get();
        self.unusual.set(if holds { bits | bit } else { bits & !bit });
    }

    /// Whether nothing unusual holds of it but `bits`, which do.
    #[inline(always)]
    pub(crate) fn has_only(&self, bits: u8) -> bool {
        self.unusual.get() == bits
    }

    /// Notes a handle that its next message takes along; how many these are.
    ///
    /// # Errors
    /// As [`Outbox::offer`].
    pub(crate) fn offer(&self, offer: Offer) -> Result<u64, Error> {
        let offered = self.outbox.borrow_mut().offer(offer)?;
        self.note(unusual::OFFERS, true);
        Ok(offered)
    }

    /// Its next message takes nothing along.
    pub(crate) fn forget_offers(&self) {
        self.outbox.borrow_mut().clear();
        self.note(unusual::OFFERS, false);
    }

    /// Passes the handle beside a message or reply of its to `receiver`'s space at once.
    ///
    /// # Errors
    /// As [`Space::hand_over`]; nothing has changed, and [`Thread::pack_for`] may do it.
    #[inline(always)]
    pub(crate) fn hand_over(
        &self,
        own: &PerCpu,
        receiver: &Self,
        registers: &Registers,
    ) -> Result<Handle, Error> {
        let (from, to) = (self.space().ok_or(Error::NoSlot)?, receiver.space().ok_or(Error::NoSlot)?);
        from.hand_over(own.id(), &offered(registers), to)
    }

    /// Takes copies of the handles that are to go along with a message to `target`, and forgets that they were offered. Once the
    /// message is under way, [`Thread::part_with`] takes away those that were given away.
    ///
    /// # Errors
    /// As [`Space::pack`].
    pub(crate) fn pack_for(&self, target: Option<&Space>) -> Result<Option<Parcel<ObjectRef>>, Error> {
        if !self.has(unusual::OFFERS) {
            return Ok(None);
        }
        let offers = self.outbox.borrow_mut().take();
        self.note(unusual::OFFERS, false);
        let space = self.space().ok_or(Error::BadHandle)?;
        space.pack(&offers, target).map(Some)
    }

    /// The message that was packed last, with handles beside it, is under way.
    #[cold]
    pub(crate) fn part_with(&self) {
        let Some(space) = self.space() else { return };
        self.outbox.borrow_mut().leaving().into_iter().for_each(|handle| space.close_soon(handle));
    }

    /// Where the outcome of what it waits for is to be written.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "raw memory of the thread's stack; see SAFETY")]
    pub(crate) fn registers(&self) -> &mut Registers {
        // SAFETY: set to memory on its kernel stack before the thread waits; only the thread's CPU asks, once at a time.
        unsafe { &mut *self.registers.get() }
    }

    /// The running thread, or one that is not queued, has what it has of itself or `level`, whichever is more.
    #[inline]
    pub(crate) fn inherit(&self, level: u8) {
        self.priority.set(self.at_least(level));
    }

    /// What it has of itself or `level`, whichever is more.
    pub(super) fn at_least(&self, level: u8) -> Priority {
        let level = Priority::new(level).filter(|_| cfg!(not(bite = "msg-no-inheritance")));
        level.map_or(self.base.get(), |level| level.max(self.base.get()))
    }

    /// It has what it has of itself.
    #[inline(always)]
    pub(crate) fn inherit_nothing(&self) {
        self.priority.set(self.base.get());
    }

    /// The running thread will block for that.
    #[inline]
    pub(crate) fn set_waiting(&self, wait: Wait) {
        self.wait.set(wait);
        self.state.set(ThreadState::Blocked);
    }

    /// The running thread will not block after all.
    pub(crate) fn set_running(&self) {
        self.wait.set(Wait::None);
        self.state.set(ThreadState::Running);
    }

    fn reset(&self, name: &'static str, priority: Priority, function: fn(u64), argument: u64) {
        self.name.set(name);
        self.priority.set(priority);
        self.base.set(priority);
        self.fs_base.set(0);
        self.ran.store(0, Ordering::Relaxed);
        self.summons.set(0);
        self.wait.set(Wait::None);
        self.function.set((function, argument));
        self.state.set(ThreadState::Fresh);
        self.begin_usage(Policy::Bsd4);
        // It starts inside one critical section, which `start` leaves.
        self.critical.set(1);
        self.preempted.set(None);
        self.root.set(None);
        self.entry_stack.set(self.stack_top.as_u64());
        // SAFETY: nobody runs on a fresh thread's stack.
        self.stack_pointer.set(unsafe { switch::prepare(self.stack_top, start) });
    }
}

// SAFETY: `repr(C)`, header first, never freed.
unsafe impl Object for Thread {
    const KIND: Kind = Kind::Thread;
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} of CPU {})", self.name.get(), self.index, self.cpu().index())
    }
}

static THREADS: [AtomicPtr<Thread>; MAX_THREADS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_THREADS];
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Enters a thread into the table. Boot, and [`lwkt_alloc`].
pub(crate) fn register(thread: &'static Thread) {
    THREADS[thread.index.0 as usize].store(core::ptr::from_ref(thread).cast_mut(), Ordering::Release);
}

/// All threads there have been so far.
pub(crate) fn threads() -> impl Iterator<Item = &'static Thread> {
    let end = NEXT.load(Ordering::Relaxed).min(MAX_THREADS as u32);
    // SAFETY: null, or registered: it lives for ever.
    (0..end).filter_map(|index| unsafe { THREADS[index as usize].load(Ordering::Acquire).as_ref() })
}

/// The thread with that number.
///
/// # Panics
/// If there is none: indices come from the kernel's own queues.
#[inline]
pub(crate) fn thread(index: ThreadIndex) -> &'static Thread {
    let thread = THREADS[index.0 as usize].load(Ordering::Acquire);
    // SAFETY: null, or registered: it lives for ever.
    unsafe { thread.as_ref() }.expect("a queue holds only registered threads")
}

/// Which queue a thread of this CPU is on.
pub(super) fn link_of(thread: &Thread) -> Link {
    thread.link.get()
}

/// All threads' links, for the queues.
pub(super) struct ThreadLinks;

impl Links for ThreadLinks {
    fn link(&self, index: ThreadIndex) -> Link {
        thread(index).link.get()
    }

    fn set_link(&mut self, index: ThreadIndex, link: Link) {
        thread(index).link.set(link);
    }
}

/// Whether a new thread runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It is put on its CPU's run queue.
    Now,
    /// It waits for [`lwkt_schedule`].
    Later,
}

/// Makes the code that runs on `cpu` on the stack that ends at what `stack` says, without having been a thread, one. It must not end:
/// its stack is not the thread system's.
///
/// # Errors
/// `NoMemory`, also if there are [`MAX_THREADS`].
pub(crate) fn adopt(
    name: &'static str,
    cpu: CpuId,
    stack: impl FnOnce() -> Result<VirtAddr, Error>,
    priority: Priority,
) -> Result<&'static Thread, Error> {
    // Before the stack and the number, which can't be given back.
    let room = object::room().filter(|_| (NEXT.load(Ordering::Relaxed) as usize) < MAX_THREADS);
    let (room, stack_top) = (room.ok_or(Error::NoMemory)?, stack()?);
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    if index as usize >= MAX_THREADS {
        NEXT.store(MAX_THREADS as u32, Ordering::Relaxed);
        return Err(Error::NoMemory);
    }
    let thread = object::settle(room, Thread::adopted(name, index, stack_top, priority));
    thread.header.set_home(cpu);
    register(thread);
    Ok(thread)
}

/// A thread of `cpu` without work: one kept from earlier, else a new one. (Table I: alloc.)
///
/// # Errors
/// `NoMemory`, also if there are [`MAX_THREADS`].
pub(crate) fn lwkt_alloc(cpu: &PerCpu) -> Result<&'static Thread, Error> {
    let kept = {
        let _off = InterruptsOff::new();
        cpu.scheduler.take_kept()
    };
    if let Some(index) = kept {
        return Ok(thread(index));
    }
    let thread = adopt("free", cpu.id(), stack::make, Priority::IDLE)?;
    thread.state.set(ThreadState::Fresh);
    Ok(thread)
}

/// Keeps a thread that does not run and is on no queue for the next who needs one. (Table I: free.)
pub(crate) fn lwkt_free(thread: &'static Thread) {
    let free = |[index, ..]: [u64; 3]| {
        let thread = self::thread(ThreadIndex(index as u32));
        invariant!(
            matches!(thread.state.get(), ThreadState::Fresh | ThreadState::Dead),
            "{thread} is in use"
        );
        thread.state.set(ThreadState::Dead);
        percpu::this().scheduler.keep(thread.index);
    };
    crossbar::at(thread.cpu(), free, [index_word(thread), 0, 0]);
}

/// A thread of `cpu` that runs `function(argument)` and ends. (Table I: create.)
///
/// # Errors
/// `NoMemory`, also if there are [`MAX_THREADS`].
pub(crate) fn lwkt_create(
    cpu: &PerCpu,
    name: &'static str,
    priority: Priority,
    start: Start,
    function: fn(u64),
    argument: u64,
) -> Result<&'static Thread, Error> {
    let thread = lwkt_alloc(cpu)?;
    thread.reset(name, priority, function, argument);
    if start == Start::Now {
        lwkt_schedule(thread);
    }
    Ok(thread)
}

/// Makes a fresh or blocked thread runnable, on whatever CPU it is.
pub(crate) fn lwkt_schedule(thread: &'static Thread) {
    let ready = |[index, ..]: [u64; 3]| schedule::make_ready(self::thread(ThreadIndex(index as u32)));
    crossbar::at(thread.cpu(), ready, [index_word(thread), 0, 0]);
}

/// A thread's number for its supervisor: no later thread has it, while the index alone is soon used again.
pub(crate) fn number(thread: &Thread) -> u64 {
    let life = if cfg!(bite = "thread-number-again") { 0 } else { thread.header().generation() };
    u64::from(thread.index.0) | u64::from(life) << 32
}

/// A thread's number as a word for the crossbar.
pub(super) fn index_word(thread: &Thread) -> u64 {
    u64::from(thread.index.0)
}

/// The first code of every thread.
extern "C" fn start() -> ! {
    schedule::after_switch();
    crate::arch::cpu::enable_interrupts();
    schedule::crit_exit();
    let thread = percpu::this().thread();
    thread.note(unusual::TRACED, trace::is_on(percpu::this()));
    let (function, argument) = thread.function.get();
    function(argument);
    lwkt_exit()
}

/// Ends the calling thread; it is kept once its stack is out of use. (Table I: exit.)
pub(crate) fn lwkt_exit() -> ! {
    crate::arch::cpu::disable_interrupts();
    let own = percpu::this();
    let thread = own.thread();
    while let Some(port) = thread.ports.get() {
        port.end();
    }
    super::users::leaves(thread);
    thread.state.set(ThreadState::Dead);
    thread.root.set(None);
    own.scheduler.departed.set(Some(thread));
    // For those who look at nothing else when they go on.
    own.scheduler.ask();
    schedule::switch_away();
    unreachable!("a dead thread was run")
}
