//! Deadlines by the thousand: in order, none early, none lost, and once cancelled cancelled for good.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use microkernel_core::runqueue::Priority;
use spin::Once;

use crate::arch::cpu::{self, InterruptsOff};
use crate::ktest::{Context, Held, Verdict};
use crate::lwkt::{Start, Waiters, lwkt_block, lwkt_create, lwkt_signal};
use crate::percpu::{self, CpuId, MAX_CPUS};
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, ACTIONS, Deadline};
use crate::{check, crossbar, ktest};

ktest!(
    ten_thousand_come_in_order_and_not_early,
    cancelled_or_come_never_both,
    an_action_may_set_its_deadline_again,
    an_interrupt_is_bounded,
    a_call_with_a_time_out_touches_no_hardware,
    a_deadline_that_never_comes_disturbs_nobody,
);

const MANY: u64 = 10_000;
/// What the many are for: they come, or are cancelled before.
const KEPT: u64 = 0;
const CANCELLED: u64 = 1;

static COME: AtomicU64 = AtomicU64::new(0);
static LATEST: AtomicU64 = AtomicU64::new(0);
static EARLY: AtomicU64 = AtomicU64::new(0);
static DISORDERED: AtomicU64 = AtomicU64::new(0);
static REVIVED: AtomicU64 = AtomicU64::new(0);
/// The interrupt of the latest action, how many actions it has had, and the most that any has had.
static INTERRUPT: AtomicU64 = AtomicU64::new(0);
static ACTIONS_OF_IT: AtomicU64 = AtomicU64::new(0);
static MOST_ACTIONS: AtomicU64 = AtomicU64::new(0);

fn come(deadline: &Deadline) {
    let at = deadline.at().0;
    EARLY.fetch_add(u64::from(clock::now().0 < at), Ordering::Relaxed);
    DISORDERED.fetch_add(u64::from(LATEST.swap(at, Ordering::Relaxed) > at), Ordering::Relaxed);
    REVIVED.fetch_add(u64::from(deadline.argument() != KEPT), Ordering::Relaxed);
    let interrupt = percpu::this().interrupts.handled();
    if INTERRUPT.swap(interrupt, Ordering::Relaxed) != interrupt {
        ACTIONS_OF_IT.store(0, Ordering::Relaxed);
    }
    let actions = ACTIONS_OF_IT.fetch_add(1, Ordering::Relaxed) + 1;
    MOST_ACTIONS.fetch_max(actions, Ordering::Relaxed);
    COME.fetch_add(1, Ordering::Release);
}

fn many() -> &'static [Deadline] {
    static DEADLINES: Once<Vec<Deadline>> = Once::new();
    DEADLINES.call_once(|| (0..MANY).map(|_| Deadline::new(come)).collect())
}

/// Sets all within `span` in an order that looks random, cancels a third again. Interrupts are off: none comes meanwhile.
fn set_many([seed, span, _]: [u64; 3]) {
    let start = clock::now().0;
    let mut random = seed;
    for deadline in many() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        deadline.set_argument(KEPT);
        timer::set(deadline, Nanos(start + (random >> 33) % span));
    }
    for deadline in many().iter().step_by(3) {
        deadline.set_argument(CANCELLED);
        timer::cancel(deadline);
    }
}

/// Waits, with interrupts on and for a minute at most.
fn until(condition: impl Fn() -> bool) -> bool {
    let limit = clock::now().0 + 60_000_000_000;
    while !condition() && clock::now().0 < limit {
        cpu::pause();
    }
    condition()
}

fn ten_thousand_come_in_order_and_not_early(_: &Context) -> Verdict {
    let kept = MANY - MANY.div_ceil(3);
    for target in percpu::all() {
        let number = target.id().index();
        for word in [&COME, &LATEST, &EARLY, &DISORDERED, &REVIVED] {
            word.store(0, Ordering::Release);
        }
        crossbar::at(target.id(), set_many, [number as u64 + 1, 20_000_000, 0]);
        let all = until(|| COME.load(Ordering::Acquire) >= kept);
        let [come, early, disordered, revived] =
            [&COME, &EARLY, &DISORDERED, &REVIVED].map(|word| word.load(Ordering::Acquire));
        check!(all, "CPU {number}: {come} of {kept} have come");
        check!(early == 0, "CPU {number}: {early} came early");
        check!(disordered == 0, "CPU {number}: {disordered} came after a later one");
        check!(revived == 0, "CPU {number}: {revived} came although cancelled");
    }
    Ok(Held::Passed)
}

fn an_interrupt_is_bounded(_: &Context) -> Verdict {
    COME.store(0, Ordering::Release);
    MOST_ACTIONS.store(0, Ordering::Release);
    let off = InterruptsOff::new();
    let start = clock::now();
    for deadline in &many()[..1000] {
        deadline.set_argument(KEPT);
        timer::set(deadline, start);
    }
    drop(off);
    check!(
        until(|| COME.load(Ordering::Acquire) >= 1000),
        "{} of 1000 have come",
        COME.load(Ordering::Acquire)
    );
    let most = MOST_ACTIONS.load(Ordering::Acquire);
    check!(most == ACTIONS as u64, "{most} in one interrupt, not {ACTIONS}");
    Ok(Held::Passed)
}

static RACERS: [Deadline; MAX_CPUS] = [const { Deadline::new(count_own) }; MAX_CPUS];
static COUNTS: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];
static WRONG: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);
static END: Waiters = Waiters::new(CpuId::BOOT);

fn count_own(_: &Deadline) {
    COUNTS[percpu::this().id().index()].fetch_add(1, Ordering::Relaxed);
}

/// Cancels when the deadline comes, or on the way there: its action is called exactly if that was too late.
fn race(rounds: u64) {
    let own = percpu::this().id().index();
    let mut expected = COUNTS[own].load(Ordering::Relaxed);
    for round in 0..rounds {
        let span = 1000 + round * 7919 % 20_000;
        let start = clock::now().0;
        timer::set(&RACERS[own], Nanos(start + span));
        let wait = if round % 4 == 0 { span / 2 } else { span };
        clock::spin(Nanos((start + wait).saturating_sub(clock::now().0)));
        expected += u64::from(!timer::cancel(&RACERS[own]));
        WRONG.fetch_add(u64::from(COUNTS[own].load(Ordering::Relaxed) != expected), Ordering::Relaxed);
    }
    ENDED.fetch_add(1, Ordering::AcqRel);
    lwkt_signal(&END, usize::MAX);
}

fn cancelled_or_come_never_both(context: &Context) -> Verdict {
    ENDED.store(0, Ordering::Release);
    WRONG.store(0, Ordering::Release);
    let rounds = context.rounds(20_000);
    for target in percpu::all() {
        let started = lwkt_create(target, "race", Priority::KERNEL_USER, Start::Now, race, rounds).is_ok();
        check!(started, "no thread for CPU {}", target.id().index());
    }
    loop {
        let seen = END.generation();
        if ENDED.load(Ordering::Acquire) == percpu::count() as u64 {
            break;
        }
        lwkt_block(&END, seen);
    }
    let wrong = WRONG.load(Ordering::Acquire);
    check!(wrong == 0, "{wrong} times both or neither");
    Ok(Held::Passed)
}

static REPEATED: [Deadline; MAX_CPUS] = [const { Deadline::new(repeat) }; MAX_CPUS];
static FINISHED: AtomicU64 = AtomicU64::new(0);

fn count_finished(_: &Deadline) {
    FINISHED.fetch_add(1, Ordering::AcqRel);
}

/// The argument is how often it comes yet. Every second time it sets itself to what is past already.
fn repeat(deadline: &'static Deadline) {
    let left = deadline.argument() - 1;
    deadline.set_argument(left);
    match left {
        0 => count_finished(deadline),
        _ if left.is_multiple_of(2) => timer::set(deadline, Nanos(0)),
        _ => timer::set(deadline, Nanos(clock::now().0 + 1000)),
    }
}

fn an_action_may_set_its_deadline_again(context: &Context) -> Verdict {
    FINISHED.store(0, Ordering::Release);
    let begin = |[times, ..]: [u64; 3]| {
        let own = &REPEATED[percpu::this().id().index()];
        own.set_argument(times);
        timer::set(own, clock::now());
    };
    for target in percpu::all() {
        crossbar::at(target.id(), begin, [context.rounds(10_000), 0, 0]);
    }
    let all = until(|| FINISHED.load(Ordering::Acquire) == percpu::count() as u64);
    check!(all, "{} of {} have finished", FINISHED.load(Ordering::Acquire), percpu::count());
    Ok(Held::Passed)
}

static CALL: Deadline = Deadline::new(|_| ());
static OTHER: Deadline = Deadline::new(count_finished);

fn a_call_with_a_time_out_touches_no_hardware(_: &Context) -> Verdict {
    let _off = InterruptsOff::new();
    let own = &percpu::this().timers;
    let soon = Nanos(clock::now().0 + 1_000_000);
    timer::set(&OTHER, soon);
    let before = own.armings();
    for call in 0..100 {
        timer::set(&CALL, Nanos(soon.0 + call));
        check!(timer::cancel(&CALL), "call {call} was not set");
        // What the hardware stays armed for does not matter, as long as it is early enough.
        check!(timer::cancel(&OTHER) || call > 0, "the other was not set");
    }
    check!(own.armings() == before, "the hardware was armed {} times", own.armings() - before);
    timer::set(&CALL, Nanos(soon.0 - 1));
    check!(own.armings() == before + 1, "an earlier deadline did not arm the hardware");
    timer::cancel(&CALL);
    Ok(Held::Passed)
}

fn a_deadline_that_never_comes_disturbs_nobody(_: &Context) -> Verdict {
    let own = &percpu::this().timers;
    FINISHED.store(0, Ordering::Release);
    timer::set(&CALL, Nanos(u64::MAX - 1));
    timer::set(&OTHER, clock::now());
    check!(until(|| FINISHED.load(Ordering::Acquire) == 1), "the other did not come");
    let before = own.armings();
    clock::spin(Nanos(2_000_000));
    let armings = own.armings() - before;
    check!(timer::cancel(&CALL), "the end of time has come");
    // The hardware may count to less than that, and come early: not a hundred times in 2 ms.
    check!(armings < 100, "the hardware was armed {armings} times meanwhile");
    Ok(Held::Passed)
}
