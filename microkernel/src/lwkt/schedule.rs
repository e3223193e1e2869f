//! Who runs: the CPU's run queue, switching, preemption, critical sections.

mod direct;

use core::cell::{Cell, RefCell};
use core::sync::atomic::Ordering;

use anax_abi::Error;
use anax_abi::object::TraceKind;
use microkernel_core::list::{Link, ThreadIndex};
use microkernel_core::preempt::{Next, Running, may_preempt, must_give_way_to, switch_from};
use microkernel_core::runqueue::{Priority, RunQueue};
use spin::Mutex;

use super::thread::{Thread, ThreadLinks, ThreadState, Wait, link_of, thread, unusual};
use super::users;
use crate::arch::cpu::{self, InterruptsOff};
use crate::arch::ports;
use crate::arch::switch;
use crate::cap::Space;
use crate::crossbar;
use crate::msg::{Flow, Port};
use crate::object::Object as _;
use crate::percpu::{self, CpuId, PerCpu};
use crate::trace;

pub(crate) use direct::{is_best, step_aside, switch_directly, take_heir, way_to, yield_to_user};

/// A CPU's scheduler; its own alone, interrupts off.
pub(crate) struct Scheduler {
    queue: RefCell<RunQueue>,
    /// Somebody became runnable since the last decision.
    asked: Cell<bool>,
    /// A system call is served, which may block its thread: whom it wakes is the heir, if best.
    heirs: Cell<bool>,
    /// A ready thread on no queue: it has the CPU next if the running one blocks. It may stay that while the running thread is in user
    /// mode, which then has [`unusual::HEIR`].
    heir: Cell<Option<&'static Thread>>,
    /// Nobody is runnable: the CPU sleeps on the stack of the thread that blocked last.
    sleeps: Cell<bool>,
    /// How many threads of this CPU are preempted now.
    preempted: Cell<u8>,
    /// Runs when nobody else can.
    pub(crate) idle: Cell<Option<ThreadIndex>>,
    /// Has ended or been given away, but perhaps not left its stack: seen off by whoever runs next.
    pub(super) departed: Cell<Option<&'static Thread>>,
    /// The first of the ended threads that are kept for reuse, chained. A cold lock: creation and end of threads, from any CPU.
    kept: Mutex<Option<ThreadIndex>>,
}

/// Where it says that somebody became runnable.
pub(crate) const ASKED: usize = core::mem::offset_of!(Scheduler, asked);

impl Scheduler {
    /// Nobody runnable.
    pub(crate) const fn new() -> Self {
        Self {
            queue: RefCell::new(RunQueue::new()),
            asked: Cell::new(false),
            heirs: Cell::new(false),
            heir: Cell::new(None),
            sleeps: Cell::new(false),
            preempted: Cell::new(0),
            idle: Cell::new(None),
            departed: Cell::new(None),
            kept: Mutex::new(None),
        }
    }

    /// A kept thread of this scheduler's CPU. From any CPU, interrupts off.
    pub(super) fn take_kept(&self) -> Option<ThreadIndex> {
        let mut first = self.kept.lock();
        let index = (*first)?;
        *first = thread(index).next_kept.take();
        Some(index)
    }

    /// Keeps an ended thread, with its stack, for reuse.
    pub(super) fn keep(&self, index: ThreadIndex) {
        let mut first = self.kept.lock();
        thread(index).next_kept.set(first.replace(index));
    }

    /// Whether nobody is running. By this CPU.
    pub(crate) fn is_idle(&self) -> bool {
        self.sleeps.get() || self.idle.get() == Some(percpu::this().thread().index)
    }

    /// Whether somebody is runnable besides the running thread. By this CPU.
    #[inline(always)]
    fn is_wanted(&self) -> bool {
        self.heir.get().is_some() || !self.queue.borrow().is_empty()
    }

    /// Somebody may have to give way: decided at the next way out of the kernel.
    pub(crate) fn ask(&self) {
        self.asked.set(true);
    }
}

/// Puts a thread of this CPU on the run queue; whether it runs at once is decided when the interrupt or critical section ends. Interrupts
/// are off.
pub(super) fn make_ready(ready: &'static Thread) {
    let own = percpu::this();
    invariant!(ready.cpu() == own.id(), "{ready} is not this CPU's");
    invariant!(
        matches!(ready.state.get(), ThreadState::Fresh | ThreadState::Blocked),
        "{ready} is {:?}",
        ready.state.get()
    );
    ready.state.set(ThreadState::Ready);
    if users::keeps(ready) {
        return;
    }
    let scheduler = &own.scheduler;
    if scheduler.heirs.get()
        && scheduler.heir.get().is_none()
        && scheduler.queue.borrow().best().is_none_or(|best| best < ready.priority.get())
    {
        return scheduler.heir.set(Some(ready));
    }
    enqueue(ready.index);
}

/// Serves a system call of the running thread, or sends a message for it, and blocks it if that has to wait: then the CPU goes
/// directly to whom it woke, past the run queue, if that one is best. Interrupts are off.
#[inline(always)]
pub(crate) fn blocking(serve: impl FnOnce() -> Result<Flow, Error>) -> Result<Flow, Error> {
    let scheduler = &percpu::this().scheduler;
    scheduler.heirs.set(true);
    let flow = serve();
    scheduler.heirs.set(false);
    if flow == Ok(Flow::Blocked) {
        block_current();
    } else if scheduler.heir.get().is_some() {
        disinherit();
    }
    flow
}

/// There is no heir any more: it waits its turn, before its equals, which came later.
#[cold]
fn disinherit() {
    let scheduler = &percpu::this().scheduler;
    scheduler.heirs.set(false);
    if let Some(heir) = inherit(percpu::this()) {
        put(heir.index, RunQueue::enqueue_front);
    }
}

/// Takes the heir of the running thread.
#[inline]
fn inherit(own: &'static PerCpu) -> Option<&'static Thread> {
    own.thread().note(unusual::HEIR, false);
    own.scheduler.heir.take()
}

/// Puts a runnable thread of this CPU on the run queue.
pub(super) fn enqueue(index: ThreadIndex) {
    put(index, RunQueue::enqueue);
}

#[inline]
fn put(index: ThreadIndex, way: fn(&mut RunQueue, &mut ThreadLinks, ThreadIndex, Priority)) {
    let scheduler = &percpu::this().scheduler;
    let priority = thread(index).priority.get();
    let mut queue = scheduler.queue.borrow_mut();
    if queue.has(priority) || percpu::this().thread().priority.get() == priority {
        users::start_ticking(&percpu::this().users);
    }
    way(&mut queue, &mut ThreadLinks, index, priority);
    scheduler.asked.set(true);
}

/// Whether a thread as urgent as the running one waits on the run queue.
pub(super) fn equals_wait(running: &Thread) -> bool {
    percpu::this().scheduler.queue.borrow().has(running.priority.get())
}

/// Serves an interrupt, and decides on the way out whether what was interrupted goes on. If that was user code and nothing is
/// to be decided but that a more urgent thread was woken, that one is switched to past the run queue. Interrupts are off.
#[inline(always)]
pub(crate) fn interrupted(from_user: bool, serve: impl FnOnce()) {
    let own = percpu::this();
    if own.scheduler.sleeps.get() {
        // Whoever was woken is seen when this returns.
        return serve();
    }
    own.scheduler.heirs.set(from_user);
    serve();
    own.scheduler.heirs.set(false);
    let running = own.thread();
    if let Some(heir) = own.scheduler.heir.get() {
        let alone = !own.scheduler.asked.get() && link_of(running) == Link::FREE;
        if alone && heir.priority.get() > running.priority.get() {
            own.scheduler.heir.set(None);
            running.state.set(ThreadState::Ready);
            own.scheduler.queue.borrow_mut().enqueue_front(
                &mut ThreadLinks,
                running.index,
                running.priority.get(),
            );
            return switch_to(heir);
        }
        disinherit();
    }
    match own.scheduler.asked.get() {
        true if from_user => give_way(),
        true => preempt(),
        false => {}
    }
}

/// User code was interrupted (or is about to be returned to): the best runnable thread runs.
fn give_way() {
    let own = percpu::this();
    let running = own.thread();
    own.scheduler.asked.set(false);
    let better = must_give_way_to(&own.scheduler.queue.borrow(), running.priority.get());
    if !better && !users::turn_is_over(running) {
        return;
    }
    running.state.set(ThreadState::Ready);
    // One that waits with its policy now is on a queue already.
    if link_of(running) == Link::FREE {
        let mut queue = own.scheduler.queue.borrow_mut();
        if better {
            queue.enqueue_front(&mut ThreadLinks, running.index, running.priority.get());
        } else {
            queue.enqueue(&mut ThreadLinks, running.index, running.priority.get());
        }
    }
    switch_away();
}

/// Kernel code was interrupted: only an interrupt thread may take the CPU from it, and gives it straight back.
fn preempt() {
    let own = percpu::this();
    let running = own.thread();
    let state = Running {
        priority: running.priority.get(),
        critical_depth: running.critical.get(),
        preempted: own.scheduler.preempted.get(),
    };
    let mut queue = own.scheduler.queue.borrow_mut();
    if !queue.best().is_some_and(|best| may_preempt(state, best)) {
        // The question stays open: the end of the critical section, or the next switch, answers it.
        return;
    }
    own.scheduler.asked.set(false);
    let Some(next) = queue.dequeue(&mut ThreadLinks) else { return };
    drop(queue);
    running.state.set(ThreadState::Preempted);
    thread(next).preempted.set(Some(running.index));
    own.scheduler.preempted.set(state.preempted + 1);
    switch_to(thread(next));
}

/// Leaves the calling thread, whose state and queue are set already (blocked, or runnable again), for whoever comes next; returns
/// when somebody switches back. Interrupts are off.
pub(super) fn switch_away() {
    let own = percpu::this();
    loop {
        let nobody = !own.scheduler.is_wanted() && may_sleep(own) && own.thread().preempted.get().is_none();
        if !nobody && switch_to_next(own) {
            break;
        }
        sleep_here(own);
        if goes_on(own) {
            break;
        }
    }
}

/// Whether the CPU may sleep on the running thread's stack.
#[inline(always)]
fn may_sleep(own: &'static PerCpu) -> bool {
    own.thread().state.get() == ThreadState::Blocked && own.scheduler.departed.get().is_none()
}

/// After sleeping: whether it is the thread on whose stack this CPU slept that goes on, and nothing else is to be done.
#[inline(always)]
fn goes_on(own: &'static PerCpu) -> bool {
    let running = own.thread();
    let goes_on = own.scheduler.heir.get().is_some_and(|heir| core::ptr::eq(heir, running))
        && own.scheduler.queue.borrow().is_empty();
    if goes_on {
        own.scheduler.heirs.set(false);
        own.scheduler.heir.set(None);
        own.scheduler.asked.set(running.summons.get() != 0);
        running.state.set(ThreadState::Running);
    }
    goes_on
}

/// The CPU sleeps until somebody is runnable: often the thread that has blocked just now, on whose stack this is. Two threads that wait for
/// each other on two CPUs do not switch at all then.
fn sleep_here(own: &'static PerCpu) {
    own.scheduler.sleeps.set(true);
    own.thread().charge(cpu::coarse_timestamp());
    loop {
        own.scheduler.heirs.set(true);
        if !own.scheduler.is_wanted() {
            users::reseat();
        }
        if own.scheduler.is_wanted() {
            break;
        }
        crossbar::wait_for_work(|| own.scheduler.is_wanted());
    }
    own.thread().charge(cpu::coarse_timestamp().wrapping_neg());
    own.scheduler.sleeps.set(false);
}

/// Switches to whoever is next, and returns true when somebody switches back; false if the thread has blocked and nobody is.
fn switch_to_next(own: &'static PerCpu) -> bool {
    own.scheduler.heirs.set(false);
    if let Some(heir) = own.scheduler.heir.get() {
        let is_best = own.scheduler.queue.borrow().best().is_none_or(|best| best < heir.priority.get());
        if is_best && own.thread().preempted.get().is_none() {
            inherit(own);
            answered(own);
            switch_to(heir);
            return true;
        }
        disinherit();
    }
    let preempted = own.thread().preempted.take();
    if preempted.is_none()
        && own.scheduler.queue.borrow().best().is_none_or(|best| best <= Priority::USER_NORMAL)
    {
        users::reseat();
    }
    let next = switch_from(&mut own.scheduler.queue.borrow_mut(), &mut ThreadLinks, preempted);
    let next = match next {
        Next::Return(victim) => {
            own.scheduler.preempted.set(own.scheduler.preempted.get() - 1);
            victim
        }
        Next::Run(next) => {
            answered(own);
            next
        }
        Next::Idle if may_sleep(own) => return false,
        Next::Idle => own.scheduler.idle.get().expect("every CPU has an idle thread"),
    };
    switch_to(thread(next));
    true
}

/// The best is about to run, so that nobody has to decide who is, unless one that has ended is to be kept.
#[inline(always)]
fn answered(own: &'static PerCpu) {
    own.scheduler.asked.set(own.scheduler.departed.get().is_some());
}

/// The step itself.
#[inline]
fn switch_to(next: &'static Thread) {
    let own = percpu::this();
    let running = own.thread();
    invariant!(!cpu::interrupts_enabled());
    invariant!(
        matches!(next.state.get(), ThreadState::Ready | ThreadState::Preempted)
            || own.scheduler.idle.get() == Some(next.index),
        "{next} is {:?}",
        next.state.get()
    );
    next.state.set(ThreadState::Running);
    if core::ptr::eq(running, next) {
        return;
    }
    if next.summons.get() != 0 {
        // For those who look at nothing else when they go on.
        own.scheduler.asked.set(true);
    }
    step(own, running, next);
}

/// From the running thread to another one of this CPU, whose state says already that it runs.
#[inline(always)]
fn step(own: &'static PerCpu, running: &'static Thread, next: &'static Thread) {
    enter(own, running, next);
    // SAFETY: `next` is this CPU's and does not run; interrupts are off.
    unsafe { switch::switch(running.stack_pointer.as_ptr(), next.stack_pointer.get()) };
    after_switch();
}

/// The CPU's time is `next`'s from now on.
#[inline(always)]
fn charge(running: &Thread, next: &Thread) {
    let now = cpu::coarse_timestamp();
    running.charge(now);
    next.charge(if cfg!(bite = "lwkt-charges-too-much") { 0 } else { now.wrapping_neg() });
}

/// All of a step but the stack.
#[inline(always)]
fn enter(own: &'static PerCpu, running: &'static Thread, next: &'static Thread) {
    charge(running, next);
    trace::note(TraceKind::Switch, running.index.0.into(), next.index.0.into());
    running.entry_stack.set(own.kernel_stack());
    own.set_thread(next, next.entry_stack.get());
    if let Some(root) = next.root.get()
        && !root.is_current()
    {
        // SAFETY: the root of a space that lives as long as its threads; it shares the kernel's half.
        unsafe { root.activate() };
        ports::activate(next.space().map(Space::ports));
    }
    own.use_fs_base(next.fs_base.get());
}

/// What the thread before could not do for itself: it has left its stack only now.
#[inline(always)]
pub(crate) fn after_switch() {
    if percpu::this().scheduler.departed.get().is_some() {
        see_off();
    }
}

#[cold]
#[inline(never)]
fn see_off() {
    let own = percpu::this();
    match own.scheduler.departed.take() {
        Some(dead) if dead.state.get() == ThreadState::Dead => own.scheduler.keep(dead.index),
        Some(given) => {
            let Some(target) = percpu::get(given.destination.get()) else { return };
            if let Some(space) = given.space() {
                space.memory().ran_on(target.id());
            }
            // From here on it is the other CPU's.
            given.header().set_home(target.id());
            crossbar::at(target.id(), lwkt_acquire, [given.index.0.into(), 0, 0]);
        }
        None => {}
    }
}

/// Gives the running thread away to another CPU, where it goes on; its own queue and policy have it no more. It owns no port and is in no
/// critical section. Interrupts are off.
pub(crate) fn lwkt_give_away(to: CpuId) {
    let own = percpu::this();
    let running = own.thread();
    invariant!(running.ports.get().is_none() && running.critical.get() == 0, "{running} can't be moved");
    if to == own.id() || percpu::get(to).is_none() {
        return;
    }
    users::leaves(running);
    running.set_waiting(Wait::None);
    running.destination.set(to);
    own.scheduler.departed.set(Some(running));
    // For those who look at nothing else when they go on.
    own.scheduler.ask();
    switch_away();
}

/// Takes over a thread that was given away to this CPU.
fn lwkt_acquire([index, ..]: [u64; 3]) {
    let acquired = thread(ThreadIndex(index as u32));
    if acquired.space().is_some_and(|space| space.dying.load(Ordering::SeqCst)) {
        // It was on no CPU when those of its space were told to end.
        crate::user::kill(acquired);
    }
    make_ready(acquired);
}

/// The running thread, whose state says that it is blocked (or is runnable again already), gives the CPU away until it is woken.
/// Interrupts are off.
pub(crate) fn block_current() {
    let running = percpu::this().thread();
    // Killed by a call from another CPU that was served on the way here.
    if running.is_killed() && running.state.get() == ThreadState::Blocked {
        crate::user::cut_short(running);
    }
    switch_away();
}

/// A blocked thread of this CPU goes on; whoever calls this has written what it waited for. Interrupts are off.
pub(crate) fn wake(thread: &'static Thread) {
    thread.wait.set(Wait::None);
    if thread.has(unusual::LIMITED | unusual::AWAITS) {
        crate::user::disarm(thread);
    }
    make_ready(thread);
}

/// Whether somebody may have to run before `running` goes on, or it waits with its policy.
#[inline(always)]
pub(crate) fn is_asked(own: &'static PerCpu, running: &'static Thread) -> bool {
    own.scheduler.asked.get() || link_of(running) != Link::FREE
}

/// Changes the priority at which a thread of this CPU runs now. Interrupts are off.
pub(crate) fn set_priority(thread: &'static Thread, priority: Priority) {
    let waited = users::leaves(thread);
    thread.priority.set(priority);
    let queue = &percpu::this().scheduler.queue;
    if waited || queue.borrow_mut().remove(&mut ThreadLinks, thread.index).is_some() {
        // As any other that becomes as urgent as somebody: they take turns.
        enqueue(thread.index);
    }
}

/// Changes the priority that a thread of this CPU has of itself, and runs at unless it has inherited a higher one.
pub(crate) fn set_base_priority(thread: &'static Thread, priority: Priority) {
    let inherited = thread.priority.get() > thread.base.get();
    thread.base.set(priority);
    if !inherited || priority > thread.priority.get() {
        set_priority(thread, thread.at_least(Port::demand(thread)));
    }
    percpu::this().scheduler.asked.set(true);
}

/// A user thread is about to return to user mode from a system call: the best runnable thread runs first. Interrupts are off.
#[inline(always)]
pub(crate) fn before_user() {
    if percpu::this().scheduler.asked.get() {
        give_way();
    }
}

/// Gives the CPU away: back to whom this thread preempted, else to the best runnable thread, which may be this one again.
/// (Table I: switch.)
///
/// Threads only: in an interrupt or a crossbar call it would be a bug. Test kernels assert the states of both threads.
pub(crate) fn lwkt_switch() {
    let _off = InterruptsOff::new();
    let own = percpu::this();
    let running = own.thread();
    if own.scheduler.idle.get() != Some(running.index) {
        running.state.set(ThreadState::Ready);
        own.scheduler.queue.borrow_mut().enqueue(&mut ThreadLinks, running.index, running.priority.get());
    }
    switch_away();
}

/// Lets equals and betters run, if there are any; else goes on at once. (Table I: yield.)
pub(crate) fn lwkt_yield() {
    let _off = InterruptsOff::new();
    crossbar::poll();
    disinherit();
    let own = percpu::this();
    let running = own.thread();
    if running.preempted.get().is_some() {
        // Whoever was preempted waits for us, not for the queue: giving way means returning to them.
        return lwkt_switch();
    }
    let next =
        own.scheduler.queue.borrow_mut().yield_to(&mut ThreadLinks, running.index, running.priority.get());
    if let Some(next) = next {
        running.state.set(ThreadState::Ready);
        switch_to(thread(next));
    }
}

/// Interrupts stay on, but none of them takes the CPU away from this thread until [`crit_exit`]. Nests. (Table I.)
pub(crate) fn crit_enter() {
    let critical = &percpu::this().thread().critical;
    critical.set(critical.get() + 1);
}

/// Ends a critical section; the outermost one's end lets in what was held up. (Table I.)
pub(crate) fn crit_exit() {
    let own = percpu::this();
    let critical = &own.thread().critical;
    invariant!(critical.get() > 0, "crit_exit without crit_enter");
    critical.set(critical.get() - 1);
    if critical.get() == 0 && own.scheduler.asked.get() {
        let _off = InterruptsOff::new();
        preempt();
    }
}

/// The idle thread of each CPU.
pub(crate) fn idle() -> ! {
    loop {
        cpu::disable_interrupts();
        sleep_here(percpu::this());
        switch_away();
    }
}
