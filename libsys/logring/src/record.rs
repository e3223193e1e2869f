//! A record and how it is packed into words.

use core::fmt;
use log::Level;

use super::text::Text;

/// Words of text in a record.
pub(super) const TEXT_WORDS: usize = 29;
/// Most bytes of text in a record, target and message together.
pub const TEXT_BYTES: usize = TEXT_WORDS * 8;

/// A record as a reader gets it: a copy, at rest.
#[derive(Clone, Copy)]
pub struct LogRecord {
    /// Number of the record in its ring, from 0.
    pub sequence: u64,
    /// Nanoseconds since boot.
    pub time: u64,
    pub(super) head: Head,
    pub(super) bytes: [u8; TEXT_BYTES],
}

impl LogRecord {
    /// A record to read into.
    #[must_use]
    pub const fn empty() -> Self {
        let head = Head { level: Level::Trace, cut: Cut::Whole, cpu: 0, target: 0, text: 0 };
        Self { sequence: 0, time: 0, head, bytes: [0; TEXT_BYTES] }
    }

    /// How severe it is.
    #[must_use]
    pub fn level(&self) -> Level {
        self.head.level
    }

    /// The CPU that wrote it.
    #[must_use]
    pub fn cpu(&self) -> u16 {
        self.head.cpu
    }

    /// The part of the kernel that wrote it, such as `microkernel::smp`.
    #[must_use]
    pub fn target(&self) -> &str {
        self.text(0, self.head.target)
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        self.text(self.head.target, self.head.text)
    }

    /// Whether the message did not fit and lacks its end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.head.cut == Cut::Short
    }

    fn text(&self, start: u8, end: u8) -> &str {
        let bytes = self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or("(not text)")
    }
}

impl fmt::Debug for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogRecord")
            .field("sequence", &self.sequence)
            .field("time", &self.time)
            .field("level", &self.level())
            .field("cpu", &self.cpu())
            .field("target", &self.target())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

/// Whether the text is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Whole,
    Short,
}

/// Everything but sequence, time and text: one word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) level: Level,
    pub(super) cut: Cut,
    pub(super) cpu: u16,
    /// Where the target's bytes end and the message's begin.
    pub(super) target: u8,
    /// Where the message's bytes end.
    pub(super) text: u8,
}

impl Head {
    pub(super) fn pack(self) -> u64 {
        let [cpu_low, cpu_high] = self.cpu.to_le_bytes();
        let cut = (self.cut == Cut::Short).into();
        u64::from_le_bytes([self.level as u8, cut, cpu_low, cpu_high, self.target, self.text, 0, 0])
    }

    pub(super) fn unpack(word: u64) -> Self {
        let [level, cut, cpu_low, cpu_high, target, text, _, _] = word.to_le_bytes();
        let level = Level::iter().find(|known| *known as u8 == level).unwrap_or(Level::Error);
        let cut = if cut == 0 { Cut::Whole } else { Cut::Short };
        Self { level, cut, cpu: u16::from_le_bytes([cpu_low, cpu_high]), target, text }
    }

    /// How many words of text are in use.
    pub(super) fn text_words(&self) -> usize {
        usize::from(self.text).div_ceil(8).min(TEXT_WORDS)
    }
}

/// Formats a record into words, before any slot is claimed: formatting may call code that logs itself.
pub(super) fn encode(
    level: Level,
    cpu: u16,
    target: &str,
    message: fmt::Arguments<'_>,
) -> (Head, [u64; TEXT_WORDS]) {
    let mut text = Text::new();
    text.push_str(target);
    let target = text.length();
    // An error here comes from a Display that gave up; what it wrote so far is kept.
    let formatted = fmt::write(&mut text, message);
    let cut = if text.is_full() || formatted.is_err() { Cut::Short } else { Cut::Whole };
    let head = Head { level, cut, cpu, target: target as u8, text: text.length() as u8 };
    let mut words = [0; TEXT_WORDS];
    for (word, bytes) in words.iter_mut().zip(text.bytes().as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    (head, words)
}
