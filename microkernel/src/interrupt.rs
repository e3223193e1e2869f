//! What an interrupt or a fault leads to, by vector.

#[cfg(feature = "test")]
use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::object::TraceKind;

use crate::arch::exception::{EXCEPTIONS, NMI};
use crate::arch::frame::TrapFrame;
use crate::arch::{apic, pic};
use crate::{irq, percpu};

/// Status of a test program that a fault has ended: this, and the vector.
#[cfg(feature = "test")]
pub(crate) const FAULT_STATUS: u64 = 1 << 32;

/// Vectors the kernel uses.
pub(crate) mod vector {
    /// The local timer.
    pub(crate) const TIMER: u8 = 0xe0;
    /// Another CPU has rung this one's bell: look at the crossbar.
    pub(crate) const WAKE: u8 = 0xe1;
    /// The local APIC found an error.
    pub(crate) const APIC_ERROR: u8 = 0xfe;
    /// An interrupt that vanished; needs no acknowledgement.
    pub(crate) const SPURIOUS: u8 = 0xff;
    /// Where the silenced 8259s were moved: only spurious ones can come.
    pub(crate) const LEGACY: core::ops::Range<u8> = 0x20..0x30;
}

/// Bookkeeping of a CPU's interrupts, its own alone.
pub(crate) struct InterruptState {
    /// Written by its CPU, read by any.
    handled: AtomicU64,
    unexpected: AtomicU64,
    /// Where a fault that a test provokes resumes, on the same stack; 0 if none is expected.
    #[cfg(feature = "test")]
    expected_fault: Cell<u64>,
}

impl InterruptState {
    pub(crate) const fn new() -> Self {
        Self {
            handled: AtomicU64::new(0),
            unexpected: AtomicU64::new(0),
            #[cfg(feature = "test")]
            expected_fault: Cell::new(0),
        }
    }
}

#[cfg(feature = "test")]
impl InterruptState {
    /// Interrupts taken so far, faults not counted.
    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Interrupts that nobody wanted.
    pub(crate) fn unexpected(&self) -> u64 {
        self.unexpected.load(Ordering::Relaxed)
    }

    /// A test stores an instruction's address here: the next fault of this CPU's kernel code resumes there, with the vector in
    /// `rax` and CR2 in `rdx`, the trap flag cleared.
    pub(crate) fn expected_fault_cell(&self) -> *mut u64 {
        self.expected_fault.as_ptr()
    }
}

/// Called by the entry code for every vector, interrupts off.
pub(crate) fn dispatch(frame: &mut TrapFrame) {
    if frame.vector == NMI {
        return crate::panic::non_maskable(frame);
    }
    if frame.vector < EXCEPTIONS {
        return exception(frame);
    }
    let own = percpu::this();
    count(&own.interrupts.handled);
    let from_user = frame.is_user();
    if from_user && crate::msg::interrupted(own, frame) {
        return;
    }
    crate::trace::note(TraceKind::Interrupt, frame.vector, from_user.into());
    crate::lwkt::interrupted(from_user, || serve(frame.vector as u8));
    let thread = percpu::this().thread();
    if from_user && thread.summons.get() != 0 {
        crate::user::answer_summons(thread);
    }
}

fn serve(vector: u8) {
    let cpu = percpu::this();
    match vector {
        vector::TIMER => {
            apic::end_of_interrupt();
            cpu.timers.fired();
        }
        vector::WAKE => {
            apic::end_of_interrupt();
            crate::crossbar::rung();
        }
        device if irq::VECTORS.contains(&device) => {
            if !irq::serve(device) {
                count(&cpu.interrupts.unexpected);
            }
        }
        vector::SPURIOUS => count(&cpu.interrupts.unexpected),
        legacy if vector::LEGACY.contains(&legacy) => {
            pic::acknowledge_spurious(legacy - vector::LEGACY.start);
            count(&cpu.interrupts.unexpected);
        }
        vector::APIC_ERROR => {
            let errors = apic::errors();
            apic::end_of_interrupt();
            log::warn!("local APIC error {errors:#x} on CPU {}", cpu.id().index());
        }
        other => {
            apic::end_of_interrupt();
            count(&cpu.interrupts.unexpected);
            log::warn!("unexpected interrupt {other:#x} on CPU {}", cpu.id().index());
        }
    }
}

/// Adds one without a locked instruction: only the counter's own CPU writes it, interrupts off.
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

fn exception(frame: &mut TrapFrame) {
    if frame.is_user() {
        return user_fault(frame);
    }
    percpu::make_sure();
    #[cfg(feature = "test")]
    if is_expected(frame) {
        return;
    }
    crate::panic::fault(frame)
}

/// Whether a test has provoked the fault: it goes on where that test wants it.
#[cfg(feature = "test")]
fn is_expected(frame: &mut TrapFrame) -> bool {
    const TRAP_FLAG: u64 = 1 << 8;
    let resume_at = percpu::this().interrupts.expected_fault.replace(0);
    if resume_at != 0 {
        frame.rax = frame.vector;
        frame.rdx = crate::arch::cpu::page_fault_address();
        frame.rip = resume_at;
        frame.rflags &= !TRAP_FLAG;
    }
    resume_at != 0
}

/// A fault of user code is its supervisor's business, and never the kernel's.
fn user_fault(frame: &mut TrapFrame) {
    #[cfg(feature = "test")]
    end_test_program(frame);
    crate::user::fault(frame);
}

/// User code without a space is a kernel test's: it ends.
#[cfg(feature = "test")]
fn end_test_program(frame: &TrapFrame) {
    use crate::arch::exception::meaning;
    use crate::arch::syscall::leave_user;
    if percpu::this().thread().space().is_none() {
        let address = crate::arch::cpu::page_fault_address();
        log::info!("a test program ended: {}, at {:#x}", meaning(frame, address), frame.rip);
        // SAFETY: user code without a space runs on threads inside `enter_user` only, and nothing is held here.
        unsafe { leave_user(FAULT_STATUS | frame.vector) }
    }
}
