//! Monotonic nanoseconds since the kernel's first instruction, the same on every CPU.
//!
//! The time-stamp counter is the clock where the processor says that it is invariant, or where no exchange between two
//! CPUs ever saw it go back. Otherwise the HPET is, read over the bus; where there is none, the time-stamp counter with
//! a shared high-water mark, which costs a contended cache line but never goes back either.

use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use microkernel_core::clock::{Exchange, Reference as _, Skew, TscScale, measure};
use spin::Once;

use crate::arch::cpu::{self, timestamp};
use crate::arch::reference::Reference;

/// Nanoseconds, as a point in time since the kernel's entry or as a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(pub(crate) u64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1000)
    }
}

struct Clock {
    scale: TscScale,
    entry: u64,
    reference: Reference,
    /// The reference's value at start, and the time then.
    reference_start: (u64, u64),
}

static CLOCK: Once<Clock> = Once::new();
/// A [`Source`] as a number; changed only while CPUs come up.
static SOURCE: AtomicU8 = AtomicU8::new(0);
/// The latest time anyone has read, where the counters disagree.
static HIGH_WATER: AtomicU64 = AtomicU64::new(0);

/// What the clock reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Source {
    /// The time-stamp counter as it is.
    Tsc = 0,
    /// The HPET.
    Hpet = 1,
    /// The time-stamp counter, never below what another CPU has read.
    ClampedTsc = 2,
}

/// Measures the time-stamp counter, or believes what the processor states, and starts the clock. Boot CPU, once.
///
/// # Errors
/// No frequency could be had.
pub(crate) fn start(reference: Reference) -> Result<(), &'static str> {
    let hertz = match cpu::stated_tsc_hz() {
        Some(hertz) => hertz,
        None => measure(&reference, timestamp).ok_or("the time-stamp counter could not be measured")?,
    };
    let scale = TscScale::from_hz(hertz).ok_or("the time-stamp counter's frequency is implausible")?;
    let entry = crate::arch::boot::entry_timestamp();
    let now = scale.nanos(timestamp().saturating_sub(entry));
    let reference_start = (reference.read(), now);
    CLOCK.call_once(|| Clock { scale, entry, reference, reference_start });
    Ok(())
}

/// Time since the kernel's entry; 0 before [`start`]. Any CPU, any context.
#[inline]
pub(crate) fn now() -> Nanos {
    let Some(clock) = CLOCK.get() else { return Nanos(0) };
    let tsc = || clock.scale.nanos(timestamp().saturating_sub(clock.entry));
    match SOURCE.load(Ordering::Relaxed) {
        0 => Nanos(tsc()),
        1 => {
            let ticks = clock.reference.read().wrapping_sub(clock.reference_start.0);
            let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(clock.reference.hertz());
            Nanos(clock.reference_start.1 + nanos as u64)
        }
        _ => {
            let own = tsc();
            Nanos(own.max(HIGH_WATER.fetch_max(own, Ordering::AcqRel)))
        }
    }
}

/// The value of the time-stamp counter at `time`, for deadline timers; the largest there is for a time it never reaches.
pub(crate) fn timestamp_at(time: Nanos) -> u64 {
    CLOCK.get().map_or(0, |clock| clock.entry.saturating_add(clock.scale.ticks(time.0)))
}

/// How long so many ticks of the time-stamp counter take.
pub(crate) fn span(ticks: u64) -> Nanos {
    Nanos(CLOCK.get().map_or(0, |clock| clock.scale.nanos(ticks)))
}

/// The time-stamp counter's frequency.
pub(crate) fn hertz() -> u64 {
    CLOCK.get().map_or(0, |clock| clock.scale.hertz())
}

/// How programs tell the time themselves: the counter's frequency and its value at time 0. Frequency 0: they have to ask.
pub(crate) fn by_counter() -> (u64, u64) {
    CLOCK.get().filter(|_| source() == Source::Tsc).map_or((0, 0), |clock| (clock.scale.hertz(), clock.entry))
}

/// The clock's description, for the log.
pub(crate) fn reference_name() -> &'static str {
    CLOCK.get().map_or("none", |clock| clock.reference.name())
}

/// Judges what the boot CPU and another saw of each other's counters, and changes the source if they disagree.
pub(crate) fn judge(exchanges: impl IntoIterator<Item = Exchange>) -> Source {
    let trusted = Skew::evaluate(exchanges).is_some_and(|skew| skew.max_backward_ticks == 0);
    if !trusted && source() == Source::Tsc {
        let wide =
            CLOCK.get().is_some_and(|clock| matches!(clock.reference, Reference::Hpet { bits: 64, .. }));
        SOURCE.store(if wide { Source::Hpet } else { Source::ClampedTsc } as u8, Ordering::Relaxed);
    }
    source()
}

/// What the clock reads now.
pub(crate) fn source() -> Source {
    match SOURCE.load(Ordering::Relaxed) {
        0 => Source::Tsc,
        1 => Source::Hpet,
        _ => Source::ClampedTsc,
    }
}

/// Waits for at least `span`, without sleeping: for hardware's sake during boot only.
pub(crate) fn spin(span: Nanos) {
    let end = now().0 + span.0;
    while now().0 < end {
        cpu::pause();
    }
}
