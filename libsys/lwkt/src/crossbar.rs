//! The software crossbar: how one CPU asks another for anything.
//!
//! The kernel's is between processors; a program's, for threads of its own, between its virtual CPUs. What is an interrupt below is
//! then whatever makes a virtual CPU look.
//!
//! For each pair (source CPU, target CPU) there is one lock-free [`Ring`] of 64-byte entries with one producer and one
//! consumer, and for each target CPU one [`Doorbell`] that all rings into it share. Only the first entry of a burst asks for
//! an inter-processor interrupt; the target answers it with [`Doorbell::answer`] and *then* empties its rings, so an
//! entry published after that answer finds the bell silent and rings it again. Nothing waits here: a ring that has no room
//! for an entry says [`Full`], and what to do (drain one's own rings meanwhile, or block the user's thread) is the caller's.
//!
//! Room is rationed, so that no class of sender can starve a more important one:
//!
//! ```text
//!   0          1/4        1/2                              7/8      capacity
//!   ├──────────┼───────────┼─────────────────────────────────┼────────┤
//!   │ passive: │ user messages hold at most half (credits)   │ nested │
//!   │ no bell  │ kernel entries and passive ones use it all  │  only  │
//! ```
//!
//! Passive entries do not ring until a quarter of the ring is used; from there on they ring like any other, so a ring that
//! nothing but passive entries fill is still drained. Below that they wait for the target's next poll or tick, and a target
//! looks at its rings before it idles.

mod ring;
mod stall;

pub use ring::{Counters, Drained, Ring};
pub use stall::{STALL_NS, StallWatch};

use crate::sync::{AtomicU32, Ordering, OwnLine, const_unless_loom};

/// Entries of a ring in the kernel, as in DragonFly.
pub const CAPACITY: usize = 256;

/// Words of payload in an entry.
pub const ENTRY_WORDS: usize = 7;

/// What one CPU asks of another: one cache line in the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Which function; its meaning is for who sends and serves it to agree on.
    pub kind: u32,
    /// Its arguments.
    pub words: [u64; ENTRY_WORDS],
}

/// Who sends, which decides how much of the ring the entry may use and whether it rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The kernel, outside any crossbar function: up to the reserve.
    Kernel,
    /// The kernel, from within a crossbar function or while it waits for room elsewhere: up to the last slot.
    Nested,
    /// On behalf of a user's message: only while this ring has credits, which come back when the target takes the entry.
    User,
    /// The kernel, in no hurry: does not ring while less than a quarter of the ring is used.
    Passive,
}

/// What the sender has to do after its entry is in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Notify {
    /// Send the inter-processor interrupt: nobody else will.
    Ipi,
    /// Nothing: the target has been asked and has not begun to drain.
    Coalesced,
    /// Nothing: the entry is passive and the ring nearly empty.
    Deferred,
}

/// No room for an entry of this class. The target has been notified of what is in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The bell of one target CPU: whether it has been asked to poll its rings.
#[derive(Debug)]
pub struct Doorbell(OwnLine<AtomicU32>);

impl Doorbell {
    const_unless_loom! {
        /// Silent.
        #[must_use]
        pub fn new() -> Self {
            Self(OwnLine(AtomicU32::new(0)))
        }
    }

    /// Asks the target to poll; whoever finds the bell silent has to send the interrupt. From any CPU.
    pub fn ring(&self) -> Notify {
        // A swap even when it is set already: the target's own swap then reads from this one and sees the entry before it.
        if self.0.0.swap(1, Ordering::AcqRel) == 0 { Notify::Ipi } else { Notify::Coalesced }
    }

    /// Silences the bell and says whether it had been rung. The target calls it on the interrupt, at each poll and before it
    /// idles, always *before* it drains. If it stops draining with entries left, it has to [`Doorbell::ring`] itself.
    pub fn answer(&self) -> bool {
        self.0.0.swap(0, Ordering::AcqRel) != 0
    }

    /// Answers the bell and then lets the target drain its rings, in the only order that loses no entry: one that is
    /// published after the answer rings anew. `drain` is told whether the bell had been rung. Only the target.
    pub fn poll<R>(&self, drain: impl FnOnce(bool) -> R) -> R {
        #[cfg(not(bite = "crossbar-answer-last"))]
        return drain(self.answer());
        #[cfg(bite = "crossbar-answer-last")]
        {
            let result = drain(self.is_rung());
            self.answer();
            result
        }
    }

    /// Whether it has been rung and not answered. For the last look with interrupts off before halting.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.0.0.load(Ordering::Acquire) != 0
    }
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}
