//! Where a virtio device keeps its registers: vendor capabilities in PCI configuration space (4.1.4).

use anax_device::{ConfigSpace, Window, capabilities};

const VENDOR: u32 = 0x1af4;
/// Device identifiers: this and the device type, or for transitional ones 0x1000 and up with the type in the subsystem (4.1.2).
const MODERN: u32 = 0x1040;
const SUBSYSTEM: u8 = 0x2c;
const VENDOR_CAPABILITY: u8 = 0x09;

const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const ISR: u8 = 3;
const DEVICE: u8 = 4;

/// Up to and with `queue_device` (4.1.4.3).
const COMMON_BYTES: u32 = 56;

/// The device's four structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Common configuration.
    pub common: Window,
    /// Notifications.
    pub notify: Window,
    /// Bytes between the places where queues are notified.
    pub notify_multiplier: u32,
    /// Interrupt status.
    pub isr: Window,
    /// What is particular to the device type.
    pub device: Window,
}

/// Why a function is no device that can be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeError {
    /// A structure is missing, or too small.
    Missing,
}

/// The type of device (5) in this function, if it is a virtio device: 1 for a network card.
pub fn device_type(config: &impl ConfigSpace) -> Option<u16> {
    let (vendor, device) = (config.read(0) & 0xffff, config.read(0) >> 16);
    match device {
        _ if vendor != VENDOR => None,
        0x1000..MODERN => Some((config.read(SUBSYSTEM) >> 16) as u16),
        MODERN..0x1080 => Some((device - MODERN) as u16),
        _ => None,
    }
}

impl Windows {
    /// Finds the first of each that can be used, as 4.1.4 has it.
    ///
    /// # Errors
    /// [`ProbeError`].
    pub fn find(config: &impl ConfigSpace) -> Result<Self, ProbeError> {
        let window = |kind: u8, least: u32| {
            let found = capabilities(config).filter(|(_, id)| *id == VENDOR_CAPABILITY);
            found.filter_map(|(offset, _)| Some((offset, structure(config, offset, kind)?))).find(
                |(_, window)| {
                    let end = window.offset.checked_add(window.length);
                    window.bar < 6 && window.length >= least && end.is_some()
                },
            )
        };
        let find = |kind, least| window(kind, least).ok_or(ProbeError::Missing);
        let (notify_at, notify) = find(NOTIFY, 2)?;
        let multiplier_at = notify_at.checked_add(16).ok_or(ProbeError::Missing)?;
        Ok(Self {
            common: find(COMMON, COMMON_BYTES)?.1,
            notify,
            notify_multiplier: config.read(multiplier_at),
            isr: find(ISR, 1)?.1,
            device: find(DEVICE, 1)?.1,
        })
    }
}

/// `struct virtio_pci_cap`, if it is of this kind.
fn structure(config: &impl ConfigSpace, offset: u8, kind: u8) -> Option<Window> {
    let word = |number: u8| offset.checked_add(4 * number).map(|offset| config.read(offset));
    if (word(0)? >> 24) as u8 != kind {
        return None;
    }
    Some(Window { bar: word(1)? as u8, offset: word(2)?, length: word(3)? })
}
