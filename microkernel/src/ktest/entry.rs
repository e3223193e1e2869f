//! Entries: interrupts leave vector registers and red zone alone; NMI and debug exceptions do not believe GS.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::VirtAddr;
use x86_64::registers::model_specific::GsBase;

use super::{Context, Held, Verdict};
use crate::arch::{apic, cpu};
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};
use crate::{check, ktest, percpu};

ktest!(vectors_and_red_zone_survive_interrupts, nmi_with_foreign_gs, debug_exception_with_foreign_gs);

static TICKS: AtomicU64 = AtomicU64::new(0);
static TICK: Deadline = Deadline::new(tick);

/// Timer interrupts needed under load, in full.
const TICKS_WANTED: u64 = 20_000;
/// Time between two interrupts.
const PERIOD: Nanos = Nanos(20_000);

/// Destroys every vector register, as any Rust code in an interrupt may, and sets the next one.
fn tick(deadline: &'static Deadline) {
    TICKS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: all vector registers are declared as destroyed.
    unsafe {
        asm!(
            ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "pcmpeqd xmm\\i, xmm\\i",
            ".endr",
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
            out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
            out("xmm13") _, out("xmm14") _, out("xmm15") _,
        );
    }
    timer::set(deadline, Nanos(clock::now().0 + PERIOD.0));
}

/// Fills the red zone and all vector registers with a pattern that changes every round, and counts what is not as it was.
fn hammer(rounds: u64) -> u64 {
    let wrong: u64;
    // SAFETY: only registers declared below change, and memory below the stack pointer that this kernel (built without a red
    // zone) never uses; that interrupts leave it alone is what is tested.
    unsafe {
        asm!(
            "2:",
            "lea {pattern}, [{pattern} + {pattern} * 4 + 0x1235]",
            ".irp i,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
            "mov [rsp - 8 * \\i], {pattern}",
            ".endr",
            ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "movq xmm\\i, {pattern}",
            ".endr",
            "mov {pause}, 64",
            "3: dec {pause}",
            "jnz 3b",
            ".irp i,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
            "xor {flag:e}, {flag:e}",
            "cmp [rsp - 8 * \\i], {pattern}",
            "setne {flag:l}",
            "add {wrong}, {flag}",
            ".endr",
            ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "movq {value}, xmm\\i",
            "xor {flag:e}, {flag:e}",
            "cmp {value}, {pattern}",
            "setne {flag:l}",
            "add {wrong}, {flag}",
            ".endr",
            "dec {rounds}",
            "jnz 2b",
            pattern = inout(reg) clock::now().0 => _,
            rounds = inout(reg) rounds => _,
            wrong = inout(reg) 0u64 => wrong,
            pause = out(reg) _,
            flag = out(reg) _,
            value = out(reg) _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
            out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
            out("xmm13") _, out("xmm14") _, out("xmm15") _,
        );
    }
    wrong
}

fn vectors_and_red_zone_survive_interrupts(context: &Context) -> Verdict {
    let wanted = context.rounds(TICKS_WANTED);
    let before = TICKS.load(Ordering::Relaxed);
    timer::set(&TICK, Nanos(clock::now().0 + PERIOD.0));
    let mut wrong = 0;
    // Bounded by time as well: a timer that never fires is a failure, not a hang.
    let limit = clock::now().0 + 60_000_000_000;
    while TICKS.load(Ordering::Relaxed) - before < wanted && clock::now().0 < limit {
        wrong += hammer(1000);
    }
    timer::cancel(&TICK);
    let ticks = TICKS.load(Ordering::Relaxed) - before;
    check!(ticks >= wanted, "only {ticks} of {wanted} timer interrupts came");
    check!(wrong == 0, "{wrong} words of vector registers and red zone changed under {ticks} interrupts");
    Ok(Held::Passed)
}

/// Somewhere that is no CPU's data, as user code could set it; canonical, so that it can be loaded.
const FOREIGN_GS: VirtAddr = VirtAddr::new_truncate(0x1234_5000);

fn nmi_with_foreign_gs(context: &Context) -> Verdict {
    let own = percpu::this();
    let apic_id = own.apic_id();
    let rounds = context.rounds(1000);
    for _ in 0..rounds {
        let before = crate::panic::expect_non_maskable();
        cpu::disable_interrupts();
        GsBase::write(FOREIGN_GS);
        apic::send_nmi(apic_id);
        // In the foreign state nothing may ask which CPU this is.
        let mut seen = crate::panic::non_maskable_seen();
        for _ in 0..10_000_000 {
            if seen != before {
                break;
            }
            cpu::pause();
            seen = crate::panic::non_maskable_seen();
        }
        let gs = GsBase::read();
        GsBase::write(VirtAddr::from_ptr(own));
        cpu::enable_interrupts();
        check!(seen == before + 1, "the NMI did not arrive");
        check!(gs == FOREIGN_GS, "the NMI came back with another GS base: {gs:?}");
    }
    Ok(Held::Passed)
}

fn debug_exception_with_foreign_gs(_: &Context) -> Verdict {
    let own = percpu::this();
    let base = VirtAddr::from_ptr(own).as_u64();
    cpu::disable_interrupts();
    let (vector, gs): (u64, u64);
    // SAFETY: one instruction runs with the trap flag set, under a foreign GS; the handler resumes at label 5 with the flag
    // cleared, and GS is put back before anything needs it. Interrupts are off.
    unsafe {
        asm!(
            "lea rax, [rip + 5f]",
            "mov [{cell}], rax",
            "mov ecx, 0xc0000101",
            "mov eax, {foreign:e}",
            "xor edx, edx",
            "wrmsr",
            "pushfq",
            "or qword ptr [rsp], 0x100",
            "popfq",
            "nop",
            "mov eax, 255",
            "5:",
            "mov {vector}, rax",
            "mov ecx, 0xc0000101",
            "rdmsr",
            "mov {gs:e}, eax",
            "mov rax, {base}",
            "mov rdx, {base}",
            "shr rdx, 32",
            "wrmsr",
            cell = in(reg) own.interrupts.expected_fault_cell(),
            foreign = in(reg) FOREIGN_GS.as_u64(),
            base = in(reg) base,
            vector = out(reg) vector,
            gs = out(reg) gs,
            out("rax") _, out("rcx") _, out("rdx") _,
        );
    }
    cpu::enable_interrupts();
    check!(vector == 1, "vector {vector} instead of the debug exception");
    check!(gs == FOREIGN_GS.as_u64(), "the exception came back with another GS base: {gs:#x}");
    Ok(Held::Passed)
}
