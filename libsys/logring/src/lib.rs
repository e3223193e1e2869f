//! The log: one ring of fixed-size records per CPU, written without locks from any context, readable at any time.
//!
//! A kernel logs in interrupt handlers and while it dies, so writing never waits and never allocates: the newest
//! record overwrites the oldest, and readers learn how many they missed. Everything is atomics; a record carries a
//! state word that is odd while the record is being written (a sequence lock), so a reader that was overtaken
//! notices and does not deliver a mixture.
//!
//! The state word and the data are stored with `Release` and loaded with `Acquire`: a reader that sees any word of
//! a newer record therefore also sees that record's odd state when it checks again. On x86 this costs nothing.
//!
//! The kernel writes; whoever may read its log, the kernel or a program, reads the same records by the same code.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod line;
mod reader;
mod record;
mod text;
mod told;

pub use line::{LastWords, Plain, Truncated, line};
pub use reader::{Read, Reader};
pub use record::{LogRecord, TEXT_BYTES};
pub use told::TOLD_BYTES;

use core::fmt;
use log::Level;

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

/// Words that hold a record: state, time, the rest of the head, text.
const SLOT_WORDS: usize = 3 + record::TEXT_WORDS;

type Slot = [AtomicU64; SLOT_WORDS];

/// A ring of `SLOTS` records of 256 bytes, for one CPU.
#[derive(Debug)]
pub struct LogRing<const SLOTS: usize> {
    /// Sequence number of the next record; those below it are written or being written.
    claimed: AtomicU64,
    slots: [Slot; SLOTS],
}

impl<const SLOTS: usize> LogRing<SLOTS> {
    /// An empty ring, fit for a static.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        assert!(SLOTS > 1, "a ring needs at least two slots");
        Self {
            claimed: AtomicU64::new(0),
            slots: [const { [const { AtomicU64::new(0) }; SLOT_WORDS] }; SLOTS],
        }
    }

    /// An empty ring under the model checker, whose atomics exist only at run time.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        use core::array::from_fn;
        Self { claimed: AtomicU64::new(0), slots: from_fn(|_| from_fn(|_| AtomicU64::new(0))) }
    }

    /// Appends a record and returns its sequence number (from 0). Text beyond [`TEXT_BYTES`], target included, is
    /// cut and the record says so.
    ///
    /// Only this ring's CPU may call it. It may be interrupted by another call on the same CPU (an NMI): each call
    /// claims its own slot, so as long as calls nest less than `SLOTS` deep no record is garbled. `time` is in
    /// nanoseconds since boot.
    pub fn write(&self, time: u64, level: Level, cpu: u16, target: &str, message: fmt::Arguments<'_>) -> u64 {
        let (head, words) = record::encode(level, cpu, target, message);
        #[cfg(not(bite = "logring-claim-in-two"))]
        let sequence = self.claimed.fetch_add(1, Ordering::AcqRel);
        #[cfg(bite = "logring-claim-in-two")]
        let sequence = self.claimed.load(Ordering::Acquire);
        #[cfg(bite = "logring-claim-in-two")]
        self.claimed.store(sequence + 1, Ordering::Release);
        let [state, time_word, head_word, text @ ..] = self.slot(sequence);
        state.store(writing(sequence), Ordering::Release);
        time_word.store(time, Ordering::Release);
        head_word.store(head.pack(), Ordering::Release);
        for (word, value) in text.iter().zip(&words[..head.text_words()]) {
            word.store(*value, Ordering::Release);
        }
        state.store(written(sequence), Ordering::Release);
        sequence
    }

    /// How many records were ever written (or begun).
    #[must_use]
    pub fn written(&self) -> u64 {
        self.claimed.load(Ordering::Acquire)
    }

    /// A reader that begins with the oldest record still here.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::at(self.oldest())
    }

    /// A reader that begins with the record of that number, or the oldest still here.
    #[must_use]
    pub fn reader_from(&self, sequence: u64) -> Reader {
        Reader::at(sequence.max(self.oldest()))
    }

    /// The oldest record that cannot yet have been overwritten.
    fn oldest(&self) -> u64 {
        self.written().saturating_sub(SLOTS as u64)
    }

    fn slot(&self, sequence: u64) -> &Slot {
        &self.slots[(sequence % SLOTS as u64) as usize]
    }
}

impl<const SLOTS: usize> Default for LogRing<SLOTS> {
    fn default() -> Self {
        Self::new()
    }
}

/// The state of a slot while the record is being written; 0 is a slot never used.
fn writing(sequence: u64) -> u64 {
    2 * sequence + 1
}

/// The state of a slot that holds the record.
fn written(sequence: u64) -> u64 {
    2 * sequence + 2
}
