//! When to wake the peer, and when it is safe to sleep: flag, then look again.
//!
//! The sleeper sets its flag, then looks at the ring once more. The other side moves its position, then looks at the flag.
//! A full fence stands between the two steps on both sides, so at least one of them sees what the other wrote: either the
//! sleeper stays awake, or it is rung. (Two plain accesses would not do: x86 itself lets a load overtake an earlier store.)
//!
//! Whoever rings takes the flag down, so one sleep costs at most one doorbell. It is taken down by compare-exchange: should
//! the flag by now belong to a successor in a new epoch, it stays up for whoever arrives there.

use crate::Misbehaved;
use crate::layout::{Epoch, SET, stamped, value_in};
use crate::sync::{AtomicU64, Ordering, fence};

/// Whether the peer is to be woken: the caller rings, by the kernel's notification of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a peer that isn't rung may sleep for ever"]
pub enum Doorbell {
    /// The peer sleeps, and this is the only call that says so.
    Ring,
    /// It is awake, or there is nothing for it.
    Quiet,
}

impl Doorbell {
    /// One doorbell for two reasons.
    pub const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Quiet, Self::Quiet) => Self::Quiet,
            _ => Self::Ring,
        }
    }
}

/// Whether the caller may wait for its doorbell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "sleeping is only allowed after MaySleep"]
pub enum Sleep {
    /// Wait for the doorbell: the peer rings when there is something. Being woken for another reason does no harm.
    MaySleep,
    /// There is something to do already.
    MoreToDo,
    /// Ring the peer's doorbell, then ask again: it sleeps, and has not heard of what was done since.
    RingFirst,
}

/// Puts the flag up; whatever is read after the fence that has to follow counts as looked at again.
pub(crate) fn raise(flag: &AtomicU64, epoch: Epoch) {
    flag.store(stamped(epoch, SET), Ordering::Relaxed);
}

/// Takes one's own flag down, when awake for another reason than the doorbell.
pub(crate) fn withdraw(flag: &AtomicU64, epoch: Epoch) {
    flag.store(stamped(epoch, 0), Ordering::Relaxed);
}

/// Between moving one's position and looking at the peer's flag, and between raising one's flag and looking at the peer's position.
pub(crate) fn full_fence() {
    if cfg!(not(bite = "ring-no-fence")) {
        fence(Ordering::SeqCst);
    }
}

/// Looks at the peer's flag, after the fence, and takes it down.
pub(crate) fn answer(flag: &AtomicU64, epoch: Epoch) -> Result<Doorbell, Misbehaved> {
    if cfg!(bite = "ring-always") {
        return Ok(Doorbell::Ring);
    }
    let word = flag.load(Ordering::Relaxed);
    match value_in(epoch, word) {
        None | Some(0) => Ok(Doorbell::Quiet),
        Some(SET) => Ok(take_down(flag, epoch, word)),
        Some(_) => Err(Misbehaved),
    }
}

fn take_down(flag: &AtomicU64, epoch: Epoch, word: u64) -> Doorbell {
    if cfg!(bite = "ring-flag-swapped") {
        let before = flag.swap(stamped(epoch, 0), Ordering::AcqRel);
        return if before == word { Doorbell::Ring } else { Doorbell::Quiet };
    }
    // Lost to the sleeper itself, who woke and looks again before it sleeps again; or to a new epoch, whose peer does.
    match flag.compare_exchange(word, stamped(epoch, 0), Ordering::AcqRel, Ordering::Relaxed) {
        Ok(_) => Doorbell::Ring,
        Err(_) => Doorbell::Quiet,
    }
}
