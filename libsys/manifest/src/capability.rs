//! What a program may beyond what every program may.

use serde::{Deserialize, Serialize};

/// Something that init gives a program because its manifest asks for it. Log, names, init itself and a port of its own are everybody's
/// and need no word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Capability {
    /// The machine with all rights.
    Machine,
    /// The machine, to make device memory, ports and interrupts of it for others.
    MachineDevices,
    /// The boot archive, to read programs from it.
    Archive,
    /// The console's lines and keys.
    Console,
    /// Starting programs.
    Spawn,
    /// Ending programs that others started.
    Kill,
    /// Switching the machine off, and restarting it.
    Power,
    /// Leaving handles with init that a successor finds again.
    Keep,
    /// Reaching into programs that run: for debuggers and tests.
    Debug,
    /// I/O ports.
    IoPorts {
        /// The first one.
        first: u16,
        /// How many, at least 1.
        count: u16,
    },
    /// An interrupt line of the PC's old bus.
    Irq {
        /// Its number there, at most [`Capability::LAST_IRQ`].
        line: u8,
    },
}

impl Capability {
    /// The form that has arguments, by its key in a manifest.
    pub const IO_PORTS: &str = "io-ports";

    /// The other one.
    pub const IRQ: &str = "irq";

    /// The last line of the two old interrupt controllers.
    pub const LAST_IRQ: u8 = 15;

    /// Those that a single word names.
    pub const PLAIN: &[(&str, Self)] = &[
        ("machine", Self::Machine),
        ("machine-devices", Self::MachineDevices),
        ("archive", Self::Archive),
        ("console", Self::Console),
        ("spawn", Self::Spawn),
        ("kill", Self::Kill),
        ("power", Self::Power),
        ("keep", Self::Keep),
        ("debug", Self::Debug),
    ];

    /// The one of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::PLAIN.iter().find_map(|(known, capability)| (*known == word).then_some(*capability))
    }

    /// A range of ports; nothing if it is empty or goes beyond port 0xffff.
    #[must_use]
    pub fn io_ports(first: u16, count: u16) -> Option<Self> {
        let ports = Self::IoPorts { first, count };
        ports.makes_sense().then_some(ports)
    }

    /// An interrupt line; nothing if there is none of that number.
    #[must_use]
    pub fn irq(line: u8) -> Option<Self> {
        let irq = Self::Irq { line };
        irq.makes_sense().then_some(irq)
    }

    /// Whether such a thing can be given.
    #[must_use]
    pub fn makes_sense(self) -> bool {
        match self {
            Self::IoPorts { first, count } => count > 0 && u32::from(first) + u32::from(count) <= 0x1_0000,
            Self::Irq { line } => line <= Self::LAST_IRQ,
            _ => true,
        }
    }
}
