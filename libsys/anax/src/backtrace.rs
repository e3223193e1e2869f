//! What a panic writes to the log beside its message: the chain of calls, by frame pointers, with names from the boot archive.

#[cfg(anax)]
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_symbols::Symbols;

/// Frames that are written at most: a damaged chain must end.
const DEPTH: usize = 32;
/// No stack is larger.
const LARGEST: u64 = 1 << 20;

/// Somewhere near the beginning of the first thread's stack; above is nothing that a chain could lead to.
static TOP: AtomicU64 = AtomicU64::new(0);

/// From now on, panics of the calling thread have one.
pub(crate) fn begin() {
    TOP.store(frame_pointer(), Ordering::Relaxed);
    #[cfg(anax)]
    anax_sys::at_panic(print);
}

#[cfg(anax)]
fn frame_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

#[cfg(not(anax))]
const fn frame_pointer() -> u64 {
    0
}

/// Writes it.
#[cfg_attr(not(anax), expect(dead_code, reason = "a panic on the host has its own"))]
fn print() {
    let mut member = arrayname();
    let archive = crate::archive().ok();
    let named = core::fmt::Write::write_fmt(&mut member, format_args!("sym/{}", crate::name())).is_ok();
    let table = archive.filter(|_| named).and_then(|archive| archive.get(member.as_str()));
    let symbols = table.and_then(|table| Symbols::open(table).ok());
    let top = TOP.load(Ordering::Relaxed);
    let mut frame = frame_pointer();
    for number in 0..DEPTH {
        let Some((next, caller)) = follow(frame, top) else { break };
        // The return address is the instruction after the call, which may belong to the next function.
        let address = caller.wrapping_sub(1);
        match symbols.as_ref().and_then(|symbols| symbols.lookup(address)) {
            Some(symbol) => anax_sys::log!("  {number:2}: {address:#x} {symbol}"),
            None => anax_sys::log!("  {number:2}: {address:#x}"),
        }
        frame = next;
    }
}

/// The two words at a frame pointer, the next one and the return address, if they are on the first thread's stack.
fn follow(frame: u64, top: u64) -> Option<(u64, u64)> {
    let is_on_stack = frame.is_multiple_of(8) && frame < top && top - frame < LARGEST && frame != 0;
    if !is_on_stack {
        return None;
    }
    let words = core::ptr::with_exposed_provenance::<[u64; 2]>(frame as usize);
    // SAFETY: aligned, and between a frame of the running thread, which only goes up, and where its stack begins.
    let [next, caller] = unsafe { words.read() };
    (next > frame && next <= top).then_some((next, caller))
}

/// A name being put together, without the heap, which may be what has failed.
struct ArrayName([u8; 64], usize);

const fn arrayname() -> ArrayName {
    ArrayName([0; 64], 0)
}

impl ArrayName {
    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0[..self.1]).unwrap_or_default()
    }
}

impl core::fmt::Write for ArrayName {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.0[self.1..].get_mut(..text.len()).ok_or(core::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.1 += text.len();
        Ok(())
    }
}
