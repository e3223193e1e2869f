//! The SYSCALL instruction's side of the kernel: set-up on each CPU, the frame, and the way into user code and back.

use core::arch::global_asm;

use ::x86_64::VirtAddr;
use ::x86_64::registers::control::{Efer, EferFlags};
use ::x86_64::registers::model_specific::{LStar, SFMask, Star};
use ::x86_64::registers::rflags::RFlags;

use anax_abi::Rights;
use microkernel_core::handles::{self, Slot};

use crate::lwkt;
use crate::msg::{call, reply_wait};
use crate::object::{self, Kind};
use crate::percpu;

use super::descriptors::{KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA};

global_asm!(
    include_str!("syscall.s"),
    gs_thread = const percpu::THREAD,
    gs_asked = const percpu::ASKED,
    thread_slots = const lwkt::SLOTS,
    thread_slot_count = const lwkt::SLOT_COUNT,
    slot_size = const size_of::<Slot>(),
    slot_object = const handles::OBJECT,
    slot_generation = const handles::OBJECT_GENERATION,
    usable = const handles::USED | Rights::SEND.0 as u64,
    object_generation = const object::GENERATION,
    object_kind = const object::KIND,
    port = const Kind::Port as u8,
    call = sym call::<false>,
    call_with = sym call::<true>,
    reply_wait = sym reply_wait::<false>,
    reply_wait_with = sym reply_wait::<true>,
);
const _: () = assert!(size_of::<Slot>() == 32 && handles::HEAD == 0);

unsafe extern "C" {
    safe static syscall_entry: u8;
    fn user_start(rip: u64, rsp: u64, argument: u64) -> !;
}

#[cfg(feature = "test")]
unsafe extern "C" {
    fn user_enter(rip: u64, rsp: u64, argument: u64) -> u64;
    fn user_leave(status: u64) -> !;
}

/// Flags that are off in the kernel, whatever user code had: interrupts, traps, direction, alignment checks, nesting.
const OFF_IN_KERNEL: RFlags = RFlags::INTERRUPT_FLAG
    .union(RFlags::TRAP_FLAG)
    .union(RFlags::DIRECTION_FLAG)
    .union(RFlags::ALIGNMENT_CHECK)
    .union(RFlags::NESTED_TASK)
    .union(RFlags::RESUME_FLAG);

/// Lets this CPU take system calls. Each CPU once, after its descriptors are loaded.
pub(crate) fn prepare() {
    Star::write(USER_CODE, USER_DATA, KERNEL_CODE, KERNEL_DATA)
        .expect("the GDT has the order that SYSRET wants");
    LStar::write(VirtAddr::from_ptr(&raw const syscall_entry));
    SFMask::write(OFF_IN_KERNEL);
    // SAFETY: the entry, its flags and its segments were set just now.
    unsafe { Efer::update(|flags| flags.insert(EferFlags::SYSTEM_CALL_EXTENSIONS)) };
}

/// Begins a user thread's life in user mode, at `rip` on the stack `rsp` with `argument` in `rdi`.
///
/// # Safety
/// On that thread's kernel stack, holding nothing; its address space is active, `rip` is canonical, and interrupts are off.
pub(crate) unsafe fn start_user(rip: u64, rsp: u64, argument: u64) -> ! {
    // SAFETY: by the caller's promise.
    unsafe { user_start(rip, rsp, argument) }
}

/// Runs user code at `rip` on the stack `rsp` with `argument` in `rdi`, on this thread, until [`leave_user`]; its status.
///
/// # Safety
/// The active address space is the program's, `rip` is canonical, and interrupts are off; they are off on return.
#[cfg(feature = "test")]
pub(crate) unsafe fn enter_user(rip: u64, rsp: u64, argument: u64) -> u64 {
    // SAFETY: by the caller's promise.
    unsafe { user_enter(rip, rsp, argument) }
}

/// Ends the user code of this thread: [`enter_user`] returns `status`.
///
/// # Safety
/// Called on a thread inside [`enter_user`], holding nothing that would be missed.
#[cfg(feature = "test")]
pub(crate) unsafe fn leave_user(status: u64) -> ! {
    // SAFETY: by the caller's promise.
    unsafe { user_leave(status) }
}
