//! Memory: protections are what they should be, frames and heap give back what they take, exhaustion is an error.

use alloc::vec::Vec;
use core::arch::asm;

use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::structures::paging::PageTableFlags;
use x86_64::{PhysAddr, VirtAddr};

use super::{Context, Held, Verdict};
use crate::arch::cpu;
use crate::arch::exception::PAGE_FAULT;
use crate::arch::paging::Root;
use crate::mm::layout::{self, PAGE_SIZE, Segment, direct};
use crate::mm::{frames, stack};
use crate::{check, ktest, percpu};

ktest!(
    no_page_is_writable_and_executable,
    protections_bite,
    protection_features_are_on,
    frames_are_distinct_and_return,
    blocks_are_aligned_and_return,
    exhaustion_is_an_error,
    heap_gives_back_what_it_took,
    nothing_is_mapped_one_to_one,
);

fn no_page_is_writable_and_executable(_: &Context) -> Verdict {
    let root = Root::current();
    let (w, nx) = (PageTableFlags::WRITABLE, PageTableFlags::NO_EXECUTE);
    let expected = [
        ("text", layout::text(), PageTableFlags::empty()),
        ("rodata", layout::rodata(), nx),
        ("data", layout::data(), w | nx),
    ];
    for (name, Segment { start, end }, flags) in expected {
        let mut at = start;
        while at < end {
            if let Some(found) = root.flags_at(at) {
                check!(found & (w | nx) == flags, "{name} at {at:?}: {found:?}");
                check!(!found.contains(PageTableFlags::USER_ACCESSIBLE), "{name} at {at:?} is open to users");
            } else {
                check!(crate::arch::boot::is_stack_guard(at.as_u64()), "{name} at {at:?} is not mapped");
            }
            at += PAGE_SIZE;
        }
    }
    let frame = frames::take().ok_or_else(|| super::Broken("no frame".into()))?;
    let found = root.flags_at(direct(frame));
    // SAFETY: taken just now.
    unsafe { frames::give(frame) };
    check!(found.is_some_and(|found| found.contains(w | nx)), "the direct map: {found:?}");
    let text = PhysAddr::new_truncate(layout::text().start.as_u64() - layout::KERNEL_BASE);
    check!(root.flags_at(direct(text)).is_none(), "the kernel's text has an alias in the direct map");
    Ok(Held::Passed)
}

fn nothing_is_mapped_one_to_one(_: &Context) -> Verdict {
    for address in [0, 0x7000, 0x10_0000, 0x20_0000, 0xfee0_0000u64] {
        check!(Root::current().flags_at(VirtAddr::new_truncate(address)).is_none(), "{address:#x} is mapped");
    }
    Ok(Held::Passed)
}

/// The vector and CR2 of the fault that one access meets; 255 if none.
fn access(kind: Access, address: u64) -> (u64, u64) {
    let (vector, cr2): (u64, u64);
    let cell = percpu::this().interrupts.expected_fault_cell();
    // SAFETY: either the access faults and execution resumes at label 5, or it reads, or rewrites in place, mapped memory; a call
    // into data would only be made by the test of what must fault.
    unsafe {
        match kind {
            Access::Read => asm!(
                "lea rax, [rip + 5f]", "mov [{cell}], rax", "mov al, [{address}]", "mov eax, 255", "5:",
                cell = in(reg) cell, address = in(reg) address, out("rax") vector, out("rdx") cr2,
            ),
            Access::Write => asm!(
                "lea rax, [rip + 5f]", "mov [{cell}], rax", "lock add byte ptr [{address}], 0", "mov eax, 255", "5:",
                cell = in(reg) cell, address = in(reg) address, out("rax") vector, out("rdx") cr2,
            ),
            Access::Execute => asm!(
                "lea rax, [rip + 5f]", "mov [{cell}], rax", "jmp {address}", "5:",
                cell = in(reg) cell, address = in(reg) address, out("rax") vector, out("rdx") cr2,
            ),
        }
        cell.write(0);
    }
    (vector, cr2)
}

#[derive(Clone, Copy, Debug)]
enum Access {
    Read,
    Write,
    Execute,
}

fn protections_bite(_: &Context) -> Verdict {
    let mut block = alloc::boxed::Box::new([0u8; 64]);
    let heap = block.as_mut_ptr().addr() as u64;
    let stack = stack::make().map_err(|error| super::Broken(alloc::format!("{error:?}")))?;
    let guard = stack.as_u64() - 4 * PAGE_SIZE - 8;
    let cases = [
        (Access::Write, layout::text().start.as_u64()),
        (Access::Write, layout::rodata().start.as_u64()),
        (Access::Execute, layout::data().start.as_u64()),
        (Access::Execute, layout::rodata().start.as_u64()),
        (Access::Execute, heap),
        (Access::Read, 0),
        (Access::Read, guard),
        (Access::Write, guard),
    ];
    for (kind, address) in cases {
        let (vector, cr2) = access(kind, address);
        check!(vector == PAGE_FAULT, "{kind:?} at {address:#x}: vector {vector}");
        check!(cr2 == address, "{kind:?} at {address:#x}: CR2 {cr2:#x}");
    }
    let (vector, _) = access(Access::Write, heap);
    check!(vector == 255, "a plain write met vector {vector}");
    Ok(Held::Passed)
}

fn protection_features_are_on(_: &Context) -> Verdict {
    let features = cpu::features();
    let cr4 = Cr4::read();
    let wanted = [
        (features.smep, Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION),
        (features.smap, Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION),
        (features.umip, Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION),
    ];
    for (present, flag) in wanted {
        check!(!present || cr4.contains(flag), "{flag:?} is off");
    }
    check!(!cr4.contains(Cr4Flags::FSGSBASE), "user code may write FS and GS");
    check!(Cr0::read().contains(Cr0Flags::WRITE_PROTECT), "write protection is off in ring 0");
    Ok(Held::Passed)
}

fn frames_are_distinct_and_return(context: &Context) -> Verdict {
    let mut held = Vec::new();
    let mut seen = alloc::collections::BTreeSet::new();
    for _ in 0..context.rounds(10_000) {
        let Some(frame) = frames::take() else { break };
        check!(frame.as_u64() != 0 && frame.is_aligned(PAGE_SIZE), "{frame:?} is no frame");
        check!(seen.insert(frame), "{frame:?} was handed out twice");
        held.push(frame);
    }
    // In an order unlike the one they came in.
    let half = held.len() / 2;
    held.rotate_left(half);
    for frame in held {
        // SAFETY: taken above, and not used.
        unsafe { frames::give(frame) };
    }
    Ok(Held::Passed)
}

fn blocks_are_aligned_and_return(_: &Context) -> Verdict {
    let (_, before) = frames::usage();
    for order in 0..8 {
        let count = 1 << order;
        let block = frames::take_block(count).ok_or_else(|| super::Broken("no block".into()))?;
        let aligned = block.is_aligned(count as u64 * PAGE_SIZE);
        // SAFETY: taken just now, and not used.
        unsafe { frames::give_block(block, count) };
        check!(aligned, "{count} frames at {block:?}");
    }
    let (_, after) = frames::usage();
    check!(before == after, "{before} bytes were free before, {after} after");
    Ok(Held::Passed)
}

/// Takes every frame there is, chained through the frames themselves, and gives them back.
fn exhaustion_is_an_error(_: &Context) -> Verdict {
    let mut chain = crate::mm::node::Chain::new();
    let mut count = 0u64;
    while let Some(frame) = frames::take() {
        chain.push(frame);
        count += 1;
    }
    // The heap may hold some memory of its own: ask for more than it can have left.
    let refused = Vec::<u8>::new().try_reserve_exact(8 << 20).is_err();
    let again = frames::take().is_none() && frames::take_block(2).is_none();
    let mut returned = 0;
    while let Some(frame) = chain.pop() {
        // SAFETY: taken above.
        unsafe { frames::give(frame) };
        returned += 1;
    }
    check!(refused, "8 MiB of heap came from nowhere");
    check!(again, "a frame came from nowhere");
    check!(returned == count, "{returned} of {count} frames returned");
    let block =
        frames::take_block(512).ok_or_else(|| super::Broken("single frames do not join to 2 MiB".into()))?;
    // SAFETY: taken just now.
    unsafe { frames::give_block(block, 512) };
    Ok(Held::Passed)
}

fn heap_gives_back_what_it_took(context: &Context) -> Verdict {
    let (before, _) = crate::mm::heap::usage();
    for round in 0..context.rounds(1000) {
        let mut blocks = Vec::new();
        for size in [1usize, 8, 24, 100, 4096, 10_000] {
            blocks.push(alloc::vec![round as u8; size]);
        }
        check!(blocks.iter().flatten().all(|byte| *byte == round as u8), "a block was overwritten");
    }
    let (after, _) = crate::mm::heap::usage();
    check!(before == after, "{before} bytes were in use before, {after} after");
    check!(Vec::<u8>::new().try_reserve_exact(1 << 40).is_err(), "a terabyte was promised");
    Ok(Held::Passed)
}
