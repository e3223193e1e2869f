//! The end of a kernel that cannot go on: say where, which CPU and thread, why, and the way there; stop all CPUs.

use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::arch::exception::{DOUBLE_FAULT, meaning};
use crate::arch::frame::TrapFrame;
use crate::arch::{apic, cpu, power, serial};
use crate::console::{PanicWriter, last_words};
use crate::{backtrace, percpu};

/// What `isa-debug-exit` gets: QEMU then ends with 133.
const DEBUG_EXIT: u8 = 66;

static PANICKING: AtomicBool = AtomicBool::new(false);
static STOPPED: AtomicUsize = AtomicUsize::new(0);

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut out = begin();
    let _ = match info.location() {
        Some(at) => writeln!(out, "anax: panic: {} at {}:{}", info.message(), at.file(), at.line()),
        None => writeln!(out, "anax: panic: {}", info.message()),
    };
    where_are_we(&mut out);
    backtrace::print(&mut out, None, cpu::frame_pointer());
    end(&mut out)
}

/// A fault in the kernel (or, until there are processes, anywhere) that nobody expected.
pub(crate) fn fault(frame: &TrapFrame) -> ! {
    let address = cpu::page_fault_address();
    let mut out = begin();
    let _ = writeln!(out, "anax: panic: {}, at {:#018x}", meaning(frame, address), frame.rip);
    where_are_we(&mut out);
    let _ = writeln!(out, "{frame}");
    let _ = writeln!(out, "  cr2 {address:016x}");
    // After a double fault the stack that the frame pointer leads into may be the unmapped one.
    let frame_pointer = if frame.vector == DOUBLE_FAULT { 0 } else { frame.rbp };
    backtrace::print(&mut out, Some(frame.rip), frame_pointer);
    end(&mut out)
}

/// A non-maskable interrupt: another CPU's order to stop, or the board's cry for help.
pub(crate) fn non_maskable(frame: &TrapFrame) {
    if PANICKING.load(Ordering::Acquire) {
        STOPPED.fetch_add(1, Ordering::Release);
        cpu::halt_forever();
    }
    #[cfg(feature = "test")]
    if was_expected() {
        return;
    }
    log::error!("non-maskable interrupt at {:#x} on CPU {}", frame.rip, percpu::this().id().index());
}

#[cfg(feature = "test")]
static EXPECTED: AtomicBool = AtomicBool::new(false);
#[cfg(feature = "test")]
static SEEN: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);

/// Whether a test has asked for this NMI: it is noted.
#[cfg(feature = "test")]
fn was_expected() -> bool {
    let expected = EXPECTED.swap(false, Ordering::AcqRel);
    // Finding the CPU's data is the point of it.
    SEEN.fetch_add(u64::from(expected && percpu::this().id() == percpu::CpuId::BOOT), Ordering::AcqRel);
    expected
}

/// The next NMI is a test's; how many such ones have been handled on the boot CPU so far.
#[cfg(feature = "test")]
pub(crate) fn expect_non_maskable() -> u64 {
    EXPECTED.store(true, Ordering::Release);
    non_maskable_seen()
}

/// How many NMIs that a test expected have been handled, their CPU's data found.
#[cfg(feature = "test")]
pub(crate) fn non_maskable_seen() -> u64 {
    SEEN.load(Ordering::Acquire)
}

/// Stops all other CPUs and takes the console. A second panic, here or elsewhere at the same time, ends silently: the
/// first one's words are the ones that matter.
fn begin() -> PanicWriter {
    x86_64::instructions::interrupts::disable();
    if PANICKING.swap(true, Ordering::AcqRel) {
        cpu::halt_forever();
    }
    let own = percpu::this().id();
    let others = percpu::all().filter(|other| other.id() != own);
    let mut expected = 0;
    for other in others {
        apic::send_nmi(other.apic_id());
        expected += 1;
    }
    for _ in 0..100_000_000u64 {
        if STOPPED.load(Ordering::Acquire) >= expected {
            break;
        }
        cpu::pause();
    }
    // SAFETY: the others are stopped (or beyond hope), and this CPU goes nowhere but down.
    unsafe { serial::seize() };
    last_words()
}

fn where_are_we(out: &mut PanicWriter) {
    let cpu = percpu::this();
    let stopped = STOPPED.load(Ordering::Acquire);
    let _ = writeln!(
        out,
        "  on CPU {} in thread {}; {stopped} other CPUs stopped",
        cpu.id().index(),
        cpu.thread()
    );
}

fn end(out: &mut PanicWriter) -> ! {
    let _ = writeln!(out, "threads:");
    let _ = crate::dump::write(out);
    #[cfg(feature = "test")]
    crate::runner::panicked(crate::console::reason(out));
    #[cfg(not(feature = "test"))]
    let _ = out;
    power::off(DEBUG_EXIT)
}

/// A boot that cannot be trusted: says why and ends with status 3, without a wild access.
pub(crate) fn refuse(reason: core::fmt::Arguments<'_>) -> ! {
    let mut out = last_words();
    let _ = writeln!(out, "anax: refused: {reason}");
    #[cfg(feature = "test")]
    crate::runner::refused(crate::console::reason(&out));
    power::off(1)
}
