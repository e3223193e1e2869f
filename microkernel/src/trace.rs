//! A record of what each CPU did last: switches, messages, interrupts, faults. Off until switched on, and then it costs the short way of
//! messages, which is not taken while it is on; off, it costs that way nothing but a bit in a word that is read anyway.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use anax_abi::Error;
use anax_abi::object::{TRACE_RECORD, TraceKind};
use spin::Once;

use crate::arch::cpu::timestamp;
use crate::percpu;

/// Records kept on each CPU.
const RECORDS: usize = 512;

static ON: AtomicBool = AtomicBool::new(false);

type Record = [u64; TRACE_RECORD / 8];

/// A CPU's latest records; its own alone, interrupts off. The memory is there from the first time that recording is switched on.
pub(crate) struct Trace {
    records: Once<Box<[Cell<Record>]>>,
    next: Cell<usize>,
    taken: Cell<usize>,
}

impl Trace {
    pub(crate) const fn new() -> Self {
        Self { records: Once::new(), next: Cell::new(0), taken: Cell::new(0) }
    }

    /// Takes the oldest record that is still there and was not taken.
    pub(crate) fn take(&self) -> Option<Record> {
        let oldest = self.next.get().saturating_sub(RECORDS).max(self.taken.get());
        let records = self.records.get().filter(|_| oldest < self.next.get())?;
        self.taken.set(oldest + 1);
        Some(records[oldest % RECORDS].get())
    }
}

/// Whether records are kept.
#[inline]
pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Switches recording on all CPUs on or off.
///
/// # Errors
/// `NoMemory` for the records.
pub(crate) fn switch(on: bool) -> Result<(), Error> {
    if on {
        for cpu in percpu::all() {
            let mut records = Vec::new();
            records.try_reserve_exact(RECORDS).map_err(|_| Error::NoMemory)?;
            records.resize(RECORDS, Cell::new([0; TRACE_RECORD / 8]));
            cpu.trace.records.call_once(|| records.into_boxed_slice());
        }
    }
    ON.store(on, Ordering::Relaxed);
    Ok(())
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
    let Some(records) = own.trace.records.get() else { return };
    let place = own.trace.next.get();
    let first = kind as u64 | (own.id().index() as u64) << 32;
    records[place % RECORDS].set([first, timestamp(), what, detail]);
    own.trace.next.set(place + 1);
}
