//! A record of what each CPU did last: switches, messages, interrupts, faults. Off until switched on, and then it costs the short way of
//! messages, which is not taken while it is on; off, it costs that way nothing but a bit in a word that is read anyway.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use anax_abi::object::{TRACE_RECORD, TraceKind};

use crate::arch::cpu::timestamp;
use crate::percpu;

/// Records kept on each CPU.
const RECORDS: usize = 512;

static ON: AtomicBool = AtomicBool::new(false);

/// A CPU's latest records; its own alone, interrupts off.
pub(crate) struct Trace {
    records: [Cell<[u64; TRACE_RECORD / 8]>; RECORDS],
    next: Cell<usize>,
    taken: Cell<usize>,
}

impl Trace {
    pub(crate) const fn new() -> Self {
        Self {
            records: [const { Cell::new([0; TRACE_RECORD / 8]) }; RECORDS],
            next: Cell::new(0),
            taken: Cell::new(0),
        }
    }

    /// Takes the oldest record that is still there and was not taken.
    pub(crate) fn take(&self) -> Option<[u64; TRACE_RECORD / 8]> {
        let oldest = self.next.get().saturating_sub(RECORDS).max(self.taken.get());
        (oldest < self.next.get()).then(|| {
            self.taken.set(oldest + 1);
            self.records[oldest % RECORDS].get()
        })
    }
}

/// Whether records are kept.
#[inline]
pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Switches recording on all CPUs on or off.
pub(crate) fn switch(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// Notes something, if that is wanted. Interrupts are off.
#[inline]
pub(crate) fn note(kind: TraceKind, what: u64, detail: u64) {
    if is_on() {
        record(kind, what, detail);
    }
}

#[cold]
fn record(kind: TraceKind, what: u64, detail: u64) {
    let own = percpu::this();
    let place = own.trace.next.get();
    let first = kind as u64 | (own.id().index() as u64) << 32;
    own.trace.records[place % RECORDS].set([first, timestamp(), what, detail]);
    own.trace.next.set(place + 1);
}
