//! Signals that other threads of the kernel's post to a virtual CPU.
//!
//! Any number of them, without a lock and without ever finding it full: signals to one wait queue add up, so a counter for each queue and
//! a word that says which ones have something in them hold any number. (The crossbar's rings carry calls with arguments, one ring for each
//! pair; a wake-up that may be refused because a ring is full would be of no use here.) The bell is the crossbar's, with its rule: it is
//! answered *before* the last look, so that whoever posts after that look finds it silent.
//!
//! A virtual CPU that is awake looks by itself and leaves its bell rung: nobody enters the kernel for it. Only one that is about to sleep
//! silences it, and the first signal after that has to wake it.

use anax_lwkt::crossbar::{Attention, Doorbell, Notify};
use anax_lwkt::sync::{AtomicU64, Ordering, OwnLine, array_of, const_unless_loom};

use crate::error::Error;
use crate::wait::QueueIndex;

/// Queues share a bit with those whose numbers differ by a multiple of it.
const GROUPS: usize = 64;

/// More waiters than a virtual CPU can have.
const EVERYBODY: u64 = u16::MAX as u64 + 1;

/// Signals for `QUEUES` wait queues.
#[derive(Debug)]
pub struct Inbox<const QUEUES: usize> {
    bell: Doorbell,
    /// Bit n: a queue with a number of n modulo [`GROUPS`] has been signalled.
    ready: OwnLine<AtomicU64>,
    /// For each queue how many waiters are to be woken.
    counts: [AtomicU64; QUEUES],
}

impl<const QUEUES: usize> Inbox<QUEUES> {
    const_unless_loom! {
        /// Nothing in it.
        #[must_use]
        pub fn new() -> Self {
            Self {
                bell: Doorbell::new(),
                ready: OwnLine(AtomicU64::new(0)),
                counts: array_of!(AtomicU64::new(0); QUEUES),
            }
        }
    }

    /// The end for everybody.
    #[must_use]
    pub const fn signals(&self) -> Signals<'_> {
        Signals { bell: &self.bell, ready: &self.ready.0, counts: &self.counts }
    }

    /// The end for the virtual CPU.
    #[must_use]
    pub const fn arrivals(&self) -> Arrivals<'_> {
        Arrivals(self.signals())
    }
}

impl<const QUEUES: usize> Default for Inbox<QUEUES> {
    fn default() -> Self {
        Self::new()
    }
}

/// Signals the threads of a virtual CPU, from any thread of the kernel's.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    bell: &'a Doorbell,
    ready: &'a AtomicU64,
    counts: &'a [AtomicU64],
}

impl Signals<'_> {
    /// Moves the queue's generation on and wakes up to `count` waiters (`usize::MAX`: all), as soon as the virtual CPU looks: at its next call
    /// of Table I, outside critical sections if somebody is to give way. [`Notify::Ipi`] says that it sleeps: the caller has to
    /// wake it, nobody else will. Does nothing if `count` is 0. (Table I: signal.)
    ///
    /// # Errors
    /// `NoQueue`.
    pub fn lwkt_signal(self, queue: QueueIndex, count: usize) -> Result<Notify, Error> {
        let waiters = self.counts.get(usize::from(queue.0)).ok_or(Error::NoQueue)?;
        if count == 0 {
            return Ok(Notify::Coalesced);
        }
        let bit = 1 << (usize::from(queue.0) % GROUPS);
        #[cfg(bite = "uthread-inbox-bit-first")]
        self.ready.fetch_or(bit, Ordering::Release);
        // Released both times: the count may be taken on the strength of somebody else's bit. It would take 2^48 signals to overflow.
        waiters.fetch_add(EVERYBODY.min(count as u64), Ordering::AcqRel);
        #[cfg(not(bite = "uthread-inbox-bit-first"))]
        self.ready.fetch_or(bit, Ordering::AcqRel);
        Ok(self.bell.ring())
    }
}

/// Takes out what was signalled. The virtual CPU's alone.
#[derive(Debug)]
pub struct Arrivals<'a>(Signals<'a>);

impl Arrivals<'_> {
    /// Whether there may be something.
    #[inline(always)]
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed) != 0
    }

    /// Takes all of it out: each queue, and how many of its waiters are to be woken at most.
    pub fn take(&self, mut each: impl FnMut(QueueIndex, usize)) {
        let ready = self.0.ready.swap(0, Ordering::AcqRel);
        for group in (0..GROUPS).filter(|group| ready >> group & 1 != 0) {
            for (queue, count) in self.0.counts.iter().enumerate().skip(group).step_by(GROUPS) {
                let count = count.swap(0, Ordering::AcqRel);
                if count != 0 {
                    each(QueueIndex(queue as u16), usize::try_from(count).unwrap_or(usize::MAX));
                }
            }
        }
    }

    /// Before it sleeps: from now on a signal rings. False if there is something now: look, do not sleep.
    #[must_use]
    pub fn silence(&self) -> bool {
        let quiet = self.0.bell.poll(Attention::Interrupt, |_| !self.is_any());
        if !quiet {
            self.mute();
        }
        quiet
    }

    /// Awake again: from now on it looks by itself, and nobody needs to ring.
    pub fn mute(&self) {
        let _found_by_looking = self.0.bell.watch();
    }
}
