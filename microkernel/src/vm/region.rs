//! Regions: memory of a fixed size, mapped in any number of spaces, charged to whoever had it made until its last use ends.
//!
//! Two counts: the header's, of handles, which revocation can wipe out; and `uses`, of what really needs the memory: one for all
//! handles together, one a mapping, one a copy made of it. A page's frame is put in place by compare-exchange from any CPU.

use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use anax_abi::Error;
use anax_abi::object::region::MOST_COPIED;
use x86_64::{PhysAddr, VirtAddr};

use super::payer::Payer;
use crate::arch::cpu;
use crate::arch::user_tables::Caching;
use crate::mm::frames;
use crate::mm::layout::{DIRECT_MAP_SIZE, PAGE_SIZE, direct, physical_of_direct};
use crate::object::{Header, Kind, Object, Pool};

/// Pages of the largest region: 8 GiB, whose page list is the largest block of the heap.
const MOST_PAGES: u64 = 1 << 21;

static REGIONS: Pool<Region> = Pool::new();

/// Where a region's pages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// Zeroed when first touched.
    Lazy,
    /// Zeroed, there from the start.
    Pinned,
    /// Pinned and contiguous, charged as the power of two that the block takes.
    Dma,
    /// Copied from the source when first touched. Not when first written: the memory is set aside either way, and so no page ever
    /// changes its frame. What the source's owner writes before that touch is seen.
    Copy,
    /// Device registers: uncached, never freed.
    Device,
    /// Memory that was there before, and stays: the boot archive. Never freed.
    Boot,
}

/// A region. Everything but the counts and the page list is constant from `create` to the last use.
#[repr(C)]
pub(crate) struct Region {
    header: Header,
    uses: AtomicU32,
    body: UnsafeCell<Body>,
}

struct Body {
    backing: Backing,
    pages: u32,
    /// Pages charged besides its own: for this object and the page list.
    overhead: u32,
    /// First byte of what is contiguous.
    start: PhysAddr,
    /// Otherwise a frame for each page, or 0.
    list: Vec<AtomicU64>,
    source: Option<RegionRef>,
    payer: Option<Payer>,
}

// SAFETY: the body is written only by who makes a region that nobody else knows, and by who has taken the last use away.
unsafe impl Sync for Region {}

// SAFETY: `repr(C)`, a header first, and regions are made by their pool alone, which never frees.
unsafe impl Object for Region {
    const KIND: Kind = Kind::Region;
}

impl Region {
    const EMPTY: Body = Body {
        backing: Backing::Lazy,
        pages: 0,
        overhead: 0,
        start: PhysAddr::zero(),
        list: Vec::new(),
        source: None,
        payer: None,
    };

    /// A region of `bytes`, rounded up to pages, whose one use is ended by [`Region::end`]. Its header has no references. Any CPU.
    ///
    /// # Errors
    /// `BadArgument` for size 0 or too large, a copy of less than `bytes`, of nothing, of a copy or of a device; `NoMemory`.
    pub(crate) fn create(
        payer: &Payer,
        bytes: u64,
        backing: Backing,
        source: Option<RegionRef>,
    ) -> Result<&'static Self, Error> {
        let pages = pages_in(bytes)?;
        let copied = source.as_ref().is_some_and(|source| {
            !matches!(source.body().backing, Backing::Copy | Backing::Device) && pages <= source.body().pages
        });
        if backing == Backing::Device || copied != (backing == Backing::Copy) || copied != source.is_some() {
            return Err(Error::BadArgument);
        }
        let dma = backing == Backing::Dma;
        let held = if dma { pages.next_power_of_two() } else { pages };
        let listed = if dma { 0 } else { pages };
        let overhead = overhead(listed);
        let (mut charge, promise) = payer.reserve(held + overhead, held)?;
        let mut list = Vec::new();
        list.try_reserve_exact(listed as usize).map_err(|_| Error::NoMemory)?;
        list.resize_with(listed as usize, AtomicU64::default);
        let mut start = PhysAddr::zero();
        if dma {
            start = frames::take_block(pages as usize).ok_or(Error::NoMemory)?;
            // SAFETY: just taken, and in the direct map.
            unsafe { direct(start).as_mut_ptr::<u8>().write_bytes(0, pages as usize * PAGE_SIZE as usize) };
        }
        let body = Body { backing, pages, overhead, start, list, source, payer: Some(payer.clone()) };
        let region = Self::place(body)?;
        charge.commit_part(if dma { held + overhead } else { overhead });
        charge.keep();
        promise.keep();
        if backing == Backing::Pinned {
            (0..pages).for_each(|page| _ = region.frame(page));
        }
        Ok(region)
    }

    /// A region as by [`Region::create`] that no handle names: its one use is the result.
    ///
    /// # Errors
    /// As [`Region::create`].
    pub(crate) fn unnamed(payer: &Payer, bytes: u64, backing: Backing) -> Result<RegionRef, Error> {
        Self::create(payer, bytes, backing, None).map(RegionRef)
    }

    /// A region over what lies there, device registers or memory that stays. That nobody else's memory and no kernel's device lies there is for the
    /// caller to know.
    ///
    /// # Errors
    /// `BadArgument` for what is not whole pages or beyond physical memory's end; `NoMemory`.
    pub(crate) fn fixed(payer: &Payer, of: Backing, at: u64, bytes: u64) -> Result<&'static Self, Error> {
        let pages = pages_in(bytes)?;
        if !(at | bytes).is_multiple_of(PAGE_SIZE) || at > DIRECT_MAP_SIZE - bytes {
            return Err(Error::BadArgument);
        }
        let overhead = overhead(0);
        let (charge, _) = payer.reserve(overhead, 0)?;
        let (start, payer) = (PhysAddr::new_truncate(at), Some(payer.clone()));
        let body = Body { backing: of, pages, overhead, start, payer, ..Self::EMPTY };
        Self::place(body).inspect(|_| charge.commit())
    }

    fn place(body: Body) -> Result<&'static Self, Error> {
        let empty = || Self {
            header: Header::new(Kind::Region),
            uses: AtomicU32::new(0),
            body: UnsafeCell::new(Self::EMPTY),
        };
        let Some(region) = REGIONS.take(empty) else {
            if body.backing == Backing::Dma {
                // SAFETY: taken by `create`, and nobody has seen it.
                unsafe { frames::give_block(body.start, body.pages as usize) };
            }
            return Err(Error::NoMemory);
        };
        // SAFETY: nobody else knows the region.
        unsafe { *region.body.get() = body };
        region.uses.store(1, Ordering::Release);
        Ok(region)
    }

    /// All handles are gone, or it was destroyed: takes their common use away, and whoever still has an old handle finds nothing.
    /// Memory stays until the last mapping goes. Once for each region, on the CPU that [`Header::release`] told that it was the last.
    pub(crate) fn end(&'static self) {
        self.header.life().renew(0);
        drop(RegionRef(self));
    }

    /// A use of the region, if it is still the one that a handle of `generation` names. Any CPU.
    ///
    /// # Errors
    /// `BadHandle`.
    pub(crate) fn hold(&'static self, generation: u32) -> Result<RegionRef, Error> {
        let one_more = |uses: u32| (uses != 0).then(|| uses + 1);
        self.uses
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more)
            .map_err(|_| Error::BadHandle)?;
        let held = RegionRef(self);
        // Looked at once held: a region that ended and was made anew in between has another generation.
        if self.header.generation() == generation { Ok(held) } else { Err(Error::BadHandle) }
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        u64::from(self.body().pages) * PAGE_SIZE
    }

    /// The address that a device sees at `offset`.
    ///
    /// # Errors
    /// `BadArgument` beyond the end, or if the region was not made for devices.
    pub(crate) fn device_address(&self, offset: u64) -> Result<u64, Error> {
        let here = self.body().backing == Backing::Dma && offset < self.size();
        if here { Ok(self.body().start.as_u64() + offset) } else { Err(Error::BadArgument) }
    }

    /// A region of these bytes, which lie in the direct map: where they lie, if they are whole pages; else a copy, with zeroes to the end of its
    /// last page.
    ///
    /// # Errors
    /// `NoMemory`.
    pub(crate) fn of_bytes(payer: &Payer, bytes: &'static [u8]) -> Result<&'static Self, Error> {
        let (here, length) = (physical_of_direct(VirtAddr::from_ptr(bytes)).as_u64(), bytes.len() as u64);
        Self::fixed(payer, Backing::Boot, here, length).or_else(|_| {
            let region = Self::create(payer, length, Backing::Pinned, None)?;
            region.fill(0, bytes);
            Ok(region)
        })
    }

    /// The first word of a pinned region: memory that the kernel shares with whoever maps it. While the region is held.
    pub(crate) fn word(&self) -> &'static AtomicU64 {
        // SAFETY: a frame that the region keeps as long as the caller's use of it; aligned, and only ever accessed as a word.
        unsafe { &*direct(self.frame(0)).as_ptr() }
    }

    fn body(&self) -> &Body {
        // SAFETY: the caller holds a use, so nobody writes it.
        unsafe { &*self.body.get() }
    }

    /// Whether every page has its frame.
    pub(super) fn is_complete(&self) -> bool {
        !matches!(self.body().backing, Backing::Lazy | Backing::Copy)
    }

    pub(super) fn caching(&self) -> Caching {
        if self.body().backing == Backing::Device { Caching::Off } else { Caching::On }
    }

    /// The page's frame, if it has one.
    pub(super) fn present(&self, page: u32) -> Option<PhysAddr> {
        let body = self.body();
        match body.list.get(page as usize) {
            None => Some(body.start + u64::from(page) * PAGE_SIZE),
            Some(slot) => {
                let frame = slot.load(Ordering::Acquire);
                (frame != 0).then(|| PhysAddr::new_truncate(frame))
            }
        }
    }

    /// The page's frame, put there if need be. Any CPU.
    pub(super) fn frame(&self, page: u32) -> PhysAddr {
        // SAFETY: the frame is fresh; the source's is kept by our use of it, and read as raw memory.
        let fill = |to| unsafe {
            match &self.body().source {
                Some(source) => cpu::copy_page(direct(source.frame(page)).as_ptr(), to),
                None => cpu::clear_page(to),
            }
        };
        self.present(page).unwrap_or_else(|| self.populate(page, fill).unwrap_or_else(|others| others))
    }

    /// Gives a page that has none a frame that `fill` has filled. The other way round, it has another CPU's, which was faster.
    fn populate(&self, page: u32, fill: impl FnOnce(*mut u64)) -> Result<PhysAddr, PhysAddr> {
        let body = self.body();
        let frame = frames::take().expect("a region's frames were promised when it was made");
        fill(direct(frame).as_mut_ptr());
        let slot = &body.list[page as usize];
        slot.compare_exchange(0, frame.as_u64(), Ordering::AcqRel, Ordering::Acquire).map_err(|others| {
            // SAFETY: taken above and seen by nobody.
            unsafe { frames::give(frame) };
            PhysAddr::new_truncate(others)
        })?;
        body.payer.iter().for_each(|payer| payer.pages.commit_kept(1));
        Ok(frame)
    }

    /// Copies `bytes` of `source`, whole pages, from `from` on to `to`. A page that is not there yet takes a frame that is not zeroed before. Any CPU.
    ///
    /// # Errors
    /// `BadArgument`: they are not whole pages, not all in either region, or a device's; or more than a call may take.
    pub(crate) fn copy(&self, source: &Self, to: u64, from: u64, bytes: u64) -> Result<(), Error> {
        let has = |region: &Self, at: u64| {
            let is_within = at.checked_add(bytes).is_some_and(|end| end <= region.size());
            is_within && (region.body().backing != Backing::Device || cfg!(bite = "vm-registers-are-copied"))
        };
        let are_pages = (to | from | bytes).is_multiple_of(PAGE_SIZE) && bytes <= MOST_COPIED;
        if !are_pages || !has(self, to) || !has(source, from) {
            return Err(Error::BadArgument);
        }
        for at in (0..bytes).step_by(PAGE_SIZE as usize) {
            let page = ((to + at) / PAGE_SIZE) as u32;
            let original = direct(source.frame(((from + at) / PAGE_SIZE) as u32)).as_ptr();
            // SAFETY: frames that our uses keep, accessed as raw memory: programs may be writing to both.
            let copy = |to| unsafe { cpu::copy_page(original, to) };
            if self.present(page).is_some() || self.populate(page, copy).is_err() {
                copy(direct(self.frame(page)).as_mut_ptr());
            }
        }
        Ok(())
    }

    /// Puts `bytes`, which fit, at `offset`.
    pub(super) fn fill(&self, offset: u64, bytes: &[u8]) {
        invariant!(offset + bytes.len() as u64 <= self.size());
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = at % PAGE_SIZE;
            let (part, later) = rest.split_at(rest.len().min((PAGE_SIZE - within) as usize));
            let to = direct(self.frame((at / PAGE_SIZE) as u32)) + within;
            // SAFETY: within a page of the region, which the kernel holds no reference into.
            unsafe { to.as_mut_ptr::<u8>().copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            at += part.len() as u64;
            rest = later;
        }
    }

    /// The last use has gone.
    fn free(&'static self) {
        // SAFETY: nobody else uses the region any more, and `hold` cannot begin with no use left.
        let body = core::mem::replace(unsafe { &mut *self.body.get() }, Self::EMPTY);
        let Some(payer) = &body.payer else { return };
        let (mut committed, mut held) = (0, 0);
        match body.backing {
            Backing::Device | Backing::Boot => {}
            Backing::Dma => {
                held = body.pages.next_power_of_two();
                committed = held;
                // SAFETY: taken by `create`; no mapping is left, and their shoot-downs are done.
                unsafe { frames::give_block(body.start, body.pages as usize) };
            }
            Backing::Lazy | Backing::Pinned | Backing::Copy => {
                held = body.pages;
                let taken =
                    body.list.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|frame| *frame != 0);
                for frame in taken {
                    committed += 1;
                    // SAFETY: as above, each taken by `populate`.
                    unsafe { frames::give(PhysAddr::new_truncate(frame)) };
                }
            }
        }
        frames::forgive(u64::from(held));
        payer.pages.release_kept(held - committed);
        payer.pages.release(committed + if cfg!(bite = "vm-overhead-stays") { 0 } else { body.overhead });
        drop(body);
        REGIONS.give(self);
    }
}

/// A use of a region: its memory stays as long as this does. Any CPU.
pub(crate) struct RegionRef(&'static Region);

impl Deref for RegionRef {
    type Target = Region;

    fn deref(&self) -> &Region {
        self.0
    }
}

impl Clone for RegionRef {
    fn clone(&self) -> Self {
        self.0.uses.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for RegionRef {
    fn drop(&mut self) {
        if self.0.uses.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.free();
        }
    }
}

fn pages_in(bytes: u64) -> Result<u32, Error> {
    let pages = bytes.div_ceil(PAGE_SIZE);
    if (1..=MOST_PAGES).contains(&pages) { Ok(pages as u32) } else { Err(Error::BadArgument) }
}

/// Pages that a region with a list of `listed` pages is charged for itself; the heap rounds up to powers of two.
fn overhead(listed: u32) -> u32 {
    let bytes = size_of::<Region>() + listed.next_power_of_two() as usize * size_of::<AtomicU64>();
    bytes.div_ceil(PAGE_SIZE as usize) as u32
}
