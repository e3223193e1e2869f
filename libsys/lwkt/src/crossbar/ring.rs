//! One ring of the crossbar: from one source CPU to one target CPU.
//!
//! The indices run freely and are masked on use, so full and empty differ. Each end writes one cache line of its own, and
//! keeps its last reading of the other's there, so that a line travels only when that reading looks too old. Slots are
//! atomics too: an entry is written before the index that publishes it (release) and read after it (acquire), which on x86
//! are ordinary moves.

use super::{Class, Doorbell, ENTRY_WORDS, Entry, Full, Notify};
use crate::sync::{AtomicU32, AtomicU64, Ordering, OwnLine, array_of, const_unless_loom};

/// Beside the kind in an entry's first word: the entry holds a user credit.
const USER: u64 = 1 << 32;

/// What the source CPU writes.
#[derive(Debug)]
struct Source {
    tail: AtomicU32,
    /// The target's `head` when last looked at.
    head_seen: AtomicU32,
    user_sent: AtomicU32,
    /// The target's `user_taken` when last looked at.
    user_taken_seen: AtomicU32,
    ipis_avoided: AtomicU64,
    passive: AtomicU64,
    full: AtomicU64,
    sent: AtomicU64,
}

/// What the target CPU writes.
#[derive(Debug)]
struct Target {
    head: AtomicU32,
    user_taken: AtomicU32,
}

/// What a ring has counted since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries put in.
    pub sent: u64,
    /// Entries that should be seen soon and needed no interrupt of their own.
    pub ipis_avoided: u64,
    /// Entries that were put in without ringing because they were passive.
    pub passive: u64,
    /// Times that an entry found no room or no credit.
    pub full: u64,
}

/// How far [`Ring::drain`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "entries may be left"]
pub enum Drained {
    /// That many entries; the ring was seen empty.
    All(usize),
    /// The limit was reached: there may be more, and nobody else will ring for it.
    Limit,
}

/// A ring of `CAPACITY` entries, a power of two from 4.
///
/// The functions say which CPU may call them. None may be interrupted by another call at the same end: interrupts off, or a
/// critical section in which no interrupt handler sends.
#[derive(Debug)]
pub struct Ring<const CAPACITY: usize> {
    source: OwnLine<Source>,
    target: OwnLine<Target>,
    slots: [OwnLine<[AtomicU64; 1 + ENTRY_WORDS]>; CAPACITY],
}

impl<const CAPACITY: usize> Ring<CAPACITY> {
    /// Slots that only [`Class::Nested`] may use.
    pub const RESERVE: u32 = if CAPACITY >= 8 { CAPACITY as u32 / 8 } else { 1 };
    /// Slots that user messages may hold at a time.
    pub const USER_CREDITS: u32 = CAPACITY as u32 / 2;
    /// Used slots from which passive entries ring.
    pub const ACTIVE_FROM: u32 = CAPACITY as u32 / 4;

    const_unless_loom! {
        /// Empty.
        #[must_use]
        pub fn new() -> Self {
            assert!(CAPACITY.is_power_of_two() && CAPACITY >= 4 && CAPACITY <= 1 << 16, "a power of two");
            Self {
                source: OwnLine(Source {
                    tail: AtomicU32::new(0),
                    head_seen: AtomicU32::new(0),
                    user_sent: AtomicU32::new(0),
                    user_taken_seen: AtomicU32::new(0),
                    ipis_avoided: AtomicU64::new(0),
                    passive: AtomicU64::new(0),
                    full: AtomicU64::new(0),
                    sent: AtomicU64::new(0),
                }),
                target: OwnLine(Target { head: AtomicU32::new(0), user_taken: AtomicU32::new(0) }),
                slots: array_of!(OwnLine(array_of!(AtomicU64::new(0); 1 + ENTRY_WORDS)); CAPACITY),
            }
        }
    }

    /// Puts an entry in. Only the source CPU may call it; `doorbell` is the target's.
    ///
    /// # Errors
    /// [`Full`]: no room, or for [`Class::User`] no credit. Nothing was put in.
    pub fn push(&self, doorbell: &Doorbell, class: Class, entry: &Entry) -> Result<Notify, Full> {
        let source = &self.source.0;
        let tail = source.tail.load(Ordering::Relaxed);
        let used = self.used(tail, class);
        #[cfg(not(bite = "crossbar-no-reserve"))]
        let room = CAPACITY as u32 - if class == Class::Nested { 0 } else { Self::RESERVE };
        #[cfg(bite = "crossbar-no-reserve")]
        let room = CAPACITY as u32;
        if used >= room || class == Class::User && !self.take_credit() {
            add(&source.full, 1);
            return Err(Full);
        }
        let [head_word, words @ ..] = self.slot(tail);
        #[cfg(bite = "crossbar-publish-first")]
        source.tail.store(tail.wrapping_add(1), Ordering::Release);
        let credit = if class == Class::User { USER } else { 0 };
        head_word.store(credit | u64::from(entry.kind), Ordering::Relaxed);
        for (word, value) in words.iter().zip(entry.words) {
            word.store(value, Ordering::Relaxed);
        }
        #[cfg(not(bite = "crossbar-publish-first"))]
        source.tail.store(tail.wrapping_add(1), Ordering::Release);
        add(&source.sent, 1);
        #[cfg(not(bite = "crossbar-passive-silent"))]
        let deferred = class == Class::Passive && used + 1 < Self::ACTIVE_FROM;
        #[cfg(bite = "crossbar-passive-silent")]
        let deferred = class == Class::Passive;
        if deferred {
            add(&source.passive, 1);
            doorbell.note();
            return Ok(Notify::Deferred);
        }
        let notify = doorbell.ring();
        if notify == Notify::Coalesced {
            add(&source.ipis_avoided, 1);
        }
        Ok(notify)
    }

    /// Takes the oldest entry out. Only the target CPU may call it. The slot and its credit are free when it returns, so
    /// the entry's function may itself send or drain.
    pub fn pop(&self) -> Option<Entry> {
        let target = &self.target.0;
        let head = target.head.load(Ordering::Relaxed);
        if head == self.source.0.tail.load(Ordering::Acquire) {
            return None;
        }
        #[cfg(bite = "crossbar-release-first")]
        target.head.store(head.wrapping_add(1), Ordering::Release);
        let [head_word, words @ ..] = self.slot(head);
        let first = head_word.load(Ordering::Relaxed);
        let mut entry = Entry { kind: first as u32, words: [0; ENTRY_WORDS] };
        for (value, word) in entry.words.iter_mut().zip(words) {
            *value = word.load(Ordering::Relaxed);
        }
        #[cfg(not(bite = "crossbar-release-first"))]
        target.head.store(head.wrapping_add(1), Ordering::Release);
        if first & USER != 0 && cfg!(not(bite = "crossbar-credit-lost")) {
            let taken = target.user_taken.load(Ordering::Relaxed);
            target.user_taken.store(taken.wrapping_add(1), Ordering::Release);
        }
        Some(entry)
    }

    /// Takes out up to `limit` entries, oldest first, and hands each to `serve`. Only the target CPU may call it, after
    /// [`Doorbell::answer`].
    pub fn drain(&self, limit: usize, mut serve: impl FnMut(Entry)) -> Drained {
        for taken in 0..limit {
            match self.pop() {
                Some(entry) => serve(entry),
                None => return Drained::All(taken),
            }
        }
        Drained::Limit
    }

    /// Entries in the ring. From any CPU; past when it is returned.
    #[must_use]
    pub fn len(&self) -> usize {
        // The head first: a tail read later is never behind it.
        let head = self.target.0.head.load(Ordering::Acquire);
        let length = self.source.0.tail.load(Ordering::Acquire).wrapping_sub(head) as usize;
        length.min(CAPACITY)
    }

    /// Whether nothing is in it. The target asks that before it idles, because passive entries did not ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The counters. From any CPU.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let source = &self.source.0;
        Counters {
            sent: source.sent.load(Ordering::Relaxed),
            ipis_avoided: source.ipis_avoided.load(Ordering::Relaxed),
            passive: source.passive.load(Ordering::Relaxed),
            full: source.full.load(Ordering::Relaxed),
        }
    }

    /// Used slots, at most too high by what the target took since the last look; exact where it matters to `class`.
    fn used(&self, tail: u32, class: Class) -> u32 {
        let source = &self.source.0;
        let matters_from =
            if class == Class::Passive { Self::ACTIVE_FROM - 1 } else { CAPACITY as u32 - Self::RESERVE };
        let used = tail.wrapping_sub(source.head_seen.load(Ordering::Relaxed));
        if used < matters_from {
            return used;
        }
        let head = self.target.0.head.load(Ordering::Acquire);
        source.head_seen.store(head, Ordering::Relaxed);
        tail.wrapping_sub(head)
    }

    fn take_credit(&self) -> bool {
        let source = &self.source.0;
        let sent = source.user_sent.load(Ordering::Relaxed);
        if sent.wrapping_sub(source.user_taken_seen.load(Ordering::Relaxed)) >= Self::USER_CREDITS {
            let taken = self.target.0.user_taken.load(Ordering::Acquire);
            source.user_taken_seen.store(taken, Ordering::Relaxed);
            if sent.wrapping_sub(taken) >= Self::USER_CREDITS {
                return false;
            }
        }
        source.user_sent.store(sent.wrapping_add(1), Ordering::Relaxed);
        true
    }

    fn slot(&self, index: u32) -> &[AtomicU64; 1 + ENTRY_WORDS] {
        &self.slots[index as usize & (CAPACITY - 1)].0
    }
}

impl<const CAPACITY: usize> Default for Ring<CAPACITY> {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds to a counter that one CPU alone writes: no locked instruction.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed) + count, Ordering::Relaxed);
}
