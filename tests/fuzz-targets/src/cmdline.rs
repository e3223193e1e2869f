//! The kernel's command line.

use microkernel_core::cmdline::{Options, unknown_words};

/// Takes an input.
pub fn take(input: &[u8]) {
    let _ = Options::parse(input);
    assert!(unknown_words(input).all(|word| !word.is_empty()));
}
