//! What a supervisor hands to the program of a virtio network driver: handles in an order, and a page of numbers.
//!
//! The driver has neither configuration space nor the addresses of memory: those are its supervisor's, who outlives it, and so
//! can fence the device when the driver is dead, and give the same to a successor. This is the one place where both look it up.

use anax_abi::Handle;
use anax_device::Window;

use crate::Windows;

/// Its end of the channel.
pub const CHANNEL: Handle = Handle::new(1, 1);
/// The channel's block, a region.
pub const BLOCK: Handle = Handle::new(2, 1);
/// Memory for the device's queues, a DMA region of [`QUEUE_BYTES`].
pub const QUEUES: Handle = Handle::new(3, 1);
/// The device's registers, a region over one base address register.
pub const REGISTERS: Handle = Handle::new(4, 1);
/// The interrupt for changes of the configuration, entry [`CONFIGURATION_VECTOR`].
pub const CONFIGURATION_IRQ: Handle = Handle::new(5, 1);
/// The interrupt of the queues, entry [`QUEUE_VECTOR`].
pub const QUEUE_IRQ: Handle = Handle::new(6, 1);
/// A region that begins with [`Numbers`].
pub const NUMBERS: Handle = Handle::new(7, 1);

/// Entries of the MSI-X table.
pub const CONFIGURATION_VECTOR: u16 = 0;
/// The same, for both queues.
pub const QUEUE_VECTOR: u16 = 1;
/// Bytes of memory for the device's queues.
pub const QUEUE_BYTES: u64 = 16 * 1024;
/// Slots of each of the channel's rings, and buffers of the pool.
pub const BUFFERS: u32 = 128;

/// Words of [`Numbers`].
pub const WORDS: usize = 7;

/// What the driver has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Where the device's structures are in the registers.
    pub windows: Windows,
    /// Where the device finds the queues' memory.
    pub queues: u64,
    /// Where the device finds the pool.
    pub pool: u64,
}

impl Numbers {
    /// For the page.
    #[must_use]
    pub fn to_words(self) -> [u64; WORDS] {
        let Windows { common, notify, notify_multiplier, isr, device } = self.windows;
        let pack = |window: Window| u64::from(window.offset) | u64::from(window.length) << 32;
        let structures = [common, notify, isr, device].map(pack);
        let [common, notify, isr, device] = structures;
        [common, notify, isr, device, notify_multiplier.into(), self.queues, self.pool]
    }

    /// From the page. All structures are in the one register that [`REGISTERS`] is over.
    #[must_use]
    pub fn from_words(words: [u64; WORDS]) -> Self {
        let window = |word: u64| Window { bar: 0, offset: word as u32, length: (word >> 32) as u32 };
        let [common, notify, isr, device, multiplier, queues, pool] = words;
        let windows = Windows {
            common: window(common),
            notify: window(notify),
            notify_multiplier: multiplier as u32,
            isr: window(isr),
            device: window(device),
        };
        Self { windows, queues, pool }
    }
}

impl Windows {
    /// For the driver.
    #[must_use]
    pub fn to_words(self) -> [u64; 5] {
        let Self { common, notify, notify_multiplier, isr, device } = self;
        let pack = |window: Window| u64::from(window.offset) | u64::from(window.length) << 32;
        let [common, notify, isr, device] = [common, notify, isr, device].map(pack);
        [common, notify, isr, device, notify_multiplier.into()]
    }

    /// From the supervisor. All structures are in the one base address register that the driver was given.
    #[must_use]
    pub fn from_words(words: [u64; 5]) -> Self {
        let window = |word: u64| Window { bar: 0, offset: word as u32, length: (word >> 32) as u32 };
        let [common, notify, isr, device, multiplier] = words;
        Self {
            common: window(common),
            notify: window(notify),
            notify_multiplier: multiplier as u32,
            isr: window(isr),
            device: window(device),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let window = |offset| Window { bar: 0, offset, length: offset + 56 };
        let windows = Windows {
            common: window(0),
            notify: window(0x3000),
            notify_multiplier: 4,
            isr: window(0x1000),
            device: window(0x2000),
        };
        let numbers = Numbers { windows, queues: 0x1_2345_6000, pool: 0x7000 };
        assert_eq!(Numbers::from_words(numbers.to_words()), numbers);
    }
}
