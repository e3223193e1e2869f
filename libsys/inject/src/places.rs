//! What steers a device and a client: words in shared memory, and registers, each with the bits that may be wrong.

use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::Ordering;

use anax_device::{DmaBlock, Mmio, Registers as _};
use anax_ring::layout::LINE_WORDS;
use anax_ring::{AtomicU64, Geometry, SharedBlock, Side};

/// How often a register counts among the places: a device has few of them, and many descriptors.
const REGISTER_WEIGHT: usize = 32;

/// Messages that were sent last.
const RECENT: u32 = 4;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// A word in memory that others read, its number there, and which of its bits may be wrong.
    Word(&'static AtomicU64, usize, u64),
    /// A register of the device, by its offset, and which bits of it.
    Register(Mmio, usize, u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(_, number, _) => write!(f, "word {number}"),
            Self::Register(_, offset, _) => write!(f, "register {offset:#x}"),
        }
    }
}

impl Place {
    /// Which bit a number chooses.
    #[must_use]
    pub fn bit(&self, choice: u64) -> u32 {
        let mask = match self {
            Self::Word(_, _, mask) => *mask,
            Self::Register(_, _, mask) => (*mask).into(),
        };
        let count = u64::from(mask.count_ones().max(1));
        (0..u64::BITS).filter(|bit| mask >> bit & 1 == 1).nth((choice % count) as usize).unwrap_or(0)
    }

    /// Flips it.
    pub fn flip(&self, bit: u32) {
        match self {
            Self::Word(word, ..) => _ = word.fetch_xor(1 << bit, Ordering::Relaxed),
            Self::Register(registers, offset, _) => {
                registers.write32(*offset, registers.read32(*offset) ^ 1 << bit);
            }
        }
    }
}

/// All of a driver's.
#[derive(Clone, Debug)]
pub struct Places {
    pub(crate) device: Vec<Place>,
    block: SharedBlock<'static>,
    slots: u32,
}

impl Places {
    /// Of a driver whose channel lies in `block`, with so many slots each way.
    #[must_use]
    pub const fn new(block: SharedBlock<'static>, slots: u32) -> Self {
        Self { device: Vec::new(), block, slots }
    }

    /// What a number chooses of the words that the driver writes to its client: half of them positions and flags, half of them in the messages sent
    /// last.
    #[must_use]
    pub fn channel(&self, choice: u64) -> Option<Place> {
        let geometry = Geometry::new(self.slots, self.slots).ok()?;
        let (own, other) = (geometry.ring(Side::Server), geometry.ring(Side::Client));
        let word = |number| self.block.words().get(number);
        let (which, choice) = (choice % 2, (choice / 2) as usize);
        let number = if which == 0 {
            [own.producer, other.consumer, own.room, other.asleep][choice % 4]
        } else {
            // The position's lower half is the number of the next one.
            let next = word(own.producer)?.load(Ordering::Relaxed) as u32;
            let slot = next.wrapping_sub(1 + choice as u32 / LINE_WORDS as u32 % RECENT) & (self.slots - 1);
            own.slots + slot as usize * LINE_WORDS + choice % LINE_WORDS
        };
        word(number).map(|word| Place::Word(word, number, u64::MAX))
    }

    /// And words of memory that the device reads: which, and which of their bits.
    #[must_use]
    pub fn with_words(
        mut self,
        memory: DmaBlock<'static>,
        which: impl Iterator<Item = (usize, u64)>,
    ) -> Self {
        let words = memory.words();
        let place = |(number, mask)| words.get(number).map(|word| Place::Word(word, number, mask));
        self.device.extend(which.filter_map(place));
        self
    }

    /// And a register.
    #[must_use]
    pub fn with_register(mut self, registers: Mmio, offset: usize, mask: u32) -> Self {
        let place = Place::Register(registers, offset, mask);
        self.device.extend(core::iter::repeat_n(place, REGISTER_WEIGHT));
        self
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::boxed::Box;

    use super::*;

    fn words(count: usize) -> &'static [AtomicU64] {
        Box::leak((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    #[test]
    fn only_bits_of_the_mask_flip() {
        let word = &words(1)[0];
        let place = Place::Word(word, 0, 0b1010 << 32);
        for choice in 0..9 {
            place.flip(place.bit(choice));
            assert_eq!(word.load(Ordering::Relaxed) & !(0b1010 << 32), 0);
        }
        assert_eq!([0, 1, 2].map(|choice| place.bit(choice)), [33, 35, 33]);
    }

    #[test]
    fn of_a_channel_only_what_the_driver_writes() {
        let slots = 4;
        let geometry = Geometry::new(slots, slots).unwrap();
        let block = SharedBlock::from_words(words(geometry.words()));
        let client = geometry.ring(Side::Client);
        for choice in 0..1000 {
            let Some(Place::Word(_, number, _)) = Places::new(block, slots).channel(choice) else {
                panic!("a word")
            };
            assert!(number >= LINE_WORDS, "the supervisor's");
            assert!(number != client.producer && number != client.room);
            let of_client = client.slots..client.slots + slots as usize * LINE_WORDS;
            assert!(!of_client.contains(&number));
        }
    }
}
