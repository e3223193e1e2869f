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
//! nothing but passive entries fill is still drained. Below that they only leave a note
//! ([`Doorbell::note`]), which the target finds at its next poll, before it idles at the latest.

mod ring;
mod stall;

pub use ring::{Counters, Drained, Ring};
pub use stall::{STALL_NS, StallWatch};

use crate::sync::{AtomicU32, Ordering, OwnLine, const_unless_loom};

/// Entries of a ring in the kernel, as in DragonFly.
pub const CAPACITY: usize = 256;

/// Words of payload in an entry.
pub const ENTRY_WORDS: usize = 4;

/// What one CPU asks of another: within one cache line in the ring.
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

/// The bell of one target CPU: whether there is something for it, and whether it will see that without an interrupt.
///
/// | word | | |
/// |---|---|---|
/// | 0 | silent | whoever rings has to send the interrupt |
/// | `SOMETHING` | noted | passive entries, for the next look; whoever rings has to send the interrupt |
/// | `SEEN` | watched | nothing; the target looks by itself |
/// | both | rung | the interrupt is on its way, or the target looks by itself |
#[derive(Debug)]
pub struct Doorbell(OwnLine<AtomicU32>);

impl Doorbell {
    const SOMETHING: u32 = 1;
    const SEEN: u32 = 2;

    const_unless_loom! {
        /// Silent.
        #[must_use]
        pub fn new() -> Self {
            Self(OwnLine(AtomicU32::new(0)))
        }
    }

    /// Asks the target to poll; whoever finds nobody looking has to send the interrupt. From any CPU.
    pub fn ring(&self) -> Notify {
        // A swap even when it is set already: the target's own swap then reads from this one and sees the entry before it.
        let before = self.0.0.swap(Self::SOMETHING | Self::SEEN, Ordering::AcqRel);
        if before & Self::SEEN == 0 { Notify::Ipi } else { Notify::Coalesced }
    }

    /// Has the target's next look find something, whenever that is. From any CPU.
    pub fn note(&self) {
        self.0.0.fetch_or(Self::SOMETHING, Ordering::AcqRel);
    }

    /// Silences the bell and says whether there is something. The target calls it on the interrupt, at each poll and before it
    /// sleeps, always *before* it drains. If it stops draining with entries left, it has to [`Doorbell::ring`] itself.
    pub fn answer(&self) -> bool {
        self.0.0.swap(0, Ordering::AcqRel) & Self::SOMETHING != 0
    }

    /// As [`Doorbell::answer`], by a target that goes on looking by itself with [`Doorbell::is_rung`] until it answers: nobody has to
    /// send an interrupt until then.
    pub fn watch(&self) -> bool {
        self.0.0.swap(Self::SEEN, Ordering::AcqRel) & Self::SOMETHING != 0
    }

    /// Answers the bell, or goes on watching it, and then lets the target drain its rings, in the only order that loses no entry: one
    /// that is published after the answer rings anew. `drain` is told whether there is something. Only the target.
    pub fn poll<R>(&self, after: Attention, drain: impl FnOnce(bool) -> R) -> R {
        let answer = || match after {
            Attention::Interrupt => self.answer(),
            Attention::Watch => self.watch() && cfg!(not(bite = "crossbar-watch-blind")),
        };
        #[cfg(not(bite = "crossbar-answer-last"))]
        return drain(answer());
        #[cfg(bite = "crossbar-answer-last")]
        {
            let result = drain(self.is_rung());
            answer();
            result
        }
    }

    /// Whether there is something that has not been answered. For the last look with interrupts off before halting, and for who watches.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.0.0.load(Ordering::Acquire) & Self::SOMETHING != 0
    }
}

/// How the target learns of the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// By an interrupt.
    Interrupt,
    /// By looking: it [watches](Doorbell::watch) the bell.
    Watch,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}
