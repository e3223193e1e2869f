//! A FAT whose boot sector's numbers are the input.
#![no_main]

mod fat;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [which, rest @ ..] = input else { return };
    let mut bytes = fat::image(*which);
    let count = rest.len().min(79);
    bytes[11..11 + count].copy_from_slice(&rest[..count]);
    fat::everything(bytes);
});
