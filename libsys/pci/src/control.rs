//! What is done to a function: fenced, let go, reset.

use anax_device::{ConfigSpace, capabilities, disable_bus_master, enable_memory_and_bus_master};

const COMMAND: u8 = 0x04;
const PORTS: u32 = 1 << 0;
const BUS_MASTER: u32 = 1 << 2;

/// Why a function counts as one that still reaches memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfenced {
    /// It keeps the right.
    Refused,
    /// It does not answer: it is gone, or pretends to be.
    Silent,
}

/// Takes it away from a function to reach memory and to send interrupts as messages. When this has succeeded, what its driver had given
/// it is free once what is under way has arrived, which reading one of its registers, or this function's read, makes sure of.
///
/// # Errors
/// [`Unfenced`], after which that memory must stay the device's.
pub fn fence(config: &impl ConfigSpace) -> Result<(), Unfenced> {
    disable_bus_master(config);
    match config.read(COMMAND) {
        u32::MAX => Err(Unfenced::Silent),
        command if command & BUS_MASTER != 0 && cfg!(not(bite = "pci-fence-believed")) => {
            Err(Unfenced::Refused)
        }
        _ => Ok(()),
    }
}

/// Lets a function answer in its windows and reach memory by itself.
pub fn release(config: &impl ConfigSpace) {
    enable_memory_and_bus_master(config);
    let command = config.read(COMMAND) & 0xffff;
    config.write(COMMAND, command | PORTS);
}

/// How a function can be reset without its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionReset {
    /// By its PCI Express capability, at this offset (PCI Express Base Specification, 6.6.2).
    Express(u8),
    /// By its Advanced Features capability, at this offset (ECN "Advanced Capabilities for Conventional PCI").
    Conventional(u8),
}

impl FunctionReset {
    const EXPRESS: u8 = 0x10;
    const ADVANCED_FEATURES: u8 = 0x13;
    /// Milliseconds after which the function must be there again.
    pub const MILLISECONDS: u32 = 100;

    /// The way that the function offers, if it offers one.
    pub fn find(config: &impl ConfigSpace) -> Option<Self> {
        capabilities(config).find_map(|(offset, id)| match id {
            Self::EXPRESS => {
                let able = config.read(offset.checked_add(4)?) & 1 << 28 != 0;
                // The control register lies behind, in the same 256 bytes.
                (able && offset.checked_add(8).is_some()).then_some(Self::Express(offset))
            }
            Self::ADVANCED_FEATURES => {
                let able = config.read(offset) & 1 << 25 != 0;
                (able && offset.checked_add(4).is_some()).then_some(Self::Conventional(offset))
            }
            _ => None,
        })
    }

    /// Begins it. The function is fenced before, and left alone for [`MILLISECONDS`](Self::MILLISECONDS) afterwards; its configuration
    /// space, but for the identifiers, must then be written again.
    pub fn start(self, config: &impl ConfigSpace) {
        // The upper half is a status register in both, where ones clear.
        match self {
            Self::Express(offset) => {
                let control = config.read(offset + 8) & 0xffff;
                config.write(offset + 8, control | 1 << 15);
            }
            Self::Conventional(offset) => config.write(offset + 4, 1),
        }
    }
}
