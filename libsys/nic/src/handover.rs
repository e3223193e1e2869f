//! What a supervisor hands to the program of a network card's driver: handles in an order, and a page of numbers.
//!
//! The driver has neither configuration space nor the addresses of memory: those are its supervisor's, who outlives it, and so
//! can fence the device when the driver is dead, and give the same to a successor. This is the one place where both look it up.

use anax_abi::Handle;

/// Its end of the channel.
pub const CHANNEL: Handle = Handle::new(1, 1);
/// The channel's block, a region.
pub const BLOCK: Handle = Handle::new(2, 1);
/// Memory for the device's queues, a DMA region of [`QUEUE_BYTES`].
pub const QUEUES: Handle = Handle::new(3, 1);
/// The device's registers, a region over one base address register.
pub const REGISTERS: Handle = Handle::new(4, 1);
/// A region that begins with [`Numbers`].
pub const NUMBERS: Handle = Handle::new(5, 1);
/// The interrupt of the queues, or the only one.
pub const IRQ: Handle = Handle::new(6, 1);
/// The interrupt for changes of the configuration, of a card that has one of its own for them.
pub const CONFIGURATION_IRQ: Handle = Handle::new(7, 1);

/// Bytes of memory for the device's queues.
pub const QUEUE_BYTES: u64 = 16 * 1024;
/// Slots of each of the channel's rings, and buffers of the pool.
pub const BUFFERS: u32 = 128;

/// Words of [`Numbers`].
pub const WORDS: usize = 2 + CARD_WORDS;
/// Words that a kind of card has for itself.
pub const CARD_WORDS: usize = 5;

/// What the driver has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Where the device finds the queues' memory.
    pub queues: u64,
    /// Where the device finds the pool.
    pub pool: u64,
    /// What this kind of card is told besides; zeros if nothing.
    pub card: [u64; CARD_WORDS],
}

impl Numbers {
    /// For the page.
    #[must_use]
    pub const fn to_words(self) -> [u64; WORDS] {
        let [a, b, c, d, e] = self.card;
        [self.queues, self.pool, a, b, c, d, e]
    }

    /// From the page.
    #[must_use]
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        let [queues, pool, card @ ..] = words;
        Self { queues, pool, card }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let numbers = Numbers { queues: 0x1_2345_6000, pool: 0x7000, card: [1, 2, 3, 4, u64::MAX] };
        assert_eq!(Numbers::from_words(numbers.to_words()), numbers);
    }
}
