//! The ways in which an image can be broken, by name.

/// One way to break an image. Where a table has to be there for it, and is not, nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breakage {
    /// The RSDP's signature is wrong.
    RsdpSignature,
    /// The RSDP's first checksum is wrong.
    RsdpChecksum,
    /// The RSDP's second checksum is wrong.
    RsdpExtendedChecksum,
    /// The RSDP has revision 1, which never existed.
    RsdpRevision,
    /// The RSDP says it is 4 GiB long.
    RsdpLength,
    /// The RSDP names no root table.
    RootNull,
    /// The RSDP points outside the image.
    RootOutside,
    /// The RSDP points to the last byte of the address space.
    RootAtTheEnd,
    /// The root table's checksum is wrong.
    RootChecksum,
    /// The root table's length is no whole number of entries.
    RootRagged,
    /// The root table is shorter than a header.
    RootTiny,
    /// All entries of the root table point to itself.
    RootLoop,
    /// All entries of the root table point outside the image.
    TablesOutside,
    /// There is no MADT.
    MadtMissing,
    /// The image ends in the middle of the MADT.
    MadtTruncated,
    /// The MADT's checksum is wrong.
    MadtChecksum,
    /// The MADT says it is shorter than its fixed part.
    MadtTiny,
    /// The MADT says it is 4 GiB long.
    MadtHuge,
    /// The MADT's first entry has length 0.
    MadtEntryEmpty,
    /// The MADT's first entry is shorter than its kind.
    MadtEntryShort,
    /// The MADT's last entry reaches beyond the table.
    MadtEntryOverrun,
    /// The MADT ends behind an entry's first byte.
    MadtEntryCut,
    /// The FADT's checksum is wrong.
    FadtChecksum,
    /// The FADT is shorter than that of ACPI 1.0.
    FadtShort,
    /// The FADT has nonsensical register lengths.
    FadtLengths,
    /// The DSDT lies outside the image.
    DsdtOutside,
    /// The DSDT's checksum is wrong.
    DsdtChecksum,
    /// The HPET claims to be an I/O port.
    HpetPort,
    /// The MCFG's first segment ends before it begins.
    McfgBackwards,
    /// The SRAT's first entry has length 0.
    SratEntryEmpty,
    /// The SRAT's last entry reaches beyond the table.
    SratEntryOverrun,
    /// The SRAT's checksum is wrong.
    SratChecksum,
}

impl Breakage {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::RsdpSignature,
        Self::RsdpChecksum,
        Self::RsdpExtendedChecksum,
        Self::RsdpRevision,
        Self::RsdpLength,
        Self::RootNull,
        Self::RootOutside,
        Self::RootAtTheEnd,
        Self::RootChecksum,
        Self::RootRagged,
        Self::RootTiny,
        Self::RootLoop,
        Self::TablesOutside,
        Self::MadtMissing,
        Self::MadtTruncated,
        Self::MadtChecksum,
        Self::MadtTiny,
        Self::MadtHuge,
        Self::MadtEntryEmpty,
        Self::MadtEntryShort,
        Self::MadtEntryOverrun,
        Self::MadtEntryCut,
        Self::FadtChecksum,
        Self::FadtShort,
        Self::FadtLengths,
        Self::DsdtOutside,
        Self::DsdtChecksum,
        Self::HpetPort,
        Self::McfgBackwards,
        Self::SratEntryEmpty,
        Self::SratEntryOverrun,
        Self::SratChecksum,
    ];

    /// Whether a kernel that meets it must go on with one CPU.
    #[must_use]
    pub fn costs_the_cpus(self) -> bool {
        self <= Self::MadtEntryCut
    }

    /// Whether a kernel that meets it must go on without power-off.
    #[must_use]
    pub fn costs_the_power_off(self) -> bool {
        self <= Self::TablesOutside || (Self::FadtChecksum..=Self::DsdtChecksum).contains(&self)
    }
}
