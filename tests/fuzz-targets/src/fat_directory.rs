//! A FAT whose root directory is the input, and the cluster behind it.

use crate::image;

/// Takes an input.
pub fn take(input: &[u8]) {
    let [which, rest @ ..] = input else { return };
    let mut bytes = image::image(*which);
    let root = image::root(&bytes);
    let count = rest.len().min(bytes.len() - root);
    bytes[root..root + count].copy_from_slice(&rest[..count]);
    image::everything(bytes);
}
