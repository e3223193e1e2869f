//! What a driver sees of its device: registers, configuration space, and memory that both reach.
//!
//! Drivers are written against these traits and types, so that their logic holds no unsafe code and runs on the host against
//! a model of the device. The only places that touch hardware are [`Mmio`] and [`IoPorts`].
#![no_std]
#![deny(unsafe_code)]

mod dma;
mod mmio;
mod pci;
mod ports;
mod reach;

pub use ports::{IoPorts, Ports};

pub use dma::{DmaAddress, DmaBlock};
pub use mmio::{Mmio, MmioError};
pub use pci::{
    Access, Address, Bar, Config, ConfigSpace, Ecam, FUNCTION_BYTES, Msi, MsiX, Segment, Window, bar,
    capabilities, disable_bus_master, enable_memory_and_bus_master,
};
pub use reach::Reach;

/// The device reported what can't be true, or is gone. It is to be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Device registers in one window, by their offset from its beginning. Accesses reach the device once each and in program order,
/// also relative to the program's accesses to [`DmaBlock`]s when a fence stands between.
///
/// Offsets are a driver's own constants, or were checked against the window's [`length`](Self::length) before. Outside of it, and
/// where the access isn't aligned to its size, reads return all ones, as on an empty bus, and writes are lost.
pub trait Registers {
    /// Bytes in the window.
    fn length(&self) -> usize;
    /// Reads 8 bits.
    fn read8(&self, offset: usize) -> u8;
    /// Reads 16 bits.
    fn read16(&self, offset: usize) -> u16;
    /// Reads 32 bits.
    fn read32(&self, offset: usize) -> u32;
    /// Writes 8 bits.
    fn write8(&self, offset: usize, value: u8);
    /// Writes 16 bits.
    fn write16(&self, offset: usize, value: u16);
    /// Writes 32 bits.
    fn write32(&self, offset: usize, value: u32);
}
