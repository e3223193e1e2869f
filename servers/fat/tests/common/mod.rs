//! What the tests share.
#![allow(dead_code, reason = "no test uses all of it")]

use anax_files::{FileSystem, Listing, Name, Node};
use anax_sectors::MemoryDisk;
use fat::{Fat, Format, Report, Width, check, format};

/// An empty file system.
pub(crate) fn formatted(width: Width, sectors: usize) -> MemoryDisk {
    let mut disk = MemoryDisk::with_sectors(sectors);
    let wishes = Format { width: Some(width), label: "TEST", serial: 0x1234_5678, ..Format::default() };
    assert_eq!(format(&mut disk, &wishes), Ok(width));
    disk
}

/// A name that there can be.
pub(crate) fn name(text: &str) -> Name<'_> {
    Name::new(text).unwrap()
}

/// All names in a directory.
pub(crate) fn names(fat: &mut Fat<MemoryDisk>, directory: Node) -> Vec<String> {
    let (mut from, mut names) = (0, Vec::new());
    loop {
        let mut listing = Listing::with_room(1000);
        fat.list(directory, from, &mut listing).unwrap();
        let entries = Listing::parse(listing.as_bytes()).unwrap();
        let Some(last) = entries.last() else { return names };
        from = last.next;
        names.extend(entries.into_iter().map(|entry| entry.name));
    }
}

/// Nothing is wrong with it.
pub(crate) fn sound(mut disk: MemoryDisk) -> Report {
    let report = check(&mut disk).unwrap();
    assert_eq!(report.problems, []);
    report
}

/// Numbers that look random and are the same each time: xorshift64*, S. Vigna, 2016.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }
}
