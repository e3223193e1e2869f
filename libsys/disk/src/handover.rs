//! What a supervisor hands to the program of a disk's driver: handles in an order, and a page of numbers.
//!
//! The driver has neither configuration space nor the addresses of memory: those are its supervisor's, who outlives it, and so
//! can fence the device when the driver is dead, and give the same to a successor. Channel and pool are as large as
//! [`anax_blocks::handover`] says, where the client looks it up, too.

use anax_abi::Handle;

/// Its end of the channel.
pub const CHANNEL: Handle = Handle::new(1, 1);
/// The channel's block, a region.
pub const BLOCK: Handle = Handle::new(2, 1);
/// Memory for the device's own structures, a DMA region of [`MEMORY_BYTES`].
pub const MEMORY: Handle = Handle::new(3, 1);
/// The device's registers: a region over one base address register; or the ports of the command block.
pub const REGISTERS: Handle = Handle::new(4, 1);
/// The interrupt of what was asked for.
pub const IRQ: Handle = Handle::new(5, 1);
/// A region that begins with [`Numbers`].
pub const NUMBERS: Handle = Handle::new(6, 1);
/// The interrupt for changes of the configuration, if the device has one.
pub const CONFIGURATION_IRQ: Handle = Handle::new(7, 1);
/// The ports of the control block, if the device's registers are ports.
pub const CONTROL: Handle = Handle::new(7, 1);
/// The pool, for a driver that moves the data itself.
pub const POOL: Handle = Handle::new(8, 1);

/// Bytes of memory for the device's own structures.
pub const MEMORY_BYTES: u64 = 16 * 1024;

/// Words of [`Numbers`].
pub const WORDS: usize = 7;

/// What the driver has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Where the device finds the memory for its structures.
    pub memory: u64,
    /// Where it finds the pool.
    pub pool: u64,
    /// What the kind of device needs besides.
    pub device: [u64; 5],
}

impl Numbers {
    /// For the page.
    #[must_use]
    pub const fn to_words(self) -> [u64; WORDS] {
        let [a, b, c, d, e] = self.device;
        [self.memory, self.pool, a, b, c, d, e]
    }

    /// From the page.
    #[must_use]
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        let [memory, pool, device @ ..] = words;
        Self { memory, pool, device }
    }
}
