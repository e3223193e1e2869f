//! What a driver counts. A successor goes on with its predecessor's, so they tell of the device and not of a program.

/// How many words counters take.
pub(crate) const WORDS: usize = 8;

/// Counts since the device was first brought up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received; reads of a disk.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Frames transmitted; writes to a disk.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Flushes of a disk.
    pub flushed: u64,
    /// What the device could not do.
    pub errors: u64,
    /// Resets after the first.
    pub resets: u64,
    /// Interrupts.
    pub interrupts: u64,
}

impl Counters {
    pub(crate) const fn to_words(self) -> [u64; WORDS] {
        let Self { received, received_bytes, sent, sent_bytes, flushed, errors, resets, interrupts } = self;
        [received, received_bytes, sent, sent_bytes, flushed, errors, resets, interrupts]
    }

    pub(crate) const fn from_words(words: [u64; WORDS]) -> Self {
        let [received, received_bytes, sent, sent_bytes, flushed, errors, resets, interrupts] = words;
        Self { received, received_bytes, sent, sent_bytes, flushed, errors, resets, interrupts }
    }

    /// Counts one more thing of so many bytes that has come in.
    pub const fn count_received(&mut self, bytes: u32) {
        self.received = self.received.wrapping_add(1);
        self.received_bytes = self.received_bytes.wrapping_add(bytes as u64);
    }

    /// Counts so many bytes more of what has come in.
    pub const fn count_more(&mut self, bytes: u32) {
        self.received_bytes = self.received_bytes.wrapping_add(bytes as u64);
    }

    /// Counts one more thing of so many bytes that has gone out.
    pub const fn count_sent(&mut self, bytes: u32) {
        self.sent = self.sent.wrapping_add(1);
        self.sent_bytes = self.sent_bytes.wrapping_add(bytes as u64);
    }

    /// Adds one to a count. They wrap: a record may say anything.
    pub const fn count(counter: &mut u64) {
        *counter = counter.wrapping_add(1);
    }
}
