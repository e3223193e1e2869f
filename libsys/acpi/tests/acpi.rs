//! ACPI discovery on synthetic tables: good ones, ones broken by name, and ones broken at random.

#[path = "acpi/bad.rs"]
mod bad;
#[path = "acpi/good.rs"]
mod good;
#[path = "acpi/mutations.rs"]
mod mutations;
#[path = "acpi/s5.rs"]
mod s5;

use anax_acpi::image::Image;
use anax_acpi::{PhysMemory, Platform, discover};

/// Where the test images lie.
const BASE: u64 = 0x7fe_0000;

/// Memory in which nothing but one image may be read.
struct Memory {
    base: u64,
    bytes: Vec<u8>,
    /// Bytes at the end of `bytes` that are not lent to anyone.
    beyond: usize,
}

impl Memory {
    fn new(base: u64, bytes: Vec<u8>) -> Self {
        Self { base, bytes, beyond: 0 }
    }
}

impl PhysMemory for Memory {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(address.checked_sub(self.base)?).ok()?;
        self.bytes[..self.bytes.len() - self.beyond].get(start..start.checked_add(length)?)
    }
}

fn discovered(image: &Image) -> Platform {
    discover(&Memory::new(BASE, image.build()), Some(BASE))
}
