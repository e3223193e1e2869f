//! A FAT whose root directory is the input, and the cluster behind it.
#![no_main]

mod fat;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [which, rest @ ..] = input else { return };
    let mut bytes = fat::image(*which);
    let root = fat::root(&bytes);
    let count = rest.len().min(bytes.len() - root);
    bytes[root..root + count].copy_from_slice(&rest[..count]);
    fat::everything(bytes);
});
