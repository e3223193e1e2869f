//! Deadlines: any number on each CPU, in nanoseconds, and a function to call when one has come.
//!
//! A CPU's deadlines are its own alone, in a heap of nodes that lie in the objects that have them. The hardware, one shot a CPU,
//! is armed for the earliest or for something earlier still: cancelling does not touch it, and an interrupt that finds nothing due arms
//! it again. So calls with a time-out that are answered in time cost a device access once a time-out, not twice a call.
//! Without deadlines no interrupt comes.

use core::cell::Cell;
#[cfg(feature = "test")]
use core::sync::atomic::{AtomicU64, Ordering};

use anax_timers::{Heap, Node, Timed};
use spin::Once;

use super::clock::{self, Nanos};
use crate::arch::apic::{self, TimerKind};
use crate::arch::cpu::{self, InterruptsOff};
use crate::percpu::{self, CpuId};

/// Actions of one interrupt; if more are due, it comes again at once, so that what was woken gets its turn.
pub(crate) const ACTIONS: usize = 64;

/// A deadline, part of the object that it is for. Unset, it belongs to that object's home; set, to the CPU that set it.
pub(crate) struct Deadline {
    node: Node<'static, Self>,
    action: fn(&'static Self),
    argument: Cell<u64>,
    /// Where it is set; kept in test kernels, to check it.
    home: Cell<CpuId>,
}

// SAFETY: the cells are used only by the CPU that the deadline belongs to; test kernels assert it.
unsafe impl Sync for Deadline {}

impl Deadline {
    /// Not set. `action` is called on the CPU that set the deadline once it has come, in the timer interrupt, interrupts off: briefly,
    /// never blocking. By then the deadline is not set any more, and the action may set it again.
    pub(crate) const fn new(action: fn(&'static Self)) -> Self {
        Self { node: Node::new(), action, argument: Cell::new(0), home: Cell::new(CpuId::BOOT) }
    }

    /// What the action finds the object by that the deadline is for: a thread's index, an `ObjectRef` as a word. 0 unless set.
    pub(crate) fn argument(&self) -> u64 {
        self.argument.get()
    }

    /// Sets the [`argument`](Self::argument).
    pub(crate) fn set_argument(&self, argument: u64) {
        self.argument.set(argument);
    }

    /// When it comes, or came last.
    pub(crate) fn at(&self) -> Nanos {
        Nanos(self.node.at())
    }
}

impl Timed<'static> for Deadline {
    #[inline]
    fn node(&self) -> &Node<'static, Self> {
        &self.node
    }
}

/// What `armed` says of hardware that is not.
const DISARMED: Nanos = Nanos(u64::MAX);

/// A CPU's deadlines; its own alone, interrupts off.
pub(crate) struct Timers {
    heap: Heap<'static, Deadline>,
    /// What the hardware is armed for: nothing in the heap is earlier. In the interrupt 0: it arms the hardware in the end.
    armed: Cell<Nanos>,
}

struct Hardware {
    kind: TimerKind,
    /// Ticks a second of the local timer's own clock; unused with deadlines.
    hertz: u64,
}

static HARDWARE: Once<Hardware> = Once::new();

/// Chooses how timers are driven and measures the local timer's clock where that is needed. Boot CPU, once.
pub(crate) fn choose(has_deadline: bool) -> TimerKind {
    let hardware = HARDWARE.call_once(|| {
        if has_deadline {
            return Hardware { kind: TimerKind::Deadline, hertz: 0 };
        }
        let _off = InterruptsOff::new();
        // Believed more easily each time: there are hosts that never leave a CPU alone for long.
        let hertz = (0..32).find_map(|attempt| frequency(20_000 << attempt)).unwrap_or(0);
        Hardware { kind: TimerKind::CountDown, hertz }
    });
    hardware.kind
}

/// The frequency of the local timer's clock. None if a busy host took an emulated CPU away for `lost` nanoseconds between readings that belong together: a clock
/// that is believed to be slower than it is fires early, again and again.
fn frequency(lost: u64) -> Option<u64> {
    let reading = || (clock::now().0, apic::count_down_left(), clock::now().0);
    apic::arm_count_down(u32::MAX);
    let first = reading();
    clock::spin(Nanos(300_000));
    let last = reading();
    apic::arm_count_down(0);
    let (apart, ticks) = (first.2 - first.0 + last.2 - last.0, u64::from(first.1.saturating_sub(last.1)));
    (apart < lost).then(|| ticks.saturating_mul(1_000_000_000) / (last.0 - first.0).max(1))
}

/// Prepares this CPU's timer. Each CPU once, before it sets a deadline.
pub(crate) fn prepare() {
    if let Some(hardware) = HARDWARE.get() {
        apic::prepare_timer(hardware.kind);
    }
}

impl Timers {
    /// No deadlines, the hardware not armed.
    pub(crate) const fn new() -> Self {
        Self { heap: Heap::new(), armed: Cell::new(DISARMED) }
    }

    /// As [`set`] on these, which are this CPU's, with interrupts off already.
    #[inline]
    pub(crate) fn set(&self, deadline: &'static Deadline, at: Nanos) {
        self.check(deadline);
        if cfg!(any(debug_assertions, feature = "test")) {
            deadline.home.set(percpu::this().id());
        }
        if deadline.node.is_set() {
            return self.move_to(deadline, at);
        }
        self.heap.set(deadline, at.0);
        if at < self.armed.get() || cfg!(bite = "timer-arms-always") {
            self.program(at);
        }
    }

    /// As [`cancel`] on these, which are this CPU's, with interrupts off already.
    #[inline]
    pub(crate) fn cancel(&self, deadline: &'static Deadline) -> bool {
        self.check(deadline);
        self.heap.cancel(deadline)
    }

    /// Out of line, so that the usual case needs no registers for the time after it.
    #[cold]
    #[inline(never)]
    fn move_to(&self, deadline: &'static Deadline, at: Nanos) {
        self.heap.cancel(deadline);
        self.set(deadline, at);
    }

    #[inline]
    fn check(&self, deadline: &Deadline) {
        invariant!(!cpu::interrupts_enabled());
        invariant!(core::ptr::eq(self, &percpu::this().timers), "another CPU's timers");
        invariant!(
            !deadline.node.is_set() || deadline.home.get() == percpu::this().id(),
            "another CPU's deadline"
        );
    }

    /// The interrupt has come: perhaps early, perhaps for a deadline that was cancelled.
    pub(crate) fn fired(&self) {
        let now = if cfg!(bite = "timer-believes-early") { u64::MAX } else { clock::now().0 };
        let limit = if cfg!(bite = "timer-unbounded") { usize::MAX } else { ACTIONS };
        self.armed.set(Nanos(0));
        for due in core::iter::from_fn(|| self.heap.take_due(now)).take(limit) {
            (due.action)(due);
        }
        self.armed.set(DISARMED);
        if let Some(earliest) = self.heap.earliest() {
            self.program(Nanos(earliest));
        }
    }

    /// Arms the hardware. In the past, it fires at once.
    fn program(&self, at: Nanos) {
        self.armed.set(at);
        #[cfg(feature = "test")]
        ARMINGS[percpu::this().id().index()].fetch_add(1, Ordering::Relaxed);
        match HARDWARE.get() {
            Some(Hardware { kind: TimerKind::Deadline, .. }) => {
                apic::arm_deadline(clock::timestamp_at(at).max(1));
            }
            Some(Hardware { kind: TimerKind::CountDown, hertz }) => {
                let span = at.0.saturating_sub(clock::now().0);
                let ticks = u128::from(span) * u128::from(*hertz) / 1_000_000_000;
                // An early interrupt is legal, and armed again by `fired`: the bite makes it common.
                let ticks = if cfg!(bite = "timer-believes-early") { ticks / 2 } else { ticks };
                apic::arm_count_down(ticks.clamp(1, u128::from(u32::MAX)) as u32);
            }
            None => {}
        }
    }
}

#[cfg(feature = "test")]
static ARMINGS: [AtomicU64; percpu::MAX_CPUS] = [const { AtomicU64::new(0) }; percpu::MAX_CPUS];

#[cfg(feature = "test")]
impl Timers {
    /// How often this CPU's hardware was armed.
    pub(crate) fn armings(&self) -> u64 {
        ARMINGS[percpu::this().id().index()].load(Ordering::Relaxed)
    }
}

/// Has the deadline's action called on this CPU once `at` has come, not before; if it was set already, only then. Touches the hardware
/// only if nothing as early is expected. Any context; a deadline that is set, on its own CPU alone.
pub(crate) fn set(deadline: &'static Deadline, at: Nanos) {
    let _off = InterruptsOff::new();
    percpu::this().timers.set(deadline, at);
}

/// Has the action not called after all; false if it was called or the deadline never set. Never touches the hardware. Any context; on
/// the deadline's own CPU.
pub(crate) fn cancel(deadline: &'static Deadline) -> bool {
    let _off = InterruptsOff::new();
    percpu::this().timers.cancel(deadline)
}
