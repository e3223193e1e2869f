//! PCI configuration space as one function's driver needs it: capabilities, base addresses, bus mastering.
//!
//! From PCI Local Bus Specification 3.0, section 6: command register (6.2.2), base address registers (6.2.5.1), capabilities
//! list (6.7). All that is read is foreign: a list of capabilities ends even if the device's doesn't.

mod access;
mod address;

pub use access::{Access, Config, Segment};
pub use address::{Address, FUNCTION_BYTES};

use crate::Registers;

const COMMAND: u8 = 0x04;
const COMMAND_MEMORY: u32 = 1 << 1;
const COMMAND_BUS_MASTER: u32 = 1 << 2;
const STATUS_CAPABILITIES: u32 = 1 << (16 + 4);
const BAR_0: u8 = 0x10;
const BARS: u8 = 6;
const CAPABILITIES: u8 = 0x34;
/// The most that fit behind the header, at the least size of four bytes.
const MAX_CAPABILITIES: usize = (256 - 64) / 4;

/// One function's 256 bytes, by offsets that are multiples of four.
pub trait ConfigSpace {
    /// Reads 32 bits.
    fn read(&self, offset: u8) -> u32;
    /// Writes 32 bits.
    fn write(&self, offset: u8, value: u32);
}

/// Configuration space that is mapped memory: the function's 4 KiB of what the MCFG table announces.
#[derive(Clone, Copy, Debug)]
pub struct Ecam<R>(pub R);

impl<R: Registers> ConfigSpace for Ecam<R> {
    fn read(&self, offset: u8) -> u32 {
        self.0.read32(offset.into())
    }

    fn write(&self, offset: u8, value: u32) {
        self.0.write32(offset.into(), value);
    }
}

/// A range of a base address register's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which register, 0 to 5.
    pub bar: u8,
    /// Bytes from its beginning.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

/// What a base address register says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Registers in memory from this physical address.
    Memory(u64),
    /// Registers among the I/O ports from this one.
    Ports(u32),
}

/// Base address register `number`, as the firmware set it; nothing if it is not set, or none.
pub fn bar(config: &impl ConfigSpace, number: u8) -> Option<Bar> {
    let register = |number: u8| (number < BARS).then(|| config.read(BAR_0 + 4 * number));
    let low = register(number)?;
    if low & 1 != 0 {
        return Some(Bar::Ports(low & !3)).filter(|bar| *bar != Bar::Ports(0));
    }
    let high = match low >> 1 & 3 {
        0 => 0,
        2 => register(number.checked_add(1)?)?,
        _ => return None,
    };
    let address = u64::from(high) << 32 | u64::from(low & !15);
    (address != 0).then_some(Bar::Memory(address))
}

/// Offsets and identifiers of the capabilities, as listed.
pub fn capabilities(config: &impl ConfigSpace) -> impl Iterator<Item = (u8, u8)> {
    let listed = config.read(COMMAND) & STATUS_CAPABILITIES != 0;
    let mut next = if listed { config.read(CAPABILITIES) as u8 & !3 } else { 0 };
    core::iter::from_fn(move || {
        let offset = next;
        // Below is the header.
        if offset < 0x40 {
            return None;
        }
        let head = config.read(offset);
        next = (head >> 8) as u8 & !3;
        Some((offset, head as u8))
    })
    .take(MAX_CAPABILITIES)
}

/// Lets the device answer in its memory windows and reach memory by itself.
pub fn enable_memory_and_bus_master(config: &impl ConfigSpace) {
    // The upper half is the status register, where ones clear.
    let command = config.read(COMMAND) & 0xffff;
    config.write(COMMAND, command | COMMAND_MEMORY | COMMAND_BUS_MASTER);
}

/// Takes it away from the device to reach memory by itself: what fences one whose driver is dead.
pub fn disable_bus_master(config: &impl ConfigSpace) {
    let command = config.read(COMMAND) & 0xffff;
    config.write(COMMAND, command & !COMMAND_BUS_MASTER);
}

/// A function's MSI-X capability (PCI 3.0, 6.8.2). The table that it names is the kernel's: drivers never map it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsiX {
    offset: u8,
    /// How many vectors, 1 to 2048.
    pub vectors: u16,
    /// Where the table is.
    pub table: Window,
}

impl MsiX {
    const ID: u8 = 0x11;
    const ENABLE: u32 = 1 << 31;
    const MASK_ALL: u32 = 1 << 30;
    const ENTRY_BYTES: u32 = 16;

    /// The capability, if the function has one.
    pub fn find(config: &impl ConfigSpace) -> Option<Self> {
        let (offset, _) = capabilities(config).find(|(_, id)| *id == Self::ID)?;
        let vectors = (config.read(offset) >> 16 & 0x7ff) as u16 + 1;
        let place = config.read(offset.checked_add(4)?);
        let length = u32::from(vectors) * Self::ENTRY_BYTES;
        let table = Window { bar: place as u8 & 7, offset: place & !7, length };
        (table.bar < BARS).then_some(Self { offset, vectors, table })
    }

    /// Interrupts come by the table's entries from now on, which the kernel has programmed, and no longer by the line.
    pub fn enable(self, config: &impl ConfigSpace) {
        let head = config.read(self.offset);
        config.write(self.offset, head & !Self::MASK_ALL | Self::ENABLE);
    }
}

/// A function's MSI capability (PCI 3.0, 6.8.1). The kernel writes it: drivers have no configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msi {
    /// Where it lies in the function's configuration space.
    pub offset: u8,
}

impl Msi {
    const ID: u8 = 0x05;
    const ENABLE: u32 = 1 << 16;

    /// The capability, if the function has one.
    pub fn find(config: &impl ConfigSpace) -> Option<Self> {
        let (offset, _) = capabilities(config).find(|(_, id)| *id == Self::ID)?;
        Some(Self { offset })
    }

    /// Whether the function sends messages now.
    pub fn is_enabled(self, config: &impl ConfigSpace) -> bool {
        config.read(self.offset) & Self::ENABLE != 0
    }
}
