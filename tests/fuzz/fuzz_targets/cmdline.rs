//! The kernel's command line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microkernel_core::cmdline::{Options, unknown_words};

fuzz_target!(|input: &[u8]| {
    let _ = Options::parse(input);
    assert!(unknown_words(input).all(|word| !word.is_empty()));
});
