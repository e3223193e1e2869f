//! Devices of the PC that no bus reports.

use alloc::vec::Vec;

use anax_manifest::Legacy;

use crate::Function;

/// A range of I/O ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first one.
    pub first: u16,
    /// How many.
    pub count: u16,
}

/// A device at the place where it has always been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegacyDevice {
    /// What it is.
    pub kind: Legacy,
    /// Its registers.
    pub registers: PortRange,
    /// Its second block of registers, of a channel of an IDE controller.
    pub control: Option<PortRange>,
    /// Its input of the old interrupt controller.
    pub irq: u8,
}

/// The channels of an IDE controller, by the bits of its programming interface that say that they are at ports of their own choice
/// (PCI IDE Controller Specification, 2.0).
const CHANNELS: [(u8, LegacyDevice); 2] =
    [(1 << 0, channel(0x1f0, 0x3f6, 14)), (1 << 2, channel(0x170, 0x376, 15))];

/// COM1 and COM2.
const SERIAL: [LegacyDevice; 2] = [serial(0x3f8, 4), serial(0x2f8, 3)];

/// Those that a machine with these functions has. Serial lines are taken for granted. Channels are there where an IDE controller uses the
/// compatibility ports, or where there is no PCI that could say so.
pub(crate) fn devices(functions: &[Function]) -> Vec<LegacyDevice> {
    let at_old_ports = |native: u8| {
        let ide = |function: &Function| (function.class.base, function.class.sub) == (0x01, 0x01);
        functions.iter().any(|function| ide(function) && function.class.interface & native == 0)
    };
    let channels = CHANNELS.iter().filter(|(native, _)| functions.is_empty() || at_old_ports(*native));
    SERIAL.iter().chain(channels.map(|(_, device)| device)).copied().collect()
}

const fn channel(registers: u16, control: u16, irq: u8) -> LegacyDevice {
    LegacyDevice {
        kind: Legacy::Ata,
        registers: PortRange { first: registers, count: 8 },
        control: Some(PortRange { first: control, count: 1 }),
        irq,
    }
}

const fn serial(registers: u16, irq: u8) -> LegacyDevice {
    let registers = PortRange { first: registers, count: 8 };
    LegacyDevice { kind: Legacy::Serial, registers, control: None, irq }
}
