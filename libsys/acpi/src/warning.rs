//! What was wrong with the tables, in words a person can act on.

use arrayvec::ArrayVec;
use core::fmt;

use super::Signature;

/// Most warnings kept; of the rest the number is known.
pub const MAX_WARNINGS: usize = 32;

/// Something in the tables that was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcpiWarning {
    /// The boot protocol named no RSDP: no ACPI at all.
    NoRsdp,
    /// The RSDP is bad: no ACPI at all.
    BadRsdp {
        /// Its physical address.
        address: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A table is bad and was ignored.
    BadTable {
        /// Which one, or four question marks if not even that can be read.
        signature: Signature,
        /// Its physical address.
        address: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A table that every machine of this kind has is not there (or was bad).
    Missing(Signature),
    /// A second table of this kind was ignored.
    Duplicate(Signature),
    /// A value makes no sense; it was ignored, the rest of the table was not.
    BadValue {
        /// The table.
        signature: Signature,
        /// The value.
        what: &'static str,
    },
    /// There are more than this kernel records; the rest was ignored.
    TooMany(List),
}

/// What can be too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Entries of the root table.
    Tables,
    /// CPUs.
    Cpus,
    /// IO-APICs.
    IoApics,
    /// Interrupt overrides.
    Overrides,
    /// Local NMI entries.
    LocalNmis,
    /// PCI segments.
    PciSegments,
    /// NUMA nodes.
    Nodes,
    /// NUMA memory ranges.
    MemoryRanges,
}

/// What is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It reaches outside the memory that may hold tables.
    Outside,
    /// It does not begin as it should.
    Signature,
    /// No such revision exists.
    Revision(u8),
    /// Its length cannot be right.
    Length(u32),
    /// Its bytes do not sum up to zero.
    Checksum,
    /// It names no root table.
    NoRoot,
    /// It lists itself.
    Loop,
    /// An entry is malformed, and with it all that follow.
    Entry {
        /// The entry's offset from the table's start.
        offset: u32,
        /// What is wrong with it.
        problem: EntryProblem,
    },
}

/// What is wrong with an entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryProblem {
    /// Its length is 0: it would be followed by itself for ever.
    Empty,
    /// It is shorter than its kind.
    TooShort,
    /// It reaches beyond the table.
    Overrun,
}

/// The warnings of one discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warnings {
    kept: ArrayVec<AcpiWarning, MAX_WARNINGS>,
    dropped: u32,
}

impl Warnings {
    pub(super) fn new() -> Self {
        Self { kept: ArrayVec::new(), dropped: 0 }
    }

    pub(super) fn push(&mut self, warning: AcpiWarning) {
        // One line about a list is enough.
        if matches!(warning, AcpiWarning::TooMany(_)) && self.kept.contains(&warning) {
            return;
        }
        if self.kept.try_push(warning).is_err() {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// The first [`MAX_WARNINGS`] warnings.
    #[must_use]
    pub fn as_slice(&self) -> &[AcpiWarning] {
        &self.kept
    }

    /// How many more there were.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }
}

impl fmt::Display for AcpiWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRsdp => f.write_str("no RSDP: one CPU, no ACPI"),
            Self::BadRsdp { address, fault } => write!(f, "RSDP at {address:#x} {fault}: one CPU, no ACPI"),
            Self::BadTable { signature, address, fault } => {
                write!(f, "table {signature} at {address:#x} {fault}: ignored")
            }
            Self::Missing(signature) => write!(f, "no usable table {signature}"),
            Self::Duplicate(signature) => write!(f, "a second table {signature}: ignored"),
            Self::BadValue { signature, what } => write!(f, "table {signature}: {what}: ignored"),
            Self::TooMany(list) => write!(f, "too many entries of kind {list:?}: the rest ignored"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str("lies outside the memory for tables"),
            Self::Signature => f.write_str("has a wrong signature"),
            Self::Revision(revision) => write!(f, "has the unknown revision {revision}"),
            Self::Length(length) => write!(f, "has the impossible length {length}"),
            Self::Checksum => f.write_str("has a wrong checksum"),
            Self::NoRoot => f.write_str("names no root table"),
            Self::Loop => f.write_str("lists itself"),
            Self::Entry { offset, problem } => {
                let problem = match problem {
                    EntryProblem::Empty => "of length 0",
                    EntryProblem::TooShort => "too short for its kind",
                    EntryProblem::Overrun => "that reaches beyond the table",
                };
                write!(f, "has an entry at offset {offset} {problem}")
            }
        }
    }
}
