//! Where a function is.

use core::fmt;

/// Bytes of a function's configuration space; the old mechanism reaches the first 256.
pub const FUNCTION_BYTES: u16 = 4096;

/// A function's place, by which devices are ordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    segment: u16,
    bus: u8,
    device: u8,
    function: u8,
}

impl Address {
    /// Devices of a bus.
    pub const DEVICES: u8 = 32;
    /// Functions of a device.
    pub const FUNCTIONS: u8 = 8;

    /// Nothing for a device above 31 or a function above 7.
    #[must_use]
    pub const fn new(segment: u16, bus: u8, device: u8, function: u8) -> Option<Self> {
        if device < Self::DEVICES && function < Self::FUNCTIONS {
            Some(Self { segment, bus, device, function })
        } else {
            None
        }
    }

    /// The segment: 0, but on large machines.
    #[must_use]
    pub const fn segment(self) -> u16 {
        self.segment
    }

    /// The bus.
    #[must_use]
    pub const fn bus(self) -> u8 {
        self.bus
    }

    /// The device on the bus.
    #[must_use]
    pub const fn device(self) -> u8 {
        self.device
    }

    /// The function of the device.
    #[must_use]
    pub const fn function(self) -> u8 {
        self.function
    }

    /// Bus, device and function as PCI numbers them in 16 bits.
    #[must_use]
    pub const fn number(self) -> u16 {
        (self.bus as u16) << 8 | (self.device as u16) << 3 | self.function as u16
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{}", self.segment, self.bus, self.device, self.function)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
