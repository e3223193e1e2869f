//! The calls that a thread is in, by frame pointers: programs are built with them.
//!
//! The chain lies in memory that a bug may have written over, and nothing says for certain where a stack ends. A frame is read only if
//! it is aligned, above the one before, and on the stack: below the end of the first thread's, which start-up notes, or
//! within [`REACH`] of where a walk over another stack begins.

use core::sync::atomic::{AtomicU64, Ordering};

/// Most frames of a walk.
pub const DEPTH: usize = 32;
/// Bytes above its first frame that a walk may reach on a stack of unknown size.
pub const REACH: u64 = 1 << 20;
/// Frame pointer of the caller, return address.
const FRAME: u64 = 16;

/// Where the first thread's stack ends; 0 if that is not known.
static FIRST_STACK: AtomicU64 = AtomicU64::new(0);

#[cfg(anax)]
pub(crate) fn first_stack_ends_at(top: u64) {
    FIRST_STACK.store(top, Ordering::Relaxed);
}

/// A chain of frames: which of them may be read. [`for_each`] reads them.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The frame to read next.
    frame: u64,
    /// The lowest address that it may have.
    from: u64,
    /// The end of the stack.
    to: u64,
    /// How many more.
    left: usize,
}

impl Chain {
    /// From `frame` on, which lies on the calling thread's stack; `first_stack` is where the first thread's stack ends, or 0.
    #[must_use]
    pub fn new(frame: u64, first_stack: u64) -> Self {
        let reach = frame.saturating_add(REACH);
        let is_first = (frame..reach).contains(&first_stack);
        Self { frame, from: frame, to: if is_first { first_stack } else { reach }, left: DEPTH }
    }

    /// The next return address. `read` gets the address of a frame that may be read, and returns its two words: the frame pointer of
    /// the caller, and the return address.
    pub fn next(&mut self, read: impl FnOnce(u64) -> [u64; 2]) -> Option<u64> {
        let ascends = self.frame >= self.from || cfg!(bite = "frames-anywhere");
        let fits = self.frame.checked_add(FRAME).is_some_and(|end| end <= self.to);
        if self.left == 0 || self.frame == 0 || !self.frame.is_multiple_of(8) || !ascends || !fits {
            return None;
        }
        let [next, caller] = read(self.frame);
        *self = Self { frame: next, from: self.frame + FRAME, to: self.to, left: self.left - 1 };
        (caller != 0).then_some(caller)
    }
}

/// Calls `visit` with the return address of each call that the calling thread is in, the innermost first, at most [`DEPTH`]. On
/// the host there is none.
#[inline(never)]
pub fn for_each(visit: &mut dyn FnMut(u64)) {
    #[cfg(anax)]
    {
        let frame: u64;
        // SAFETY: copies a register.
        unsafe { core::arch::asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags)) };
        let mut chain = Chain::new(frame, FIRST_STACK.load(Ordering::Relaxed));
        let read = |frame: u64| {
            let words = core::ptr::with_exposed_provenance::<u64>(frame as usize);
            // SAFETY: aligned and on this thread's stack, as far as that is known. Volatile: it is others' memory, and may be anything.
            unsafe { [words.read_volatile(), words.add(1).read_volatile()] }
        };
        while let Some(caller) = chain.next(read) {
            visit(caller);
        }
    }
    #[cfg(not(anax))]
    let _ = (visit, FIRST_STACK.load(Ordering::Relaxed));
}
