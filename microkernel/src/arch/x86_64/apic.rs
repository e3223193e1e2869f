//! The local APIC of each CPU: bring-up by the `x2apic` crate in both modes, and our own few lines for what is hot
//! (end of interrupt, inter-processor interrupts, the timer). Intel SDM volume 3A, chapter 11.

use core::sync::atomic::{AtomicU64, Ordering};

use ::x2apic::lapic::{LocalApic, LocalApicBuilder, TimerDivide, TimerMode};
use ::x86_64::registers::model_specific::Msr;
use ::x86_64::{PhysAddr, VirtAddr};
use microkernel_core::acpi::Lint;

use super::cpu::Features;
use crate::interrupt::vector;
use crate::mm::window;

/// 0: not set up; 1: x2APIC mode; else the address of the xAPIC registers.
static MODE: AtomicU64 = AtomicU64::new(0);
const X2APIC: u64 = 1;

const IA32_APIC_BASE: u32 = 0x1b;
const IA32_TSC_DEADLINE: u32 = 0x6e0;
const X2APIC_MSRS: u32 = 0x800;

/// Registers by their xAPIC offset; the x2APIC MSR is the offset divided by 16.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Register {
    EndOfInterrupt = 0xb0,
    ErrorStatus = 0x280,
    CommandLow = 0x300,
    CommandHigh = 0x310,
    LvtTimer = 0x320,
    LvtLint0 = 0x350,
    LvtLint1 = 0x360,
    TimerInitial = 0x380,
    TimerCurrent = 0x390,
}

const MASKED: u32 = 1 << 16;
const LVT_DEADLINE: u32 = 2 << 17;
const LVT_NMI: u32 = 4 << 8;
const COMMAND_PENDING: u32 = 1 << 12;
const COMMAND_ASSERT: u32 = 1 << 14;

/// Finds the registers: model-specific ones where the CPU has x2APIC, else memory-mapped where the base MSR says. Boot CPU,
/// once, when memory is up.
///
/// # Errors
/// The registers could not be mapped.
pub(crate) fn discover(features: &Features) -> Result<(), crate::arch::paging::MapError> {
    let mode = if features.x2apic {
        X2APIC
    } else {
        window::device(PhysAddr::new_truncate(registers()), 4096)?.as_u64()
    };
    MODE.store(mode, Ordering::Release);
    Ok(())
}

/// The physical address of the local APIC's registers.
pub(crate) fn registers() -> u64 {
    // SAFETY: the MSR exists on every CPU with an APIC, which every 64-bit CPU has.
    unsafe { Msr::new(IA32_APIC_BASE).read() & 0x000f_ffff_ffff_f000 }
}

/// Whether the APICs run in x2APIC mode.
pub(crate) fn is_x2apic() -> bool {
    MODE.load(Ordering::Relaxed) == X2APIC
}

/// The crate's handle on this CPU's local APIC.
fn local() -> LocalApic {
    let mut builder = LocalApicBuilder::new();
    builder
        .timer_vector(usize::from(vector::TIMER))
        .error_vector(usize::from(vector::APIC_ERROR))
        .spurious_vector(usize::from(vector::SPURIOUS))
        .timer_mode(TimerMode::OneShot)
        .timer_divide(TimerDivide::Div1)
        .timer_initial(0);
    if !is_x2apic() {
        builder.set_xapic_base(MODE.load(Ordering::Relaxed));
    }
    builder.build().expect("all vectors are given, and the base where it is needed")
}

/// Switches this CPU's local APIC on, its timer and pins masked. Each CPU once.
pub(crate) fn enable() {
    let mut apic = local();
    // SAFETY: the registers are this CPU's; the vectors have handlers.
    unsafe {
        apic.enable();
        apic.disable_timer();
    }
    // The crate leaves "disabled" pins unmasked with vector 0.
    write(Register::LvtLint0, MASKED);
    write(Register::LvtLint1, MASKED);
}

/// Lets a pin of this CPU's local APIC deliver NMIs, as the firmware's tables say it is wired.
pub(crate) fn enable_nmi_pin(pin: Lint) {
    let register = match pin {
        Lint::Lint0 => Register::LvtLint0,
        Lint::Lint1 => Register::LvtLint1,
    };
    write(register, LVT_NMI);
}

/// This CPU's APIC ID.
pub(crate) fn id() -> u32 {
    // SAFETY: a read of this CPU's own registers.
    let id = unsafe { local().id() };
    // The crate returns xAPIC IDs in place or in the register's top byte, depending on its version: CPUID is unambiguous.
    if is_x2apic() { id } else { super::cpu::cpuid(1, 0)[1] >> 24 }
}

/// The ID by which devices reach the CPU with that APIC ID, if they can: without interrupt remapping they have 8 bits for it, and
/// all ones means everybody.
pub(crate) fn short_id(apic_id: u32) -> Option<u8> {
    u8::try_from(apic_id).ok().filter(|id| *id != u8::MAX)
}

/// The error bits since the last call (SDM table 11-5).
pub(crate) fn errors() -> u32 {
    write(Register::ErrorStatus, 0);
    read(Register::ErrorStatus)
}

/// Ends the interrupt in service.
#[inline]
pub(crate) fn end_of_interrupt() {
    write(Register::EndOfInterrupt, 0);
}

/// Sends `vector` to the CPU with that APIC ID.
#[inline]
pub(crate) fn send(apic_id: u32, vector: u8) {
    command(apic_id, u32::from(vector) | COMMAND_ASSERT);
}

/// Sends a non-maskable interrupt to the CPU with that APIC ID.
pub(crate) fn send_nmi(apic_id: u32) {
    command(apic_id, LVT_NMI | COMMAND_ASSERT);
}

fn command(apic_id: u32, low: u32) {
    if is_x2apic() {
        // SAFETY: the command register in x2APIC mode; sending to another CPU affects memory there only through its handlers.
        unsafe {
            // A write to this MSR is not ordered after earlier stores (SDM 11.12.3): the message must be seen first.
            core::arch::x86_64::_mm_mfence();
            Msr::new(X2APIC_MSRS + 0x30).write(u64::from(apic_id) << 32 | u64::from(low));
        }
    } else {
        // The two halves must not be torn apart by an interrupt that sends, too.
        let _off = super::cpu::InterruptsOff::new();
        write(Register::CommandHigh, apic_id << 24);
        write(Register::CommandLow, low);
        for _ in 0..1_000_000 {
            if read(Register::CommandLow) & COMMAND_PENDING == 0 {
                break;
            }
            super::cpu::pause();
        }
    }
}

/// Sends INIT to the CPU with that APIC ID: it stops and waits for its start-up message.
pub(crate) fn send_init(apic_id: u32) {
    // SAFETY: the target does not run the kernel yet.
    unsafe { local().send_init_ipi(destination(apic_id)) };
}

/// Starts the CPU with that APIC ID in real mode at `page`, below 1 MiB.
pub(crate) fn send_start_up(apic_id: u32, page: PhysAddr) {
    // SAFETY: the target waits for this, and the page holds the trampoline.
    unsafe { local().send_sipi((page.as_u64() >> 12) as u8, destination(apic_id)) };
}

/// The crate wants destinations of the xAPIC command register in its top byte.
fn destination(apic_id: u32) -> u32 {
    if is_x2apic() { apic_id } else { apic_id << 24 }
}

/// Sets the timer's mode on this CPU: by the time-stamp counter, or by counting down its own clock.
pub(crate) fn prepare_timer(by_deadline: TimerKind) {
    match by_deadline {
        TimerKind::Deadline => {
            write(Register::LvtTimer, u32::from(vector::TIMER) | LVT_DEADLINE);
            // SAFETY: orders the (possibly memory-mapped) mode change before the first deadline (SDM 11.5.4.1).
            unsafe { core::arch::x86_64::_mm_mfence() };
        }
        TimerKind::CountDown => write(Register::LvtTimer, u32::from(vector::TIMER)),
    }
}

/// How the local timer is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerKind {
    /// It fires when the TSC reaches a value.
    Deadline,
    /// It counts its input clock down to 0.
    CountDown,
}

/// The timer fires when the time-stamp counter reaches `tsc`; 0 disarms it. Deadline mode only.
pub(crate) fn arm_deadline(tsc: u64) {
    // SAFETY: exists where the mode could be chosen.
    unsafe { Msr::new(IA32_TSC_DEADLINE).write(tsc) };
}

/// The timer fires after `count` ticks of its input clock; 0 disarms it. Count-down mode only.
pub(crate) fn arm_count_down(count: u32) {
    write(Register::TimerInitial, count);
}

/// Ticks left.
pub(crate) fn count_down_left() -> u32 {
    read(Register::TimerCurrent)
}

#[inline]
fn write(register: Register, value: u32) {
    let mode = MODE.load(Ordering::Relaxed);
    if mode == X2APIC {
        // SAFETY: a local APIC register of this CPU; only this module decides what is written.
        unsafe { Msr::new(X2APIC_MSRS + (register as u32 >> 4)).write(u64::from(value)) };
    } else if mode != 0 {
        let address = VirtAddr::new_truncate(mode + register as u64);
        // SAFETY: the mapped registers of this CPU's local APIC.
        unsafe { address.as_mut_ptr::<u32>().write_volatile(value) };
    }
}

#[inline]
fn read(register: Register) -> u32 {
    let mode = MODE.load(Ordering::Relaxed);
    if mode == X2APIC {
        // SAFETY: a local APIC register of this CPU.
        unsafe { Msr::new(X2APIC_MSRS + (register as u32 >> 4)).read() as u32 }
    } else if mode != 0 {
        let address = VirtAddr::new_truncate(mode + register as u64);
        // SAFETY: the mapped registers of this CPU's local APIC.
        unsafe { address.as_ptr::<u32>().read_volatile() }
    } else {
        0
    }
}
