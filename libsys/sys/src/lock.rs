//! The lock of what all threads of a program share: its heap, its random numbers.
//!
//! A thread that waits for one of lower priority on the same CPU must let it run, which spinning does not: so whoever has spun for a while sleeps.

use core::hint::spin_loop;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use crate::object::Thread;

const SPINS: u32 = 100;
const NAP: Duration = Duration::from_micros(50);

/// A lock for `lock_api`.
#[derive(Debug)]
pub struct RawLock(AtomicBool);

// SAFETY: only one compare-exchange from false to true succeeds until the holder stores false.
unsafe impl lock_api::RawMutex for RawLock {
    #[expect(clippy::declare_interior_mutable_const, reason = "lock_api asks for a constant to begin with")]
    const INIT: Self = Self(AtomicBool::new(false));

    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        let mut spun = 0;
        while !self.try_lock() {
            if spun < SPINS {
                spun += 1;
                spin_loop();
            } else if let Ok(now) = Thread::time() {
                // A sleep that fails is a spin.
                let _ = Thread::sleep(now.after(NAP));
            }
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Something behind it.
pub type Lock<T> = lock_api::Mutex<RawLock, T>;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn one_at_a_time() {
        static COUNT: Lock<u64> = Lock::new(0);
        let add = || (0..10_000).for_each(|_| *COUNT.lock() += 1);
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(add))));
        assert_eq!(*COUNT.lock(), 40_000);
    }
}
