//! The one-shot timer of each CPU: at most one deadline, in nanoseconds, and a function to call then.

use core::cell::Cell;

use spin::Once;

use super::clock::{self, Nanos};
use crate::arch::apic::{self, TimerKind};
use crate::arch::cpu::InterruptsOff;
use crate::percpu;

/// A CPU's timer; its own alone.
#[derive(Debug)]
pub(crate) struct Timer {
    deadline: Cell<Option<Nanos>>,
    action: Cell<fn()>,
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
        apic::arm_count_down(u32::MAX);
        let start = clock::now();
        let first = apic::count_down_left();
        clock::spin(Nanos(300_000));
        let ticks = u64::from(first.saturating_sub(apic::count_down_left()));
        let span = clock::now().0 - start.0;
        apic::arm_count_down(0);
        Hardware { kind: TimerKind::CountDown, hertz: ticks.saturating_mul(1_000_000_000) / span.max(1) }
    });
    hardware.kind
}

/// Prepares this CPU's timer. Each CPU once.
pub(crate) fn prepare() {
    if let Some(hardware) = HARDWARE.get() {
        apic::prepare_timer(hardware.kind);
    }
}

impl Timer {
    /// A timer that is not armed.
    pub(crate) const fn new() -> Self {
        Self { deadline: Cell::new(None), action: Cell::new(|| ()) }
    }

    /// The interrupt has come: early ones (the counter is short) are armed again.
    pub(crate) fn fired(&self) {
        match self.deadline.get() {
            Some(deadline) if cfg!(bite = "timer-believes-early") || clock::now() >= deadline => {
                self.deadline.set(None);
                (self.action.get())();
            }
            Some(deadline) => program(deadline),
            None => {}
        }
    }
}

/// Calls `action` on this CPU, in its timer interrupt, once `deadline` has come; replaces an earlier one.
pub(crate) fn arm(deadline: Nanos, action: fn()) {
    let _off = InterruptsOff::new();
    let timer = &percpu::this().timer;
    timer.deadline.set(Some(deadline));
    timer.action.set(action);
    program(deadline);
}

fn program(deadline: Nanos) {
    match HARDWARE.get() {
        Some(Hardware { kind: TimerKind::Deadline, .. }) => {
            apic::arm_deadline(clock::timestamp_at(deadline).max(1))
        }
        Some(Hardware { kind: TimerKind::CountDown, hertz }) => {
            let span = deadline.0.saturating_sub(clock::now().0);
            let ticks = u128::from(span) * u128::from(*hertz) / 1_000_000_000;
            // An early interrupt is legal, and programmed again by `fired`: the bite makes it common.
            let ticks = if cfg!(bite = "timer-believes-early") { ticks / 2 } else { ticks };
            apic::arm_count_down(ticks.clamp(1, u128::from(u32::MAX)) as u32);
        }
        None => {}
    }
}
