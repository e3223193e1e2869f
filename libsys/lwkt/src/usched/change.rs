//! Changing the policy of a thread that lives, runs, or waits.

use super::{Placement, Removed, Threads, UserScheduler};
use crate::list::ThreadIndex;

/// What the kernel has to do after [`change_policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Changed {
    /// Where the thread was in the old policy. If it had the seat there, it comes off the run queue unless it is seated again,
    /// and the old policy's next holder goes on it.
    pub removed: Removed,
    /// Where it is in the new policy; `None` for a thread that was in neither seat nor queue: it will come to the new
    /// policy when it wakes up or returns to user mode.
    pub placement: Option<Placement>,
}

/// Moves `thread` from one policy to another of the same CPU. If it was runnable it is so afterwards, in exactly one place.
/// If it is the thread that runs now and is not seated, it waits its turn from its next return to user mode on.
pub fn change_policy(
    threads: &mut dyn Threads,
    thread: ThreadIndex,
    from: &mut dyn UserScheduler,
    to: &mut dyn UserScheduler,
    now_ns: u64,
) -> Changed {
    let removed = from.remove(threads, thread, now_ns);
    let placement = match removed {
        Removed::Absent => None,
        Removed::FromSeat(_) | Removed::FromQueue => Some(to.set_run_queue(threads, thread, now_ns)),
    };
    Changed { removed, placement }
}
