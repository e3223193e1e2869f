//! The lock for a program's globals: it does not spin for long.
//!
//! Threads of a program may have different priorities, and a CPU runs the best one that can run. One that spun for a lock of a
//! lesser thread on the same CPU would spin for ever, so that after a bounded number of attempts it sleeps between them. There is no
//! queue, and nobody is woken: for what is held for a few instructions, and rarely by two at a time.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use lock_api::{GuardSend, RawMutex};

use crate::object::Thread;

/// Attempts before the first sleep: about what the holder needs if it runs on another CPU.
const ATTEMPTS: u32 = 100;
/// How long to sleep between attempts.
const PAUSE: Duration = Duration::from_micros(50);

/// A value that one thread at a time has.
pub type Lock<T> = lock_api::Mutex<Patient, T>;

/// The lock without a value. A thread that ends while it holds it leaves it locked for good.
#[derive(Debug)]
pub struct Patient(AtomicBool);

// SAFETY: only who has changed `false` to `true` holds it.
unsafe impl RawMutex for Patient {
    #[allow(clippy::declare_interior_mutable_const, reason = "what a lock begins as")]
    const INIT: Self = Self(AtomicBool::new(false));

    type GuardMarker = GuardSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
            || cfg!(bite = "lock-for-all")
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Patient {
    #[cold]
    fn wait(&self) {
        loop {
            for _ in 0..ATTEMPTS {
                if !self.0.load(Ordering::Relaxed) && self.try_lock() {
                    return;
                }
                core::hint::spin_loop();
            }
            if let Ok(now) = Thread::time() {
                // A sleep that fails is one more attempt.
                let _ = Thread::sleep(now.after(PAUSE));
            }
        }
    }
}
