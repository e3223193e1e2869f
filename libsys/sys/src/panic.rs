//! What happens when a program finds a bug of its own: it says where, and the thread ends.
//!
//! More than the line is a matter of libraries above this one, which need memory that this one has not: they leave a function here.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A `fn()`, or null.
static HOOK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// From now on, a panic calls `hook` after its line was written, in the thread that panics. It should not allocate: the heap may be
/// locked by that very thread.
pub fn on_panic(hook: fn()) {
    HOOK.store(hook as *mut (), Ordering::Release);
}

/// The function that was left.
#[cfg(any(anax, test))]
fn hook() -> Option<fn()> {
    let hook = HOOK.load(Ordering::Acquire);
    // SAFETY: null, which is `None`, or what `on_panic` has stored: a `fn()`.
    unsafe { core::mem::transmute::<*mut (), Option<fn()>>(hook) }
}

#[cfg(anax)]
mod ring3 {
    use core::panic::PanicInfo;
    use core::sync::atomic::{AtomicU32, Ordering};

    use crate::entry::PANIC_STATUS;
    use crate::log;
    use crate::object::Thread;

    /// How many panics are being told of. A panic while another is being told of is that one's own, most likely: it gets its
    /// line and nothing that could go wrong again, and a third one gets nothing.
    static PANICS: AtomicU32 = AtomicU32::new(0);

    #[panic_handler]
    fn panic(info: &PanicInfo<'_>) -> ! {
        let others = PANICS.fetch_add(1, Ordering::Relaxed);
        if others < 2 {
            match info.location() {
                Some(place) => log::line(format_args!("panic at {place}: {}", info.message())),
                None => log::line(format_args!("panic: {}", info.message())),
            }
        }
        if others == 0
            && let Some(hook) = super::hook()
        {
            hook();
        }
        PANICS.fetch_sub(1, Ordering::Relaxed);
        Thread::exit(PANIC_STATUS)
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn what_was_left_is_called() {
        static CALLED: AtomicBool = AtomicBool::new(false);
        assert!(hook().is_none());
        on_panic(|| CALLED.store(true, Ordering::Relaxed));
        hook().unwrap()();
        assert!(CALLED.load(Ordering::Relaxed));
    }
}
