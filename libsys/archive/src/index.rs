//! The table of contents, and the arithmetic of cpio's layout that reader and writer share.
//!
//! An index is the postcard encoding of `{ version: u32, entries: [{ name, length: u32, sum: u32 }] }`
//! followed by its own sum, little endian. Entries are sorted by name, each name once; in the archive the
//! members follow in the same order.
//!
//! A sum is the lower half of the content's xxHash64, by the seed 0: it finds what was damaged by chance, at about one instruction a byte; a CRC-32 without
//! the processor's help takes more than two, which was most of what the kernel did until it was ready.

use serde::{Deserialize, Serialize};

/// Name of the member that comes first and describes the others.
pub const INDEX: &str = ".index";

/// Name that ends a cpio archive; no member can have it.
pub(crate) const TRAILER: &str = "TRAILER!!!";

/// Version of the index's format.
pub const VERSION: u32 = 3;

/// The most members an archive can have, the index not counted.
pub const MAX_MEMBERS: u32 = 4096;

/// The longest name of a member, in bytes.
pub const MAX_NAME: usize = 255;

/// What stands in front of the entries.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) version: u32,
    pub(crate) count: u32,
}

/// One member, as the index describes it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) length: u32,
    pub(crate) sum: u32,
}

/// What tells whether content is whole.
pub(crate) fn sum(content: &[u8]) -> u32 {
    twox_hash::XxHash64::oneshot(0, content) as u32
}

/// Bytes of a cpio "newc" member header, without the name.
pub(crate) const HEADER: u64 = 110;

/// Where a header has the content's length, and in how many digits.
pub(crate) const LENGTH_AT: core::ops::Range<usize> = 54..62;

/// The header of a member in cpio's "newc" format (cpio(5), "New ASCII Format"): 13 fields of 8 hexadecimal digits behind the magic number. Owners and times are neutral, so there is one
/// header that a member can have; `inode` is its place, from 1 on, and 0 that of the trailer.
pub(crate) fn header(inode: u32, length: u32, name_size: u32) -> [u8; HEADER as usize] {
    let mode = if inode == 0 { 0 } else { 0o100_444 };
    let fields = [inode, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name_size, 0];
    let mut header = [b'0'; HEADER as usize];
    header[..6].copy_from_slice(b"070701");
    for (digits, field) in header[6..].chunks_exact_mut(8).zip(fields) {
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b"0123456789ABCDEF"[(field >> (4 * place) & 15) as usize];
        }
    }
    header
}

/// What the names of programs begin with. A program can be mapped where it lies, since its content begins with a page.
pub(crate) const PROGRAMS: &str = "bin/";

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;

/// Bytes that the name of a member takes up that begins at `start`: with its zero, and, for a program, as many zeros more as bring its content to a
/// page's beginning.
pub(crate) fn name_size(start: u64, name: &str) -> u64 {
    let least = name.len() as u64 + 1;
    if name.starts_with(PROGRAMS) {
        (start + HEADER + least).next_multiple_of(PAGE) - start - HEADER
    } else {
        least
    }
}

/// Bytes that a member of this name and length takes up in the archive if it begins at `start`; name and content are each padded to a multiple of
/// four.
pub(crate) fn member_size(start: u64, name: &str, length: u64) -> u64 {
    (HEADER + name_size(start, name)).next_multiple_of(4) + length.next_multiple_of(4)
}

/// Whether a member may be called `name`: not empty, not too long, no control characters, and none of the two
/// names that have a meaning of their own.
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && name != INDEX
        && name != TRAILER
        && name.bytes().all(|byte| byte > b' ' && byte < 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the vectors of the xxHash specification's reference implementation.
    #[test]
    fn sums_are_xxhash64() {
        assert_eq!(sum(b""), 0x51d8_e999);
        assert_eq!(sum(b"a"), 0xa98c_6e5b);
        assert_eq!(sum(b"abc"), 0xad77_0999);
    }
}
