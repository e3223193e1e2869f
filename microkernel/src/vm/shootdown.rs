//! Shoot-downs: other CPUs forget translations before the memory behind them is given away.
//!
//! One crossbar call to each other CPU the space ever had threads on, one back, whatever the number of pages. A call says all
//! in its words (root and pages), so the record, which keeps what must not be freed yet, is its home CPU's alone.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::Range;

use anax_abi::Error;
use x86_64::PhysAddr;
use x86_64::instructions::tlb;

use super::region::RegionRef;
use super::space::AddressSpace;
use crate::arch::paging::Root;
use crate::arch::user_tables::FEW_PAGES;
use crate::crossbar;
use crate::mm::layout::PAGE_SIZE;
use crate::mm::window::kernel_root;
use crate::object::Pool;
use crate::percpu::{self, CpuId, MAX_CPUS};

/// CPUs that may know translations of a space.
pub(super) type CpuSet = microkernel_core::cpuset::CpuSet<{ MAX_CPUS / 64 }>;

static RECORDS: Pool<Record> = Pool::new();
/// In the low bits of a call's pages, where a count of at most [`FEW_PAGES`] stands otherwise.
const ALL: u64 = PAGE_SIZE - 2;
const RETIRE: u64 = PAGE_SIZE - 1;
const LOW: u64 = PAGE_SIZE - 1;

/// What is called when no CPU can reach what was taken away any more: at the space's home, interrupts off, from the crossbar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    /// The function.
    pub(crate) call: fn(u64),
    /// Its argument.
    pub(crate) argument: u64,
}

/// Whether a change is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Done {
    /// It is; the completion will not be called.
    Now,
    /// The completion will be called.
    Later,
}

/// What waits for acknowledgements. Its home CPU's alone while it is in use.
#[derive(Default)]
pub(super) struct Record {
    waiting: Cell<u32>,
    completion: Cell<Option<Completion>>,
    regions: RefCell<Vec<RegionRef>>,
    space: Cell<Option<AddressSpace>>,
}

// SAFETY: one CPU takes it, uses it and puts it back; others only carry its address.
unsafe impl Sync for Record {}

impl Record {
    /// An idle one.
    ///
    /// # Errors
    /// `NoMemory`.
    pub(super) fn take() -> Result<&'static Self, Error> {
        RECORDS.take(Self::default).ok_or(Error::NoMemory)
    }

    /// Puts one back that was not sent.
    pub(super) fn put(&'static self) {
        RECORDS.put(self);
    }

    fn send(&'static self, root: Root, others: CpuSet, pages: u64, completion: Completion) {
        self.waiting.set(others.iter().count() as u32);
        self.completion.set(Some(completion));
        let root = root.address().as_u64() | percpu::this().id().index() as u64;
        for target in others.iter().filter_map(CpuId::new) {
            crossbar::at(target, forget, [(&raw const *self).expose_provenance() as u64, root, pages]);
        }
    }
}

/// A shoot-down being prepared: nothing, if no other CPU is involved.
#[must_use = "it has to be sent"]
pub(super) struct Shootdown(Option<&'static Record>, CpuSet);

impl Shootdown {
    /// With room for `releases` regions; after this nothing can fail.
    ///
    /// # Errors
    /// `NoMemory`.
    pub(super) fn prepare(others: CpuSet, releases: usize) -> Result<Self, Error> {
        if others.is_empty() {
            return Ok(Self(None, others));
        }
        let record = Record::take()?;
        if record.regions.borrow_mut().try_reserve(releases).is_err() {
            record.put();
            return Err(Error::NoMemory);
        }
        Ok(Self(Some(record), others))
    }

    /// Keeps a use of a region until all have acknowledged. The caller's own CPU has forgotten the pages already.
    pub(super) fn keep(&self, region: RegionRef) {
        if let Some(record) = self.0 {
            record.regions.borrow_mut().push(region);
        }
    }

    /// Tells the others. The space is in order again: others' requests may be served meanwhile.
    pub(super) fn send(self, root: Root, pages: &Range<u64>, completion: Completion) -> Done {
        let Some(record) = self.0 else { return Done::Now };
        let count = (pages.end - pages.start) / PAGE_SIZE;
        let count = if count > FEW_PAGES { ALL } else { count };
        record.send(root, self.1, pages.start | count, completion);
        Done::Later
    }
}

/// Ends a space once every CPU has left it.
pub(super) fn retire(space: AddressSpace, record: &'static Record, completion: Completion) -> Done {
    let (root, others) = (space.root(), space.others());
    leave(root);
    if others.is_empty() {
        record.put();
        return Done::Now;
    }
    record.space.set(Some(space));
    record.send(root, others, RETIRE, completion);
    Done::Later
}

fn leave(root: Root) {
    if Root::current() == root {
        // SAFETY: it maps the kernel's half, and no thread of the space runs any more.
        unsafe { kernel_root().activate() };
    }
}

/// The others' part.
fn forget([record, root, pages]: [u64; 3]) {
    let home = CpuId::new((root & LOW) as usize);
    let root = Root::at(PhysAddr::new_truncate(root & !LOW));
    match pages & LOW {
        RETIRE => leave(root),
        // A root that is not loaded has left nothing behind: loading another one empties the TLB of user pages.
        ALL if Root::current() == root => tlb::flush_all(),
        ALL => {}
        _ if cfg!(bite = "vm-no-flush") => {}
        count => root.flush(&(pages & !LOW..(pages & !LOW) + count * PAGE_SIZE)),
    }
    home.into_iter().for_each(|home| crossbar::at(home, acknowledge, [record, 0, 0]));
}

/// At home again.
fn acknowledge([record, ..]: [u64; 3]) {
    // SAFETY: `send` gave it; records live for ever.
    let record: &'static Record = unsafe { &*core::ptr::with_exposed_provenance(record as usize) };
    record.waiting.set(record.waiting.get() - 1);
    if record.waiting.get() == 0 {
        record.regions.borrow_mut().clear();
        drop(record.space.take());
        let completion = record.completion.take();
        record.put();
        completion.into_iter().for_each(|Completion { call, argument }| call(argument));
    }
}
