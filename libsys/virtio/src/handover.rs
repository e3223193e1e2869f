//! What a supervisor tells the program of a virtio driver of its device: where the structures are, and which entries of the MSI-X
//! table interrupt it.
//!
//! The driver has no configuration space to look it up in. This is the one place where both agree on it.

use anax_device::Window;

use crate::Windows;

/// Entry of the MSI-X table for changes of the configuration.
pub const CONFIGURATION_VECTOR: u16 = 0;
/// The same, for all queues.
pub const QUEUE_VECTOR: u16 = 1;

/// Words for the structures.
pub const WORDS: usize = 5;

impl Windows {
    /// For the driver.
    #[must_use]
    pub fn to_words(self) -> [u64; WORDS] {
        let Self { common, notify, notify_multiplier, isr, device } = self;
        let pack = |window: Window| u64::from(window.offset) | u64::from(window.length) << 32;
        let [common, notify, isr, device] = [common, notify, isr, device].map(pack);
        [common, notify, isr, device, notify_multiplier.into()]
    }

    /// From the supervisor. All structures are in the one base address register that the driver was given.
    #[must_use]
    pub fn from_words(words: [u64; WORDS]) -> Self {
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
        assert_eq!(Windows::from_words(windows.to_words()), windows);
    }
}
