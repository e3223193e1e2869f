//! What a supervisor hands to a driver's program: handles in an order, and a page of numbers.
//!
//! The driver has neither configuration space nor the addresses of memory: those are its supervisor's, who outlives it, and so
//! can fence the device when the driver is dead, and give the same to a successor. This is the one place where both look it up; the
//! program's side is `program::Given`. How large channel and pool are is said beside the client's side.

use anax_abi::Handle;

/// Its end of the channel.
pub const CHANNEL: Handle = Handle::new(1, 1);
/// The channel's block, a region.
pub const BLOCK: Handle = Handle::new(2, 1);
/// Memory for the device's own structures, such as its queues, a DMA region of [`MEMORY_BYTES`].
pub const MEMORY: Handle = Handle::new(3, 1);
/// The device's registers: a region over one base address register; or the ports of the command block.
pub const REGISTERS: Handle = Handle::new(4, 1);
/// A region that begins with [`Numbers`].
pub const NUMBERS: Handle = Handle::new(5, 1);
/// The interrupt of what was asked for, or the only one.
pub const IRQ: Handle = Handle::new(6, 1);
/// The interrupt for changes of the configuration, of a device that has one of its own for them.
pub const CONFIGURATION_IRQ: Handle = Handle::new(7, 1);
/// The ports of the control block, if the device's registers are ports.
pub const CONTROL: Handle = Handle::new(7, 1);
/// The pool, for a driver that moves the data itself. Any other may be given anything there.
pub const POOL: Handle = Handle::new(8, 1);
/// Where records of planned changes lie, a region of [`STATE_BYTES`](crate::STATE_BYTES). Without it there are none.
pub const STATE: Handle = Handle::new(9, 1);
/// The program's port, owned by its only thread: there it is asked, and there it hears interrupts and doorbell. Without it the program
/// makes one for itself, and nobody asks anything.
pub const PORT: Handle = Handle::new(10, 1);

/// The name of [`CONTROL`], which shares its slot with another.
pub const CONTROL_NAME: &str = "control";

/// By which name the device manager gives what a demonstration puts into that slot.
#[must_use]
pub fn name(slot: Handle) -> &'static str {
    const NAMES: [(Handle, &str); 10] = [
        (CHANNEL, "channel"),
        (BLOCK, "block"),
        (MEMORY, "queues"),
        (REGISTERS, "registers"),
        (NUMBERS, "numbers"),
        (IRQ, "irq"),
        (CONFIGURATION_IRQ, "configuration-irq"),
        (POOL, "pool"),
        (STATE, "state"),
        (PORT, "port"),
    ];
    NAMES.iter().find(|(known, _)| *known == slot).map_or("", |(_, name)| name)
}

/// Bytes of memory for the device's own structures.
pub const MEMORY_BYTES: u64 = 16 * 1024;

/// Bytes of stack that a driver's program needs: what takes over lies on it several times before it is where it stays. Pages that are not
/// touched cost nothing but their reservation.
pub const STACK_BYTES: u64 = 256 * 1024;

/// Words of [`Numbers`].
pub const WORDS: usize = 3 + DEVICE_WORDS;
/// Words that a kind of device has for itself.
pub const DEVICE_WORDS: usize = 5;

/// How a driver begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With a device that was fenced: it resets it and serves.
    Fresh = 0,
    /// With a device and a channel that a predecessor uses: it waits until it is told to take over.
    Standby = 1,
}

/// What the driver has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Where the device finds the memory for its structures.
    pub memory: u64,
    /// Where it finds the pool.
    pub pool: u64,
    /// How to begin.
    pub start: Start,
    /// What this kind of device is told besides; zeros if nothing.
    pub device: [u64; DEVICE_WORDS],
}

impl Numbers {
    /// For the page.
    #[must_use]
    pub const fn to_words(self) -> [u64; WORDS] {
        let [a, b, c, d, e] = self.device;
        [self.memory, self.pool, self.start as u64, a, b, c, d, e]
    }

    /// From the page; nothing if it says no way to begin.
    #[must_use]
    pub const fn from_words(words: [u64; WORDS]) -> Option<Self> {
        let [memory, pool, start, device @ ..] = words;
        let start = match start {
            0 => Start::Fresh,
            1 => Start::Standby,
            _ => return None,
        };
        Some(Self { memory, pool, start, device })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for start in [Start::Fresh, Start::Standby] {
            let numbers =
                Numbers { memory: 0x1_2345_6000, pool: 0x7000, start, device: [1, 2, 3, 4, u64::MAX] };
            assert_eq!(Numbers::from_words(numbers.to_words()), Some(numbers));
        }
        assert_eq!(Numbers::from_words([2; WORDS]), None);
    }
}
