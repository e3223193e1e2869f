//! Time since boot.

use core::time::Duration;

use anax_abi::Error;
use anax_sys::object::Thread;
pub use anax_sys::{Deadline, Instant};

/// What time it is.
#[must_use]
pub fn now() -> Instant {
    // The kernel always knows.
    Thread::time().unwrap_or(Instant::from_nanoseconds(0))
}

/// Sleeps so long at least.
///
/// # Errors
/// None that a thread of a running program can meet.
pub fn sleep(duration: Duration) -> Result<(), Error> {
    Thread::sleep(now().after(duration))
}
