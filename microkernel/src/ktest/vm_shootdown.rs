//! Shoot-downs: another CPU reads through a mapping, and nothing once its loss is complete, nor does memory go earlier.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::Error;
use x86_64::PhysAddr;

use super::vm::{AT, COMPLETED, PAGE, READ, THEN, WRITE, failed, made, payer, unpromised};
use super::{Context, Held, Verdict};
use crate::arch::cpu::{self, InterruptsOff};
use crate::arch::paging::Root;
use crate::mm::window::kernel_root;
use crate::percpu;
use crate::time::clock;
use crate::vm::{AddressSpace, Backing, Done};
use crate::{check, crossbar, ktest};

ktest!(another_cpu_sees_what_is_mapped_and_no_more);

/// What this CPU itself reads at a user address, or the vector of the fault. SMAP is suspended meanwhile.
fn peek(address: u64) -> Result<u8, u64> {
    let (vector, value): (u64, u64);
    let cell = percpu::this().interrupts.expected_fault_cell();
    // SAFETY: reads one byte of user memory, or faults and goes on at label 5; the alignment-check flag is put back.
    unsafe {
        asm!(
            "lea rax, [rip + 5f]", "mov [{cell}], rax", "pushfq", "bts qword ptr [rsp], 18", "popfq",
            "movzx ecx, byte ptr [{address}]", "mov eax, 255", "5:", "pushfq", "btr qword ptr [rsp], 18", "popfq",
            cell = in(reg) cell, address = in(reg) address, out("rax") vector, out("rcx") value, out("rdx") _,
        );
        cell.write(0);
    }
    if vector == 255 { Ok(value as u8) } else { Err(vector) }
}

static PEEKED: AtomicU64 = AtomicU64::new(u64::MAX);

/// Loads a root and stays in it, reads a byte, and says what it found: the byte, or 1000 and the vector.
fn peek_there([root, address, _]: [u64; 3]) {
    // SAFETY: the root has the kernel's half, and is retired before it goes.
    unsafe { Root::at(PhysAddr::new(root)).activate() };
    PEEKED.store(peek(address).map_or_else(|vector| 1000 + vector, u64::from), Ordering::Release);
}

/// As above without loading: through the translation it already has, if it still has it.
fn peek_again([_, address, _]: [u64; 3]) {
    PEEKED.store(peek(address).map_or_else(|vector| 1000 + vector, u64::from), Ordering::Release);
}

static ROOT_THERE: AtomicU64 = AtomicU64::new(0);

fn look_at_root(_: [u64; 3]) {
    ROOT_THERE.store(Root::current().address().as_u64(), Ordering::Release);
}

fn wait_until(done: impl Fn() -> bool) -> bool {
    let limit = clock::now().0 + 60_000_000_000;
    while !done() {
        if clock::now().0 > limit {
            return false;
        }
        crossbar::poll();
        cpu::pause();
    }
    true
}

fn another_cpu_sees_what_is_mapped_and_no_more(context: &Context) -> Verdict {
    let own = percpu::this().id();
    let Some(other) = percpu::all().find(|cpu| cpu.id() != own) else {
        return Ok(Held::Skipped("needs two CPUs"));
    };
    let free = unpromised();
    let owner = payer(10_000)?;
    let space =
        AddressSpace::new(owner.clone(), 8, crate::percpu::this().id()).map_err(failed("no space"))?;
    space.ran_on(other.id());
    let root = space.root().address().as_u64();
    let ask = |call: fn([u64; 3]), address| {
        PEEKED.store(u64::MAX, Ordering::Release);
        crossbar::at(other.id(), call, [root, address, 0]);
        wait_until(|| PEEKED.load(Ordering::Acquire) != u64::MAX);
        PEEKED.load(Ordering::Acquire)
    };
    let mut completions = COMPLETED.load(Ordering::Acquire);
    let mut completed = |done: Result<Done, Error>| {
        completions += 1;
        done == Ok(Done::Later) && wait_until(|| COMPLETED.load(Ordering::Acquire) == completions)
    };
    for round in 0..context.rounds(200) {
        // Few pages, and more than are invalidated singly.
        let pages = if round % 2 == 0 { 3 } else { 100 };
        let memory = made(&owner, pages, Backing::Pinned)?;
        space.map(memory, AT, 0, pages * PAGE, WRITE, WRITE).map_err(failed("no mapping"))?;
        let last = AT + (pages - 1) * PAGE;
        check!(space.write(last, &[round as u8; 8]).is_ok(), "not written");
        let seen = ask(peek_there, last);
        check!(seen == round & 0xff, "round {round}: the other CPU reads {seen}");
        check!(
            completed(space.protect(AT, PAGE, READ, THEN)),
            "round {round}: the protection is not complete"
        );
        let charged = owner.pages.usage().total();
        let _off = InterruptsOff::new();
        let done = space.unmap(AT, pages * PAGE, THEN);
        check!(owner.pages.usage().total() == charged, "memory went before the other CPU had let go");
        check!(completed(done), "round {round}: the unmapping is not complete");
        check!(owner.pages.usage().total() < charged, "memory did not go");
        let seen = ask(peek_again, last);
        check!(seen == 1014, "round {round}: the other CPU reads {seen} from memory that has gone");
    }
    check!(completed(Ok(space.retire(THEN))), "the space has not ended");
    crossbar::at(other.id(), look_at_root, [0; 3]);
    check!(wait_until(|| ROOT_THERE.load(Ordering::Acquire) != 0), "no answer");
    let there = ROOT_THERE.load(Ordering::Acquire);
    check!(there == kernel_root().address().as_u64(), "the other CPU is still in {there:#x}");
    check!(owner.is_clear() && unpromised() == free, "left: {:?}", owner.pages.usage());
    Ok(Held::Passed)
}
