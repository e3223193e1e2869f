//! A record of what each CPU did last: switches, messages, interrupts, faults. Off until switched on, and then it costs the short way of
//! messages, which is not taken while it is on: every thread is marked as unusual then, so that off it costs that way nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;

use anax_abi::Error;
use anax_abi::object::{TRACE_RECORD, TraceKind};
use spin::Once;

use crate::arch::cpu::timestamp;
use crate::crossbar;
use crate::lwkt::{self, unusual};
use crate::percpu::{self, PerCpu};

/// Records kept on each CPU.
const RECORDS: usize = 512;

type Record = [u64; TRACE_RECORD / 8];

/// A CPU's latest records; its own alone, interrupts off. The memory is there from the first time that recording is switched on.
pub(crate) struct Trace {
    on: Cell<bool>,
    records: Once<Box<[Cell<Record>]>>,
    next: Cell<usize>,
    taken: Cell<usize>,
}

impl Trace {
    pub(crate) const fn new() -> Self {
        Self { on: Cell::new(false), records: Once::new(), next: Cell::new(0), taken: Cell::new(0) }
    }

    /// Takes the oldest record that is still there and was not taken.
    pub(crate) fn take(&self) -> Option<Record> {
        let oldest = self.next.get().saturating_sub(RECORDS).max(self.taken.get());
        let records = self.records.get().filter(|_| oldest < self.next.get())?;
        self.taken.set(oldest + 1);
        Some(records[oldest % RECORDS].get())
    }
}

/// Whether records are kept on this CPU.
#[inline(always)]
pub(crate) fn is_on(own: &PerCpu) -> bool {
    own.trace.on.get()
}

/// Switches recording on all CPUs on or off. By a thread.
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
    let note = |on: u64| {
        let own = percpu::this();
        own.trace.on.set(on != 0);
        let here = lwkt::threads().filter(|thread| thread.cpu() == own.id());
        here.for_each(|thread| thread.note(unusual::TRACED, on != 0));
    };
    crossbar::on_all_cpus(note, on.into());
    Ok(())
}

/// Notes something, if that is wanted. Interrupts are off.
#[inline]
pub(crate) fn note(kind: TraceKind, what: u64, detail: u64) {
    if is_on(percpu::this()) {
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
