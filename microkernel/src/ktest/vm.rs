//! Regions and address spaces on one CPU: what is mapped is seen, what is not is refused, and every page and charge comes back.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::{Error, Rights};
use microkernel_core::quota::{Limits, Usage};
use x86_64::PhysAddr;

use super::{Broken, Context, Held, Verdict};
use crate::mm::frames;
use crate::object::Object;
use crate::vm::{AddressSpace, Backing, Completion, CopyError, Done, Payer, Region, RegionRef, USER};
use crate::{check, ktest};

ktest!(
    mappings_and_what_is_refused,
    lazy_pages_are_zero_and_taken_when_touched,
    a_copy_and_its_source_do_not_meet,
    pages_are_copied_between_regions,
    device_and_dma_regions,
    accounts_come_back_exactly,
    want_of_memory_loses_nothing,
    handles_end_before_mappings,
    what_is_lost_becomes_private,
);

pub(super) const READ: Rights = Rights::READ;
pub(super) const WRITE: Rights = Rights::READ.with(Rights::WRITE);
const EXECUTE: Rights = Rights::READ.with(Rights::EXECUTE);
pub(super) const PAGE: u64 = 4096;
pub(super) const AT: u64 = 0x40_0000;
const WROTE: u64 = 1 << 1;
const FETCHED: u64 = 1 << 4;

pub(super) static COMPLETED: AtomicU64 = AtomicU64::new(0);
pub(super) const THEN: Completion = Completion { call: complete, argument: 1 };

fn complete(argument: u64) {
    COMPLETED.fetch_add(argument, Ordering::AcqRel);
}

/// Frames left to promise, those included that the heap has taken for good.
pub(super) fn unpromised() -> u64 {
    frames::unpromised() + crate::mm::heap::usage().1 as u64 / PAGE
}

pub(super) fn failed(what: &'static str) -> impl Fn(Error) -> Broken {
    move |error| Broken(alloc::format!("{what}: {error}"))
}

pub(super) fn payer(pages: u32) -> Result<Payer, Broken> {
    let limits = Limits { pages, handles: 0, threads: 0, messages: 0 };
    Payer::new(limits).ok_or_else(|| Broken("no accounts".into()))
}

fn space() -> Result<AddressSpace, Broken> {
    AddressSpace::new(payer(10_000)?, 8, crate::percpu::this().id()).map_err(failed("no space"))
}

/// A region of which nothing but the result remains.
fn region(
    payer: &Payer,
    pages: u64,
    backing: Backing,
    source: Option<RegionRef>,
) -> Result<RegionRef, Error> {
    let region = Region::create(payer, pages * PAGE, backing, source)?;
    let held = region.hold(region.header().generation());
    region.end();
    held
}

pub(super) fn made(payer: &Payer, pages: u64, backing: Backing) -> Result<RegionRef, Broken> {
    region(payer, pages, backing, None).map_err(failed("no region"))
}

fn mappings_and_what_is_refused(_: &Context) -> Verdict {
    let space = space()?;
    let memory = made(space.payer(), 4, Backing::Pinned)?;
    let map = |address, offset, bytes, protection, most| {
        space.map(memory.clone(), address, offset, bytes, protection, most)
    };
    let bad = [
        (0, 0, 0, READ, Rights::ALL, Error::BadArgument),
        (0, 0, 4 * PAGE + 1, READ, Rights::ALL, Error::BadArgument),
        (0, 0, u64::MAX, READ, Rights::ALL, Error::BadArgument),
        (0, 5 * PAGE, PAGE, READ, Rights::ALL, Error::BadArgument),
        (0, !(PAGE - 1), PAGE, READ, Rights::ALL, Error::BadArgument),
        (0, 1, PAGE, READ, Rights::ALL, Error::BadArgument),
        (0, 0, PAGE, Rights::NONE, Rights::ALL, Error::BadArgument),
        (0, 0, PAGE, Rights::WRITE, Rights::ALL, Error::BadArgument),
        (0, 0, PAGE, WRITE.with(EXECUTE), Rights::ALL, Error::BadArgument),
        (0, 0, PAGE, WRITE, READ, Error::NoRights),
        (AT + 1, 0, PAGE, READ, READ, Error::BadAddress),
        (USER.end, 0, PAGE, READ, READ, Error::BadAddress),
        (USER.end - PAGE, 0, 2 * PAGE, READ, READ, Error::BadAddress),
        (1 << 63, 0, PAGE, READ, READ, Error::BadAddress),
        (!(PAGE - 1), 0, 2 * PAGE, READ, READ, Error::BadAddress),
    ];
    for (index, (address, offset, bytes, protection, most, expected)) in bad.into_iter().enumerate() {
        let got = map(address, offset, bytes, protection, most);
        check!(got == Err(expected), "map {index}: {got:?} instead of {expected:?}");
    }
    let tables = space.payer().pages.usage();
    check!(map(AT, 0, 4 * PAGE, WRITE, WRITE) == Ok(AT), "a plain mapping");
    check!(space.payer().pages.usage().committed == tables.committed + 3, "three tables are charged");
    check!(map(AT + 3 * PAGE, 0, PAGE, READ, READ) == Err(Error::Exists), "an overlap");
    let chosen = [map(0, PAGE, 1, READ, READ), map(0, PAGE, 1, READ, READ)];
    let [Ok(first), Ok(second)] = chosen else { return Err(Broken("no address chosen".into())) };
    check!(second >= first + 2 * PAGE, "no guard between {first:#x} and {second:#x}");
    check!(space.write(AT + PAGE, b"Anax").is_ok(), "a write");
    let mut seen = [0; 4];
    check!(space.read(first, &mut seen).is_ok() && &seen == b"Anax", "the same page elsewhere");
    check!(space.write(first, b"x") == Err(CopyError::BadAddress), "a read-only page was written");
    // A hole in the middle, a piece read-only, and then neither.
    check!(space.unmap(AT + PAGE, PAGE, THEN) == Ok(Done::Now), "a hole");
    check!(space.read(AT + PAGE, &mut seen) == Err(CopyError::BadAddress), "the hole can be read");
    check!(!space.fault(AT + PAGE, 0) && space.fault(AT, WROTE) && !space.fault(AT, FETCHED), "faults");
    check!(space.protect(AT, 2 * PAGE, READ, THEN) == Err(Error::BadAddress), "protecting a hole");
    check!(space.protect(AT, PAGE, EXECUTE, THEN) == Err(Error::NoRights), "more than the handle allows");
    check!(space.protect(AT, PAGE, WRITE.with(EXECUTE), THEN) == Err(Error::BadArgument), "not W^X");
    check!(space.protect(AT + 2 * PAGE, PAGE, READ, THEN) == Ok(Done::Now), "protecting a part");
    check!(
        space.write(AT + 2 * PAGE, b"x").is_err() && space.write(AT + 3 * PAGE, b"x").is_ok(),
        "the part alone"
    );
    check!(!space.fault(AT + 2 * PAGE, WROTE), "a protected page faults in");
    check!(space.protect(AT + 2 * PAGE, PAGE, WRITE, THEN) == Ok(Done::Now), "giving it back");
    check!(space.write(AT + 2 * PAGE, b"x").is_ok(), "writable again");
    check!(space.unmap(second, PAGE, THEN) == Ok(Done::Now), "unmapping");
    check!(space.unmap(second, PAGE, THEN) == Err(Error::BadAddress), "unmapping twice");
    check!(map(0, PAGE, 1, READ, READ) == Ok(second), "a chosen address is used again");
    check!(space.unmap(AT + 1, PAGE, THEN) == Err(Error::BadAddress), "unmapping from within a page");
    // Five mappings now, of eight.
    for page in [10, 12, 14] {
        check!(map(AT + page * PAGE, 0, PAGE, READ, READ).is_ok(), "filling the list");
    }
    check!(map(AT + 16 * PAGE, 0, PAGE, READ, READ) == Err(Error::Full), "a mapping too many");
    check!(space.unmap(AT, USER.end - AT, THEN) == Ok(Done::Now), "everything at once");
    check!(map(AT, 0, 4 * PAGE, READ, READ).is_ok(), "all is free again");
    Ok(Held::Passed)
}

fn lazy_pages_are_zero_and_taken_when_touched(_: &Context) -> Verdict {
    let space = space()?;
    let memory = made(space.payer(), 1000, Backing::Lazy)?;
    space.map(memory, AT, 0, 1000 * PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
    let before = space.payer().pages.usage();
    let free = unpromised();
    let mut bytes = [1; 16];
    check!(space.read(AT + PAGE - 8, &mut bytes).is_ok() && bytes == [0; 16], "{bytes:?} in fresh pages");
    check!(space.fault(AT + 7 * PAGE, WROTE) && space.fault(AT + 7 * PAGE, 0), "a fault is not resolved");
    check!(space.write(AT + 999 * PAGE, &[7; 8]).is_ok(), "the last page");
    let after = space.payer().pages.usage();
    let expected = Usage { committed: before.committed + 4, reserved: before.reserved - 4 };
    check!(after == expected, "{after:?} instead of {expected:?}");
    check!(unpromised() == free, "a fault took memory that was not promised");
    Ok(Held::Passed)
}

fn a_copy_and_its_source_do_not_meet(_: &Context) -> Verdict {
    let space = space()?;
    let source = made(space.payer(), 2, Backing::Lazy)?;
    let copy = region(space.payer(), 2, Backing::Copy, Some(source.clone())).map_err(failed("no copy"))?;
    let far = AT + 16 * PAGE;
    space.map(source.clone(), AT, 0, 2 * PAGE, WRITE, WRITE).map_err(failed("no source"))?;
    check!(space.write(AT, b"source").is_ok(), "writing the source");
    space.map(copy.clone(), far, 0, 2 * PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
    let mut bytes = [0; 6];
    check!(space.read(far, &mut bytes).is_ok() && &bytes == b"source", "the copy holds {bytes:?}");
    check!(space.write(far, b"copied").is_ok(), "writing the copy");
    check!(space.read(AT, &mut bytes).is_ok() && &bytes == b"source", "the source holds {bytes:?}");
    check!(space.write(AT, b"change").is_ok(), "writing the source again");
    check!(space.read(far, &mut bytes).is_ok() && &bytes == b"copied", "then the copy holds {bytes:?}");
    check!(space.unmap(AT, 2 * PAGE, THEN).is_ok(), "unmapping the source");
    let refuse = |pages, backing, source| region(space.payer(), pages, backing, source).err();
    check!(refuse(2, Backing::Copy, Some(copy)) == Some(Error::BadArgument), "a copy of a copy");
    check!(refuse(3, Backing::Copy, Some(source.clone())) == Some(Error::BadArgument), "a larger copy");
    check!(refuse(2, Backing::Lazy, Some(source)) == Some(Error::BadArgument), "a source for nothing");
    check!(refuse(2, Backing::Copy, None) == Some(Error::BadArgument), "a copy of nothing");
    check!(
        space.read(far + PAGE, &mut bytes).is_ok() && bytes == [0; 6],
        "an untouched page of a source in use"
    );
    Ok(Held::Passed)
}

fn pages_are_copied_between_regions(_: &Context) -> Verdict {
    let space = space()?;
    let source = made(space.payer(), 4, Backing::Dma)?;
    let target = made(space.payer(), 4, Backing::Lazy)?;
    let far = AT + 16 * PAGE;
    space.map(source.clone(), AT, 0, 4 * PAGE, WRITE, WRITE).map_err(failed("no source"))?;
    for page in 0..4 {
        check!(space.write(AT + (page + 1) * PAGE - 4, &[page as u8 + 1; 4]).is_ok(), "writing the source");
    }
    let before = space.payer().pages.usage();
    check!(target.copy(&source, PAGE, 2 * PAGE, PAGE) == Ok(()), "a page that was not there");
    let after = space.payer().pages.usage();
    let expected = Usage { committed: before.committed + 1, reserved: before.reserved - 1 };
    check!(after == expected, "{after:?} instead of {expected:?}");
    space.map(target.clone(), far, 0, 4 * PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
    let ends = |page: u64| {
        let mut bytes = [9; 8];
        space.read(far + (page + 1) * PAGE - 8, &mut bytes).map(|()| bytes)
    };
    check!(ends(0) == Ok([0; 8]), "a page beside it holds {:?}", ends(0));
    check!(ends(1) == Ok([0, 0, 0, 0, 3, 3, 3, 3]), "the page holds {:?}", ends(1));
    check!(space.write(far + 2 * PAGE - 8, &[7; 8]).is_ok(), "writing the copy");
    check!(target.copy(&source, 0, 0, 3 * PAGE) == Ok(()), "pages that were there, and others");
    check!(ends(1) == Ok([0, 0, 0, 0, 2, 2, 2, 2]), "then it holds {:?}", ends(1));
    check!(ends(2) == Ok([0, 0, 0, 0, 3, 3, 3, 3]), "and the one behind it {:?}", ends(2));
    check!(target.copy(&target, 3 * PAGE, 0, PAGE) == Ok(()), "within a region");
    check!(ends(3) == Ok([0, 0, 0, 0, 1, 1, 1, 1]), "a page of the same region holds {:?}", ends(3));
    check!(target.copy(&source, 0, 0, 0) == Ok(()), "nothing");
    let device =
        Region::fixed(space.payer(), Backing::Device, 0xfee0_0000, PAGE).map_err(failed("no device"))?;
    let device =
        device.hold(device.header().generation()).inspect(|_| device.end()).map_err(failed("not held"))?;
    for (to, from, bytes) in [
        (1, 0, PAGE),
        (0, 8, PAGE),
        (0, 0, 1),
        (4 * PAGE, 0, PAGE),
        (0, 3 * PAGE, 2 * PAGE),
        (!0 << 12, 0, PAGE),
    ] {
        let got = target.copy(&source, to, from, bytes);
        check!(got == Err(Error::BadArgument), "{bytes} bytes from {from:#x} to {to:#x}: {got:?}");
    }
    check!(target.copy(&device, 0, 0, PAGE) == Err(Error::BadArgument), "registers were copied");
    check!(device.copy(&target, 0, 0, PAGE) == Err(Error::BadArgument), "registers were written");
    let large = made(space.payer(), 65, Backing::Lazy)?;
    check!(large.copy(&large, 0, 0, 65 * PAGE) == Err(Error::BadArgument), "more than a call may take");
    Ok(Held::Passed)
}

fn device_and_dma_regions(_: &Context) -> Verdict {
    let space = space()?;
    let free = unpromised();
    let dma = made(space.payer(), 3, Backing::Dma)?;
    check!(unpromised() == free - 4, "three pages in a row take four");
    let seen = [dma.device_address(8), dma.device_address(2 * PAGE), dma.device_address(3 * PAGE)];
    let [Ok(first), Ok(third), Err(Error::BadArgument)] = seen else {
        return Err(Broken(alloc::format!("device addresses {seen:?}")));
    };
    check!(third - first == 2 * PAGE - 8, "the pages are not in a row");
    space.map(dma, AT, 0, 3 * PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
    check!(space.write(AT + 2 * PAGE, b"Anax").is_ok(), "writing");
    // SAFETY: the region's frame, mapped above.
    let found =
        unsafe { crate::mm::layout::direct(PhysAddr::new(third)).as_ptr::<[u8; 4]>().read_volatile() };
    check!(&found == b"Anax", "a device sees {found:?}");
    for (physical, bytes) in [(0xfee0_0001, PAGE), (0xfee0_0000, 1), (!(PAGE - 1), PAGE), (0, 0)] {
        let got = Region::fixed(space.payer(), Backing::Device, physical, bytes).err();
        check!(got == Some(Error::BadArgument), "{bytes} bytes at {physical:#x}: {got:?}");
    }
    let device =
        Region::fixed(space.payer(), Backing::Device, 0xfee0_0000, PAGE).map_err(failed("no device"))?;
    let held = device.hold(device.header().generation()).map_err(failed("not held"))?;
    device.end();
    check!(held.device_address(0).is_err(), "registers are no DMA memory");
    let at = space.map(held, 0, 0, PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
    check!(space.read(at, &mut [0; 4]) == Err(CopyError::BadAddress), "registers can be copied");
    Ok(Held::Passed)
}

fn accounts_come_back_exactly(context: &Context) -> Verdict {
    let owner = payer(2000)?;
    let round = || -> Result<(), Broken> {
        let space =
            AddressSpace::new(owner.clone(), 8, crate::percpu::this().id()).map_err(failed("no space"))?;
        let source = made(&owner, 3, Backing::Pinned)?;
        for backing in [Backing::Lazy, Backing::Pinned, Backing::Dma, Backing::Copy] {
            let from = (backing == Backing::Copy).then(|| source.clone());
            let memory = region(&owner, 3, backing, from).map_err(failed("no region"))?;
            let at = space.map(memory, 0, 0, 3 * PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
            check!(space.write(at + PAGE, &[1; 8]).is_ok(), "{backing:?} cannot be written");
            if backing != Backing::Lazy {
                check!(space.unmap(at + PAGE, PAGE, THEN) == Ok(Done::Now), "{backing:?} is not unmapped");
            }
        }
        check!(owner.pages.usage().committed > 10, "nothing is charged");
        check!(space.retire(THEN) == Done::Now, "somebody else knows the space");
        Ok(())
    };
    round()?;
    let before = (unpromised(), crate::mm::heap::usage().0);
    for _ in 0..context.rounds(1000) {
        round()?;
        check!(owner.is_clear(), "left: {:?}", owner.pages.usage());
    }
    let after = (unpromised(), crate::mm::heap::usage().0);
    check!(before == after, "{before:?} frames and bytes of heap before, {after:?} after");
    Ok(Held::Passed)
}

fn want_of_memory_loses_nothing(_: &Context) -> Verdict {
    let free = unpromised();
    let owner = payer(20)?;
    check!(
        AddressSpace::new(payer(2)?, 8, crate::percpu::this().id()).err() == Some(Error::NoMemory),
        "a space beyond its quota"
    );
    let space =
        AddressSpace::new(owner.clone(), 8, crate::percpu::this().id()).map_err(failed("no space"))?;
    let before = (owner.pages.usage(), unpromised());
    for backing in [Backing::Lazy, Backing::Pinned, Backing::Dma] {
        let got = region(&owner, 20, backing, None).err();
        check!(got == Some(Error::NoMemory), "{backing:?} beyond the quota: {got:?}");
    }
    let rich = payer(u32::MAX)?;
    let pages = unpromised();
    check!(pages < 1 << 21, "this machine is too large for the test");
    let got = region(&rich, pages, Backing::Lazy, None).err();
    check!(got == Some(Error::NoMemory), "more than the machine has: {got:?}");
    let got = region(&rich, 1 << 40, Backing::Lazy, None).err();
    check!(got == Some(Error::BadArgument), "more than any machine has: {got:?}");
    check!(rich.is_clear() && (owner.pages.usage(), unpromised()) == before, "a refusal took something");
    // All but one page used: no room for three tables.
    let room = u64::from(owner.limit_left());
    let memory = made(&owner, room - 2, Backing::Lazy)?;
    let before = (owner.pages.usage(), unpromised());
    let got = space.map(memory, AT, 0, PAGE, WRITE, WRITE);
    check!(got == Err(Error::NoMemory), "page tables beyond the quota: {got:?}");
    let after = owner.pages.usage();
    check!(
        u64::from(after.reserved) == 0 && after.committed < before.0.committed,
        "the region is still charged: {after:?}"
    );
    drop(space);
    check!(owner.is_clear() && unpromised() == free, "left: {:?}", owner.pages.usage());
    Ok(Held::Passed)
}

trait Left {
    fn limit_left(&self) -> u32;
}

impl Left for Payer {
    fn limit_left(&self) -> u32 {
        self.pages.limit() - self.pages.usage().total() as u32
    }
}

fn handles_end_before_mappings(_: &Context) -> Verdict {
    let space = space()?;
    let memory = Region::create(space.payer(), PAGE, Backing::Lazy, None).map_err(failed("no region"))?;
    let generation = memory.header().generation();
    let held = memory.hold(generation).map_err(failed("not held"))?;
    space.map(held, AT, 0, PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
    let charged = space.payer().pages.usage().total();
    memory.end();
    check!(memory.hold(generation).err() == Some(Error::BadHandle), "an old handle still works");
    check!(space.payer().pages.usage().total() == charged, "the region ended before its mapping");
    check!(space.write(AT, &[1; 8]).is_ok(), "the mapping has gone");
    check!(space.unmap(AT, PAGE, THEN) == Ok(Done::Now), "not unmapped");
    check!(
        space.payer().pages.usage().total() == charged - 2,
        "the region did not end with its last mapping"
    );
    Ok(Held::Passed)
}

fn what_is_lost_becomes_private(_: &Context) -> Verdict {
    let (giver, taker) = (space()?, space()?);
    let memory = made(giver.payer(), 2, Backing::Lazy)?;
    for space in [&giver, &taker] {
        space.map(memory.clone(), AT, 0, 2 * PAGE, WRITE, Rights::ALL).map_err(failed("no mapping"))?;
    }
    let code = AT + 16 * PAGE;
    taker.map(memory.clone(), code, 0, PAGE, EXECUTE, Rights::ALL).map_err(failed("no mapping"))?;
    check!(giver.write(AT, b"shared").is_ok(), "writing");
    let mut bytes = [0; 6];
    check!(taker.read(AT, &mut bytes).is_ok() && &bytes == b"shared", "the other finds {bytes:?}");
    let charged = taker.payer().pages.usage();
    check!(taker.lose(&memory, THEN) == Ok(Done::Now), "not lost");
    check!(taker.lose(&memory, THEN) == Ok(Done::Now), "losing what is not mapped");
    check!(taker.payer().pages.usage() == charged, "a loss is charged");
    check!(taker.read(AT, &mut bytes).is_ok() && bytes == [0; 6], "after the loss: {bytes:?}");
    check!(taker.fault(AT + PAGE, WROTE), "a write to what was lost faults");
    check!(taker.write(AT + PAGE, b"secret").is_ok(), "a lost page cannot be written");
    check!(giver.read(AT, &mut bytes).is_ok() && &bytes == b"shared", "the giver finds {bytes:?}");
    check!(!taker.fault(code, FETCHED) && taker.fault(code, 0), "lost code can be executed, or not read");
    check!(taker.protect(code, PAGE, EXECUTE, THEN) == Err(Error::NoRights), "and made executable");
    drop(memory);
    check!(giver.unmap(AT, 2 * PAGE, THEN) == Ok(Done::Now), "unmapping");
    check!(taker.unmap(AT, USER.end - AT, THEN) == Ok(Done::Now), "unmapping what was lost");
    Ok(Held::Passed)
}
