//! Address spaces: which region's pages lie where, and the page tables that say so to the processor.
//!
//! The home CPU alone changes mappings and tables, with interrupts off; only [`AddressSpace::ran_on`], [`AddressSpace::root`] and the
//! copies are for others. Tables for all that is mapped are made when it is mapped, and stay, charged, until the space ends.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::Range;

use anax_abi::{Error, Rights};
use microkernel_core::cpuset::GrowingCpuSet;
use microkernel_core::elf::Protection;
use x86_64::PhysAddr;

use super::payer::Payer;
use super::region::{Region, RegionRef};
use super::shootdown::{self, Completion, CpuSet, Done, Record, Shootdown};
use crate::arch::paging::Root;
use crate::arch::user_tables::{Caching, Entry};
use crate::mm::frames;
use crate::mm::layout::PAGE_SIZE;
use crate::mm::window::kernel_root;
use crate::percpu::{self, CpuId, MAX_CPUS};
use microkernel_core::mappings::{self, USER, cut, cuts, gap, overlap, pages, protection_of};

/// A mapping of a region.
type Mapping = mappings::Mapping<RegionRef>;
/// Addresses from here on are chosen for who wants any: 4 GiB, beyond what programs are linked to.
const AUTOMATIC: u64 = 1 << 32;
/// Mappings of up to so many bytes show at once those lazy pages that are there already; larger ones page by page.
const EAGER: u64 = 2 << 20;
/// Bits of a page fault's error code: it wrote; it fetched an instruction.
pub(super) const FAULT_WRITE: u64 = 1 << 1;
const FAULT_FETCH: u64 = 1 << 4;
/// Pages besides tables and the mapping list: the root and the page behind what was lost.
const FIXED: u32 = 2;

/// An address space. What uses a `RefCell` or `Cell` of it is for its home alone.
pub(crate) struct AddressSpace {
    root: Root,
    home: CpuId,
    /// CPUs that threads of the space have been given to.
    cpus: GrowingCpuSet<{ MAX_CPUS / 64 }>,
    payer: Payer,
    /// Stands behind all pages of lost mappings: private to the space and writable, so that losing needs no memory and faults nowhere.
    sink: PhysAddr,
    /// Page tables below the root.
    tables: Cell<u32>,
    capacity: usize,
    /// By address, disjoint. Two more than the capacity, for splits.
    mappings: RefCell<Vec<Mapping>>,
    /// Nothing is free below, as far as chosen addresses go.
    hint: Cell<u64>,
    /// For the end of the space, which must not lack memory.
    record: Cell<Option<&'static Record>>,
}

// SAFETY: cells are used by the home CPU only, interrupts off; see `home_only`, which checks it.
unsafe impl Sync for AddressSpace {}

impl AddressSpace {
    /// An empty one at home on `home`, for at most `capacity` mappings.
    ///
    /// # Errors
    /// `NoMemory`.
    pub(crate) fn new(payer: Payer, capacity: u32, home: CpuId) -> Result<Self, Error> {
        let capacity = capacity as usize;
        let mut mappings = Vec::new();
        let (charge, promise) = payer.reserve(FIXED + list_pages(capacity), FIXED)?;
        mappings.try_reserve_exact(capacity + 2).map_err(|_| Error::NoMemory)?;
        let (root, sink) = (frames::take_zeroed(), frames::take_zeroed());
        let (Some(root), Some(sink)) = (root, sink) else {
            unreachable!("two frames were promised");
        };
        charge.commit();
        promise.keep();
        let space = Self {
            root: kernel_root().new_user(root),
            home,
            cpus: GrowingCpuSet::new(),
            payer: payer.clone(),
            sink,
            tables: Cell::new(0),
            capacity,
            mappings: RefCell::new(mappings),
            hint: Cell::new(AUTOMATIC),
            record: Cell::new(None),
        };
        // Should this fail, dropping the space gives all back.
        space.record.set(Some(Record::take()?));
        Ok(space)
    }

    /// What the processor is given. Any CPU.
    pub(crate) fn root(&self) -> Root {
        self.root
    }

    /// Who pays for its tables.
    pub(crate) fn payer(&self) -> &Payer {
        &self.payer
    }

    /// Whether this CPU is the space's home.
    pub(crate) fn is_home(&self) -> bool {
        percpu::this().id() == self.home
    }

    /// A thread of the space is about to run on `cpu` for the first time. Before it does; any CPU.
    pub(crate) fn ran_on(&self, cpu: CpuId) {
        self.cpus.add(cpu.index());
    }

    /// The CPUs besides its home that may know translations of it.
    pub(super) fn others(&self) -> CpuSet {
        self.cpus.now().without(self.home.index())
    }

    /// Maps `bytes` (rounded up to pages) of the region from `offset` on, at `address` or, for 0, anywhere with an unmapped page
    /// below. `protection` is READ with WRITE or EXECUTE or neither, and `most` what the handle allows. Returns the address. Home.
    ///
    /// # Errors
    /// `BadArgument` for another protection or what is not in the region, `NoRights`, `BadAddress`, `Exists` for pages that are
    /// taken, `Full` for one mapping too many, `NoMemory` for page tables. Nothing has changed then.
    pub(crate) fn map(
        &self,
        region: RegionRef,
        address: u64,
        offset: u64,
        bytes: u64,
        protection: Rights,
        most: Rights,
    ) -> Result<u64, Error> {
        let kind = protection_of(protection)?;
        if !most.allows(protection) {
            return Err(Error::NoRights);
        }
        let length = bytes.checked_next_multiple_of(PAGE_SIZE).filter(|length| *length != 0);
        let length = length.ok_or(Error::BadArgument)?;
        if !offset.is_multiple_of(PAGE_SIZE)
            || offset.checked_add(length).is_none_or(|end| end > region.size())
        {
            return Err(Error::BadArgument);
        }
        let mut mappings = self.home_only().borrow_mut();
        if mappings.len() >= self.capacity {
            return Err(Error::Full);
        }
        let (index, start) = self.place(&mappings, address, length)?;
        let pages = start..start + length;
        // The commonest case: one page, whose table is there.
        let only = if length == PAGE_SIZE { self.root.entry(start) } else { None };
        let missing = if only.is_some() { 0 } else { self.root.missing_tables(&pages) };
        if missing > 0 {
            let (charge, promise) = self.payer.reserve(missing, missing)?;
            self.root.make_tables(&pages, &mut frames::take_zeroed);
            self.tables.update(|tables| tables + missing);
            charge.commit();
            promise.keep();
        }
        let first = (offset / PAGE_SIZE) as u32;
        let every = region.is_complete();
        let mapping = Mapping { start, end: pages.end, first, region: Some(region), protection: kind, most };
        let show = |at, entry: Entry<'_>| _ = self.show(&mapping, at, entry, Region::present);
        if let Some(entry) = only {
            show(start, entry);
        } else if every || length <= EAGER {
            self.root.for_each_page(pages.clone(), show);
        }
        if address == 0 {
            self.hint.set(pages.end);
        }
        mappings.insert(index, mapping);
        Ok(start)
    }

    /// Unmaps all in a range of whole pages, mappings or parts of them. Home.
    ///
    /// # Errors
    /// `BadAddress` if nothing is mapped there or it is no such range, `Full` if the parts left over are too many mappings,
    /// `NoMemory` to tell other CPUs. Nothing has changed then.
    pub(crate) fn unmap(&self, address: u64, bytes: u64, completion: Completion) -> Result<Done, Error> {
        let mut mappings = self.home_only().borrow_mut();
        let (pages, covered) = overlap(&mappings, address, bytes)?;
        let parts = mappings.len() + cuts(&mappings[covered.clone()], &pages) - covered.len();
        if parts > self.capacity {
            return Err(Error::Full);
        }
        let shootdown = Shootdown::prepare(self.others(), covered.len())?;
        let within = self.change(&mut mappings, &pages, covered, |entry| entry.clear());
        for mapping in mappings.drain(within) {
            mapping.region.into_iter().for_each(|region| shootdown.keep(region));
        }
        self.hint.update(|hint| hint.min(pages.start - PAGE_SIZE).max(AUTOMATIC));
        drop(mappings);
        Ok(shootdown.send(self.root, &pages, completion))
    }

    /// Changes what a range of mapped pages allows. Home.
    ///
    /// # Errors
    /// As [`AddressSpace::unmap`], and `BadAddress` if some page is not mapped, `BadArgument` for another protection than `map`
    /// takes, `NoRights` for more than the handle allowed. Nothing has changed then.
    pub(crate) fn protect(
        &self,
        address: u64,
        bytes: u64,
        protection: Rights,
        completion: Completion,
    ) -> Result<Done, Error> {
        let kind = protection_of(protection)?;
        let mut mappings = self.home_only().borrow_mut();
        let (pages, covered) = overlap(&mappings, address, bytes)?;
        let old = &mappings[covered.clone()];
        let mapped = |mapping: &Mapping| mapping.end.min(pages.end) - mapping.start.max(pages.start);
        if old.iter().map(mapped).sum::<u64>() != pages.end - pages.start {
            return Err(Error::BadAddress);
        }
        if !old.iter().all(|mapping| mapping.most.allows(protection)) {
            return Err(Error::NoRights);
        }
        if mappings.len() + cuts(old, &pages) > self.capacity {
            return Err(Error::Full);
        }
        let shootdown = Shootdown::prepare(self.others(), 0)?;
        let within = self.change(&mut mappings, &pages, covered, |entry| entry.protect(kind));
        mappings[within].iter_mut().for_each(|mapping| mapping.protection = kind);
        drop(mappings);
        Ok(shootdown.send(self.root, &pages, completion))
    }

    /// The region is taken away by force: wherever it was mapped lies the space's sink from now on, one page that is zero until
    /// the program writes to it and that stands for every lost page. Charged since the space began, so this takes no memory, and
    /// reads and writes go on; code can no longer be executed. Home.
    ///
    /// # Errors
    /// `NoMemory` to tell other CPUs; nothing has changed then.
    pub(crate) fn lose(&self, region: &Region, completion: Completion) -> Result<Done, Error> {
        let lost = |mapping: &Mapping| {
            mapping.region.as_ref().is_some_and(|own| core::ptr::eq(&raw const **own, region))
        };
        let mut mappings = self.home_only().borrow_mut();
        let count = mappings.iter().filter(|mapping| lost(mapping)).count();
        if count == 0 {
            return Ok(Done::Now);
        }
        let shootdown = Shootdown::prepare(self.others(), count)?;
        for mapping in mappings.iter_mut().filter(|mapping| lost(mapping)) {
            // The sink can be written, so by W^X it cannot be executed.
            mapping.most = mapping.most.narrowed(Rights::READ.with(Rights::WRITE));
            if mapping.protection == Protection::ReadExecute {
                mapping.protection = Protection::Read;
            }
            let pages = mapping.start..mapping.end;
            let region = mapping.region.take();
            self.root
                .for_each_page(pages.clone(), |at, entry| _ = self.show(mapping, at, entry, Region::present));
            self.root.flush(&pages);
            region.into_iter().for_each(|region| shootdown.keep(region));
        }
        drop(mappings);
        Ok(shootdown.send(self.root, &USER, completion))
    }

    /// A page fault of user code at `address`: true if the page is there now and the instruction can be tried again. Home.
    pub(crate) fn fault(&self, address: u64, error: u64) -> bool {
        let mappings = self.home_only().borrow();
        let index = mappings.partition_point(|mapping| mapping.end <= address);
        let Some(mapping) = mappings.get(index).filter(|mapping| mapping.start <= address) else {
            return false;
        };
        let allowed = match mapping.protection {
            Protection::Read => error & (FAULT_WRITE | FAULT_FETCH) == 0,
            Protection::ReadWrite => error & FAULT_FETCH == 0,
            Protection::ReadExecute => error & FAULT_WRITE == 0,
        };
        let Some(entry) = self.root.entry(address).filter(|_| allowed) else { return false };
        self.show(mapping, address, entry, |region, page| Some(region.frame(page)))
    }

    /// Has the entry show what is mapped at `at`, if there is a frame by what `frame` says; what was lost has the sink.
    fn show(
        &self,
        mapping: &Mapping,
        at: u64,
        entry: Entry<'_>,
        frame: impl Fn(&Region, u32) -> Option<PhysAddr>,
    ) -> bool {
        let (frame, caching) = match &mapping.region {
            Some(region) => (frame(region, mapping.page(at)), region.caching()),
            None => (Some(self.sink), Caching::On),
        };
        frame.is_some_and(|frame| {
            entry.set(frame, mapping.protection, caching);
            true
        })
    }

    /// Ends the space: every CPU leaves it, then all its memory and charges go back, then the completion is called. No thread of it
    /// runs any more. Home.
    pub(crate) fn retire(self, completion: Completion) -> Done {
        let record = self.record.take().expect("a space has it until it ends");
        shootdown::retire(self, record, completion)
    }

    fn home_only(&self) -> &RefCell<Vec<Mapping>> {
        invariant!(self.is_home(), "a space is changed at its home");
        &self.mappings
    }

    /// Splits what of the `covered` mappings reaches across the ends of `pages`, does `action` to all entries of mapped pages in between, and has this
    /// CPU forget them. Which mappings these are.
    fn change(
        &self,
        mappings: &mut Vec<Mapping>,
        pages: &Range<u64>,
        covered: Range<usize>,
        action: impl Fn(Entry<'_>),
    ) -> Range<usize> {
        let first = covered.start + usize::from(cut(mappings, covered.start, pages.start));
        let within = first..first + covered.len();
        cut(mappings, within.end - 1, pages.end);
        for mapping in &mappings[within.clone()] {
            self.root.for_each_page(mapping.start..mapping.end, |_, entry| action(entry));
        }
        self.root.flush(pages);
        within
    }

    /// Where a new mapping goes: its place in the list and its address.
    fn place(&self, mappings: &[Mapping], address: u64, length: u64) -> Result<(usize, u64), Error> {
        if address == 0 {
            let found = gap(mappings, self.hint.get(), length).or_else(|| gap(mappings, AUTOMATIC, length));
            return found.ok_or(Error::NoMemory);
        }
        let pages = pages(address, length)?;
        let index = mappings.partition_point(|mapping| mapping.end <= address);
        let taken = mappings.get(index).is_some_and(|mapping| mapping.start < pages.end);
        if taken { Err(Error::Exists) } else { Ok((index, address)) }
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        invariant!(Root::current() != self.root, "a space must not end while it is active");
        let list = core::mem::take(self.mappings.get_mut());
        drop(list);
        // SAFETY: no CPU has it active: it ran at most here, or all have acknowledged that they left it.
        unsafe {
            self.root.free_tables(&mut |table| frames::give(table));
            frames::give(self.sink);
        }
        let pages = FIXED + self.tables.get();
        frames::forgive(u64::from(pages));
        self.payer.pages.release(pages + list_pages(self.capacity));
        self.record.take().into_iter().for_each(Record::put);
    }
}

/// Pages that a mapping list is charged; the heap rounds up to powers of two.
fn list_pages(capacity: usize) -> u32 {
    ((capacity + 2) * size_of::<Mapping>()).next_power_of_two().div_ceil(PAGE_SIZE as usize) as u32
}
