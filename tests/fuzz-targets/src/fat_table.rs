//! A FAT whose links between clusters are the input: three bytes each, which entry and what, in the first copy of the table.

use crate::image;

/// Takes an input.
pub fn take(input: &[u8]) {
    let [which, rest @ ..] = input else { return };
    let mut bytes = image::image(*which);
    let first = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512;
    for [at, value] in rest.as_chunks::<2>().0 {
        bytes[first + usize::from(*at)] = *value;
    }
    image::everything(bytes);
}
