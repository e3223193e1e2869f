//! What happens when a program finds a bug of its own: it says where, and the thread ends.
//!
//! More than the line is a matter of libraries above this one, which need memory that this one has not: they leave a function here.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicPtr, Ordering};
use core::{fmt, ptr};

/// What tells of a panic in place of the line that this library writes, in the thread that panics. It should not allocate: the heap may be
/// locked by that very thread.
pub type PanicHook = fn(PanicLine<'_>);

/// A [`PanicHook`], or null.
static HOOK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// From now on, a panic calls `hook`, unless it happens while another panic is being told of.
pub fn on_panic(hook: PanicHook) {
    HOOK.store(hook as *mut (), Ordering::Release);
}

/// What a panic says of itself, in a line: where, and why.
#[derive(Clone, Copy, Debug)]
pub struct PanicLine<'a>(&'a PanicInfo<'a>);

impl fmt::Display for PanicLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.location() {
            Some(place) => write!(f, "panic at {place}: {}", self.0.message()),
            None => write!(f, "panic: {}", self.0.message()),
        }
    }
}

#[cfg(anax)]
mod ring3 {
    use core::panic::PanicInfo;
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::{HOOK, PanicHook, PanicLine};
    use crate::entry::PANIC_STATUS;
    use crate::log;
    use crate::object::Thread;

    /// How many panics are being told of. A panic while another is being told of is that one's own, most likely: it gets its
    /// line and nothing that could go wrong again, and a third one gets nothing.
    static PANICS: AtomicU32 = AtomicU32::new(0);

    #[panic_handler]
    fn panic(info: &PanicInfo<'_>) -> ! {
        let line = PanicLine(info);
        match (PANICS.fetch_add(1, Ordering::Relaxed), hook()) {
            (0, Some(hook)) => hook(line),
            (0 | 1, _) => log::line(format_args!("{line}")),
            _ => {}
        }
        PANICS.fetch_sub(1, Ordering::Relaxed);
        Thread::exit(PANIC_STATUS)
    }

    fn hook() -> Option<PanicHook> {
        let hook = HOOK.load(Ordering::Acquire);
        // SAFETY: null, which is `None`, or what `on_panic` has stored: a `PanicHook`.
        unsafe { core::mem::transmute::<*mut (), Option<PanicHook>>(hook) }
    }
}
