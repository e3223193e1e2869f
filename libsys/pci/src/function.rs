//! What a function says of itself (PCI 3.0, 6.2).

use anax_device::{Address, ConfigSpace, Msi, MsiX};

use crate::{BARS, BaseAddress, FunctionReset, Sizing, Warning, measure};

/// Who made it, and what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// Who made the chip.
    pub vendor: u16,
    /// The maker's number for it.
    pub device: u16,
    /// Who made the card; 0 if it is not said.
    pub subsystem_vendor: u16,
    /// That maker's number for it.
    pub subsystem: u16,
    /// The chip's revision.
    pub revision: u8,
}

/// What it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Base class.
    pub base: u8,
    /// Subclass.
    pub sub: u8,
    /// Programming interface.
    pub interface: u8,
}

/// Which form the rest of its header has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A device.
    Device,
    /// A bridge to another bus.
    Bridge {
        /// The bus behind it.
        secondary: u8,
        /// The highest bus behind it.
        subordinate: u8,
    },
    /// Anything else, which is left alone.
    Other(u8),
}

/// A pin by which a function interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptPin {
    /// 1 to 4 for INTA# to INTD#.
    pub pin: u8,
    /// Which input of the old interrupt controller firmware led it to, if it says so.
    pub line: Option<u8>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where it is.
    pub address: Address,
    /// Which one it is.
    pub ids: Ids,
    /// What it is for.
    pub class: Class,
    /// Its header's form.
    pub header: Header,
    /// Its windows by the register's number; of devices only, and if they were measured.
    pub bars: [Option<BaseAddress>; BARS],
    /// The pin by which it interrupts.
    pub interrupt: Option<InterruptPin>,
    /// That it can interrupt by one message, or few.
    pub msi: Option<Msi>,
    /// That it can interrupt by many; if windows were measured, the table lies within one of memory.
    pub msi_x: Option<MsiX>,
    /// How it is reset alone.
    pub reset: Option<FunctionReset>,
}

impl Function {
    /// Reads what is at `address`; nothing if nothing is.
    pub(crate) fn read(
        address: Address,
        config: &impl ConfigSpace,
        sizing: Sizing,
        mut warn: impl FnMut(Warning),
    ) -> Option<Self> {
        let (vendor, device) = halves(config.read(0x00));
        // All ones: nobody there. Zero: nobody that conforms.
        if matches!(vendor, 0 | 0xffff) {
            return None;
        }
        let [revision, interface, sub, base] = config.read(0x08).to_le_bytes();
        let header = header(config);
        let (subsystem_vendor, subsystem) = match header {
            Header::Device => halves(config.read(0x2c)),
            _ => (0, 0),
        };
        // Switching a bridge's decoding off would take everything behind it off the bus.
        let measured = sizing == Sizing::Measure && header == Header::Device;
        let bars = if measured { measure(config, &mut warn) } else { [None; BARS] };
        let mut msi_x = MsiX::find(config);
        if measured && msi_x.is_some_and(|msi_x| !has_table(&bars, msi_x)) {
            msi_x = None;
            warn(Warning::BadMsiX);
        }
        let [line, pin, _, _] = config.read(0x3c).to_le_bytes();
        Some(Self {
            address,
            ids: Ids { vendor, device, subsystem_vendor, subsystem, revision },
            class: Class { base, sub, interface },
            header,
            bars,
            interrupt: (1..=4)
                .contains(&pin)
                .then_some(InterruptPin { pin, line: Some(line).filter(|line| !matches!(line, 0 | 0xff)) }),
            msi: Msi::find(config),
            msi_x,
            reset: FunctionReset::find(config),
        })
    }

    /// Whether the device at function 0 has more functions.
    pub(crate) fn is_multiple(config: &impl ConfigSpace) -> bool {
        config.read(0x0c) & 1 << 23 != 0
    }
}

fn header(config: &impl ConfigSpace) -> Header {
    match (config.read(0x0c) >> 16) as u8 & 0x7f {
        0 => Header::Device,
        1 => {
            let [_, secondary, subordinate, _] = config.read(0x18).to_le_bytes();
            Header::Bridge { secondary, subordinate }
        }
        other => Header::Other(other),
    }
}

/// Whether the table lies in one window of memory.
fn has_table(bars: &[Option<BaseAddress>; BARS], msi_x: MsiX) -> bool {
    let window = bars.get(usize::from(msi_x.table.bar)).copied().flatten();
    let end = u64::from(msi_x.table.offset) + u64::from(msi_x.table.length);
    window.is_some_and(|window| matches!(window.start, anax_device::Bar::Memory(_)) && end <= window.length)
}

const fn halves(word: u32) -> (u16, u16) {
    (word as u16, (word >> 16) as u16)
}
