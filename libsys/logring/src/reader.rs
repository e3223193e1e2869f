//! Reading a ring from any CPU, at any time, at any pace.

use super::record::{Head, LogRecord};
use super::{LogRing, Ordering, writing, written};

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The next record was copied out.
    Record,
    /// So many records were overwritten before they were read; reading goes on behind them.
    Lost(u64),
    /// Nothing more yet: the end is reached, or the next record is still being written.
    Nothing,
}

/// A position in a ring. Readers are independent of each other and of the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    next: u64,
}

impl Reader {
    pub(super) fn at(next: u64) -> Self {
        Self { next }
    }

    /// Copies the next record into `record`, or tells why not. Never waits.
    ///
    /// Give it the same ring every time.
    pub fn read<const SLOTS: usize>(&mut self, ring: &LogRing<SLOTS>, record: &mut LogRecord) -> Read {
        let oldest = ring.oldest();
        if self.next < oldest {
            return self.lose_until(oldest);
        }
        let [state, time, head, text @ ..] = ring.slot(self.next);
        if state.load(Ordering::Acquire) < written(self.next) {
            return Read::Nothing;
        }
        record.sequence = self.next;
        record.time = time.load(Ordering::Acquire);
        record.head = Head::unpack(head.load(Ordering::Acquire));
        let words = text.iter().take(record.head.text_words());
        for (bytes, word) in record.bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.load(Ordering::Acquire).to_le_bytes();
        }
        if state.load(Ordering::Acquire) != written(self.next) && cfg!(not(bite = "logring-no-recheck")) {
            // Overtaken while copying: the slot belongs to a later record now.
            return self.lose_until(self.next + 1);
        }
        self.next += 1;
        Read::Record
    }

    /// Steps over a record that is being written, if there is one: for the dump of a CPU that was stopped in the
    /// middle of writing. Says whether it stepped.
    pub fn skip_unfinished<const SLOTS: usize>(&mut self, ring: &LogRing<SLOTS>) -> bool {
        let unfinished = self.next < ring.written()
            && ring.slot(self.next)[0].load(Ordering::Acquire) <= writing(self.next);
        self.next += u64::from(unfinished);
        unfinished
    }

    fn lose_until(&mut self, next: u64) -> Read {
        let lost = next - self.next;
        self.next = next;
        Read::Lost(lost)
    }
}
