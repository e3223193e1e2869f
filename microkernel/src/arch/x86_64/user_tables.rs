//! The user half of page tables: one home CPU changes it, any CPU may look, and 4 KiB is the only size of a page.
//!
//! Entries are atomic words, because processors set bits in them and other CPUs walk them while they change. Tables once made stay
//! until the space ends, so a walk never meets one that is gone. (Intel SDM volume 3A, section 4.5)

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use microkernel_core::elf::Protection;
use x86_64::instructions::tlb;
use x86_64::{PhysAddr, VirtAddr};

use super::paging::Root;
use crate::mm::layout::{DIRECT_MAP, PAGE_SIZE, direct};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const UNCACHED: u64 = 1 << 3 | 1 << 4;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Address bits below which the three upper levels choose their entry.
const UPPER_LEVELS: [u32; 3] = [39, 30, 21];
/// Pages up to which single invalidations are cheaper than emptying the TLB.
pub(crate) const FEW_PAGES: u64 = 32;

/// Whether an access changes memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// It reads.
    No,
    /// It writes.
    Yes,
}

/// Whether the processor caches a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// Memory.
    On,
    /// Device registers, which are not in the direct map either.
    Off,
}

type Table = [AtomicU64; 512];

/// A page's entry in the last table.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a>(&'a AtomicU64);

impl Entry<'_> {
    /// Maps the page to `frame`.
    pub(crate) fn set(self, frame: PhysAddr, protection: Protection, caching: Caching) {
        let cached = if caching == Caching::Off { UNCACHED } else { 0 };
        self.0.store(frame.as_u64() | cached | flags(protection), Ordering::Release);
    }

    /// Changes the protection, if the page is mapped.
    pub(crate) fn protect(self, protection: Protection) {
        let word = self.0.load(Ordering::Relaxed);
        if word & PRESENT != 0 {
            self.0.store(word & (ADDRESS | UNCACHED) | flags(protection), Ordering::Release);
        }
    }

    /// Maps nothing.
    pub(crate) fn clear(self) {
        self.0.store(0, Ordering::Release);
    }

    /// The frame, if it is memory that user code may use like that now.
    pub(crate) fn memory(self, write: Write) -> Option<PhysAddr> {
        let wanted = if write == Write::Yes { PRESENT | WRITABLE } else { PRESENT };
        let word = self.0.load(Ordering::Acquire);
        (word & (wanted | UNCACHED) == wanted).then(|| PhysAddr::new_truncate(word & ADDRESS))
    }
}

fn flags(protection: Protection) -> u64 {
    PRESENT
        | USER
        | match protection {
            Protection::Read => NO_EXECUTE,
            Protection::ReadWrite => WRITABLE | NO_EXECUTE,
            Protection::ReadExecute => 0,
        }
}

/// The table at `physical`, through the direct map.
///
/// # Safety
/// It is a table of a space's user half, or its root, that has not ended.
unsafe fn table<'a>(physical: u64) -> &'a Table {
    // SAFETY: by the caller's promise; all code that uses such tables does so through atomics.
    unsafe { &*direct(PhysAddr::new_truncate(physical)).as_ptr() }
}

fn index(address: u64, shift: u32) -> usize {
    (address >> shift) as usize & 511
}

impl Root {
    /// A root for a program in the zeroed `frame`: nothing of its own yet, the kernel's half shared with this root.
    pub(crate) fn new_user(self, frame: PhysAddr) -> Self {
        // SAFETY: both are roots; the new one is nobody else's yet.
        let (kernel, user) = unsafe { (table(self.address().as_u64()), table(frame.as_u64())) };
        for at in index(DIRECT_MAP, 39)..512 {
            user[at].store(kernel[at].load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Self::at(frame)
    }

    /// The table in which the entry that `address` has at `shift` lies, with missing ones from `source`.
    fn walk(
        self,
        address: u64,
        shift: u32,
        mut source: impl FnMut() -> Option<PhysAddr>,
    ) -> Option<&'static Table> {
        // SAFETY: the caller has the space, so it has not ended; nor have the tables that are reached from it.
        let mut level = unsafe { table(self.address().as_u64()) };
        for above in UPPER_LEVELS.into_iter().take_while(|above| *above > shift) {
            let entry = &level[index(address, above)];
            let mut word = entry.load(Ordering::Acquire);
            if word & PRESENT == 0 {
                word = source()?.as_u64() | PRESENT | WRITABLE | USER;
                entry.store(word, Ordering::Release);
            }
            // SAFETY: as above.
            level = unsafe { table(word & ADDRESS) };
        }
        Some(level)
    }

    /// How many tables the pages still need.
    pub(crate) fn missing_tables(self, pages: &Range<u64>) -> u32 {
        if pages.start >> 21 == (pages.end - 1) >> 21 && self.entry(pages.start).is_some() {
            return 0;
        }
        let missing = |shift: u32, at: u64| {
            self.walk(at, shift, || None)
                .is_none_or(|table| table[index(at, shift)].load(Ordering::Relaxed) & PRESENT == 0)
        };
        let at_level = |shift: u32| {
            let tables = pages.start >> shift..=(pages.end - 1) >> shift;
            tables.filter(|number| missing(shift, number << shift)).count() as u32
        };
        UPPER_LEVELS.into_iter().map(at_level).sum()
    }

    /// Makes the tables that the pages need, from zeroed frames.
    pub(crate) fn make_tables(self, pages: &Range<u64>, source: &mut dyn FnMut() -> Option<PhysAddr>) {
        for number in pages.start >> 21..=(pages.end - 1) >> 21 {
            let made = self.walk(number << 21, 12, &mut *source);
            invariant!(made.is_some(), "tables are counted and reserved first");
        }
    }

    /// The page's entry, if there is a table for it.
    pub(crate) fn entry(self, address: u64) -> Option<Entry<'static>> {
        self.walk(address, 12, || None).map(|table| Entry(&table[index(address, 12)]))
    }

    /// Calls `action` with each page of the range that has a table, and its entry.
    pub(crate) fn for_each_page(self, pages: Range<u64>, mut action: impl FnMut(u64, Entry<'_>)) {
        let mut at = pages.start;
        while at < pages.end {
            let end = pages.end.min((at | ((1 << 21) - 1)) + 1);
            if let Some(table) = self.walk(at, 12, || None) {
                let all = (at..end).step_by(PAGE_SIZE as usize);
                all.for_each(|page| action(page, Entry(&table[index(page, 12)])));
            }
            at = end;
        }
    }

    /// Makes this CPU forget translations of these pages, if it has any: it keeps none of a root that is not loaded.
    pub(crate) fn flush(self, pages: &Range<u64>) {
        if Self::current() != self {
        } else if pages.end - pages.start <= FEW_PAGES * PAGE_SIZE {
            pages
                .clone()
                .step_by(PAGE_SIZE as usize)
                .for_each(|page| tlb::flush(VirtAddr::new_truncate(page)));
        } else {
            tlb::flush_all();
        }
    }

    /// Calls `free` for every table of the user half, and for the root.
    ///
    /// # Safety
    /// No CPU uses the root any more, and nothing else will.
    pub(crate) unsafe fn free_tables(self, free: &mut dyn FnMut(PhysAddr)) {
        // SAFETY: by the caller's promise; each table is read before it is given away.
        unsafe { free_below(self.address(), 256, UPPER_LEVELS.len(), free) };
    }
}

/// # Safety
/// As [`Root::free_tables`]; `levels` of tables hang below this one.
unsafe fn free_below(at: PhysAddr, entries: usize, levels: usize, free: &mut dyn FnMut(PhysAddr)) {
    if levels > 0 {
        // SAFETY: by the caller's promise.
        for entry in unsafe { &table(at.as_u64())[..entries] } {
            let word = entry.load(Ordering::Relaxed);
            if word & PRESENT != 0 {
                // SAFETY: as above.
                unsafe { free_below(PhysAddr::new_truncate(word & ADDRESS), 512, levels - 1, free) };
            }
        }
    }
    free(at);
}
