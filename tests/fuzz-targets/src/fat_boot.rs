//! A FAT whose boot sector's numbers are the input.

use crate::image;

/// Takes an input.
pub fn take(input: &[u8]) {
    let [which, rest @ ..] = input else { return };
    let mut bytes = image::image(*which);
    let count = rest.len().min(79);
    bytes[11..11 + count].copy_from_slice(&rest[..count]);
    image::everything(bytes);
}
