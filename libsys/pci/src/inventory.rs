//! All devices of a machine under names that stay.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_manifest::Legacy;

use crate::legacy::{self, LegacyDevice};
use crate::{Class, Function, Header};

/// What a device is for, as far as its name goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A network card.
    Network,
    /// A disk, or what disks are connected to.
    Block,
    /// An IDE controller.
    Ide,
    /// A channel of an IDE controller at its compatibility ports.
    Ata,
    /// A serial line.
    Serial,
    /// A display.
    Display,
    /// Sound.
    Sound,
    /// A controller of USB.
    Usb,
    /// A bridge.
    Bridge,
    /// Anything else.
    Other,
}

impl Kind {
    const COUNT: usize = Self::Other as usize + 1;

    /// What the names of its devices begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Network => "net",
            Self::Block => "blk",
            Self::Ide => "ide",
            Self::Ata => "ata",
            Self::Serial => "serial",
            Self::Display => "display",
            Self::Sound => "sound",
            Self::Usb => "usb",
            Self::Bridge => "bridge",
            Self::Other => "dev",
        }
    }

    /// That of a class (PCI Code and ID Assignment Specification, 1).
    const fn of(class: Class) -> Self {
        match (class.base, class.sub) {
            (0x01, 0x01) => Self::Ide,
            (0x01, _) => Self::Block,
            (0x02, _) => Self::Network,
            (0x03, _) => Self::Display,
            (0x04, _) => Self::Sound,
            (0x06, _) => Self::Bridge,
            (0x07, 0x00) => Self::Serial,
            (0x0c, 0x03) => Self::Usb,
            _ => Self::Other,
        }
    }
}

/// How a device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are functions")]
pub enum Place {
    /// At ports where it has always been.
    Legacy(LegacyDevice),
    /// As a function on a PCI bus.
    Pci(Function),
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name: `net0`.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// How it is reached.
    pub place: Place,
}

/// Names everything there is: legacy devices, then `functions`, which are in the order of their addresses. A name is the kind and a
/// count, so it depends on the machine alone, and not on which drivers there are or came first.
#[must_use]
pub fn inventory(functions: Vec<Function>) -> Vec<Device> {
    let mut counts = [0_u32; Kind::COUNT];
    let legacy = legacy::devices(&functions).into_iter().map(Place::Legacy);
    let places = legacy.chain(functions.into_iter().map(Place::Pci));
    let named = |place: Place| {
        let kind = kind(&place);
        let count = &mut counts[kind as usize];
        let name = format!("{}{count}", kind.prefix());
        *count += 1;
        Device { name, kind, place }
    };
    places.map(named).collect()
}

fn kind(place: &Place) -> Kind {
    match place {
        Place::Legacy(LegacyDevice { kind: Legacy::Ata, .. }) => Kind::Ata,
        Place::Legacy(LegacyDevice { kind: Legacy::Serial, .. }) => Kind::Serial,
        Place::Pci(Function { header: Header::Bridge { .. }, .. }) => Kind::Bridge,
        Place::Pci(function) => Kind::of(function.class),
    }
}
