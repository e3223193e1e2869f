//! Command lines for the guest.

use anax_command::parse;

/// Takes an input.
pub fn take(input: &[u8]) {
    let Ok(input) = core::str::from_utf8(input) else { return };
    match parse(input) {
        Ok(steps) => assert!(steps.iter().all(|step| !step.words.is_empty())),
        Err(error) => assert!(error.position <= input.len()),
    }
}
