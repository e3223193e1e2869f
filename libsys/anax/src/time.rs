//! What time it is, and waiting: nanoseconds since boot, by the kernel's clock.

pub use anax_sys::{Deadline, Instant};
pub use core::time::Duration;

use anax_sys::object::Thread;

/// What time it is.
#[must_use]
pub fn now() -> Instant {
    // A thread may always ask; without a kernel (on the host) it is the time of boot.
    Thread::time().unwrap_or_default()
}

/// So much later than now.
#[must_use]
pub fn after(duration: Duration) -> Instant {
    now().after(duration)
}

/// To wait that long at most.
#[must_use]
pub fn within(duration: Duration) -> Deadline {
    Deadline::at(after(duration))
}

/// Sleeps that long.
pub fn sleep(duration: Duration) {
    sleep_until(after(duration));
}

/// Sleeps until then; not at all if that is past.
pub fn sleep_until(instant: Instant) {
    // As in `now`.
    let _ = Thread::sleep(instant);
}
