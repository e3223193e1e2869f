//! Glue around the interrupt stubs: the frame they build and the one Rust function they call.

use core::arch::global_asm;

use super::frame::{TrapFrame, VECTORS};

/// Bytes below the stack pointer that interrupted code may be using (System V ABI for AMD64, section 3.2.2).
const RED_ZONE: usize = if cfg!(bite = "no-redzone-skip") { 0 } else { 128 };
/// 1 unless a test wants to see the vector registers destroyed.
const SAVE_VECTORS: usize = if cfg!(bite = "no-vector-save") { 0 } else { 1 };

/// 1 unless a test wants to see an NMI run on somebody else's GS.
const DISTRUST_GS: usize = if cfg!(bite = "gs-trusted") { 0 } else { 1 };

global_asm!(
    include_str!("entry.s"),
    red_zone = const RED_ZONE,
    save_vectors = const SAVE_VECTORS,
    distrust_gs = const DISTRUST_GS,
    gs_asked = const crate::percpu::ASKED,
    vectors = const VECTORS,
);

unsafe extern "C" {
    safe static interrupt_stubs: [[u8; 16]; 256];
    /// Goes on from a frame of an interrupt of user code, with the vector registers below it on the stack.
    pub(crate) safe static interrupt_resume: u8;
}

/// Address of the stub that the gate for `vector` points to.
pub(crate) fn stub_address(vector: u8) -> usize {
    (&raw const interrupt_stubs[usize::from(vector)]).addr()
}

/// Called by `interrupt_resume` if somebody is to be kept or may have to run first, or this thread is to end.
#[unsafe(no_mangle)]
extern "C" fn interrupt_resumed() {
    crate::lwkt::after_switch();
    crate::user::about_to_return(crate::percpu::this().thread());
}

/// Called by the stubs, interrupts off, with the complete frame; returning resumes what was interrupted.
#[unsafe(no_mangle)]
extern "C" fn interrupt_entry_rust(frame: &mut TrapFrame) {
    crate::interrupt::dispatch(frame);
}
