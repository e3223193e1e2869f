//! Names of 16 bytes.

use core::fmt;

/// A GUID, as it lies on the disk: its first three fields little-endian (UEFI 2.10, appendix A).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// No part's.
    pub const NONE: Self = Self([0; 16]);
    /// The type of a part with an EFI system, which is FAT.
    pub const EFI_SYSTEM: Self = Self::from_fields(0xc12a_7328, 0xf81f, 0x11d2, 0xba4b_00a0_c93e_c93b);
    /// The type of parts with files of Windows, or FAT.
    pub const BASIC_DATA: Self = Self::from_fields(0xebd0_a0a2, 0xb9e5, 0x4433, 0x87c0_68b6_b726_99c7);
    /// The type of parts with files of Linux.
    pub const LINUX: Self = Self::from_fields(0x0fc6_3daf, 0x8483, 0x4772, 0x8e79_3d69_d847_7de4);

    /// From its fields, the last of them both groups behind the third hyphen.
    #[must_use]
    pub const fn from_fields(first: u32, second: u16, third: u16, rest: u64) -> Self {
        let ([a, b, c, d], [e, f], [g, h]) = (first.to_le_bytes(), second.to_le_bytes(), third.to_le_bytes());
        let [i, j, k, l, m, n, o, p] = rest.to_be_bytes();
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, j, k, rest @ ..] = self.0;
        let (first, second, third) =
            (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, g]), u16::from_le_bytes([h, i]));
        write!(f, "{first:08x}-{second:04x}-{third:04x}-{j:02x}{k:02x}-")?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    #[test]
    fn as_people_write_it() {
        assert_eq!(Guid::EFI_SYSTEM.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        assert_eq!(Guid::EFI_SYSTEM.0[..4], [0x28, 0x73, 0x2a, 0xc1]);
    }
}
