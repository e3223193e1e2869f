//! What this processor can do, the control bits that follow from it, and the handful of instructions that need a name.

use core::arch::asm;
use core::arch::x86_64::__cpuid_count;

use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::rflags::{self, RFlags};

/// What CPUID says, as far as the kernel acts on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features {
    pub(crate) smep: bool,
    pub(crate) smap: bool,
    pub(crate) umip: bool,
    /// `rep movsb` and `rep stosb` are fast.
    pub(crate) fast_strings: bool,
    pub(crate) gigabyte_pages: bool,
    pub(crate) x2apic: bool,
    pub(crate) tsc_deadline: bool,
    pub(crate) invariant_tsc: bool,
}

/// Asks the processor. Any CPU, any time.
pub(crate) fn features() -> Features {
    let max = cpuid(0, 0)[0];
    let basic = cpuid(1, 0);
    let structured = if max >= 7 { cpuid(7, 0) } else { [0; 4] };
    let max_extended = cpuid(0x8000_0000, 0)[0];
    let extended = cpuid(0x8000_0001, 0);
    let power = if max_extended >= 0x8000_0007 { cpuid(0x8000_0007, 0) } else { [0; 4] };
    let bit = |word: u32, n: u32| word & (1 << n) != 0;
    Features {
        smep: bit(structured[1], 7),
        smap: bit(structured[1], 20),
        umip: bit(structured[2], 2),
        fast_strings: bit(structured[1], 9),
        gigabyte_pages: bit(extended[3], 26),
        x2apic: bit(basic[2], 21),
        tsc_deadline: bit(basic[2], 24),
        invariant_tsc: bit(power[3], 8),
    }
}

/// CPUID leaf `leaf`, sub-leaf `subleaf`: EAX, EBX, ECX, EDX (Intel SDM volume 2A, "CPUID").
pub(crate) fn cpuid(leaf: u32, subleaf: u32) -> [u32; 4] {
    let r = __cpuid_count(leaf, subleaf);
    [r.eax, r.ebx, r.ecx, r.edx]
}

/// TSC frequency in hertz where the processor or a hypervisor states it (CPUID leaf 15H, or 4000_0010H), else none.
pub(crate) fn stated_tsc_hz() -> Option<u64> {
    if cpuid(0, 0)[0] >= 0x15 {
        let [denominator, numerator, crystal, _] = cpuid(0x15, 0);
        if denominator != 0 && numerator != 0 && crystal != 0 {
            return Some(u64::from(crystal) * u64::from(numerator) / u64::from(denominator));
        }
    }
    let hypervisor = cpuid(1, 0)[2] & (1 << 31) != 0;
    if hypervisor && (0x4000_0010..0x4000_1000).contains(&cpuid(0x4000_0000, 0)[0]) {
        let khz = cpuid(0x4000_0010, 0)[0];
        if khz != 0 {
            return Some(u64::from(khz) * 1000);
        }
    }
    None
}

/// Sets the control registers of this CPU to the kernel's wishes: write protection in ring 0, global pages,
/// and SMEP, SMAP, UMIP and FSGSBASE where present. Every CPU once, on its way up.
pub(crate) fn configure(features: &Features) {
    let mut cr4 = Cr4::read();
    cr4.insert(Cr4Flags::PAGE_GLOBAL | Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE);
    cr4.set(Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION, features.smep);
    cr4.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, features.smap);
    cr4.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, features.umip);
    // User code gets its bases by calls, so that a switch need not save what it could have written.
    cr4.set(Cr4Flags::FSGSBASE, false);
    // SAFETY: only protections and instruction enables change; the kernel's mappings already obey them.
    unsafe {
        Cr4::write(cr4);
        Cr0::update(|cr0| cr0.insert(Cr0Flags::WRITE_PROTECT | Cr0Flags::NUMERIC_ERROR));
    }
    if features.fast_strings {
        anax_memory::use_fast_strings();
    }
}

/// The time-stamp counter, read after all earlier instructions and loads of this CPU are done.
#[inline]
pub(crate) fn timestamp() -> u64 {
    // SAFETY: it touches no memory and exists on every 64-bit processor.
    unsafe { core::arch::x86_64::_mm_lfence() };
    coarse_timestamp()
}

/// The time-stamp counter, read while earlier instructions may still be under way.
#[inline(always)]
pub(crate) fn coarse_timestamp() -> u64 {
    // SAFETY: as above.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Tells the counting plugin, if there is one, that the part of the run called `ID` ends here; see docs/measuring.md.
#[inline]
pub(crate) fn measuring_marker<const ID: u16>() {
    // SAFETY: a nop, whatever its operand says.
    unsafe {
        core::arch::asm!(
            "nop dword ptr [rax + {marker}]",
            marker = const 0x414e_0000 + ID as u32,
            options(nomem, nostack, preserves_flags),
        );
    }
}

/// Interrupts are off for as long as this lives; the state from before comes back when it drops.
#[must_use = "interrupts come back when this is dropped"]
pub(crate) struct InterruptsOff {
    were_on: bool,
}

impl InterruptsOff {
    /// Switches interrupts of this CPU off.
    #[inline]
    pub(crate) fn new() -> Self {
        let were_on = interrupts_enabled();
        if were_on {
            x86_64::instructions::interrupts::disable();
        }
        Self { were_on }
    }
}

impl Drop for InterruptsOff {
    #[inline]
    fn drop(&mut self) {
        if self.were_on {
            x86_64::instructions::interrupts::enable();
        }
    }
}

/// Whether this CPU accepts interrupts now.
#[inline]
pub(crate) fn interrupts_enabled() -> bool {
    rflags::read().contains(RFlags::INTERRUPT_FLAG)
}

/// Lets this CPU accept interrupts.
pub(crate) fn enable_interrupts() {
    x86_64::instructions::interrupts::enable();
}

/// Lets this CPU accept no interrupts but NMIs.
pub(crate) fn disable_interrupts() {
    x86_64::instructions::interrupts::disable();
}

/// Sleeps until the next interrupt and returns with interrupts off again. The caller has interrupts off and has found
/// nothing to do; `sti` takes effect after the next instruction, so no wake-up is lost between that look and `hlt`.
pub(crate) fn wait_for_interrupt() {
    invariant!(!interrupts_enabled());
    // SAFETY: the entry stubs preserve everything; what handlers change in memory, the compiler expects.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) }
}

/// Pauses, takes what interrupts are pending, and has them off again, as they were before.
#[inline(always)]
pub(crate) fn let_interrupts_in() {
    // SAFETY: as above. They come in after the `nop`; not after a `pause` in its place, which QEMU lets shadow the next instruction, too.
    unsafe { asm!("pause", "sti", "nop", "cli", options(nostack)) }
}

/// This CPU never runs anything again.
pub(crate) fn halt_forever() -> ! {
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}

/// Fills a page with zeroes: `rep stosq`, fast on processors and counted by eight bytes in emulators.
///
/// # Safety
/// `page` is a page that nobody else uses.
#[inline]
pub(crate) unsafe fn clear_page(page: *mut u64) {
    // SAFETY: by the caller's promise; the direction flag is clear in compiled code.
    unsafe {
        asm!("rep stosq", inout("rcx") 512 => _, inout("rdi") page => _, in("rax") 0, options(nostack, preserves_flags))
    }
}

/// Copies a page that others may be writing.
///
/// # Safety
/// `from` is a page that can be read, `to` one that nobody else uses.
#[inline]
pub(crate) unsafe fn copy_page(from: *const u64, to: *mut u64) {
    // SAFETY: by the caller's promise.
    unsafe {
        asm!("rep movsq", inout("rcx") 512 => _, inout("rsi") from => _, inout("rdi") to => _, options(nostack, preserves_flags));
    }
}

/// Tells the processor that this is a spin-wait loop.
#[inline]
pub(crate) fn pause() {
    core::hint::spin_loop();
}

/// The linear address of the latest page fault of this CPU.
pub(crate) fn page_fault_address() -> u64 {
    x86_64::registers::control::Cr2::read_raw()
}

/// The current frame pointer, where a backtrace starts.
#[inline(always)]
pub(crate) fn frame_pointer() -> u64 {
    let rbp;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, rbp", out(reg) rbp, options(nomem, nostack, preserves_flags)) };
    rbp
}
