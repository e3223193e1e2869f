//! The way to configuration space: a trait, the memory-mapped way, and one function's view for what needs no more.
//!
//! The way by the ports 0xcf8 and 0xcfc is `anax_mapped::Bus`, which stands where a program gets the right to those ports.

use super::ConfigSpace;
use super::address::{Address, FUNCTION_BYTES};
use crate::Registers;

/// Configuration space of a machine. Accesses reach it once each and in program order.
///
/// Offsets are multiples of four below [`FUNCTION_BYTES`]. Where nothing is, or nothing can be reached, reads return all ones, as on an
/// empty bus, and writes are lost.
pub trait Access {
    /// Reads 32 bits.
    fn read32(&self, address: Address, offset: u16) -> u32;
    /// Writes 32 bits.
    fn write32(&self, address: Address, offset: u16, value: u32);

    /// Reads 16 bits at an even offset.
    fn read16(&self, address: Address, offset: u16) -> u16 {
        (self.read32(address, offset & !3) >> (8 * (offset & 2))) as u16
    }

    /// Reads 8 bits at any offset.
    fn read8(&self, address: Address, offset: u16) -> u8 {
        (self.read32(address, offset & !3) >> (8 * (offset & 3))) as u8
    }

    /// Writes 16 bits at an even offset; what else is in the 32 bits around is written as it was read, so not beside bits that ones clear.
    fn write16(&self, address: Address, offset: u16, value: u16) {
        let (place, shift) = (offset & !3, 8 * (offset & 2));
        let kept = self.read32(address, place) & !(0xffff << shift);
        self.write32(address, place, kept | u32::from(value) << shift);
    }

    /// Writes 8 bits at any offset, with the same care.
    fn write8(&self, address: Address, offset: u16, value: u8) {
        let (place, shift) = (offset & !3, 8 * (offset & 3));
        let kept = self.read32(address, place) & !(0xff << shift);
        self.write32(address, place, kept | u32::from(value) << shift);
    }
}

/// Configuration space of a range of buses that is mapped memory (ECAM: PCI Express Base Specification, 7.2.2), as the MCFG table
/// announces it, or a part of that.
#[derive(Clone, Copy, Debug)]
pub struct Segment<R> {
    number: u16,
    first_bus: u8,
    registers: R,
}

impl<R: Registers> Segment<R> {
    /// Bytes of a bus.
    pub const BUS_BYTES: usize = 1 << 20;

    /// The window whose first byte is that of `first_bus`; how many buses it has, its length says.
    #[must_use]
    pub const fn new(number: u16, first_bus: u8, registers: R) -> Self {
        Self { number, first_bus, registers }
    }

    /// Where a register is in the window, if the window has all of its bus.
    fn offset(&self, address: Address, offset: u16) -> Option<usize> {
        let bus = usize::from(address.bus().checked_sub(self.first_bus)?);
        let reached = address.segment() == self.number
            && offset < FUNCTION_BYTES
            && (bus + 1) * Self::BUS_BYTES <= self.registers.length();
        let start = bus * Self::BUS_BYTES + (usize::from(address.number() & 0xff) << 12);
        reached.then(|| start | usize::from(offset & !3))
    }
}

impl<R: Registers> Access for Segment<R> {
    fn read32(&self, address: Address, offset: u16) -> u32 {
        self.offset(address, offset).map_or(u32::MAX, |offset| self.registers.read32(offset))
    }

    fn write32(&self, address: Address, offset: u16, value: u32) {
        if let Some(offset) = self.offset(address, offset) {
            self.registers.write32(offset, value);
        }
    }
}

/// Several windows: the first one that has the bus is asked.
impl<R: Registers> Access for [Segment<R>] {
    fn read32(&self, address: Address, offset: u16) -> u32 {
        let segment = self.iter().find(|segment| segment.offset(address, offset).is_some());
        segment.map_or(u32::MAX, |segment| segment.read32(address, offset))
    }

    fn write32(&self, address: Address, offset: u16, value: u32) {
        if let Some(segment) = self.iter().find(|segment| segment.offset(address, offset).is_some()) {
            segment.write32(address, offset, value);
        }
    }
}

/// One function's configuration space.
#[derive(Debug)]
pub struct Config<'a, A: ?Sized> {
    access: &'a A,
    address: Address,
}

impl<'a, A: Access + ?Sized> Config<'a, A> {
    /// That of the function at `address`.
    #[must_use]
    pub const fn new(access: &'a A, address: Address) -> Self {
        Self { access, address }
    }
}

impl<A: Access + ?Sized> ConfigSpace for Config<'_, A> {
    fn read(&self, offset: u8) -> u32 {
        self.access.read32(self.address, offset.into())
    }

    fn write(&self, offset: u8, value: u32) {
        self.access.write32(self.address, offset.into(), value);
    }
}
