//! What the kernel tells init, and what only claims to be that.

use anax_abi::object::notice;

/// The badge of what the kernel sends: none.
const KERNEL: u64 = 0;

/// Whether a message of that badge and command is the kernel's word about a thread's end or fault. What a process sends has the process's number for a
/// badge, whatever command it chooses: believed, it could end any other.
#[must_use]
pub const fn is_notice(badge: u64, command: u32) -> bool {
    let is_kernel = badge == KERNEL || cfg!(bite = "init-believes-anybody");
    is_kernel && matches!(command, notice::EXIT | notice::FAULT)
}
