//! Which devices a driver is for.

use serde::{Deserialize, Serialize};

use crate::word::words;

words! {
    /// Devices of the PC that no bus reports: they are where they have always been.
    pub enum Legacy {
        /// A channel of an IDE controller at its compatibility ports.
        Ata = "ata",
        /// A serial line.
        Serial = "serial",
    }
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeviceMatch {
    /// One model of PCI function.
    Pci {
        /// Who made it.
        vendor: u16,
        /// The maker's number for it.
        device: u16,
    },
    /// Every PCI function of a class.
    PciClass {
        /// Base class.
        class: u8,
        /// Subclass.
        subclass: u8,
        /// Programming interface; every one, if it is not said.
        interface: Option<u8>,
    },
    /// A device that no bus reports.
    Legacy(Legacy),
}

impl DeviceMatch {
    /// A model, as `1af4:1041`.
    #[must_use]
    pub fn from_pci(text: &str) -> Option<Self> {
        let (vendor, device) = text.split_once(':')?;
        let number = |text: &str| (text.len() == 4).then(|| hex(text)).flatten();
        Some(Self::Pci { vendor: number(vendor)? as u16, device: number(device)? as u16 })
    }

    /// A class, as `0200`, or with its programming interface, as `010180`.
    #[must_use]
    pub fn from_pci_class(text: &str) -> Option<Self> {
        let number = hex(text)?;
        let (pair, interface) = match text.len() {
            4 => (number, None),
            6 => (number >> 8, Some(number as u8)),
            _ => return None,
        };
        Some(Self::PciClass { class: (pair >> 8) as u8, subclass: pair as u8, interface })
    }
}

/// Lower-case digits only: one spelling for each number.
fn hex(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits { u32::from_str_radix(text, 16).ok() } else { None }
}
