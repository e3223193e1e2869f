//! The frames: numbered, of a pattern that follows from run and number, and so checked to the last byte.
//!
//! ```text
//!  0         6        12     14       22    30       38
//!  destination source  88B5  ANAXECHO  run   number   pattern ...
//! ```

use std::ops::RangeInclusive;

/// Local Experimental Ethertype 1 (IEEE 802).
pub const ETHERTYPE: u16 = 0x88b5;
/// The address that QEMU gives a machine's first card.
pub const GUEST_MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// The peer's own: locally administered.
pub const PEER_MAC: [u8; 6] = [0x02, 0x41, 0x4e, 0x41, 0x58, 0x01];
/// Bytes of the shortest frame on a wire, without its checksum: what is shorter would come back padded.
pub const SHORTEST: usize = 60;
/// Bytes of the longest.
pub const LONGEST: usize = 1514;

const NUMBERED: &[u8; 8] = b"ANAXECHO";
const CALL: &[u8; 8] = b"ANAXCALL";
const TYPE_AT: usize = 12;
const KIND_AT: usize = 14;
const RUN_AT: usize = 22;
const NUMBER_AT: usize = 30;
const PATTERN_AT: usize = 38;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Is anybody there?
    Call,
    /// To be counted.
    Numbered,
}

/// All frames of a run.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    run: u64,
    sizes: RangeInclusive<usize>,
}

impl Pattern {
    pub(super) const fn new(run: u64, sizes: RangeInclusive<usize>) -> Self {
        Self { run, sizes }
    }

    /// Frame `number`.
    pub(super) fn frame(&self, kind: Kind, number: u64) -> Vec<u8> {
        let mut random = Random(self.run ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let span = (self.sizes.end() - self.sizes.start() + 1) as u64;
        let length = match kind {
            Kind::Call => SHORTEST,
            // The extremes come early, everything else in no order.
            Kind::Numbered if number.is_multiple_of(64) => *self.sizes.start(),
            Kind::Numbered if number % 64 == 1 => *self.sizes.end(),
            Kind::Numbered => self.sizes.start() + (random.next() % span) as usize,
        };
        let marker = match kind {
            Kind::Call => CALL,
            Kind::Numbered => NUMBERED,
        };
        let mut frame = Vec::with_capacity(length + 8);
        frame.extend(GUEST_MAC);
        frame.extend(PEER_MAC);
        frame.extend(ETHERTYPE.to_be_bytes());
        frame.extend(marker);
        frame.extend(self.run.to_be_bytes());
        frame.extend(number.to_be_bytes());
        while frame.len() < length {
            frame.extend(random.next().to_le_bytes());
        }
        frame.truncate(length);
        frame
    }

    /// Kind and number of a frame of this run that has come back; whether it is whole is another question.
    pub(super) fn read(&self, frame: &[u8]) -> Option<(Kind, u64)> {
        let word = |at: usize| Some(u64::from_be_bytes(frame.get(at..at + 8)?.try_into().ok()?));
        if frame.len() < PATTERN_AT
            || frame[TYPE_AT..KIND_AT] != ETHERTYPE.to_be_bytes()
            || word(RUN_AT)? != self.run
        {
            return None;
        }
        let kind = match &frame[KIND_AT..RUN_AT] {
            marker if marker == NUMBERED => Kind::Numbered,
            marker if marker == CALL => Kind::Call,
            _ => return None,
        };
        Some((kind, word(NUMBER_AT)?))
    }

    /// Whether this is frame `number` as it is to come back: with its addresses swapped, and else to the last byte.
    pub(super) fn is_echo(&self, number: u64, frame: &[u8]) -> bool {
        let sent = self.frame(Kind::Numbered, number);
        frame.len() == sent.len()
            && frame[..6] == sent[6..12]
            && frame[6..12] == sent[..6]
            && frame[12..] == sent[12..]
    }
}

/// Marsaglia's xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
